// The real doxygen on the captured input.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "integrations/common/file_reader.h"
#include "polymeter/docgen.h"

namespace polymeter {
namespace {

namespace fs = std::filesystem;

std::string Content(const fs::path& path) {
  std::string text;
  EXPECT_TRUE(detail::ReadFile(path.string(), text)) << path;
  return text;
}

class RealDoxygen : public ::testing::Test {
 protected:
  void SetUp() override {
#if !defined(POLYMETER_DOXYGEN)
    const char* const ci = std::getenv("CI");
    if (ci != nullptr && std::string(ci) == "true") FAIL() << "doxygen is not installed";
    GTEST_SKIP() << "no doxygen";
#else
    std::string name = (fs::temp_directory_path() / "polymeter_doxygen_XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    fs::create_directory(folder_ / "src");
    const fs::path captures(POLYMETER_SOURCE_DIR "/integrations/docgen/testdata");
    fs::copy_file(captures / "a.h.in", folder_ / "src/a.h");
    fs::copy_file(captures / "Doxyfile.in", folder_ / "Doxyfile");
#endif
  }
  void TearDown() override {
    if (!folder_.empty()) fs::remove_all(folder_);
  }

  // Its exit code.
  int Run(const std::string& arguments) {
#if defined(POLYMETER_DOXYGEN)
    const std::string command = "cd '" + folder_.string() +
                                "' && timeout 60 " POLYMETER_DOXYGEN " " + arguments +
                                " >stdout.txt 2>stderr.txt";
    const int status = std::system(command.c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
#else
    return static_cast<int>(arguments.size());
#endif
  }
  DocgenRun Read() {
    DoxygenFiles files;
    files.folder = folder_.string();
    files.since = start_;
    DoxygenReader reader;
    reader.Feed(DoxygenStream::kOutput, Content(folder_ / "stdout.txt"));
    reader.Feed(DoxygenStream::kErrors, Content(folder_ / "stderr.txt"));
    if (const std::string log = DoxygenLogFile(files); !log.empty()) {
      reader.Feed(DoxygenStream::kLog, Content(log));
    }
    DocgenRun run = reader.Finish();
    ReadDoxygenOutputs(files, run);
    return run;
  }

  fs::path folder_;
  const std::chrono::system_clock::time_point start_ = std::chrono::system_clock::now();
};

TEST_F(RealDoxygen, IsReadAsItIs) {
  ASSERT_EQ(Run("-d time Doxyfile"), 0);
  const DocgenRun run = Read();
  EXPECT_EQ(run.unique_warnings(), 7u);
  EXPECT_EQ(run.documented_ratio, 0.6);
  EXPECT_GT(run.pages[static_cast<std::size_t>(DocgenFormat::kHtml)].value_or(0), 5u);
  EXPECT_EQ(run.pages[static_cast<std::size_t>(DocgenFormat::kXml)], 3u);
  ASSERT_TRUE(run.phase_seconds);
  EXPECT_GT((*run.phase_seconds)[static_cast<std::size_t>(DocgenPhase::kParsing)], 0);
  EXPECT_EQ(run.unknown_phases, 0u);
}

TEST_F(RealDoxygen, FindsTheSameWarningsWhenTheyAreErrors) {
  std::ofstream(folder_ / "Doxyfile", std::ios::app)
      << "WARN_AS_ERROR = FAIL_ON_WARNINGS\nWARN_LOGFILE =\n";
  EXPECT_EQ(Run("Doxyfile"), 1);
  EXPECT_EQ(Read().unique_warnings(), 7u);
}

}  // namespace
}  // namespace polymeter
