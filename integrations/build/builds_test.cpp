#include "integrations/build/builds.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "integrations/build/build_for_test.h"

namespace polymeter::detail::build {
namespace {

using ::polymeter::testing::ReadBuildTestdata;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

using Names = std::vector<std::vector<std::string>>;

// The last part of each step's first output, by build.
Names NamesOf(const NinjaLog& log, const std::vector<LoggedBuild>& builds) {
  Names names;
  for (const LoggedBuild& build : builds) {
    std::vector<std::string>& list = names.emplace_back();
    for (const std::size_t edge : build.edges) {
      const std::string& output = log.edges[edge].outputs.front();
      list.push_back(output.substr(output.find_last_of('/') + 1));
    }
  }
  return names;
}

struct Split {
  explicit Split(const std::string& text)
      : log(ParseNinjaLog(text)), builds(SplitBuilds(log)), names(NamesOf(log, builds)) {}
  NinjaLog log;
  std::vector<LoggedBuild> builds;
  Names names;
};
Split SplitFile(const std::string& name) { return Split(ReadBuildTestdata(name)); }

const std::vector<std::string> kCold = {"gen.h",      "b.cpp.o", "c.cpp.o",   "gen.cpp.o",
                                        "main.cpp.o", "a.cpp.o", "libcore.a", "app"};
const std::vector<std::string> kTouchedB = {"b.cpp.o", "libcore.a", "app"};
const std::vector<std::string> kTouchedGen = {"gen.h"};

TEST(Builds, OfFourAreFour) {
  const Split split = SplitFile("ninja_log_v5_four_builds");
  EXPECT_THAT(split.names, ElementsAre(kCold, kTouchedB, kTouchedGen, kTouchedB));
  const std::vector<LoggedBuild>& builds = split.builds;
  EXPECT_EQ(builds[0].wall_ms, 4655);
  EXPECT_EQ(builds[1].wall_ms, 1717);
  EXPECT_EQ(builds[2].wall_ms, 86);
  EXPECT_EQ(builds[3].wall_ms, 1138);
}

// The third ends at 86 ms and the fourth's first step at 741 ms: nothing falls between them.
TEST(Builds, AreNotSplitByFallingEnds) {
  const NinjaLog log = ParseNinjaLog(ReadBuildTestdata("ninja_log_v5_four_builds"));
  std::size_t falls = 0;
  for (std::size_t i = 1; i < log.edges.size(); ++i) {
    falls += log.edges[i].end_ms < log.edges[i - 1].end_ms ? 1 : 0;
  }
  EXPECT_EQ(falls + 1, 3u);
  EXPECT_THAT(SplitBuilds(log), SizeIs(4));
}

TEST(Builds, BeginWhenNinjaStarted) {
  const Split five = SplitFile("ninja_log_v5_four_builds");
  const std::int64_t near_five[] = {1795226002718, 1795226008511, 1795226011275, 1795226153425};
  for (std::size_t i = 0; i < 4; ++i) {
    ASSERT_TRUE(five.builds[i].begin_ms);
    EXPECT_LE(std::abs(*five.builds[i].begin_ms - near_five[i]), 50) << i;
  }
  const Split seven = SplitFile("ninja_log_v7_three_builds");
  const std::int64_t near_seven[] = {1795226741244, 1795226746223, 1795226747455};
  ASSERT_THAT(seven.builds, SizeIs(3));
  for (std::size_t i = 0; i < 3; ++i) {
    ASSERT_TRUE(seven.builds[i].begin_ms);
    EXPECT_LE(std::abs(*seven.builds[i].begin_ms - near_seven[i]), 50) << i;
  }
}

TEST(Builds, WithAFailureHaveWhatSucceeded) {
  EXPECT_THAT(SplitFile("ninja_log_v5_failed_tu").names,
              ElementsAre(kCold, kTouchedB, kTouchedGen, kTouchedB,
                          std::vector<std::string>{"main.cpp.o"}));
}

TEST(Builds, OfACompilerCacheAreTwo) {
  const Split split = SplitFile("ninja_log_v5_ccache_cold_then_warm");
  ASSERT_THAT(split.names, SizeIs(2));
  EXPECT_THAT(split.names[0], SizeIs(8));
  EXPECT_THAT(split.names[1], SizeIs(8));
  EXPECT_EQ(split.builds[1].wall_ms, 179);
}

TEST(Builds, OfVersion7AreThree) {
  const Split split = SplitFile("ninja_log_v7_three_builds");
  EXPECT_THAT(split.names, ElementsAre(kCold, kTouchedGen, kTouchedB));
}

TEST(Builds, GoOnBehindATornLine) {
  const Split split = SplitFile("ninja_log_v7_torn_then_appended");
  EXPECT_THAT(split.names,
              ElementsAre(kCold, kTouchedGen, std::vector<std::string>{"b.cpp.o", "libcore.a"},
                          std::vector<std::string>{"libcore.a", "app"}));
}

TEST(Builds, OfACompactedLogAreWhatIsLeftOfThem) {
  const Split split = SplitFile("ninja_log_v7_recompacted");
  EXPECT_THAT(split.names,
              ElementsAre(std::vector<std::string>{"c.cpp.o", "gen.cpp.o", "main.cpp.o", "a.cpp.o"},
                          kTouchedGen, std::vector<std::string>{"b.cpp.o"},
                          std::vector<std::string>{"libcore.a", "app"}));
}

TEST(Builds, OfVersion6AreReadLikeThoseOf7) {
  const Split split = SplitFile("ninja_log_v6_made_by_hand");
  EXPECT_THAT(split.names, ElementsAre(std::vector<std::string>{"gen.h", "a.cpp.o", "libcore.a"},
                                       std::vector<std::string>{"a.cpp.o", "libcore.a"}));
  EXPECT_EQ(split.builds[0].begin_ms, 1795300000000);
  EXPECT_EQ(split.builds[1].begin_ms, 1795300060000);
}

std::string Line(std::int64_t start, std::int64_t end, std::int64_t mtime_ms,
                 const std::string& output) {
  return std::to_string(start) + "\t" + std::to_string(end) + "\t" +
         (mtime_ms == 0 ? "0" : std::to_string(mtime_ms) + "000000") + "\t" + output + "\t" +
         std::to_string(std::hash<std::string>()(output) % 100000) + "\n";
}
constexpr std::int64_t kNow = 1795226000000;

TEST(Builds, OfOneThatWasCompactedIsOne) {
  const Split split("# ninja log v5\n" + Line(500, 900, kNow + 899, "b.o") +
                    Line(901, 990, kNow + 980, "app") + Line(3, 400, kNow + 390, "a.o"));
  EXPECT_THAT(split.names, ElementsAre(std::vector<std::string>{"a.o", "b.o", "app"}));
}

// A link that runs tests after it: its file is much older than its end.
TEST(Builds, KeepAStepThatGoesOnAfterItsOutput) {
  const Split split("# ninja log v5\n" + Line(3, 1000, kNow + 990, "a.o") +
                    Line(1001, 9000, kNow + 1100, "app"));
  EXPECT_THAT(split.builds, SizeIs(1));
}

// A generator that restats, has run for long and writes at its end.
TEST(Builds, KeepARestatThatWritesLate) {
  const Split early("# ninja log v7\n" + Line(2, 9000, kNow + 8990, "gen.h") +
                    Line(9001, 9500, kNow + 9001, "a.o"));
  EXPECT_THAT(early.builds, SizeIs(1));
  EXPECT_EQ(early.builds[0].begin_ms, kNow);
  const Split late("# ninja log v7\n" + Line(2, 500, kNow + 2, "tool") +
                   Line(501, 9000, kNow + 9000, "gen.h"));
  EXPECT_THAT(late.builds, SizeIs(1));
}

// It started beside the first, wrote its output while that ran, and was done after it.
TEST(Builds, KeepARestatThatBeganAtOnce) {
  const Split split("# ninja log v7\n" + Line(2, 4000, kNow + 2, "a.o") +
                    Line(3, 5000, kNow + 3000, "gen.h"));
  EXPECT_THAT(split.builds, SizeIs(1));
}

// Only the third entry shows that the second's ninja is the first's.
TEST(Builds, AreJoinedWhenALaterStepTellsMore) {
  const Split split("# ninja log v7\n" + Line(1, 39, kNow + 1, "a.h") +
                    Line(41, 220, kNow + 165, "b.h") + Line(6, 379, kNow + 6, "a.o"));
  EXPECT_THAT(split.names, ElementsAre(std::vector<std::string>{"a.h", "b.h", "a.o"}));
}

// A minute later; the step took longer than that, so it could have begun before.
TEST(Builds, AreApartWhereALongStepFollowsAShortBuild) {
  const Split split("# ninja log v7\n" + Line(2, 1000, kNow + 2, "a.o") +
                    Line(3, 70000, kNow + 60003, "b.o"));
  EXPECT_THAT(split.builds, SizeIs(2));
}

TEST(Builds, OfOneScriptAreApartByTheirStepsEvenWithoutTime) {
  const Split split("# ninja log v5\n" + Line(2, 10, kNow + 10, "a") + Line(2, 11, kNow + 30, "a"));
  EXPECT_THAT(split.builds, SizeIs(2));
}

TEST(Builds, TakeStepsWithoutAnMtimeOfTheirOwn) {
  const Split split("# ninja log v5\n" + Line(3, 1000, kNow + 990, "a.o") +
                    Line(1001, 1100, 0, "CMakeFiles/check.util") +
                    Line(1101, 1200, kNow - 86400000, "copied.txt") +
                    Line(1201, 1300, kNow + 1299, "app") + Line(4, 900, kNow + 60899, "a.o"));
  ASSERT_THAT(split.builds, SizeIs(2));
  EXPECT_THAT(split.names[0], ElementsAre("a.o", "check.util", "copied.txt", "app"));
  EXPECT_EQ(split.builds[0].begin_ms, kNow - 1);
}

// cmake ran, had the log compacted and the old entry of build.ninja dated anew; ninja then started
// again.
TEST(Builds, AreNotMisledByTheDateOfABuildFile) {
  const Split split("# ninja log v5\n" + Line(1101, 1200, kNow + 1200, "app") +
                    Line(96, 3214, kNow + 75000, "build.ninja") + Line(1, 700, kNow + 700, "a.o") +
                    Line(21, 244, kNow + 60244, "check") +
                    Line(244, 18218, kNow + 75000, "build.ninja") +
                    Line(5, 700, kNow + 78918, "a.o"));
  EXPECT_THAT(split.names, ElementsAre(std::vector<std::string>{"build.ninja"},
                                       std::vector<std::string>{"a.o", "app"},
                                       std::vector<std::string>{"check", "build.ninja"},
                                       std::vector<std::string>{"a.o"}));
  EXPECT_FALSE(split.builds[0].begin_ms);
  EXPECT_EQ(split.builds[2].begin_ms, kNow + 60000);
}

// A log that ninja compacts twice can have its first order again. Where a busy machine had commands
// end long after their files were written, only build.ninja's new date above older entries shows
// it.
TEST(Builds, AreNotMisledByTheDateOfABuildFileAboveOlderOnes) {
  const Split split("# ninja log v5\n" + Line(2, 279, kNow + 75000, "build.ninja") +
                    Line(27, 374, kNow + 374, "main.o") + Line(7, 2575, kNow + 1470, "b.o") +
                    Line(2, 2696, kNow + 62690, "a.o") + Line(2697, 3484, kNow + 63180, "app") +
                    Line(1, 2197, kNow + 75000, "build.ninja"));
  EXPECT_THAT(split.names, ElementsAre(std::vector<std::string>{"build.ninja"},
                                       std::vector<std::string>{"main.o", "b.o"},
                                       std::vector<std::string>{"a.o", "app"},
                                       std::vector<std::string>{"build.ninja"}));
}

TEST(Builds, WithoutAnyTimeHaveNoBegin) {
  const Split split("# ninja log v5\n" + Line(3, 1000, 0, "a.o") + Line(4, 900, 0, "b.o"));
  ASSERT_THAT(split.builds, SizeIs(2));
  EXPECT_FALSE(split.builds[0].begin_ms);
  EXPECT_FALSE(split.builds[1].begin_ms);
}

TEST(Builds, OfNothingAreNone) {
  EXPECT_THAT(Split("").builds, IsEmpty());
  EXPECT_THAT(Split("# ninja log v7\n").builds, IsEmpty());
}

}  // namespace
}  // namespace polymeter::detail::build
