#include "integrations/build/ninja_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <sstream>
#include <tuple>

#include "integrations/build/build_for_test.h"

namespace polymeter::detail::build {
namespace {

using ::polymeter::testing::ReadBuildTestdata;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr const char* kLogs[] = {
    "ninja_log_v5_ccache_cold_then_warm", "ninja_log_v5_failed_tu",   "ninja_log_v5_four_builds",
    "ninja_log_v6_made_by_hand",          "ninja_log_v7_recompacted", "ninja_log_v7_three_builds",
    "ninja_log_v7_torn_then_appended",
};

using Times = std::multiset<std::tuple<std::int64_t, std::int64_t>>;

// Start and end of each command, read in another way: by streams, and by whole lines that differ.
Times TimesByStream(const std::string& text) {
  std::set<std::tuple<std::int64_t, std::int64_t, std::int64_t, std::string>> commands;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.front() == '#' || std::count(line.begin(), line.end(), '\t') != 4) continue;
    std::istringstream fields(line);
    std::int64_t start = 0;
    std::int64_t end = 0;
    std::int64_t mtime = 0;
    std::string output;
    std::string hash;
    fields >> start >> end >> mtime >> output >> hash;
    commands.emplace(start, end, mtime, hash);
  }
  Times times;
  for (const auto& [start, end, mtime, hash] : commands) times.emplace(start, end);
  return times;
}

TEST(NinjaLog, OfEachCaptureHasTheTimesThatTheFileHas) {
  for (const char* const name : kLogs) {
    const std::string text = ReadBuildTestdata(name);
    Times times;
    for (const LoggedEdge& edge : ParseNinjaLog(text).edges) {
      times.emplace(edge.start_ms, edge.end_ms);
      EXPECT_FALSE(edge.outputs.empty()) << name;
    }
    EXPECT_EQ(times, TimesByStream(text)) << name;
    EXPECT_THAT(times, ::testing::Not(IsEmpty())) << name;
  }
}

TEST(NinjaLog, JoinsTheLinesOfOneCommand) {
  const NinjaLog log = ParseNinjaLog(ReadBuildTestdata("ninja_log_v5_four_builds"));
  EXPECT_EQ(log.version, 5);
  EXPECT_EQ(log.lines, 21u);
  EXPECT_EQ(log.bad_lines, 0u);
  ASSERT_THAT(log.edges, SizeIs(15));
  EXPECT_THAT(log.edges[0].outputs, ElementsAre("gen.h", "gen.cpp", "/home/demo/proj/build/gen.h",
                                                "/home/demo/proj/build/gen.cpp"));
  EXPECT_EQ(log.edges[0].start_ms, 1);
  EXPECT_EQ(log.edges[0].end_ms, 51);
  EXPECT_EQ(log.edges[0].mtime_ns, 1795226002769086539);
  EXPECT_EQ(log.edges[0].command_hash, 0x5b8f4ef945d20f3cu);
  EXPECT_THAT(log.edges[1].outputs, ElementsAre("CMakeFiles/core.dir/b.cpp.o"));
}

TEST(NinjaLog, JoinsLinesThatCompactionHasTornApart) {
  const NinjaLog log = ParseNinjaLog(
      "# ninja log v7\n1\t9\t1795226741273118158\ta.h\tf00\n"
      "2\t9\t1795226741273118158\tb\tf00\n1\t9\t1795226741273118158\ta.c\tf00\n");
  ASSERT_THAT(log.edges, SizeIs(2));
  EXPECT_THAT(log.edges[0].outputs, ElementsAre("a.h", "a.c"));
}

TEST(NinjaLog, KeepsTwoRunsApartThatLookTheSame) {
  const std::string run = "4\t18\t0\ta.util\tf00\n4\t18\t0\tb.util\tf00\n";
  const NinjaLog log = ParseNinjaLog("# ninja log v5\n" + run + run);
  ASSERT_THAT(log.edges, SizeIs(2));
  EXPECT_THAT(log.edges[0].outputs, ElementsAre("a.util", "b.util"));
  EXPECT_THAT(log.edges[1].outputs, ElementsAre("a.util", "b.util"));
}

TEST(NinjaLog, LeavesOutALineThatWasTornAndAppendedTo) {
  const NinjaLog log = ParseNinjaLog(ReadBuildTestdata("ninja_log_v7_torn_then_appended"));
  EXPECT_EQ(log.version, 7);
  EXPECT_EQ(log.lines, 20u);
  EXPECT_EQ(log.bad_lines, 1u);
  EXPECT_THAT(log.edges, SizeIs(13));
}

