#include "sdk/src/selection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include "sdk/src/view_rules.h"

#include "sdk/src/global_options.h"

POLYMETER_BEGIN_NAMESPACE
namespace {

using detail::Environment;
using detail::KnownBackend;
using detail::OptionKind;
using detail::OptionSpec;
using detail::Problems;
using detail::Selection;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;

constexpr OptionSpec kServerOptions[] = {
    {.name = "port", .kind = OptionKind::kInteger, .default_value = "9464"}};

const std::vector<KnownBackend>& Known() {
  static const std::vector<KnownBackend> kKnown = {
      {"null", {}, {}},
      {"prometheus", kServerOptions, {}},
      {"statsd", {}, {}},
      {"otlp", {}, "POLYMETER_WITH_OTLP"},
  };
  return kKnown;
}

struct Selected {
  Selection selection;
  Problems problems;

  std::string message() const { return problems.Message(); }
  std::pair<std::string, std::string> Said(std::string_view name) const {
    for (const Setting& setting : selection.settings) {
      if (setting.name == name) return {setting.value, setting.source};
    }
    return {"", "not described"};
  }
};

Selected Select(StringPairs environment, const Options& options = {}) {
  Selected selected;
  selected.selection =
      detail::Select(options, Environment(std::move(environment)), Known(), selected.problems);
  return selected;
}

std::map<std::string, std::string> Attributes(const Selected& selected) {
  const auto& attributes = selected.selection.options.resource_attributes();
  return {attributes.begin(), attributes.end()};
}

// --- METRICS_BACKEND -------------------------------------------------------------------------

TEST(MetricsBackend, UnsetIsNull) {
  const Selected selected = Select({});
  EXPECT_THAT(selected.selection.backends, IsEmpty());
  EXPECT_THAT(selected.Said("METRICS_BACKEND"), Pair("null", "default"));
  EXPECT_TRUE(selected.problems.empty()) << selected.message();
}

TEST(MetricsBackend, TakesSeveralNamesInAnyCaseEachOnce) {
  const Selected selected = Select({{"METRICS_BACKEND", " StatsD,prometheus , statsd,"}});
  EXPECT_THAT(selected.selection.backends, ElementsAre("statsd", "prometheus"));
  EXPECT_THAT(selected.Said("METRICS_BACKEND"), Pair("statsd,prometheus", "METRICS_BACKEND"));
  EXPECT_TRUE(selected.problems.empty());
}

TEST(MetricsBackend, NullAloneSelectsNothingAndAddsNothingBesideOthers) {
  EXPECT_THAT(Select({{"METRICS_BACKEND", "NULL"}}).selection.backends, IsEmpty());
  EXPECT_THAT(Select({{"METRICS_BACKEND", "null,prometheus"}}).selection.backends,
              ElementsAre("prometheus"));
}

TEST(MetricsBackend, NamesTheVariableTheValueAndWhatIsAcceptedForAWrongName) {
  const Selected selected = Select({{"METRICS_BACKEND", "prometeus"}});
  EXPECT_THAT(selected.selection.backends, IsEmpty());
  EXPECT_EQ(selected.message(),
            "METRICS_BACKEND='prometeus' names 'prometeus', which is no backend "
            "(did you mean prometheus?); accepted: null,prometheus,statsd; "
            "null is used: nothing is exported.");
}

TEST(MetricsBackend, UsesTheRightNamesBesideAWrongOne) {
  const Selected selected = Select({{"METRICS_BACKEND", "graphite,prometheus"}});
  EXPECT_THAT(selected.selection.backends, ElementsAre("prometheus"));
  EXPECT_THAT(selected.message(), HasSubstr("names 'graphite', which is no backend; accepted: "));
  EXPECT_THAT(selected.message(), HasSubstr("prometheus is used."));
}

TEST(MetricsBackend, SaysThatABackendIsNotBuiltIn) {
  EXPECT_THAT(Select({{"METRICS_BACKEND", "OTLP"}}).message(),
              HasSubstr("names 'OTLP', which is not built in (POLYMETER_WITH_OTLP=OFF)"));
}

TEST(MetricsBackend, WinsOverEverythingElseEvenWhenItIsWrong) {
  const Options options = Options().Backends("statsd");
  const Selected right =
      Select({{"METRICS_BACKEND", "prometheus"}, {"OTEL_METRICS_EXPORTER", "none"}}, options);
  EXPECT_THAT(right.selection.backends, ElementsAre("prometheus"));
  const Selected wrong =
      Select({{"METRICS_BACKEND", "x"}, {"OTEL_METRICS_EXPORTER", "prometheus"}}, options);
  EXPECT_THAT(wrong.selection.backends, IsEmpty());
}

TEST(MetricsBackend, OfTheCodeCountsWhereTheEnvironmentIsSilent) {
  const Selected setter = Select({}, Options().Backends("Prometheus"));
  EXPECT_THAT(setter.selection.backends, ElementsAre("prometheus"));
  EXPECT_THAT(setter.Said("METRICS_BACKEND"), Pair("prometheus", "options"));
  const Selected set =
      Select({}, Options().Backends("statsd").Set("METRICS_BACKEND", "prometheus"));
  EXPECT_THAT(set.selection.backends, ElementsAre("prometheus"));
  EXPECT_THAT(Select({{"METRICS_BACKEND", ""}}, Options().Backends("statsd")).selection.backends,
              ElementsAre("statsd"));
  EXPECT_THAT(Select({}, Options().Backends("promtheus")).message(),
              HasSubstr("METRICS_BACKEND in Options='promtheus' names"));
}

// --- OpenTelemetry's selection ---------------------------------------------------------------

TEST(OtelMetricsExporter, SelectsWhereMetricsBackendIsUnset) {
  const Selected selected =
      Select({{"OTEL_METRICS_EXPORTER", "Prometheus"}}, Options().Backends("statsd"));
  EXPECT_THAT(selected.selection.backends, ElementsAre("prometheus"));
  EXPECT_THAT(selected.Said("METRICS_BACKEND"), Pair("prometheus", "OTEL_METRICS_EXPORTER"));
  const Selected none = Select({{"OTEL_METRICS_EXPORTER", "none"}}, Options().Backends("statsd"));
  EXPECT_THAT(none.selection.backends, IsEmpty());
  EXPECT_THAT(none.Said("METRICS_BACKEND"), Pair("null", "OTEL_METRICS_EXPORTER"));
}

TEST(OtelMetricsExporter, IsIgnoredWithAMessageWhenTheStandardDoesNotKnowTheName) {
  const Selected selected =
      Select({{"OTEL_METRICS_EXPORTER", "statsd"}}, Options().Backends("prometheus"));
  EXPECT_THAT(selected.selection.backends, ElementsAre("prometheus"));
  EXPECT_EQ(selected.message(),
            "OTEL_METRICS_EXPORTER='statsd' names 'statsd', which is no backend; "
            "accepted: prometheus,none; it is ignored.");
}

TEST(OtelSdkDisabled, DisablesWhatOnlyOtelVariablesSelected) {
  const StringPairs otel = {{"OTEL_SDK_DISABLED", "TRUE"}, {"OTEL_METRICS_EXPORTER", "prometheus"}};
  const Selected only_otel = Select(otel);
  EXPECT_THAT(only_otel.selection.backends, IsEmpty());
  EXPECT_THAT(only_otel.Said("METRICS_BACKEND"), Pair("null", "OTEL_SDK_DISABLED"));
  EXPECT_THAT(Select(otel, Options().Backends("statsd")).selection.backends, ElementsAre("statsd"));
  StringPairs both = otel;
  both.emplace_back("METRICS_BACKEND", "prometheus");
  EXPECT_THAT(Select(both).selection.backends, ElementsAre("prometheus"));
}

TEST(OtelSdkDisabled, IsTrueOnlyForTheWordTrue) {
  const Selected selected =
      Select({{"OTEL_SDK_DISABLED", "1"}, {"OTEL_METRICS_EXPORTER", "prometheus"}});
  EXPECT_THAT(selected.selection.backends, ElementsAre("prometheus"));
  EXPECT_EQ(selected.message(), "OTEL_SDK_DISABLED='1' is not true or false; false is used.");
}

// --- identity --------------------------------------------------------------------------------

TEST(ServiceName, FollowsItsSourcesInOrder) {
  EXPECT_THAT(Select({}).selection.options.service(), HasSubstr("unknown_service:"));
  Options options;
  options.ResourceAttributes({{"service.name", "attribute"}});
  EXPECT_EQ(Select({}, options).selection.options.service(), "attribute");
  options.Service("code");
  EXPECT_EQ(Select({}, options).selection.options.service(), "code");
  StringPairs environment = {{"OTEL_RESOURCE_ATTRIBUTES", "service.name=resource"}};
  EXPECT_EQ(Select(environment, options).selection.options.service(), "resource");
  environment.emplace_back("OTEL_SERVICE_NAME", "name");
  const Selected selected = Select(environment, options);
  EXPECT_EQ(selected.selection.options.service(), "name");
  EXPECT_THAT(selected.Said("OTEL_SERVICE_NAME"), Pair("name", "OTEL_SERVICE_NAME"));
}

TEST(ResourceAttributes, OfTheEnvironmentWinOverTheCodes) {
  const Selected selected =
      Select({{"OTEL_RESOURCE_ATTRIBUTES",
               "deployment.environment=prod%2Ceu,service.version=2,service.instance.id=i"}},
             Options().Version("1").ResourceAttributes(
                 {{"deployment.environment", "test"}, {"team", "speech"}}));
  EXPECT_EQ(selected.selection.options.version(), "2");
  EXPECT_EQ(selected.selection.options.instance(), "i");
  EXPECT_EQ(Attributes(selected).at("deployment.environment"), "prod,eu");
  EXPECT_EQ(Attributes(selected).at("team"), "speech");
}

TEST(ResourceAttributes, AreAllDiscardedForOneError) {
  const Selected selected =
      Select({{"OTEL_RESOURCE_ATTRIBUTES", "team=speech,broken%2"}}, Options().Service("code"));
  EXPECT_EQ(Attributes(selected).count("team"), 0u);
  EXPECT_EQ(selected.selection.options.service(), "code");
  EXPECT_THAT(selected.message(), HasSubstr("all of its attributes are ignored"));
}

TEST(ResourceAttributes, HoldHostAndProcess) {
  EXPECT_EQ(Attributes(Select({})).at("process.pid"), std::to_string(getpid()));
  EXPECT_FALSE(Attributes(Select({})).at("host.name").empty());
  const Options options = Options().ResourceAttributes({{"host.name", "given"}});
  EXPECT_EQ(Attributes(Select({}, options)).at("host.name"), "given");
}

// --- the other settings ----------------------------------------------------------------------

TEST(MetricsLabels, JoinTheCodesLabels) {
  const Selected selected = Select({{"METRICS_LABELS", "region=eu%2Cwest,zone=b"}},
                                   Options().ConstLabels({{"region", "us"}, {"cell", "7"}}));
  EXPECT_THAT(selected.selection.options.const_labels(),
              ElementsAre(Pair("region", "eu,west"), Pair("cell", "7"), Pair("zone", "b")));
  EXPECT_THAT(selected.Said("METRICS_LABELS"),
              Pair("region=eu%2Cwest,cell=7,zone=b", "METRICS_LABELS"));
}

TEST(MetricsLabels, LeaveABadNameOut) {
  const Selected selected = Select({{"METRICS_LABELS", "le=1,zone=b,__x=2,a-b=3"}});
  EXPECT_THAT(selected.selection.options.const_labels(), ElementsAre(Pair("zone", "b")));
  EXPECT_EQ(selected.problems.all().size(), 3u);
  EXPECT_THAT(Select({{"METRICS_LABELS", "zone"}}).message(),
              HasSubstr("METRICS_LABELS='zone' is not name=value,name=value"));
}

TEST(MetricsPrefix, WinsOverTheCodesAndIsChecked) {
  const Options options = Options().Prefix("app_");
  EXPECT_EQ(Select({}, options).selection.options.prefix(), "app_");
  EXPECT_EQ(Select({{"METRICS_PREFIX", "ops_"}}, options).selection.options.prefix(), "ops_");
  const Selected bad = Select({{"METRICS_PREFIX", "my-app."}}, options);
  EXPECT_EQ(bad.selection.options.prefix(), "app_");
  EXPECT_THAT(bad.message(), HasSubstr("app_ (options) is used"));
  EXPECT_EQ(Select({}, Options().Prefix("1x")).selection.options.prefix(), "");
}

TEST(MetricsBuckets, AreSetByFamily) {
  const Selected selected = Select({{"METRICS_BUCKETS", "a_seconds=0.1, 0.5,1; b_bytes=1e3,1e6"}},
                                   Options().Buckets("a_seconds", {7}));
  const auto& buckets = selected.selection.options.buckets();
  ASSERT_EQ(buckets.size(), 3u);  // the last one of a family wins
  EXPECT_THAT(buckets[1], Pair("a_seconds", ElementsAre(0.1, 0.5, 1)));
  EXPECT_THAT(buckets[2], Pair("b_bytes", ElementsAre(1e3, 1e6)));
  EXPECT_TRUE(selected.problems.empty()) << selected.message();
}

TEST(MetricsBuckets, LeaveAWrongFamilyOut) {
  const Selected selected = Select({{"METRICS_BUCKETS", "a=1,1;b=;c;=1;d=1,x;e=1,inf;f=1,2"}});
  ASSERT_EQ(selected.selection.options.buckets().size(), 1u);
  EXPECT_THAT(selected.selection.options.buckets()[0], Pair("f", ElementsAre(1, 2)));
  EXPECT_EQ(selected.problems.all().size(), 6u) << selected.message();
}

TEST(MetricsBuckets, MayBeAThousandAtMost) {
  const auto bounds = [](int count) {
    std::string text;
    for (int i = 1; i <= count; ++i) text += (i > 1 ? "," : "") + std::to_string(i);
    return text;
  };
  const Selected selected = Select({{"METRICS_BUCKETS", "a=" + bounds(1001) + ";b=native," +
                                                            bounds(1001) + ";c=" + bounds(1000)}});
  ASSERT_EQ(selected.selection.options.buckets().size(), 1u);
  EXPECT_EQ(selected.selection.options.buckets()[0].first, "c");
  EXPECT_EQ(selected.selection.options.buckets()[0].second.size(), 1000u);
  EXPECT_EQ(selected.problems.all().size(), 2u) << selected.message();
  EXPECT_THAT(
      selected.message(),
      HasSubstr("has 1001 bounds for family a, where at most 1000 are accepted; this family "
                "keeps its own buckets"));
}

TEST(MetricsBuckets, SayWhichNamesOfFamiliesAreAccepted) {
  EXPECT_THAT(Select({{"METRICS_BUCKETS", "job-seconds=0.1,1"}}).message(),
              HasSubstr("names the family 'job-seconds', where a name is [a-zA-Z_:][a-zA-Z0-9_:]* "
                        "and begins with no '__'; this family keeps its own buckets"));
  const StringPairs utf8 = {{"METRICS_NAME_VALIDATION", "utf8"},
                            {"METRICS_BUCKETS", "job-seconds=0.1,1;__x=1"}};
  const Selected selected = Select(utf8);
  ASSERT_EQ(selected.selection.options.buckets().size(), 1u);
  EXPECT_THAT(selected.message(), HasSubstr("names the family '__x', where a name is UTF-8"));
}

TEST(MetricsBuckets, MayBeExponential) {
  const Selected selected = Select({{"METRICS_BUCKETS", "a=native;b=native:-4;c=0.5,1,native:8"}},
                                   Options().Buckets("a", {7}));
  EXPECT_TRUE(selected.problems.empty()) << selected.message();
  const auto& buckets = selected.selection.options.buckets();
  const auto& native = selected.selection.options.native_buckets();
  ASSERT_EQ(buckets.size(), 4u);
  ASSERT_EQ(native.size(), 4u);
  EXPECT_FALSE(native[0]);
  EXPECT_THAT(buckets[1], Pair("a", ElementsAre()));
  EXPECT_EQ(native[1]->schema(), 3);
  EXPECT_EQ(native[2]->schema(), -4);
  EXPECT_THAT(buckets[3], Pair("c", ElementsAre(0.5, 1)));
  EXPECT_EQ(native[3]->schema(), 8);

  const Selected bad =
      Select({{"METRICS_BUCKETS", "a=native:9;b=native:;c=natives;d=native,native:2;e=native:x"}});
  EXPECT_TRUE(bad.selection.options.buckets().empty());
  EXPECT_EQ(bad.problems.all().size(), 5u) << bad.message();
  EXPECT_THAT(bad.message(), HasSubstr("native:SCHEMA with a schema of -4 to 8"));
}

TEST(MetricsSeriesLimit, IsAnIntegerWithADefault) {
  EXPECT_EQ(Select({}).selection.options.series_limit(), 50000u);
  EXPECT_EQ(Select({{"METRICS_SERIES_LIMIT", "0"}}).selection.options.series_limit(), 0u);
  const Selected bad = Select({{"METRICS_SERIES_LIMIT", "-1"}}, Options().SeriesLimit(7));
  EXPECT_EQ(bad.selection.options.series_limit(), 7u);
  EXPECT_THAT(bad.message(), HasSubstr("7 (options) is used"));
  EXPECT_TRUE(Select({}, Options().SeriesLimit(static_cast<std::size_t>(-1))).problems.empty());
}

TEST(MetricsExemplars, IsOneOfOpenTelemetrysFilters) {
  const auto filter = [](const Selected& selected) {
    return selected.selection.options.exemplar_filter();
  };
  EXPECT_EQ(filter(Select({})), ExemplarFilter::kTraceBased);
  EXPECT_EQ(filter(Select({{"METRICS_EXEMPLARS", "always_on"}})), ExemplarFilter::kAlwaysOn);
  EXPECT_EQ(filter(Select({{"METRICS_EXEMPLARS", "Always_Off"}})), ExemplarFilter::kAlwaysOff);
  const Options options = Options().ExemplarFilter(ExemplarFilter::kAlwaysOn);
  EXPECT_EQ(filter(Select({}, options)), ExemplarFilter::kAlwaysOn);
  EXPECT_THAT(Select({}, options).Said("METRICS_EXEMPLARS"), Pair("always_on", "options"));

  // The standard's variable counts more than the code, and less than ours.
  const StringPairs standard{{"OTEL_METRICS_EXEMPLAR_FILTER", "always_off"}};
  EXPECT_EQ(filter(Select(standard, options)), ExemplarFilter::kAlwaysOff);
  EXPECT_THAT(Select(standard, options).Said("METRICS_EXEMPLARS"),
              Pair("always_off", "OTEL_METRICS_EXEMPLAR_FILTER"));
  EXPECT_EQ(filter(Select({{"OTEL_METRICS_EXEMPLAR_FILTER", "always_off"},
                           {"METRICS_EXEMPLARS", "trace_based"}})),
            ExemplarFilter::kTraceBased);

  const Selected wrong = Select({{"METRICS_EXEMPLARS", "on"}}, options);
  EXPECT_EQ(filter(wrong), ExemplarFilter::kAlwaysOn);
  EXPECT_THAT(wrong.message(), HasSubstr("METRICS_EXEMPLARS"));
  EXPECT_THAT(wrong.message(), HasSubstr("trace_based"));
}

TEST(MetricsSeriesWarning, IsAnIntegerWithADefault) {
  EXPECT_EQ(Select({}).selection.options.series_warning(), 2000u);
  EXPECT_EQ(Select({{"METRICS_SERIES_WARNING", "0"}}).selection.options.series_warning(), 0u);
  EXPECT_EQ(Select({}, Options().SeriesWarning(7)).selection.options.series_warning(), 7u);
  const Selected bad = Select({{"METRICS_SERIES_WARNING", "many"}}, Options().SeriesWarning(7));
  EXPECT_EQ(bad.selection.options.series_warning(), 7u);
  EXPECT_THAT(bad.message(), HasSubstr("7 (options) is used"));
}

TEST(MetricsSelf, IsABooleanThatByDefaultLeavesTheChoiceToTheMetrics) {
  EXPECT_EQ(Select({}).selection.options.self_metrics(), std::nullopt);
  EXPECT_EQ(Select({{"METRICS_SELF", "true"}}).selection.options.self_metrics(), true);
  EXPECT_EQ(Select({{"METRICS_SELF", "false"}}).selection.options.self_metrics(), false);
  EXPECT_EQ(Select({}, Options().SelfMetrics(false)).selection.options.self_metrics(), false);
  EXPECT_THAT(Select({{"METRICS_SELF", "perhaps"}}).message(), HasSubstr("METRICS_SELF"));
}

TEST(MetricsSeriesTtl, IsADuration) {
  using std::chrono::hours;
  EXPECT_EQ(Select({}).selection.options.series_ttl(), hours(0));
  EXPECT_EQ(Select({{"METRICS_SERIES_TTL", "1h"}}).selection.options.series_ttl(), hours(1));
  EXPECT_EQ(Select({}, Options().SeriesTtl(hours(2))).selection.options.series_ttl(), hours(2));
  EXPECT_THAT(Select({{"METRICS_SERIES_TTL", "1"}}).message(), HasSubstr("is not a duration"));
}

TEST(MetricsViews, ComeBeforeTheCodes) {
  const Selected selected =
      Select({{"METRICS_VIEWS", "debug_*=keep; statsd/http_*=drop_labels(path)"}},
             Options().AddView(View("*").Drop()));
  const auto& views = selected.selection.options.views();
  ASSERT_EQ(views.size(), 3u);
  EXPECT_EQ(views[0].families(), "debug_*");
  EXPECT_EQ(views[1].backend(), "statsd");
  EXPECT_EQ(views[2].families(), "*");
  EXPECT_THAT(selected.Said("METRICS_VIEWS"),
              Pair("debug_*=keep; statsd/http_*=drop_labels(path); *=drop", "METRICS_VIEWS"));
  EXPECT_TRUE(selected.problems.empty()) << selected.message();
  EXPECT_THAT(Select({}, Options().AddView(View("a").Drop())).Said("METRICS_VIEWS"),
              Pair("a=drop", "options"));
  EXPECT_THAT(Select({}).Said("METRICS_VIEWS"), Pair("", "default"));
  EXPECT_EQ(Select({}, Options().Set("METRICS_VIEWS", "a=drop")).selection.options.views().size(),
            1u);
}

TEST(MetricsViews, LeaveAWrongRuleOutAndSayWhatIsAccepted) {
  const Selected selected =
      Select({{"METRICS_VIEWS", "a=dorp; b=drop; statds/c=drop"}, {"METRICS_STRICT", "true"}},
             Options().AddView(View("d")));
  ASSERT_EQ(selected.selection.options.views().size(), 1u);
  EXPECT_EQ(selected.selection.options.views()[0].families(), "b");
  EXPECT_EQ(selected.problems.all().size(), 3u) << selected.message();
  EXPECT_THAT(selected.message(), HasSubstr("METRICS_VIEWS='a=dorp' has the action 'dorp'; "
                                            "accepted are keep, drop, drop_labels(a,b)"));
  EXPECT_THAT(selected.message(), HasSubstr("names 'statds', which is no backend (did you mean "
                                            "statsd?)"));
  EXPECT_THAT(selected.message(), HasSubstr("'d=' does nothing; this rule is left out"));
}

TEST(MetricsViews, KnowBackendsThatAreNotBuiltInOrNotSelected) {
  EXPECT_TRUE(Select({{"METRICS_VIEWS", "otlp/a=drop; prometheus/b=drop"}}).problems.empty());
}

// Runs nowhere: has a name, or fails to say it.
class NamedBackend final : public Backend {
 public:
  explicit NamedBackend(std::string name) : name_(std::move(name)) {}
  Status Start(SnapshotSource&) override { return {}; }
  Status Stop(Deadline) noexcept override { return {}; }
  BackendReport Report() const override {
    if (name_.empty()) throw std::runtime_error("no name");
    BackendReport report;
    report.name = name_;
    return report;
  }

