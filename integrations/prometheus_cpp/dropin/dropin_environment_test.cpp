#include "integrations/prometheus_cpp/dropin/dropin_environment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dropin_environment_test {
namespace {

using namespace polymeter::detail;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Environment With(const char* name, const char* value) {
  return Environment(polymeter::StringPairs{{name, value}});
}
PushSelection Selected(polymeter::StringPairs variables) {
  return PushSelectionOf(Environment(std::move(variables)));
}

TEST(DropinEnvironment, ThatIsUnsetOrBlankSelectsNothing) {
  EXPECT_FALSE(Selected({}).any);
  for (const char* blank : {"", " ", ",", " , "}) {
    const PushSelection selection = Selected({{"METRICS_BACKEND", blank}});
    EXPECT_FALSE(selection.any) << blank;
    EXPECT_TRUE(selection.notices.empty()) << blank;
  }
}

TEST(DropinEnvironment, IsNotChangedByOpenTelemetrysExporterAlone) {
  EXPECT_FALSE(Selected({{"OTEL_METRICS_EXPORTER", "otlp"}}).any);
  const PushSelection selection =
      Selected({{"OTEL_METRICS_EXPORTER", "otlp"}, {"METRICS_BACKEND", "statsd"}});
  EXPECT_TRUE(selection.any);
  EXPECT_EQ(selection.environment.Get("METRICS_BACKEND"), "statsd");
}

TEST(DropinEnvironment, SaysOnceThatPrometheusAndNullMeanNothing) {
  const PushSelection selection =
      Selected({{"METRICS_BACKEND", "Prometheus, otlp,NULL,prometheus,statsd"}, {"X", "y"}});
  EXPECT_TRUE(selection.any);
  EXPECT_EQ(selection.environment.Get("METRICS_BACKEND"), "otlp,statsd");
  EXPECT_EQ(selection.environment.Get("X"), "y");
  EXPECT_THAT(selection.notices,
              ElementsAre(HasSubstr("no second server"), HasSubstr("turns nothing off")));
  EXPECT_FALSE(Selected({{"METRICS_BACKEND", "prometheus"}}).any);
  EXPECT_THAT(Selected({{"METRICS_BACKEND", "null"}}).notices,
              ElementsAre(HasSubstr("turns nothing off")));
}

TEST(DropinEnvironment, ServesTextAloneUnlessItSaysMore) {
  const auto pages = [](const char* formats) {
    Problems problems;
    const auto options = PagesOf(With("METRICS_PROMETHEUS_FORMATS", formats), problems);
    EXPECT_TRUE(problems.empty()) << formats;
    EXPECT_FALSE(options.protobuf) << formats;
    return options.format;
  };
  using polymeter::ExpositionFormat;
  EXPECT_EQ(pages(""), ExpositionFormat::kText004);
  EXPECT_EQ(pages("text"), ExpositionFormat::kText004);
  EXPECT_EQ(pages("openmetrics"), ExpositionFormat::kOpenMetrics100);
  EXPECT_EQ(pages("OpenMetrics, text"), std::nullopt);

  Problems problems;
  const auto options = PagesOf(With("METRICS_PROMETHEUS_FORMATS", "text,protobuf"), problems);
  EXPECT_EQ(options.format, ExpositionFormat::kText004);
  ASSERT_EQ(problems.all().size(), 1u);
  EXPECT_THAT(problems.Message(), HasSubstr("text, openmetrics or text,openmetrics"));
}

TEST(DropinEnvironment, IsStrictWhereItSaysSo) {
  Problems problems;
  EXPECT_FALSE(StrictOf(Environment(), problems));
  EXPECT_TRUE(StrictOf(With("METRICS_STRICT", "true"), problems));
  EXPECT_TRUE(problems.empty());
  EXPECT_FALSE(StrictOf(With("METRICS_STRICT", "perhaps"), problems));
  EXPECT_FALSE(problems.empty());
}

}  // namespace
}  // namespace dropin_environment_test
