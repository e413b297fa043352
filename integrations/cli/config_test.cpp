#include "integrations/cli/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "exporters/backends.h"
#include "integrations/cli/program_for_test.h"

namespace polymeter::cli {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

ConfigReport Describe(StringPairs variables, bool selected = false) {
  return DescribeConfig(detail::Environment(std::move(variables)), selected);
}

TEST(Config, ShowsEveryOptionOfEveryBackend) {
  const ConfigReport report = Describe({});
  EXPECT_THAT(report.problems, IsEmpty());
  std::size_t options = 0;
  for (const detail::TableRow& row : detail::BackendTable()) {
    if (row.info == nullptr) continue;
    for (const detail::OptionSpec& spec : row.info->options) {
      EXPECT_THAT(report.text, HasSubstr(detail::VariableName(row.name, spec.name) + " "));
      ++options;
    }
  }
  EXPECT_GT(options, 20u);
  EXPECT_THAT(report.text, ContainsRegex("METRICS_BACKEND += null +\\(default\\)"));
}

TEST(Config, SaysWhereAValueComesFrom) {
  const ConfigReport report = Describe({{"METRICS_BACKEND", "prometheus"},
                                        {"METRICS_PROMETHEUS_HOST", "::1"},
                                        {"OTEL_EXPORTER_PROMETHEUS_PORT", "9999"}});
  EXPECT_THAT(report.problems, IsEmpty());
  EXPECT_THAT(report.text, ContainsRegex("METRICS_BACKEND += prometheus +\\(METRICS_BACKEND\\)"));
  EXPECT_THAT(report.text, HasSubstr("prometheus (selected)"));
  EXPECT_THAT(report.text,
              ContainsRegex("METRICS_PROMETHEUS_HOST += ::1 +\\(METRICS_PROMETHEUS_HOST\\)"));
  EXPECT_THAT(
      report.text,
      ContainsRegex("METRICS_PROMETHEUS_PORT += 9999 +\\(OTEL_EXPORTER_PROMETHEUS_PORT\\)"));
  EXPECT_THAT(report.text, ContainsRegex("METRICS_PROMETHEUS_PATH += /metrics +\\(default\\)"));
}

TEST(Config, ShowsOnlySelectedBackendsWhenAskedTo) {
  const ConfigReport report = Describe({{"METRICS_BACKEND", "prometheus"}}, /*selected=*/true);
  EXPECT_THAT(report.text, HasSubstr("METRICS_PROMETHEUS_PORT"));
  EXPECT_THAT(report.text, Not(HasSubstr("METRICS_OTLP_ENDPOINT")));
}

TEST(Config, NeverShowsASecret) {
  const std::string secret = "sesame-open";
  StringPairs variables{{"METRICS_BACKEND", "otlp,prometheus"},
                        {"OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20" + secret}};
  std::size_t secrets = 0;
  for (const detail::TableRow& row : detail::BackendTable()) {
    if (row.info == nullptr) continue;
    for (const detail::OptionSpec& spec : row.info->options) {
      if (!spec.secret) continue;
      variables.emplace_back(detail::VariableName(row.name, spec.name), "x=" + secret);
      ++secrets;
    }
  }
  ASSERT_GT(secrets, 0u);
  const ConfigReport report = Describe(std::move(variables));
  EXPECT_THAT(report.text, Not(HasSubstr(secret)));
  EXPECT_THAT(report.text, HasSubstr("***"));
}

TEST(Config, CollectsProblems) {
  const ConfigReport report = Describe({{"METRICS_BACKEND", "prometheus"},
                                        {"METRICS_PROMETHEUS_PORT", "99999999"},
                                        {"METRICS_PROMETHEUS_PRT", "1"}});
  EXPECT_EQ(report.problems.size(), 2u) << report.text;
  EXPECT_THAT(report.text, HasSubstr("did you mean METRICS_PROMETHEUS_PORT?"));
}

TEST(Config, EndsWith1ForProblemsAnd0Without) {
  const testing::Ended good = testing::RunCli({"config"});
  EXPECT_EQ(good.code, 0) << good.output;
  EXPECT_THAT(good.output, HasSubstr("METRICS_OTLP_ENDPOINT"));
  const testing::Ended bad = testing::RunCli({"config"}, {{"METRICS_BACKEND", "grafite"}});
  EXPECT_EQ(bad.code, 1);
  EXPECT_THAT(bad.output, HasSubstr("grafite"));
}

}  // namespace
}  // namespace polymeter::cli
