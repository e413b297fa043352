#include "integrations/common/file_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace polymeter::detail {
namespace {

using ::testing::StartsWith;

TEST(ReadFile, ReadsFilesWhoseSizeIsShownAsZero) {
  std::string content = "left over";
  ASSERT_TRUE(ReadFile("/proc/self/status", content));
  EXPECT_THAT(content, StartsWith("Name:"));
  EXPECT_NE(content.find("VmRSS:"), std::string::npos);
}

TEST(ReadFile, ReadsMoreThanOneChunkAndStopsAtTheLimit) {
  const auto path = std::filesystem::path(::testing::TempDir()) / "polymeter_read_file_test";
  const std::string text(100'000, 'x');
  std::ofstream(path) << text;
  std::string content;
  EXPECT_TRUE(ReadFile(path, content));
  EXPECT_EQ(content, text);
  EXPECT_TRUE(ReadFile(path, content, 5000));
  EXPECT_EQ(content.size(), 5000u);
  std::filesystem::remove(path);
}

TEST(ReadFile, ReusesTheMemory) {
  std::string content;
  ASSERT_TRUE(ReadFile("/proc/self/stat", content));
  const char* const memory = content.data();
  ASSERT_TRUE(ReadFile("/proc/self/stat", content));
  EXPECT_EQ(content.data(), memory);
}

TEST(ReadFile, SaysWhenThereIsNothingToRead) {
  std::string content = "left over";
  EXPECT_FALSE(ReadFile("/proc/self/no such file", content));
  EXPECT_EQ(content, "");
  EXPECT_FALSE(ReadFile("/proc/self", content));  // a folder
}

}  // namespace
}  // namespace polymeter::detail
