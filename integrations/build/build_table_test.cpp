#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "integrations/build/build_for_test.h"
#include "integrations/build/printed.h"
#include "polymeter/build.h"

namespace polymeter {
namespace {

using detail::build::PadLeft;
using detail::build::PadRight;
using detail::build::PrintedBytes;
using detail::build::PrintedChange;
using detail::build::PrintedSeconds;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(BuildTable, IsReadable) {
  EXPECT_EQ(FormatBuildTable(testing::BuildForTest()),
            "ninja: failure (exit code 1), 6 steps in 4.00 s, 1.38 at a time\n"
            "  critical path 4.00 s (3 steps), CPU 5.75 s, largest process 124.6 MiB\n"
            "\n"
            "  kind          steps   cached   failed          time       longest\n"
            "  compile           4        1        1        4.02 s        2.50 s\n"
            "  archive           1        0        0        100 ms        100 ms\n"
            "  link              1        0        0        1.40 s        1.40 s\n"
            "\n"
            "  failed\n"
            "    d.cpp.o (src/d.cpp)\n"
            "\n"
            "  slowest\n"
            "          2.50 s  compile  b.cpp.o (src/b.cpp)\n"
            "          1.50 s  compile  a.cpp.o (src/a.cpp)\n"
            "          1.40 s  link     app\n"
            "          100 ms  archive  libcore.a\n"
            "           20 ms  compile  c.cpp.o (src/c.cpp)\n"
            "\n"
            "  compilers (2 units): frontend 3.00 s (sources 2.25 s, templates 500 ms), backend "
            "750 ms\n"
            "\n"
            "  ccache: 1 direct_hit, 2 miss, 1 uncacheable (unsupported_compiler_option)\n"
            "\n"
            "  not understood: 1 of ninja_log\n");
}

TEST(BuildTable, OfABuildThatHadNothingToDoIsOneLine) {
  BuildSummary build;
  build.tool = "ninja";
  build.wall_seconds = 0.012;
  EXPECT_EQ(FormatBuildTable(build), "ninja: success, 0 steps in 12 ms\n");
}

TEST(BuildTable, SaysWhichSignalEndedTheTool) {
  BuildSummary build;
  build.tool = "make";
  build.result = "cancellation";
  build.signal = 2;
  build.exit_code = 130;
  EXPECT_THAT(FormatBuildTable(build), HasSubstr("make: cancellation (signal 2), 0 steps"));
}

TEST(BuildTable, HasNoEscapeSequencesOfFileNames) {
  BuildSummary build = testing::BuildForTest();
  build.steps[1].name =
      "\x1b]0;title\x07\nx\xc2\x9b"
      "31m";
  build.steps.back().source = "\x1b[2J";
  build.critical_path.clear();
  const std::string table = FormatBuildTable(build);
  EXPECT_THAT(table, Not(HasSubstr("\x1b")));
  EXPECT_THAT(table, Not(HasSubstr("\x07")));
  EXPECT_THAT(table, Not(HasSubstr("\xc2\x9b")));
  EXPECT_THAT(table, HasSubstr("?]0;title??x?31m"));
}

TEST(BuildTable, ALongListOfFailuresIsCut) {
  BuildSummary build;
  for (int i = 0; i < 30; ++i) {
    build.steps.push_back(testing::StepForTest("f" + std::to_string(i), "custom", 0, 1, "failed"));
  }
  const std::string table = FormatBuildTable(build);
  EXPECT_THAT(table, HasSubstr("    f19\n    and 10 more steps\n"));
}

TEST(PrintedNumbers, SecondsHaveThreeDigitsOrSo) {
  EXPECT_EQ(PrintedSeconds(0), "0 ms");
  EXPECT_EQ(PrintedSeconds(0.0126), "13 ms");
  EXPECT_EQ(PrintedSeconds(0.99951), "1.00 s");
  EXPECT_EQ(PrintedSeconds(12.345), "12.35 s");
  EXPECT_EQ(PrintedSeconds(119.999), "2 min 0 s");
  EXPECT_EQ(PrintedSeconds(754.2), "12 min 34 s");
  EXPECT_EQ(PrintedSeconds(7200), "2 h 0 min");
  EXPECT_EQ(PrintedSeconds(-1.5), "-1.50 s");
  EXPECT_EQ(PrintedSeconds(std::numeric_limits<double>::infinity()), "-");
}

TEST(PrintedNumbers, BytesHaveBinaryUnits) {
  EXPECT_EQ(PrintedBytes(640), "640 B");
  EXPECT_EQ(PrintedBytes(130'703'360), "124.6 MiB");
  EXPECT_EQ(PrintedBytes(3e15), "2728.5 TiB");
}

TEST(PrintedNumbers, ChangesAreRelative) {
  EXPECT_EQ(PrintedChange(2, 3), "+50.0 %");
  EXPECT_EQ(PrintedChange(4, 3), "-25.0 %");
  EXPECT_EQ(PrintedChange(0, 3), "new");
  EXPECT_EQ(PrintedChange(0, 0), "0.0 %");
}

TEST(PrintedNumbers, ColumnsCountCodePoints) {
  EXPECT_EQ(PadRight("grün", 6) + "|", "grün  |");
  EXPECT_EQ(PadLeft("grün", 6), "  grün");
  EXPECT_EQ(PadLeft("longer", 3), "longer");
}

}  // namespace
}  // namespace polymeter
