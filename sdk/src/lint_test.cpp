#include "polymeter/lint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "sdk/testing/snapshot_builder.h"

POLYMETER_BEGIN_NAMESPACE
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> RulesOf(const LintReport& report) {
  std::vector<std::string> rules;
  for (const LintProblem& problem : report.problems) rules.emplace_back(problem.rule);
  return rules;
}

// The rules that one family breaks.
std::vector<std::string> RulesOfFamily(MetricType type, std::string_view name,
                                       std::string_view unit = {}, std::string_view label = {}) {
  testing::SnapshotBuilder builder;
  builder.sink().BeginFamily(type, name, "H.", unit);
  const Label labels[] = {{label, "x"}};
  const std::size_t count = label.empty() ? 0 : 1;
  const double bounds[] = {1};
  const std::uint64_t buckets[] = {1, 0};
  switch (type) {
    case MetricType::kCounter:
      builder.sink().Counter(labels, count, std::uint64_t{1});
      break;
    case MetricType::kGauge:
      builder.sink().Gauge(labels, count, 1);
      break;
    case MetricType::kHistogram:
      builder.sink().Histogram(labels, count, bounds, 1, buckets, 1);
      break;
    case MetricType::kSummary:
      builder.sink().Summary(labels, count, nullptr, 0, 1, 1);
      break;
    case MetricType::kInfo:
      builder.sink().Info(labels, count);
      break;
    case MetricType::kUnknown:
      builder.sink().Unknown(labels, count, 1);
  }
  EXPECT_EQ(builder.refused(), 0u) << name;
  return RulesOf(Lint(builder.Build()));
}

TEST(Lint, GoodFamiliesPass) {
  EXPECT_THAT(RulesOfFamily(MetricType::kCounter, "http_requests_total", "", "route"), IsEmpty());
  EXPECT_THAT(RulesOfFamily(MetricType::kCounter, "cpu_seconds_total", "seconds"), IsEmpty());
  EXPECT_THAT(RulesOfFamily(MetricType::kHistogram, "job_duration_seconds", "seconds"), IsEmpty());
  EXPECT_THAT(RulesOfFamily(MetricType::kSummary, "rpc_seconds"), IsEmpty());
  EXPECT_THAT(RulesOfFamily(MetricType::kInfo, "build_info", "", "version"), IsEmpty());
  EXPECT_THAT(RulesOfFamily(MetricType::kUnknown, "queries_total"), IsEmpty());
  EXPECT_THAT(RulesOfFamily(MetricType::kGauge, "thermometers"), IsEmpty());  // no unit in it
  EXPECT_THAT(RulesOfFamily(MetricType::kGauge, "counterpart"), IsEmpty());
}

TEST(Lint, EachRuleFindsItsFamily) {
  EXPECT_THAT(RulesOfFamily(MetricType::kCounter, "jobs"), ElementsAre("counter_total"));
  EXPECT_THAT(RulesOfFamily(MetricType::kGauge, "open_total"), ElementsAre("total_suffix"));
  EXPECT_THAT(RulesOfFamily(MetricType::kGauge, "age_milliseconds"), ElementsAre("base_unit"));
  EXPECT_THAT(RulesOfFamily(MetricType::kGauge, "size_kilobytes"), ElementsAre("base_unit"));
  EXPECT_THAT(RulesOfFamily(MetricType::kGauge, "age_hours"), ElementsAre("base_unit"));
  EXPECT_THAT(RulesOfFamily(MetricType::kGauge, "age_ms"), ElementsAre("abbreviated"));
  EXPECT_THAT(RulesOfFamily(MetricType::kGauge, "jobs_gauge"), ElementsAre("type_in_name"));
  EXPECT_THAT(RulesOfFamily(MetricType::kGauge, "jobs_count"), ElementsAre("reserved_suffix"));
  EXPECT_THAT(RulesOfFamily(MetricType::kGauge, "jobs_sum"), ElementsAre("reserved_suffix"));
  EXPECT_THAT(RulesOfFamily(MetricType::kSummary, "jobs_bucket"), ElementsAre("reserved_suffix"));
  EXPECT_THAT(RulesOfFamily(MetricType::kGauge, "jobs", "", "le"), ElementsAre("reserved_label"));
  EXPECT_THAT(RulesOfFamily(MetricType::kGauge, "jobs", "", "quantile"),
              ElementsAre("reserved_label"));
  EXPECT_THAT(RulesOfFamily(MetricType::kGauge, "job:rate5"), ElementsAre("colon"));
  EXPECT_THAT(RulesOfFamily(MetricType::kGauge, "jobsOpen"), ElementsAre("camel_case"));
  EXPECT_THAT(RulesOfFamily(MetricType::kGauge, "jobs", "", "modelName"),
              ElementsAre("camel_case"));
  EXPECT_THAT(RulesOfFamily(MetricType::kGauge, "size", "bytes"), ElementsAre("unit_suffix"));
  EXPECT_THAT(RulesOfFamily(MetricType::kGauge, "bytes_used", "bytes"), ElementsAre("unit_suffix"));
  EXPECT_THAT(RulesOfFamily(MetricType::kGauge, "job_created"), ElementsAre("created_suffix"));
  EXPECT_THAT(RulesOfFamily(MetricType::kCounter, "jobMs_count"),
              ElementsAre("counter_total", "reserved_suffix", "camel_case"));
}

TEST(Lint, ReportsARuleOnceThoughTwoLabelsBreakIt) {
  testing::SnapshotBuilder builder;
  builder.sink().BeginFamily(MetricType::kGauge, "jobs", "H.");
  const Label labels[] = {{"le", "1"}, {"quantile", "0.5"}};
  builder.sink().Gauge(labels, 2, 1);
  const LintReport report = Lint(builder.Build());
  EXPECT_THAT(RulesOf(report), ElementsAre("reserved_label")) << report.ToText();
  // Where one of the two is at home, the other one is found.
  EXPECT_THAT(RulesOfFamily(MetricType::kHistogram, "job_seconds", "", "quantile"),
              ElementsAre("reserved_label"));
  EXPECT_THAT(RulesOfFamily(MetricType::kSummary, "job_seconds", "", "le"),
              ElementsAre("reserved_label"));
}

TEST(Lint, OfAMetricsNamesTheFamilyTheRuleAndTheCure) {
  const Metrics metrics{Options().Consumer()};
  metrics.Counter("good_total", "Good.").Increment();
  metrics.Counter("jobs", "").Increment();
  static_cast<void>(metrics.Gauge("age_minutes", "Not even a series.", {"a"}));
  const LintReport report = Lint(metrics);
  EXPECT_FALSE(report.ok());
  EXPECT_THAT(RulesOf(report), ElementsAre("base_unit", "help", "counter_total"));
  EXPECT_EQ(report.problems[1].family, "jobs");
  EXPECT_EQ(report.ToText(),
            "age_minutes: base_unit: age_minutes is in minutes; record in seconds\n"
            "jobs: help: jobs has no help text\n"
            "jobs: counter_total: jobs is a counter; call it jobs_total\n");
}

TEST(Lint, FindsNothingInTheLibrarysOwnFamilies) {
  const Metrics metrics{Options().Consumer().SeriesLimit(1)};
  const auto family = metrics.Counter("a_total", "A.", {"n"});
  for (int i = 0; i < 3; ++i) family.With(i).Increment();
  EXPECT_TRUE(Lint(metrics).ok()) << Lint(metrics).ToText();
}

}  // namespace
POLYMETER_END_NAMESPACE
