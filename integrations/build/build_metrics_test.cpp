#include <gtest/gtest.h>

#include <iterator>
#include <limits>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "integrations/build/build_families.h"
#include "integrations/build/build_for_test.h"
#include "polymeter/build.h"
#include "sdk/testing/log_capture.h"
#include "sdk/testing/values.h"

namespace polymeter {
namespace {

using testing::BuildForTest;
using testing::StepForTest;

class BuildMetricsTest : public ::testing::Test {
 protected:
  std::optional<double> Value(std::string_view name, std::initializer_list<Label> labels = {}) {
    return testing::ValueOf(metrics_.TakeSnapshot(), name, labels);
  }
  // Count and sum; -1 when there is no such series.
  std::pair<double, double> Histogram(std::string_view name, std::initializer_list<Label> labels) {
    const Snapshot snapshot = metrics_.TakeSnapshot();
    const auto* point = testing::FindPoint<HistogramPoint>(snapshot, name, labels);
    return point == nullptr ? std::pair(-1.0, -1.0)
                            : std::pair(static_cast<double>(point->count), point->sum);
  }
  std::size_t SeriesOf(std::string_view name) {
    const Snapshot snapshot = metrics_.TakeSnapshot();
    const FamilyView* const family = testing::FindFamily(snapshot, name);
    if (family == nullptr) return 0;
    return std::visit([](const auto& points) { return points.size(); }, family->points);
  }

