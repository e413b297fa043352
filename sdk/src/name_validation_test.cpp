// Which names are accepted: by the rules, in the registry, from producers and in the environment.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "polymeter/metrics.h"
#include "sdk/src/selection.h"
#include "sdk/src/text.h"
#include "sdk/testing/log_capture.h"
#include "sdk/testing/snapshot_builder.h"
#include "test/conformance/hostile_names.h"

namespace polymeter {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
constexpr NameValidation kUtf8 = NameValidation::kUtf8;
constexpr std::string_view kRefused[] = {"",     "__x",   std::string_view("a\0b", 3),
                                         "\xFF", "a\xC3", "\xED\xA0\x80"};

TEST(NameRules, Utf8TakesWhatIsUtf8AndNotPrometheusOwn) {
  for (const std::string& name : testing::HostileNames()) {
    EXPECT_TRUE(detail::IsMetricName(name, kUtf8)) << name;
    EXPECT_TRUE(detail::IsLabelName(name, kUtf8)) << name;
  }
  for (const std::string_view name : kRefused) {
    EXPECT_FALSE(detail::IsMetricName(name, kUtf8)) << name;
    EXPECT_FALSE(detail::IsLabelName(name, kUtf8)) << name;
  }
  EXPECT_FALSE(detail::IsMetricName("a.b", NameValidation::kLegacy));
  EXPECT_TRUE(detail::IsMetricName("a:b", NameValidation::kLegacy));
  EXPECT_FALSE(detail::IsLabelName("a:b", NameValidation::kLegacy));
}

TEST(NameRules, ShowNamesInMessagesOnOneLine) {
  EXPECT_EQ(detail::ShownName("jobs_total"), "jobs_total");
  EXPECT_EQ(detail::ShownName("a\nforged"), "'a\\x0aforged'");
}

TEST(RegistryNames, AreLegacyUnlessAskedFor) {
  const Metrics metrics(Options().Consumer());
  const auto refused = metrics.TryCounter("http.requests_total", "");
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.message(), HasSubstr("[a-zA-Z_:][a-zA-Z0-9_:]*"));
  EXPECT_FALSE(metrics.TryGauge("g", "", {"http.method"}));
}

TEST(RegistryNames, MayBeUtf8WhereAskedFor) {
  testing::LogCapture log;
  const Metrics metrics(Options()
                            .Consumer()
                            .Names(kUtf8)
                            .Prefix("my app.")
                            .ConstLabels({{"deploy.env", "test"}})
                            .Log(log.callback()));
  metrics.Counter("http.requests_total", "", {"http.method"}).With("GET").Increment(3);
  metrics.Gauge("plain", "").Set(1);
  const Snapshot snapshot = metrics.TakeSnapshot();
  bool found = false;
  for (const FamilyView& family : snapshot.families()) {
    if (family.name != "my app.http.requests_total") continue;
    found = true;
    EXPECT_TRUE(family.utf8_names);
    std::string labels;
    VisitLabels(family, std::get<CounterPoints>(family.points).at(0).series,
                [&](std::string_view name, std::string_view value) {
                  labels += std::string(name) + "=" + std::string(value) + ";";
                });
    EXPECT_EQ(labels, "deploy.env=test;http.method=GET;");
  }
  EXPECT_TRUE(found);
  EXPECT_THAT(log.messages(), ::testing::IsEmpty());
}

TEST(RegistryNames, SayWhichOnesAreLegacy) {
  const auto flag = [](const Metrics& metrics) {
    const Snapshot snapshot = metrics.TakeSnapshot();
    for (const FamilyView& family : snapshot.families()) {
      if (family.name.substr(0, 9) != "polymeter") return family.utf8_names;
    }
    return false;
  };
  const Metrics legacy(Options().Consumer().Names(kUtf8));
  legacy.Gauge("a", "", {"b"}).With(1).Set(1);
  EXPECT_FALSE(flag(legacy));
  const Metrics label(Options().Consumer().Names(kUtf8));
  label.Gauge("a", "", {"b.c"}).With(1).Set(1);
  EXPECT_TRUE(flag(label));
  const Metrics own(Options().Consumer().Names(kUtf8));
  own.Gauge("a", "", FamilyOptions().ConstLabels({{"b.c", "1"}})).Set(1);
  EXPECT_TRUE(flag(own));
  const Metrics all(Options().Consumer().Names(kUtf8).ConstLabels({{"b.c", "1"}}));
  all.Gauge("a", "").Set(1);
  EXPECT_TRUE(flag(all));
}

TEST(RegistryNames, ThatAreReservedStaySo) {
  const Metrics metrics(Options().Consumer().Names(kUtf8));
  for (const std::string_view name : kRefused) {
    const auto refused = metrics.TryGauge(name, "");
    ASSERT_FALSE(refused) << name;
    EXPECT_THAT(refused.message(),
                AllOf(HasSubstr("UTF-8, not empty and without NUL"), HasSubstr("'__'")));
    EXPECT_THAT(refused.message(), Not(HasSubstr("a-zA-Z")));
    EXPECT_FALSE(metrics.TryGauge("g", "", std::vector<std::string>{std::string(name)})) << name;
  }
  EXPECT_FALSE(metrics.TryHistogram("h", "", {"le"}));
  EXPECT_TRUE(metrics.TryGauge("with_le", "", {"le"}));
  EXPECT_FALSE(metrics.TryGauge("with_overflow", "", {"otel_metric_overflow"}));
}

