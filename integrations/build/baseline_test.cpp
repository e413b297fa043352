#include "integrations/build/baseline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "integrations/build/build_for_test.h"

namespace polymeter::detail::build {
namespace {

using testing::BuildForTest;
using ::testing::HasSubstr;
using testing::StepForTest;

BuildSummary WallOf(double seconds) {
  BuildSummary build;
  build.wall_seconds = seconds;
  return build;
}

BuildVerdict VerdictOf(const std::string& limit, const BuildSummary& before,
                       const BuildSummary& now) {
  Result<BuildComparison> comparison = CompareBuilds(before, now, {limit});
  EXPECT_TRUE(comparison.ok()) << comparison.message();
  if (!comparison.ok() || comparison->limits.size() != 1) return BuildVerdict::kUnknown;
  EXPECT_EQ(comparison->regressed(), comparison->limits[0].verdict == BuildVerdict::kExceeded);
  EXPECT_EQ(comparison->limits[0].limit, limit);
  return comparison->limits[0].verdict;
}

constexpr auto kKept = BuildVerdict::kKept;
constexpr auto kExceeded = BuildVerdict::kExceeded;
constexpr auto kUnknown = BuildVerdict::kUnknown;

TEST(BuildLimits, APercentageIsOfTheBaseline) {
  EXPECT_EQ(VerdictOf("wall>10%", WallOf(100), WallOf(110.5)), kExceeded);
  EXPECT_EQ(VerdictOf("wall>10%", WallOf(100), WallOf(109.5)), kKept);
  EXPECT_EQ(VerdictOf("wall>+10%", WallOf(100), WallOf(110.5)), kExceeded);
  EXPECT_EQ(VerdictOf("wall<10%", WallOf(100), WallOf(89)), kExceeded);
  EXPECT_EQ(VerdictOf("wall<-10%", WallOf(100), WallOf(91)), kKept);
  EXPECT_EQ(VerdictOf("wall>0%", WallOf(0), WallOf(0)), kKept);
  EXPECT_EQ(VerdictOf("wall>0%", WallOf(0), WallOf(1)), kExceeded);
}

TEST(BuildLimits, ASignMakesItAChange) {
  EXPECT_EQ(VerdictOf("wall>+30s", WallOf(100), WallOf(131)), kExceeded);
  EXPECT_EQ(VerdictOf("wall>+30s", WallOf(100), WallOf(130)), kKept);
  EXPECT_EQ(VerdictOf("wall<-0.5min", WallOf(100), WallOf(69)), kExceeded);
  EXPECT_EQ(VerdictOf("wall<-0.5min", WallOf(100), WallOf(71)), kKept);
}

TEST(BuildLimits, WithoutASignItHoldsWhateverWasBefore) {
  EXPECT_EQ(VerdictOf("wall>5min", WallOf(1), WallOf(301)), kExceeded);
  EXPECT_EQ(VerdictOf("wall>5min", WallOf(1000), WallOf(299)), kKept);
  EXPECT_EQ(VerdictOf("wall>1500ms", WallOf(0), WallOf(1.6)), kExceeded);
  EXPECT_EQ(VerdictOf("wall>2", WallOf(0), WallOf(1.6)), kKept);
}

TEST(BuildLimits, EachMeasureIsTheBuilds) {
  const BuildSummary build = BuildForTest();
  const auto now = [&](const std::string& measure) -> std::optional<double> {
    auto comparison = CompareBuilds(build, build, {measure + ">0"});
    EXPECT_TRUE(comparison.ok()) << comparison.message();
    return comparison->limits.empty() ? std::nullopt : comparison->limits[0].now;
  };
  EXPECT_EQ(now("wall"), 4);
  EXPECT_EQ(now("cpu"), 5.75);
  EXPECT_EQ(now("work"), build.step_seconds());
  EXPECT_EQ(now("critical_path"), 3.999);
  EXPECT_EQ(now("slowest"), 2.5);
  EXPECT_EQ(now("parallelism"), build.parallelism());
  EXPECT_EQ(now("peak_rss"), 130'703'360);
  EXPECT_EQ(now("steps"), 6);
  EXPECT_EQ(now("failed"), 1);
  EXPECT_DOUBLE_EQ(*now("cache_hits"), 1.0 / 3);
  EXPECT_DOUBLE_EQ(*now("step"), build.step_seconds());
  EXPECT_DOUBLE_EQ(*now("step:compile"), 4.02);
  EXPECT_DOUBLE_EQ(*now("step:archive"), 0.1);
  EXPECT_DOUBLE_EQ(*now("step:link"), 1.399);
  EXPECT_EQ(now("step:custom"), std::nullopt);
  EXPECT_EQ(now("phase:frontend"), 1.5);
  EXPECT_EQ(now("phase:backend"), 0.375);
  EXPECT_EQ(now("phase:source"), 1.125);
  EXPECT_EQ(now("phase:template"), 0.25);
  EXPECT_GE(Measures().size(), 19u);
}

TEST(BuildLimits, WhatABuildDoesNotHaveIsUnknownAndNoRegression) {
  for (const MeasureRow& row : Measures()) {
    const std::string name(row.name);
    const bool always = name == "wall" || name == "work" || name == "parallelism" ||
                        name == "steps" || name == "failed";
    EXPECT_EQ(VerdictOf(name + ">1000000", BuildForTest(), BuildSummary()),
              always ? kKept : kUnknown)
        << name;
    // a limit without the baseline needs none
    if (name.rfind("step:", 0) != 0 && name != "step") {
      EXPECT_EQ(VerdictOf(name + ">1000000000000", BuildSummary(), BuildForTest()), kKept) << name;
    }
  }
  EXPECT_EQ(VerdictOf("peak_rss>10%", BuildSummary(), BuildForTest()), kUnknown);
}

TEST(BuildLimits, MemoryHasUnits) {
  BuildSummary build;
  build.peak_rss_bytes = std::uint64_t{3} << 30;
  EXPECT_EQ(VerdictOf("peak_rss>3GiB", build, build), kKept);
  EXPECT_EQ(VerdictOf("peak_rss>3GB", build, build), kExceeded);
  EXPECT_EQ(VerdictOf("peak_rss>3000MiB", build, build), kExceeded);
  EXPECT_EQ(VerdictOf("peak_rss>3145727KiB", build, build), kExceeded);
  EXPECT_EQ(VerdictOf("peak_rss>3145728KiB", build, build), kKept);
}

TEST(BuildLimits, SharesAreJudgedBelow) {
  BuildSummary before;
  before.cache = {{"ccache", "direct_hit", "", 9}, {"ccache", "miss", "", 1}};
  BuildSummary now;
  now.cache = {{"ccache", "direct_hit", "", 8}, {"ccache", "miss", "", 2}};
  EXPECT_EQ(VerdictOf("cache_hits<0.85", before, now), kExceeded);
  EXPECT_EQ(VerdictOf("cache_hits<-0.05", before, now), kExceeded);
  EXPECT_EQ(VerdictOf("cache_hits<-0.2", before, now), kKept);
  EXPECT_EQ(VerdictOf("cache_hits<5%", before, now), kExceeded);
}

TEST(BuildLimits, WhatIsNoLimitIsRefusedWithTheReason) {
  const auto error = [](const std::string& limit) { return CheckBuildLimit(limit).message(); };
  EXPECT_EQ(error("wall>10%"), "");
  EXPECT_EQ(error("wall"), "`wall` is no limit: it has no < or >");
  EXPECT_THAT(error("time>10%"), HasSubstr("the measure is one of wall, cpu, work"));
  EXPECT_THAT(error(">10%"), HasSubstr("the measure is one of"));
  EXPECT_THAT(error("wall>"), HasSubstr("no number"));
  EXPECT_THAT(error("wall>fast"), HasSubstr("no number"));
  EXPECT_THAT(error("wall>.5"), HasSubstr("no number"));
  EXPECT_THAT(error("wall>nan"), HasSubstr("no number"));
  EXPECT_THAT(error("wall>inf"), HasSubstr("no number"));
  EXPECT_THAT(error("wall>+-5s"), HasSubstr("no number"));
  EXPECT_THAT(error("wall>-5s"), HasSubstr("a change above is +"));
  EXPECT_THAT(error("wall<+5s"), HasSubstr("a change above is +"));
  EXPECT_THAT(error("wall>5MiB"), HasSubstr("units of time"));
  EXPECT_THAT(error("peak_rss>5s"), HasSubstr("units of memory"));
  EXPECT_THAT(error("steps>5s"), HasSubstr("no unit but %"));
  EXPECT_THAT(error("wall>10%%"), HasSubstr("units of time"));
  EXPECT_THAT(error("wall>1e3s"), HasSubstr("units of time"));
  EXPECT_THAT(error("wall>" + std::string(400, '9')), HasSubstr("out of range"));
  EXPECT_THAT(error("\x1b[31m"), HasSubstr("`?[31m` is no limit"));
  EXPECT_FALSE(CompareBuilds(BuildSummary(), BuildSummary(), {"wall>1", "x"}).ok());
}

// An incremental build against a cold one: wall time says nothing, the steps of both do.
TEST(BuildComparisons, OnlyStepsThatBothBuildsRanAreCompared) {
  BuildSummary before;
  before.steps = {StepForTest("a.o", "compile", 0, 1), StepForTest("b.o", "compile", 0, 2),
                  StepForTest("app", "link", 2, 1)};
  BuildSummary now;
  now.steps = {StepForTest("b.o", "compile", 0, 3), StepForTest("app", "link", 3, 0.5),
               StepForTest("new.o", "compile", 0, 50)};
  auto comparison =
      CompareBuilds(before, now, {"step:compile>20%", "step:link>20%", "step>20%", "work>20%"});
  ASSERT_TRUE(comparison.ok()) << comparison.message();
  EXPECT_EQ(comparison->common_steps, 2u);
  EXPECT_EQ(comparison->steps_only_before, 1u);
  EXPECT_EQ(comparison->steps_only_now, 1u);
  EXPECT_EQ(comparison->limits[0].before, 2);
  EXPECT_EQ(comparison->limits[0].now, 3);
  EXPECT_EQ(comparison->limits[0].verdict, kExceeded);
  EXPECT_EQ(comparison->limits[1].verdict, kKept);
  EXPECT_EQ(comparison->limits[2].now, 3.5);
  EXPECT_EQ(comparison->limits[2].verdict, kKept);
  EXPECT_EQ(comparison->limits[3].verdict, kExceeded);
  ASSERT_EQ(comparison->slower.size(), 1u);
  EXPECT_EQ(comparison->slower[0].name, "b.o");
}

TEST(BuildComparisons, AServedStepIsNotComparedWithACompiledOne) {
  BuildSummary before;
  before.steps = {StepForTest("a.o", "compile", 0, 0.01, "cached"),
                  StepForTest("b.o", "compile", 0, 1), StepForTest("c.o", "compile", 0, 1)};
  BuildSummary now = before;
  now.steps[0] = StepForTest("a.o", "compile", 0, 2);
  now.steps[2].result = "failed";
  auto comparison = CompareBuilds(before, now, {"step:compile>1%"});
  ASSERT_TRUE(comparison.ok());
  EXPECT_EQ(comparison->common_steps, 1u);
  EXPECT_EQ(comparison->limits[0].verdict, kKept);
  EXPECT_EQ(comparison->steps_only_before + comparison->steps_only_now, 0u);
}

TEST(BuildComparisons, AStepThatIsThereTwiceCountsOnce) {
  BuildSummary before;
  before.steps = {StepForTest("a.o", "compile", 0, 1)};
  BuildSummary now;
  now.steps = {StepForTest("a.o", "compile", 0, 1), StepForTest("a.o", "compile", 0, 1)};
  auto comparison = CompareBuilds(before, now, {});
  EXPECT_EQ(comparison->common_steps, 1u);
  EXPECT_EQ(comparison->steps_only_now, 1u);
  EXPECT_EQ(CompareBuilds(now, before, {})->steps_only_before, 1u);
}

TEST(BuildComparisons, TheTenThatLostMostAreNamed) {
  BuildSummary before;
  BuildSummary now;
  for (int i = 0; i < 15; ++i) {
    before.steps.push_back(StepForTest("s" + std::to_string(i), "custom", 0, 1));
    now.steps.push_back(StepForTest("s" + std::to_string(i), "custom", 0, 1 + i));
  }
  auto comparison = CompareBuilds(before, now, {});
  ASSERT_EQ(comparison->slower.size(), 10u);
  EXPECT_EQ(comparison->slower[0].name, "s14");
  EXPECT_EQ(comparison->slower[9].name, "s5");
}

TEST(BuildComparisons, AreReadable) {
  BuildSummary before;
  before.wall_seconds = 10;
  before.steps = {StepForTest("a.o", "compile", 0, 1), StepForTest("x", "link", 0, 1)};
  BuildSummary now;
  now.wall_seconds = 12;
  now.steps = {StepForTest("a.o", "compile", 0, 2)};
  auto comparison = CompareBuilds(before, now, {"wall>10%", "peak_rss>1GiB", "steps>5"});
  const std::string text = FormatBuildComparison(*comparison);
  EXPECT_THAT(text, HasSubstr("1 common steps, 1 only there, 0 only here\n"));
  EXPECT_THAT(text, HasSubstr("  wall                  10.00 s       12.00 s     +20.0 %\n"));
  EXPECT_THAT(text, HasSubstr("          1.00 s -> 2.00 s        compile  a.o\n"));
  EXPECT_THAT(text, HasSubstr("    EXCEEDED  wall>10%             10.00 s -> 12.00 s\n"));
  EXPECT_THAT(text, HasSubstr("    unknown   peak_rss>1GiB        - -> -\n"));
  EXPECT_THAT(text, HasSubstr("    kept      steps>5              2 -> 1\n"));
}

TEST(BuildComparisons, DifferentWorkIsSaid) {
  BuildSummary before;
  before.steps = {StepForTest("a.o", "compile", 0, 1), StepForTest("b.o", "compile", 0, 1)};
  auto comparison = CompareBuilds(before, BuildSummary(), {});
  EXPECT_THAT(FormatBuildComparison(*comparison), HasSubstr("the builds did different work"));
}

}  // namespace
}  // namespace polymeter::detail::build
