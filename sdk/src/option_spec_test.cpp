#include "sdk/src/option_spec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

POLYMETER_BEGIN_NAMESPACE
namespace {

using namespace std::chrono_literals;
using detail::BackendOptions;
using detail::Environment;
using detail::OptionKind;
using detail::OptionSpec;
using detail::Problems;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;

bool IsPath(std::string_view value) { return !value.empty() && value[0] == '/'; }

constexpr OptionSpec kSpecs[] = {
    {.name = "host", .default_value = "127.0.0.1", .standard = "OTEL_TEST_HOST"},
    {.name = "port",
     .kind = OptionKind::kInteger,
     .default_value = "9464",
     .standard = "OTEL_TEST_PORT,OTHER_PORT",
     .max = 65535},
    {.name = "tls",
     .kind = OptionKind::kBool,
     .default_value = "false",
     .standard = "OTEL_TEST_TLS"},
    {.name = "rate", .kind = OptionKind::kNumber, .default_value = "1", .max = 1},
    {.name = "timeout",
     .kind = OptionKind::kDuration,
     .default_value = "10s",
     .standard = "OTEL_TEST_TIMEOUT",
     .min = 1},
    {.name = "format",
     .kind = OptionKind::kChoice,
     .default_value = "text",
     .choices = "text,OpenMetrics",
     .standard = "OTEL_TEST_FORMAT"},
    {.name = "tags", .kind = OptionKind::kList},
    {.name = "headers", .kind = OptionKind::kPairs, .secret = true},
    {.name = "path", .default_value = "/metrics", .valid = &IsPath, .accepts = "a path from /"},
};

struct Resolved {
  BackendOptions options;
  Problems problems;
};

Resolved Resolve(StringPairs environment, const StringPairs& set = {}) {
  Resolved resolved;
  resolved.options =
      ResolveOptions("test", kSpecs, Environment(std::move(environment)), set, resolved.problems);
  return resolved;
}

TEST(VariableName, IsUpperCase) {
  EXPECT_EQ(detail::VariableName("prometheus", "max_connections"),
            "METRICS_PROMETHEUS_MAX_CONNECTIONS");
  EXPECT_EQ(detail::VariableName("", "backend"), "METRICS_BACKEND");
}

TEST(BackendOptions, HaveTheirDefaults) {
  const auto [options, problems] = Resolve({});
  EXPECT_EQ(options.Text("host"), "127.0.0.1");
  EXPECT_EQ(options.Integer("port"), 9464);
  EXPECT_FALSE(options.Bool("tls"));
  EXPECT_EQ(options.Number("rate"), 1);
  EXPECT_EQ(options.Duration("timeout"), 10s);
  EXPECT_EQ(options.Choice("format"), "text");
  EXPECT_TRUE(options.List("tags").empty());
  EXPECT_TRUE(options.Pairs("headers").empty());
  EXPECT_EQ(options.Source("port"), "default");
  EXPECT_TRUE(problems.empty());
}

TEST(BackendOptions, TakeMetricsVariablesOverStandardOnesOverTheCode) {
  const StringPairs set = {{"METRICS_TEST_PORT", "1"}, {"METRICS_TEST_PORT", "2"}};
  const auto code = Resolve({}, set);
  EXPECT_EQ(code.options.Integer("port"), 2);
  EXPECT_EQ(code.options.Source("port"), "options");
  const auto second = Resolve({{"OTHER_PORT", "3"}}, set);
  EXPECT_EQ(second.options.Integer("port"), 3);
  EXPECT_EQ(second.options.Source("port"), "OTHER_PORT");
  const auto first = Resolve({{"OTHER_PORT", "3"}, {"OTEL_TEST_PORT", "4"}}, set);
  EXPECT_EQ(first.options.Integer("port"), 4);
  const auto ours =
      Resolve({{"OTHER_PORT", "3"}, {"OTEL_TEST_PORT", "4"}, {"METRICS_TEST_PORT", " 5 "}}, set);
  EXPECT_EQ(ours.options.Integer("port"), 5);
  EXPECT_EQ(ours.options.Source("port"), "METRICS_TEST_PORT");
}

TEST(BackendOptions, ReportABadValueAndUseWhatComesNext) {
  const auto [options, problems] =
      Resolve({{"METRICS_TEST_PORT", "70000"}, {"OTEL_TEST_PORT", "http"}},
              {{"METRICS_TEST_PORT", "8080"}});
  EXPECT_EQ(options.Integer("port"), 8080);
  ASSERT_EQ(problems.all().size(), 2u);
  EXPECT_EQ(problems.Message(),
            "2 problems in the configuration:\n"
            "  METRICS_TEST_PORT='70000' is not an integer from 0 to 65535; "
            "8080 (options) is used.\n"
            "  OTEL_TEST_PORT='http' is not an integer from 0 to 65535; "
            "8080 (options) is used.");
}

TEST(BackendOptions, NameTheCodeAsThePlaceOfABadValue) {
  const auto [options, problems] = Resolve({}, {{"METRICS_TEST_RATE", "1.5"}});
  EXPECT_EQ(options.Number("rate"), 1);
  EXPECT_EQ(problems.Message(),
            "METRICS_TEST_RATE in Options='1.5' is not a number from 0 to 1; 1 (default) is used.");
}

TEST(BackendOptions, ReadOpenTelemetrysDurationsAsIntegerMilliseconds) {
  const auto resolved = Resolve({{"OTEL_TEST_TIMEOUT", "2500"}});
  EXPECT_EQ(resolved.options.Duration("timeout"), 2500ms);
  EXPECT_EQ(resolved.options.Text("timeout"), "2500ms") << "as METRICS_TEST_TIMEOUT takes it";
  for (const char* bad : {"2s", "2.5", "-1", "ten"}) {
    const auto [options, problems] = Resolve({{"OTEL_TEST_TIMEOUT", bad}});
    EXPECT_EQ(options.Duration("timeout"), 10s) << bad;
    EXPECT_THAT(problems.Message(), HasSubstr("integer number of milliseconds")) << bad;
  }
  const auto [options, problems] = Resolve({{"METRICS_TEST_TIMEOUT", "2500"}});
  EXPECT_EQ(options.Duration("timeout"), 10s);
  EXPECT_THAT(problems.Message(), HasSubstr("a duration with its unit"));
}

TEST(BackendOptions, ReadOpenTelemetrysBooleansAsTrueOrFalse) {
  EXPECT_TRUE(Resolve({{"OTEL_TEST_TLS", "TRUE"}}).options.Bool("tls"));
  // Whatever is not `true` is false there, even over what the code says.
  const auto [options, problems] =
      Resolve({{"OTEL_TEST_TLS", "yes"}}, {{"METRICS_TEST_TLS", "on"}});
  EXPECT_FALSE(options.Bool("tls"));
  EXPECT_EQ(problems.Message(),
            "OTEL_TEST_TLS='yes' is not true or false; false (OTEL_TEST_TLS) is used.");
  EXPECT_TRUE(Resolve({{"METRICS_TEST_TLS", "yes"}}).options.Bool("tls"));
}

TEST(BackendOptions, TakeAChoiceInAnyCase) {
  EXPECT_EQ(Resolve({{"METRICS_TEST_FORMAT", "openmetrics"}}).options.Choice("format"),
            "OpenMetrics");
  EXPECT_THAT(Resolve({{"METRICS_TEST_FORMAT", "xml"}}).problems.Message(),
              HasSubstr("is not one of text, OpenMetrics; text (default) is used"));
}

TEST(BackendOptions, HoldListsAndPairs) {
  const auto [options, problems] =
      Resolve({{"METRICS_TEST_TAGS", "a, b"}, {"METRICS_TEST_HEADERS", "api-key=x%2Cy"}});
  EXPECT_THAT(options.List("tags"), ElementsAre("a", "b"));
  EXPECT_THAT(options.Pairs("headers"), ElementsAre(Pair("api-key", "x,y")));
  EXPECT_TRUE(problems.empty());
  for (const char* const nothing : {",", " , "}) {
    const auto of_nothing = Resolve({{"METRICS_TEST_TAGS", nothing}}, {{"METRICS_TEST_TAGS", "c"}});
    EXPECT_THAT(of_nothing.options.List("tags"), ElementsAre("c"));
    EXPECT_THAT(of_nothing.problems.Message(), HasSubstr("is not a comma-separated list"));
  }
}

TEST(BackendOptions, ApplyTheFurtherCheck) {
  const auto [options, problems] = Resolve({{"METRICS_TEST_PATH", "metrics"}});
  EXPECT_EQ(options.Text("path"), "/metrics");
  EXPECT_THAT(problems.Message(), HasSubstr("is not a path from /"));
}

TEST(BackendOptions, ShowSecretsNowhere) {
  const auto bad =
      Resolve({{"METRICS_TEST_HEADERS", "hunter2"}}, {{"METRICS_TEST_HEADERS", "k=hunter3"}});
  EXPECT_THAT(bad.problems.Message(), HasSubstr("METRICS_TEST_HEADERS=***"));
  EXPECT_THAT(bad.problems.Message(), Not(HasSubstr("hunter")));
  for (const Setting& setting : bad.options.Describe()) {
    EXPECT_THAT(setting.value, Not(HasSubstr("hunter"))) << setting.name;
    if (setting.name == "METRICS_TEST_HEADERS") {
      EXPECT_EQ(setting.value, "***");
    }
  }
}

TEST(BackendOptions, DescribeEveryOptionWithItsSource) {
  const auto settings = Resolve({{"OTEL_TEST_HOST", "::1"}}).options.Describe();
  ASSERT_EQ(settings.size(), std::size(kSpecs));
  EXPECT_EQ(settings[0].name, "METRICS_TEST_HOST");
  EXPECT_EQ(settings[0].value, "::1");
  EXPECT_EQ(settings[0].source, "OTEL_TEST_HOST");
  EXPECT_EQ(settings[1].name, "METRICS_TEST_PORT");
  EXPECT_EQ(settings[1].value, "9464");
  EXPECT_EQ(settings[1].source, "default");
}

TEST(Problems, CutLongValuesAndEscapeControlCharacters) {
  const auto [options, problems] =
      Resolve({{"METRICS_TEST_PORT", "1\n2" + std::string(1000, 'x')}});
  EXPECT_LT(problems.Message().size(), 300u);
  EXPECT_THAT(problems.Message(), HasSubstr("'1\\x0a2xxx"));
}

TEST(Problems, EscapeControlCharactersThatSomebodyQuotes) {
  detail::Problems problems;
  problems.Add("file", "'a\nb\xff' cannot be read", "nothing is used");
  EXPECT_EQ(problems.Message(), "file 'a\\x0ab\xEF\xBF\xBD' cannot be read; nothing is used.");
}

TEST(Accepts, SaysWhatAStandardsVariableTakes) {
  constexpr OptionSpec kTimeout{.name = "timeout", .kind = OptionKind::kDuration, .min = 5};
  EXPECT_THAT(detail::Accepts(kTimeout), HasSubstr("with its unit"));
  EXPECT_THAT(detail::Accepts(kTimeout), HasSubstr("from 5ms"));
  EXPECT_EQ(detail::Accepts(kTimeout, "STATSD_TIMEOUT"), detail::Accepts(kTimeout));
  EXPECT_EQ(detail::Accepts(kTimeout, "OTEL_EXPORTER_OTLP_TIMEOUT"),
            "an integer number of milliseconds from 5");
  EXPECT_EQ(ToString(kTimeout.kind), "duration");
}

}  // namespace
POLYMETER_END_NAMESPACE
