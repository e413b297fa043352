#include "integrations/common/dir_reader.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>

namespace polymeter::detail {
namespace {

TEST(ForEachEntry, GivesEachNameOnceAlsoWhereOneReadIsNotEnough) {
  std::string folder = std::filesystem::path(::testing::TempDir()) / "polymeter_dir_XXXXXX";
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  std::set<std::string> made;
  for (int i = 0; i < 1000; ++i) {
    const std::string name = "a file with a long name " + std::to_string(i);
    std::ofstream(folder + "/" + name) << "";
    made.insert(name);
  }
  std::multiset<std::string> found;
  EXPECT_TRUE(ForEachEntry(folder, [&](std::string_view name) { found.emplace(name); }));
  EXPECT_EQ(std::set<std::string>(found.begin(), found.end()), made);
  EXPECT_EQ(found.size(), made.size());
  std::filesystem::remove_all(folder);
}

TEST(ForEachEntry, SaysWhenThereIsNothingToList) {
  int entries = 0;
  EXPECT_FALSE(ForEachEntry("/proc/self/no such folder", [&](std::string_view) { ++entries; }));
  EXPECT_FALSE(ForEachEntry("/proc/self/stat", [&](std::string_view) { ++entries; }));
  EXPECT_EQ(entries, 0);
}

}  // namespace
}  // namespace polymeter::detail
