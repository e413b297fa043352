#include "integrations/common/proc_text.h"

#include <gtest/gtest.h>

#include <string>

namespace polymeter::detail {
namespace {

// A program named "t) R x" on Debian 12.
constexpr std::string_view kHostileStat =
    "13579 (t) R x) R 13532 13532 3253 0 -1 4194304 1669 0 7 0 185 1 0 0 20 0 4 0 184751 232308736 "
    "2338 18446744073709551615 94596849004544 94596849010437 140720914021472 0 0 0 0 0 0 0 0 0 17 "
    "1 0 0 0 0 0 94596849019856 94596849021336 94597118271488 140720914029000 140720914029009 "
    "140720914029009 140720914030575 0\n";

TEST(NextLine, TakesLinesOffTheFront) {
  std::string_view text = "one\n\nthree";
  EXPECT_EQ(NextLine(text), "one");
  EXPECT_EQ(NextLine(text), "");
  EXPECT_EQ(NextLine(text), "three");
  EXPECT_EQ(NextLine(text), "");
}

TEST(UnescapedField, ResolvesWholeEscapesOnly) {
  EXPECT_EQ(UnescapedField("/my\\040folder\\134\\043"), "/my folder\\#");
  EXPECT_EQ(UnescapedField("\\04"), "\\04");
  EXPECT_EQ(UnescapedField("\\089\\"), "\\089\\");
}

TEST(ParseProcessStat, SplitsAfterTheLastParenthesis) {
  const auto stat = ParseProcessStat(kHostileStat);
  ASSERT_TRUE(stat);
  EXPECT_EQ(stat->state, 'R');
  EXPECT_EQ(stat->minor_faults, 1669u);
  EXPECT_EQ(stat->major_faults, 7u);
  EXPECT_EQ(stat->user_ticks, 185u);
  EXPECT_EQ(stat->system_ticks, 1u);
  EXPECT_EQ(stat->threads, 4u);
  EXPECT_EQ(stat->start_ticks, 184751u);
}

TEST(ParseProcessStat, RefusesWhatIsCutShortOrNoStat) {
  const std::string_view whole = kHostileStat.substr(0, kHostileStat.find(" 184751") + 7);
  EXPECT_TRUE(ParseProcessStat(whole));
  for (const std::size_t length : {0u, 3u, 8u, 14u, 20u, 60u}) {
    EXPECT_FALSE(ParseProcessStat(kHostileStat.substr(0, length))) << length;
  }
  EXPECT_FALSE(ParseProcessStat("1 (x) R 1 1 1 0 -1 0 many 0 0 0 1 1 0 0 20 0 1 0 5\n"));
}

TEST(ParseStatm, ReadsPages) {
  const auto memory = ParseStatm("765 405 376 5 0 123 0\n");
  ASSERT_TRUE(memory);
  EXPECT_EQ(memory->virtual_pages, 765u);
  EXPECT_EQ(memory->resident_pages, 405u);
  EXPECT_FALSE(ParseStatm("765"));
}

TEST(ParseProcessIo, TakesStorageNotWhatThePageCacheServed) {
  const auto io = ParseProcessIo(
      "rchar: 6976\nwchar: 12\nsyscr: 10\nsyscw: 0\nread_bytes: 4096\nwrite_bytes: 8192\n"
      "cancelled_write_bytes: 1\n");
  ASSERT_TRUE(io);
  EXPECT_EQ(io->read_bytes, 4096u);
  EXPECT_EQ(io->write_bytes, 8192u);
  EXPECT_FALSE(ParseProcessIo("cancelled_write_bytes: 1\nread_bytes: 1\n"));
}

TEST(ParseOpenFilesLimit, HasNoValueForUnlimited) {
  EXPECT_EQ(ParseOpenFilesLimit("Limit          Soft Limit     Hard Limit     Units\n"
                                "Max open files            20000                20000   files\n"),
            20000u);
  EXPECT_FALSE(ParseOpenFilesLimit("Max open files            unlimited   unlimited   files\n"));
  EXPECT_FALSE(ParseOpenFilesLimit("Max processes             96365       96365   processes\n"));
}

TEST(ParseContextSwitches, TellsVoluntaryFromNonvoluntary) {
  const auto switches = ParseContextSwitches(
      "Name:\tx\nnonvoluntary_ctxt_switches:\t2\nvoluntary_ctxt_switches:\t1\n");
  ASSERT_TRUE(switches);
  EXPECT_EQ(switches->voluntary, 1u);
  EXPECT_EQ(switches->involuntary, 2u);
  EXPECT_FALSE(ParseContextSwitches("nonvoluntary_ctxt_switches:\t2\n"));
}

TEST(ParseSchedstat, ReadsNanoseconds) {
  const auto schedule = ParseSchedstat("2139348 3077919 6\n");
  ASSERT_TRUE(schedule);
  EXPECT_EQ(schedule->run_nanos, 2139348u);
  EXPECT_EQ(schedule->delay_nanos, 3077919u);
  EXPECT_FALSE(ParseSchedstat("0"));
}

TEST(ParseBootTime, FindsTheLine) {
  EXPECT_EQ(ParseBootTime("cpu  1 2\nctxt 1920681\nbtime 1795225304\nprocesses 1\n"), 1795225304u);
  EXPECT_FALSE(ParseBootTime("cpu  1 2\n"));
}

TEST(ProcText, NumbersAreWholeAndFit) {
  EXPECT_EQ(ParseCount("18446744073709551615"), 18446744073709551615u);
  for (const std::string_view bad : {"", "-1", "1x", " 1", "18446744073709551616", "max"}) {
    EXPECT_FALSE(ParseCount(bad)) << bad;
  }
}

TEST(ProcText, ALineBeginsWithItsKey) {
  EXPECT_EQ(ValueOfLine("ab: 1\nb:\t2 x \n", "b:"), "2 x");
  EXPECT_EQ(ValueOfLine("b:\n", "b:"), "");
  EXPECT_FALSE(ValueOfLine("ab: 1\n", "b:"));
}

}  // namespace
}  // namespace polymeter::detail