 private:
  const std::string name_;
};

TEST(MetricsViews, KnowTheApplicationsOwnBackendsByName) {
  const Options options = Options()
                              .AddBackend(std::make_shared<NamedBackend>("Archive"))
                              .AddBackend(std::make_shared<NamedBackend>(""))
                              .AddBackend(nullptr);
  const Selected right = Select({{"METRICS_VIEWS", "archive/a=drop; statsd/b=drop"}}, options);
  EXPECT_TRUE(right.problems.empty()) << right.message();
  EXPECT_EQ(right.selection.options.views().size(), 2u);
  const Selected wrong =
      Select({{"METRICS_VIEWS", "statds/job_*=drop; archiv/b=drop"}}, Options(options));
  EXPECT_TRUE(wrong.selection.options.views().empty());
  EXPECT_THAT(wrong.message(), HasSubstr("names 'statds', which is no backend (did you mean "
                                         "statsd?)"));
  EXPECT_THAT(wrong.message(), HasSubstr("did you mean archive?"));
  EXPECT_EQ(Select({}, Options(options).AddView(View("a").Backend("statds").Drop()))
                .problems.all()
                .size(),
            1u);
}

TEST(MetricsViews, HaveNoneOfMetricsBuckets) {
  const Selected selected =
      Select({{"METRICS_BUCKETS", "a_seconds=1,2;b=native"}, {"METRICS_VIEWS", "c=drop"}},
             Options().Buckets("a_seconds", {7}).AddView(View("*").Buckets({9})));
  const Options& options = selected.selection.options;
  ASSERT_EQ(options.views().size(), 2u);
  EXPECT_EQ(options.views()[0].families(), "c");
  EXPECT_EQ(options.views()[1].families(), "*");
  EXPECT_EQ(options.buckets().size(), 3u);
  EXPECT_EQ(detail::Configured::Of(options).buckets, 2u);
  EXPECT_EQ(detail::Configured::Of(options).views, 1u);
}

TEST(MetricsStrict, IsABoolean) {
  EXPECT_FALSE(Select({}).selection.strict);
  EXPECT_TRUE(Select({{"METRICS_STRICT", "true"}}).selection.strict);
  EXPECT_THAT(Select({{"METRICS_STRICT", "very"}}).message(), HasSubstr("METRICS_STRICT='very'"));
}

// --- unknown names ---------------------------------------------------------------------------

TEST(UnknownVariables, AreReportedWhenTheyAreNearMissesOfOurs) {
  EXPECT_EQ(Select({{"METRICS_PROMETHEUS_PROT", "80"}}).message(),
            "METRICS_PROMETHEUS_PROT is not an option (did you mean METRICS_PROMETHEUS_PORT?); "
            "it is ignored.");
  EXPECT_THAT(Select({{"METRICS_BACKENDS", "prometheus"}}).message(),
              HasSubstr("did you mean METRICS_BACKEND?"));
}

TEST(UnknownVariables, OfOtherProgramsAreLeftAlone) {
  const Selected selected = Select({{"METRICS_ENABLED", "true"},
                                    {"METRICS_PORT", "8080"},
                                    {"METRICS_", "x"},
                                    {"METRICS", "x"},
                                    {"MY_METRICS_BACKENDS", "x"},
                                    {"PATH", "/bin"}});
  EXPECT_TRUE(selected.problems.empty()) << selected.message();
}

TEST(UnknownVariables, InTheCodesOptionsAreAlwaysReported) {
  EXPECT_EQ(Select({}, Options().Set("METRICS_WHATEVER", "1")).message(),
            "METRICS_WHATEVER in Options is not an option; it is ignored.");
  EXPECT_THAT(Select({}, Options().Set("prometheus_port", "1")).message(),
              HasSubstr("prometheus_port in Options is not an option"));
  EXPECT_THAT(Select({}, Options().Set("METRICS_OTLP_ENDPOINT", "x")).message(),
              HasSubstr("of a backend that is not built in (POLYMETER_WITH_OTLP=OFF)"));
}

TEST(Problems, AreAllSaidInOneMessage) {
  const Selected selected = Select({{"METRICS_BACKEND", "prometeus"},
                                    {"METRICS_PREFIX", "-"},
                                    {"METRICS_SERIES_LIMIT", "many"},
                                    {"METRICS_PROMETHEUS_PROT", "1"}});
  EXPECT_EQ(selected.problems.all().size(), 4u);
  const std::string message = selected.message();
  for (const char* name : {"METRICS_BACKEND=", "METRICS_PREFIX=", "METRICS_SERIES_LIMIT=",
                           "METRICS_PROMETHEUS_PROT is"}) {
    EXPECT_THAT(message, HasSubstr(name));
  }
}

// --- tables ----------------------------------------------------------------------------------

// docs/environment.md is made of them.
TEST(StandardVariables, EachOneCounts) {
  const std::map<std::string_view, std::string> values = {
      {"OTEL_METRICS_EXPORTER", "prometheus"},
      {"OTEL_SDK_DISABLED", "perhaps"},
      {"OTEL_SERVICE_NAME", "shop"},
      {"OTEL_RESOURCE_ATTRIBUTES", "service.version=7"}};
  EXPECT_EQ(detail::StandardVariables().size(), values.size());
  for (const OptionSpec& variable : detail::StandardVariables()) {
    const auto value = values.find(variable.name);
    ASSERT_NE(value, values.end()) << variable.name;
    StringPairs environment{{std::string(variable.name), value->second}};
    // Looked at only where there is something to disable.
    if (variable.name == "OTEL_SDK_DISABLED") {
      environment.emplace_back("OTEL_METRICS_EXPORTER", "prometheus");
    }
    const Selected selected = Select(std::move(environment));
    bool counts = !selected.problems.empty();
    for (const Setting& setting : selected.selection.settings) {
      counts = counts || setting.source == variable.name;
    }
    EXPECT_TRUE(counts) << variable.name;
  }
}

TEST(GlobalOptions, EachOneIsDescribed) {
  const Selected selected = Select({});
  for (const OptionSpec& option : detail::GlobalOptions()) {
    EXPECT_THAT(selected.Said(detail::VariableName("", option.name)), Pair(::testing::_, "default"))
        << option.name;
    EXPECT_FALSE(option.help.empty()) << option.name;
  }
}

}  // namespace
POLYMETER_END_NAMESPACE