TEST(NinjaLog, ToleratesASixthFieldAndNoOtherNumberOfThem) {
  const std::string five = "1\t2\t1795226741273118158\tout\tabc";
  const auto edges = [](const std::string& line) {
    return ParseNinjaLog("# ninja log v7\n" + line + "\n").edges.size();
  };
  EXPECT_EQ(edges(five), 1u);
  EXPECT_EQ(edges(five + "\r"), 1u);
  EXPECT_EQ(edges(five + "\t4096"), 1u);
  EXPECT_EQ(edges(five + "\t"), 1u);
  EXPECT_EQ(edges(five + "\t1\t2"), 0u);
  EXPECT_EQ(edges("1\t2\t1795226741273118158\tout"), 0u);
  EXPECT_EQ(edges("1\t2\t1795226741273118158"), 0u);
  EXPECT_EQ(edges("1\t2"), 0u);
  EXPECT_EQ(edges("1"), 0u);
  // An entry torn behind each of its fields' beginnings, with another one behind it.
  const std::string next = "3\t4\t1795226741273118158\tnext\tdef";
  EXPECT_EQ(edges("6" + next), 0u);  // starts at 63
  for (const char* torn : {"1\t", "1\t2", "1\t2\t17", "1\t2\t1795226741273118158\to",
                           "1\t2\t1795226741273118158\tout\tab"}) {
    EXPECT_EQ(edges(torn + next), 0u) << torn;
  }
}

TEST(NinjaLog, CountsLinesThatAreNoEntries) {
  const auto bad = [](const std::string& line) {
    const NinjaLog log = ParseNinjaLog("# ninja log v5\n" + line + "\n");
    EXPECT_THAT(log.edges, IsEmpty()) << line;
    return log.bad_lines;
  };
  EXPECT_EQ(bad("-1\t2\t0\tout\tabc"), 1u);
  EXPECT_EQ(bad("3\t2\t0\tout\tabc"), 1u);
  EXPECT_EQ(bad("1\t2\t-1\tout\tabc"), 1u);
  EXPECT_EQ(bad("+1\t2\t0\tout\tabc"), 1u);
  EXPECT_EQ(bad(" 1\t2\t0\tout\tabc"), 1u);
  EXPECT_EQ(bad("1.5\t2\t0\tout\tabc"), 1u);
  EXPECT_EQ(bad("1\t2147483648\t0\tout\tabc"), 1u);
  EXPECT_EQ(bad("1\t99999999999999999999999\t0\tout\tabc"), 1u);
  EXPECT_EQ(bad("1\t2\t9223372036854775808\tout\tabc"), 1u);
  EXPECT_EQ(bad("1\t2\t0\t\tabc"), 1u);
  EXPECT_EQ(bad("1\t2\t0\tout\t"), 1u);
  EXPECT_EQ(bad("1\t2\t0\tout\t0xabc"), 1u);
  EXPECT_EQ(bad("1\t2\t0\tout\t-abc"), 1u);
  EXPECT_EQ(bad("1\t2\t0\tout\t00000000000000001"), 1u);
  EXPECT_EQ(bad(std::string("1\t2\t0\0\tout\tabc", 13)), 1u);
  EXPECT_EQ(bad(std::string("\0\xff\x80\t\t\t\t\t\t", 9)), 1u);
  EXPECT_EQ(bad(std::string(1 << 20, 'x')), 1u);
  EXPECT_EQ(bad(std::string(1 << 20, '\t')), 1u);
  EXPECT_EQ(bad("\n# a comment\n"), 0u);
}

TEST(NinjaLog, KeepsTheLargestNumbers) {
  const NinjaLog log =
      ParseNinjaLog("# ninja log v5\n0\t2147483647\t9223372036854775807\tout\tffffffffffffffff\n");
  ASSERT_THAT(log.edges, SizeIs(1));
  EXPECT_EQ(log.edges[0].end_ms, 2147483647);
  EXPECT_EQ(log.edges[0].mtime_ns, INT64_MAX);
  EXPECT_EQ(log.edges[0].command_hash, UINT64_MAX);
}

TEST(NinjaLog, CountsALastLineWithoutAnEndAsTorn) {
  const NinjaLog log = ParseNinjaLog("# ninja log v5\n1\t2\t0\ta\tabc\n1\t2\t0\tb\tabc");
  EXPECT_THAT(log.edges, SizeIs(1));
  EXPECT_EQ(log.bad_lines, 1u);
}

TEST(NinjaLog, OfAnotherVersionIsReadOnlyWhereItIsNewer) {
  const std::string line = "1\t2\t0\tout\tabc\n";
  EXPECT_THAT(ParseNinjaLog("# ninja log v4\n" + line).edges, IsEmpty());
  EXPECT_EQ(ParseNinjaLog("# ninja log v4\n" + line).bad_lines, 1u);
  EXPECT_THAT(ParseNinjaLog("# ninja log vx\n" + line).edges, IsEmpty());
  EXPECT_THAT(ParseNinjaLog("# ninja log v8\n" + line).edges, SizeIs(1));
  EXPECT_EQ(ParseNinjaLog("# ninja log v8\n" + line).version, 8);
  EXPECT_THAT(ParseNinjaLog("# ninja log v7\r\n" + line).edges, SizeIs(1));
  EXPECT_THAT(ParseNinjaLog(line, 5).edges, SizeIs(1));
  EXPECT_EQ(ParseNinjaLog(line, 5).version, 5);
  EXPECT_THAT(ParseNinjaLog("").edges, IsEmpty());
  EXPECT_THAT(ParseNinjaLog("# ninja log v7").edges, IsEmpty());
}

}  // namespace
}  // namespace polymeter::detail::build
