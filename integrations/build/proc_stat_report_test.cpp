#include "integrations/build/proc_stat_report.h"

#include <gtest/gtest.h>

#include <string>

#include "integrations/build/build_for_test.h"

namespace polymeter::detail::build {
namespace {

TEST(ProcStatReport, ReadsTheCapture) {
  const ProcStatReport report =
      ReadProcStatReport(testing::ReadBuildTestdata("clang14_fproc_stat_report.csv"));
  ASSERT_EQ(report.lines.size(), 2u);
  EXPECT_EQ(report.bad_lines, 0u);
  EXPECT_EQ(report.lines[0].program, "clang");
  EXPECT_EQ(report.lines[0].output, "og/bc.o");
  EXPECT_DOUBLE_EQ(report.lines[0].cpu_seconds, 0.632620);
  EXPECT_DOUBLE_EQ(report.lines[0].user_seconds, 0.532483);
  EXPECT_EQ(report.lines[0].peak_rss_bytes, 127640u * 1024);
  EXPECT_EQ(report.lines[1].output, "og/cc.o");
}

TEST(ProcStatReport, NamesMayHoldCommasAndEscapedQuotes) {
  const ProcStatReport report =
      ReadProcStatReport("\"clang\",\"a,\\\"b\\\"\\\\c.o\",1,1,1\n\"ld\",\"\",2,1,3");
  ASSERT_EQ(report.lines.size(), 2u);
  EXPECT_EQ(report.lines[0].output, "a,\"b\"\\c.o");
  EXPECT_EQ(report.lines[1].output, "");
  EXPECT_EQ(report.lines[1].peak_rss_bytes, 3072u);
}

TEST(ProcStatReport, BadLinesAreCountedAndTheOthersRead) {
  const ProcStatReport report = ReadProcStatReport(
      "\n"
      "clang,a.o,1,1,1\n"
      "\"clang\",\"a.o\",1,1\n"
      "\"clang\",\"a.o\",1,1,1,1\n"
      "\"clang\",\"a.o\",-1,1,1\n"
      "\"clang\",\"a.o\",99999999999999999999,1,1\n"
      "\"clang\",\"a.o\",1,1,18446744073709551615\n"
      "\"clang\",\"a.o\n"
      "\"clang\\\n"
      "\"clang\",\"good.o\",1,1,1\n"
      "\"clang\",\"torn.o\",12");
  ASSERT_EQ(report.lines.size(), 1u);
  EXPECT_EQ(report.lines[0].output, "good.o");
  EXPECT_EQ(report.bad_lines, 10u);
}

}  // namespace
}  // namespace polymeter::detail::build