TEST(ProducedNames, FollowTheMetrics) {
  const auto produce = [](FamilySink& sink) {
    sink.BeginFamily(MetricType::kGauge, "disk.free", "");
    sink.Gauge({{"mount.point", "/"}}, 1);
    sink.BeginFamily(MetricType::kGauge, "disk_used", "");
    sink.Gauge({{"mount", "/"}}, 1);
    sink.Gauge({{"__name__", "/"}}, 1);
  };
  testing::SnapshotBuilder utf8;
  produce(utf8.Names(kUtf8).sink());
  EXPECT_EQ(utf8.refused(), 1u);
  const Snapshot snapshot = utf8.Build();
  ASSERT_EQ(snapshot.families().size(), 2u);
  EXPECT_TRUE(snapshot.families()[0].utf8_names);
  EXPECT_FALSE(snapshot.families()[1].utf8_names);
  testing::SnapshotBuilder legacy;
  produce(legacy.sink());
  EXPECT_EQ(legacy.refused(), 3u);  // the family, its point, the reserved label

  class Disks final : public Producer {
   public:
    void Collect(FamilySink& sink) override {
      sink.BeginFamily(MetricType::kGauge, "disk.free", "");
      sink.Gauge({{"mount.point", "/"}}, 1);
    }
  };
  for (const NameValidation names : {kUtf8, NameValidation::kLegacy}) {
    Disks disks;
    testing::LogCapture log;
    const Metrics metrics(Options().Consumer().Names(names).Log(log.callback()));
    const Attachment attachment = metrics.AddProducer(disks);
    bool shown = false;
    const Snapshot taken = metrics.TakeSnapshot();
    for (const FamilyView& family : taken.families()) {
      shown = shown || family.name == "disk.free";
    }
    EXPECT_EQ(shown, names == kUtf8);
  }
}

TEST(ProducedNames, OfAMergedFamilyCountWhoeverBringsThem) {
  const Metrics metrics(Options().Consumer().Names(kUtf8));
  metrics.Gauge("level", "", {"place"}).With("x").Set(1);
  class Levels final : public Producer {
   public:
    void Collect(FamilySink& sink) override {
      sink.BeginFamily(MetricType::kGauge, "level", "");
      sink.Gauge({{"the.place", "y"}}, 2);
    }
  } levels;
  const Attachment attachment = metrics.AddProducer(levels);
  const Snapshot snapshot = metrics.TakeSnapshot();
  for (const FamilyView& family : snapshot.families()) {
    if (family.name == "level") {
      EXPECT_EQ(family.size(), 2u);
      EXPECT_TRUE(family.utf8_names);
    }
  }
}

// --- the environment -----------------------------------------------------------------------------

struct SelectedNames {
  detail::Selection selection;
  detail::Problems problems;
};
SelectedNames SelectFrom(StringPairs environment, const Options& options = {}) {
  SelectedNames selected;
  selected.selection =
      detail::Select(options, detail::Environment(std::move(environment)), {}, selected.problems);
  return selected;
}

TEST(NameValidationOption, ComesFromTheEnvironmentThenTheCode) {
  EXPECT_EQ(SelectFrom({}).selection.options.names(), NameValidation::kLegacy);
  EXPECT_EQ(SelectFrom({{"METRICS_NAME_VALIDATION", "UTF8"}}).selection.options.names(), kUtf8);
  EXPECT_EQ(SelectFrom({}, Options().Names(kUtf8)).selection.options.names(), kUtf8);
  EXPECT_EQ(SelectFrom({{"METRICS_NAME_VALIDATION", "legacy"}}, Options().Names(kUtf8))
                .selection.options.names(),
            NameValidation::kLegacy);
  const SelectedNames bad = SelectFrom({{"METRICS_NAME_VALIDATION", "utf-16"}});
  EXPECT_EQ(bad.selection.options.names(), NameValidation::kLegacy);
  EXPECT_EQ(bad.problems.all().size(), 1u) << bad.problems.Message();
  EXPECT_THAT(bad.problems.Message(), HasSubstr("one of legacy, utf8"));
}

TEST(NameValidationOption, DecidesAboutPrefixLabelsAndBuckets) {
  const StringPairs given = {{"METRICS_PREFIX", "my app."},
                             {"METRICS_LABELS", "deploy.env=a,caf%C3%A9=b"},
                             {"METRICS_BUCKETS", "http.wait=1,2"}};
  StringPairs asked = given;
  asked.emplace_back("METRICS_NAME_VALIDATION", "utf8");
  const SelectedNames utf8 = SelectFrom(asked);
  EXPECT_TRUE(utf8.problems.empty()) << utf8.problems.Message();
  EXPECT_EQ(utf8.selection.options.prefix(), "my app.");
  EXPECT_EQ(utf8.selection.options.const_labels(),
            (StringPairs{{"deploy.env", "a"}, {"caf\xC3\xA9", "b"}}));
  ASSERT_EQ(utf8.selection.options.buckets().size(), 1u);
  EXPECT_EQ(utf8.selection.options.buckets()[0].first, "http.wait");

  const SelectedNames legacy = SelectFrom(given, Options().Prefix("code_"));
  EXPECT_EQ(legacy.problems.all().size(), 4u) << legacy.problems.Message();
  EXPECT_EQ(legacy.selection.options.prefix(), "code_");
  EXPECT_TRUE(legacy.selection.options.const_labels().empty());

  const SelectedNames reserved = SelectFrom({{"METRICS_PREFIX", "__x"},
                                             {"METRICS_LABELS", "__x=1,le=2"},
                                             {"METRICS_NAME_VALIDATION", "utf8"}});
  EXPECT_EQ(reserved.problems.all().size(), 3u) << reserved.problems.Message();
  EXPECT_THAT(reserved.problems.Message(), HasSubstr("UTF-8"));
  EXPECT_THAT(reserved.problems.Message(), Not(HasSubstr("a-zA-Z")));
}

}  // namespace
}  // namespace polymeter