  testing::LogCapture log_;
  const Metrics metrics_{Options().Consumer().Log(log_.callback())};
};

using Numbers = std::pair<double, double>;

TEST_F(BuildMetricsTest, ABuildGivesTheValuesOfTheTable) {
  const BuildMetrics builds(metrics_);
  builds.Observe(BuildForTest());
  EXPECT_EQ(Value("build_runs_total", {{"tool", "ninja"}, {"result", "failure"}}), 1);
  EXPECT_EQ(Histogram("build_duration_seconds", {{"tool", "ninja"}, {"result", "failure"}}),
            Numbers(1, 4));
  EXPECT_EQ(Value("build_steps_total", {{"kind", "compile"}, {"result", "ok"}}), 2);
  EXPECT_EQ(Value("build_steps_total", {{"kind", "compile"}, {"result", "cached"}}), 1);
  EXPECT_EQ(Value("build_steps_total", {{"kind", "compile"}, {"result", "failed"}}), 1);
  EXPECT_EQ(Value("build_steps_total", {{"kind", "archive"}, {"result", "ok"}}), 1);
  EXPECT_EQ(Value("build_steps_total", {{"kind", "link"}, {"result", "ok"}}), 1);
  const auto compile =
      Histogram("build_step_duration_seconds", {{"kind", "compile"}, {"language", "cxx"}});
  EXPECT_EQ(compile.first, 3);
  EXPECT_DOUBLE_EQ(compile.second, 4.02);
  EXPECT_EQ(Histogram("build_step_duration_seconds", {{"kind", "link"}, {"language", "other"}}),
            Numbers(1, 1.399));
  EXPECT_DOUBLE_EQ(*Value("build_parallelism_ratio", {{"tool", "ninja"}}), 5.519 / 4);
  EXPECT_EQ(Value("build_critical_path_seconds", {{"tool", "ninja"}}), 3.999);
  EXPECT_EQ(Value("build_peak_rss_bytes", {{"tool", "ninja"}}), 130'703'360);
  const auto cache = [&](const char* result) {
    return Value("build_cache_requests_total", {{"cache", "ccache"}, {"result", result}});
  };
  EXPECT_EQ(cache("direct_hit"), 1);
  EXPECT_EQ(cache("miss"), 2);
  EXPECT_EQ(cache("uncacheable"), 1);
  EXPECT_EQ(Value("build_compile_phase_seconds_total", {{"phase", "frontend"}}), 3);
  EXPECT_EQ(Value("build_compile_phase_seconds_total", {{"phase", "backend"}}), 0.75);
  EXPECT_EQ(Value("build_compile_phase_seconds_total", {{"phase", "source"}}), 2.25);
  EXPECT_EQ(Value("build_compile_phase_seconds_total", {{"phase", "template"}}), 0.5);
  EXPECT_EQ(Value("build_slowest_step_seconds", {{"rank", "1"}}), 2.5);
  EXPECT_EQ(Value("build_slowest_step_seconds", {{"rank", "5"}}), 0.02);
  EXPECT_EQ(Value("build_slowest_step_seconds", {{"rank", "6"}}), std::nullopt);
  EXPECT_EQ(Value("build_input_errors_total", {{"input", "ninja_log"}}), 1);
  EXPECT_EQ(log_.messages(), std::vector<std::string>{});
}

TEST_F(BuildMetricsTest, CountersAddUpAndGaugesAreTheLastBuilds) {
  const BuildMetrics builds(metrics_);
  builds.Observe(BuildForTest());
  BuildSummary second;
  second.tool = "ninja";
  second.wall_seconds = 2;
  second.steps = {StepForTest("a.cpp.o", "compile", 0, 1)};
  builds.Observe(second);
  EXPECT_EQ(Value("build_runs_total", {{"tool", "ninja"}, {"result", "failure"}}), 1);
  EXPECT_EQ(Value("build_runs_total", {{"tool", "ninja"}, {"result", "success"}}), 1);
  EXPECT_EQ(Value("build_steps_total", {{"kind", "compile"}, {"result", "ok"}}), 3);
  EXPECT_EQ(Value("build_parallelism_ratio", {{"tool", "ninja"}}), 0.5);
  EXPECT_EQ(Value("build_slowest_step_seconds", {{"rank", "1"}}), 1);
  // What the last build does not tell is not told with an earlier build's number.
  EXPECT_EQ(Value("build_slowest_step_seconds", {{"rank", "2"}}), std::nullopt);
  EXPECT_EQ(Value("build_critical_path_seconds", {{"tool", "ninja"}}), std::nullopt);
  EXPECT_EQ(Value("build_peak_rss_bytes", {{"tool", "ninja"}}), std::nullopt);
}

TEST_F(BuildMetricsTest, NoFileNameIsALabelAndSeriesAreBounded) {
  const BuildMetrics builds(metrics_);
  BuildSummary build = BuildForTest();
  build.steps.clear();
  for (int i = 0; i < 500; ++i) {
    BuildStep step = StepForTest("file" + std::to_string(i), "kind" + std::to_string(i), 0, 1);
    step.language = "language" + std::to_string(i);
    step.result = "result" + std::to_string(i);
    build.steps.push_back(step);
  }
  for (int i = 0; i < 50; ++i) {
    build.tool = "tool" + std::to_string(i);
    build.result = "result" + std::to_string(i);
    build.cache.push_back({"cache" + std::to_string(i), "hit" + std::to_string(i), "", 1});
    build.input_errors.push_back({"input" + std::to_string(i), 1});
    builds.Observe(build);
  }
  EXPECT_EQ(Value("build_steps_total", {{"kind", "other"}, {"result", "other"}}), 25'000);
  EXPECT_EQ(Value("build_runs_total", {{"tool", "other"}, {"result", "other"}}), 50);
  EXPECT_EQ(SeriesOf("build_runs_total"), 1u);
  EXPECT_EQ(SeriesOf("build_steps_total"), 1u);
  EXPECT_EQ(SeriesOf("build_step_duration_seconds"), 1u);
  EXPECT_EQ(SeriesOf("build_cache_requests_total"), 4u);
  EXPECT_EQ(SeriesOf("build_input_errors_total"), 2u);
  EXPECT_EQ(SeriesOf("build_slowest_step_seconds"), detail::kBuildSlowestRanks);
  EXPECT_EQ(Value("build_labels_folded_total", {{"label", "kind"}}), 25'000);
  EXPECT_EQ(Value("build_labels_folded_total", {{"label", "language"}}), 25'000);
  EXPECT_EQ(Value("build_labels_folded_total", {{"label", "tool"}}), 50);
}

TEST_F(BuildMetricsTest, ExtraValuesAreAllowed) {
  const BuildMetrics builds(
      metrics_, BuildMetricsOptions().Tools({"buck2"}).Languages({"zig"}).Caches({"icecream"}));
  BuildSummary build;
  build.tool = "buck2";
  build.cache = {{"icecream", "miss", "", 3}};
  build.steps = {StepForTest("a", "compile", 0, 1)};
  build.steps[0].language = "zig";
  builds.Observe(build);
  EXPECT_EQ(Value("build_runs_total", {{"tool", "buck2"}, {"result", "success"}}), 1);
  EXPECT_EQ(Value("build_cache_requests_total", {{"cache", "icecream"}, {"result", "miss"}}), 3);
  EXPECT_EQ(Histogram("build_step_duration_seconds", {{"kind", "compile"}, {"language", "zig"}}),
            Numbers(1, 1));
  EXPECT_EQ(Value("build_labels_folded_total", {{"label", "tool"}}), 0);
}

TEST_F(BuildMetricsTest, NumbersThatCannotBeAreLeftOutAndCounted) {
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const BuildMetrics builds(metrics_);
  BuildSummary build;
  build.tool = "make";
  build.wall_seconds = kNan;
  build.critical_path_seconds = -1;
  build.phase_units = 1;
  build.phases.backend_seconds = kInfinity;
  build.steps = {StepForTest("a", "link", 0, -3), StepForTest("b", "link", 0, kNan),
                 StepForTest("c", "link", 0, 2)};
  builds.Observe(build);
  EXPECT_EQ(Value("build_input_errors_total", {{"input", "summary"}}), 5);
  EXPECT_EQ(Value("build_steps_total", {{"kind", "link"}, {"result", "ok"}}), 3);
  EXPECT_EQ(Histogram("build_step_duration_seconds", {{"kind", "link"}, {"language", "other"}}),
            Numbers(1, 2));
  EXPECT_EQ(Value("build_critical_path_seconds", {{"tool", "make"}}), std::nullopt);
  EXPECT_EQ(Value("build_slowest_step_seconds", {{"rank", "1"}}), 2);
  EXPECT_EQ(Value("build_slowest_step_seconds", {{"rank", "2"}}), std::nullopt);
  EXPECT_EQ(log_.messages(), std::vector<std::string>{});
}

TEST_F(BuildMetricsTest, HasOpenTelemetrysNameForTheDuration) {
  const BuildMetrics builds(metrics_);
  builds.Observe(BuildForTest());
  const Snapshot snapshot = metrics_.TakeSnapshot();
  EXPECT_EQ(testing::FindFamily(snapshot, "build_duration_seconds")->otel_name,
            "cicd.pipeline.run.duration");
}

// The table on the documentation's page is made of the rows.
TEST_F(BuildMetricsTest, EachFamilyOfTheTableIsMadeAndNoOther) {
  const BuildMetrics builds(metrics_);
  builds.Observe(BuildForTest());
  BuildSummary folded;
  folded.tool = "?";
  builds.Observe(folded);
  const Snapshot snapshot = metrics_.TakeSnapshot();
  std::size_t rows = 0;
  for (const detail::FamilyRow& row : detail::kBuildFamilies) {
    const FamilyView* const family = testing::FindFamily(snapshot, row.name);
    ASSERT_NE(family, nullptr) << row.name;
    EXPECT_EQ(family->help, row.help);
    ++rows;
  }
  std::size_t made = 0;
  for (const FamilyView& family : snapshot.families()) {
    if (std::string_view(family.name).rfind("build_", 0) == 0) ++made;
  }
  EXPECT_GT(rows, 0u);
  EXPECT_EQ(made, rows);
}

TEST_F(BuildMetricsTest, BucketsAreTheOptions) {
  const BuildMetrics builds(metrics_,
                            BuildMetricsOptions().DurationBuckets({1, 3}).StepBuckets({0.5}));
  builds.Observe(BuildForTest());
  const Snapshot snapshot = metrics_.TakeSnapshot();
  const auto* const duration = testing::FindPoint<HistogramPoint>(
      snapshot, "build_duration_seconds", {{"tool", "ninja"}, {"result", "failure"}});
  ASSERT_NE(duration, nullptr);
  EXPECT_EQ(duration->bound_count, 2u);
  const auto* const step = testing::FindPoint<HistogramPoint>(
      snapshot, "build_step_duration_seconds", {{"kind", "compile"}, {"language", "cxx"}});
  ASSERT_NE(step, nullptr);
  EXPECT_EQ(step->bound_count, 1u);
}

TEST(BuildMetricsOff, DoesNothing) {
  const Metrics off;
  const BuildMetrics builds(off);
  builds.Observe(BuildForTest());
  EXPECT_FALSE(off.recording());
}

TEST_F(BuildMetricsTest, SeveralThreadsMayObserve) {
  const BuildMetrics builds(metrics_);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([copy = builds] {
      for (int n = 0; n < 25; ++n) copy.Observe(BuildForTest());
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(Value("build_runs_total", {{"tool", "ninja"}, {"result", "failure"}}), 100);
  EXPECT_EQ(Value("build_steps_total", {{"kind", "compile"}, {"result", "ok"}}), 200);
}

}  // namespace
}  // namespace polymeter
