#include "polymeter/recorder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "polymeter/testing.h"
#include "sdk/testing/log_capture.h"

POLYMETER_BEGIN_NAMESPACE
namespace {

using namespace std::chrono_literals;
using testing::CountOf;
using testing::FindFamily;
using ::testing::HasSubstr;
using testing::LogCapture;
using testing::SumOf;
using testing::ValueOf;

class RecorderTest : public ::testing::Test {
 protected:
  LogCapture log_;
  const Metrics metrics_{Options().Consumer().Log(log_.callback())};
  DefaultInstallation installed_ = InstallDefault(metrics_);

  std::string UnitOf(std::string_view family) const {
    const auto snapshot = metrics_.TakeSnapshot();
    const auto* const view = FindFamily(snapshot, family);
    return view == nullptr ? "no family" : std::string(view->unit);
  }
};

// --- by name ---------------------------------------------------------------------------------

TEST_F(RecorderTest, CompletesNamesToWhatPrometheusExpects) {
  RecordCount("jobs");
  RecordCount("jobs_total", 2);
  EXPECT_EQ(ValueOf(metrics_, "jobs_total"), 3);

  RecordLatency("inference", 500ms);
  RecordLatency("inference_duration", 500ms);
  RecordLatency("inference_duration_seconds", 500ms);
  EXPECT_EQ(CountOf(metrics_, "inference_duration_seconds"), 3u);
  EXPECT_EQ(SumOf(metrics_, "inference_duration_seconds"), 1.5);
  EXPECT_EQ(UnitOf("inference_duration_seconds"), "seconds");
  RecordLatency("disk_latency", 1s);
  EXPECT_EQ(CountOf(metrics_, "disk_latency_seconds"), 1u);
  RecordLatency("cpu_time", 1s);
  EXPECT_EQ(CountOf(metrics_, "cpu_time_seconds"), 1u);

  RecordGauge("temperature_celsius", -4.5);
  EXPECT_EQ(ValueOf(metrics_, "temperature_celsius"), -4.5);
  RecordGauge("age_seconds", 1500ms);
  EXPECT_EQ(ValueOf(metrics_, "age_seconds"), 1.5);
  AddToGauge("waiting", 5);
  AddToGauge("waiting", -2);
  EXPECT_EQ(ValueOf(metrics_, "waiting"), 3);
  RecordValue("batch_size", 12);
  EXPECT_EQ(SumOf(metrics_, "batch_size"), 12);
}

TEST_F(RecorderTest, ThroughputIsACounterOfItemsOrBytesAndTheTimeTheyTook) {
  RecordThroughput("decode", Items{30}, 2s);
  RecordThroughput("decode", Items{12});
  RecordThroughput("decode", Bytes{1u << 20}, 1s);
  EXPECT_EQ(ValueOf(metrics_, "decode_items_total"), 42);
  EXPECT_EQ(ValueOf(metrics_, "decode_bytes_total"), 1 << 20);
  EXPECT_EQ(UnitOf("decode_bytes_total"), "bytes");
  EXPECT_EQ(SumOf(metrics_, "decode_duration_seconds"), 3);
  EXPECT_EQ(CountOf(metrics_, "decode_duration_seconds"), 2u);
}

TEST_F(RecorderTest, LabelsComeInAnyOrderAndAnyCount) {
  for (int i = 0; i < 3; ++i) {
    RecordCount("orders", 1, {{"status", 201}, {"gift", true}});
    RecordCount("orders", {{"gift", true}, {"status", 201}});
  }
  EXPECT_EQ(ValueOf(metrics_, "orders_total", {{"status", "201"}, {"gift", "true"}}), 6);
  // More labels than the short way takes.
  for (int i = 0; i < 3; ++i) {
    RecordCount("wide", {{"a", 1},
                         {"b", 2},
                         {"c", 3},
                         {"d", 4},
                         {"e", 5},
                         {"f", 6},
                         {"g", 7},
                         {"h", 8},
                         {"i", 9},
                         {"j", 10}});
  }
  const auto snapshot = metrics_.TakeSnapshot();
  ASSERT_EQ(testing::SeriesCount(snapshot, "wide_total"), 1u);
  EXPECT_EQ(std::get<CounterPoints>(FindFamily(snapshot, "wide_total")->points)[0].whole, 3u);
}

TEST_F(RecorderTest, ARemovedSeriesIsMadeAnew) {
  RecordCount("jobs", 5, {{"kind", "a"}});
  metrics_.Counter("jobs_total", "", {"kind"}).Remove("a");
  RecordCount("jobs", 1, {{"kind", "a"}});
  EXPECT_EQ(ValueOf(metrics_, "jobs_total", {{"kind", "a"}}), 1);
}

TEST_F(RecorderTest, AFamilyThatWasDeclaredKeepsHelpUnitAndBuckets) {
  const auto declared = metrics_.Histogram("inference_duration_seconds", "Time to infer.",
                                           {"model"}, FamilyOptions().Buckets({1, 2}));
  const auto open = metrics_.Gauge("open", "Open.", FamilyOptions().Additive());
  RecordLatency("inference", 1500ms, {{"model", "base"}});
  { const ScopedLatency timing("inference", {{"model", "small"}}); }
  RecordGauge("open", 4);
  AddToGauge("open", 1);
  POLYMETER_GAUGE("open", "Other help.").Increment();
  EXPECT_EQ(open.Value(), 6);
  EXPECT_EQ(declared.With("base").Count(), 1u);
  EXPECT_EQ(declared.With("small").Count(), 1u);
  EXPECT_EQ(testing::BucketOf(metrics_, "inference_duration_seconds", 2, {{"model", "base"}}), 1u);
  EXPECT_EQ(log_.messages(), std::vector<std::string>());
}

TEST_F(RecorderTest, BadNamesAreRefusedOnceAndTheRestGoesOn) {
  for (int i = 0; i < 5; ++i) {
    RecordCount("no name");
    RecordCount("");
    RecordLatency("x", 1s, {{"le", "1"}});
  }
  metrics_.Gauge("taken_total", "A gauge.").Set(7);
  for (int i = 0; i < 5; ++i) RecordCount("taken");
  RecordCount("jobs");
  EXPECT_EQ(ValueOf(metrics_, "polymeter_refused_total", {{"reason", "family"}}),
            8);  // each call with labels
  EXPECT_EQ(log_.Count("no name_total"), 1);
  EXPECT_EQ(log_.Count("there is already gauge taken_total"), 1);
  EXPECT_EQ(ValueOf(metrics_, "taken_total"), 7);
  EXPECT_EQ(ValueOf(metrics_, "jobs_total"), 1);
}

TEST_F(RecorderTest, ACallWithBadLabelsDoesNotSilenceTheName) {
  RecordCount("jobs", 1, {{"model-name", "a"}});
  for (int i = 0; i < 3; ++i) RecordCount("jobs", 1, {{"model", "a"}});
  EXPECT_EQ(ValueOf(metrics_, "jobs_total", {{"model", "a"}}), 3);
  // Nor does it keep out a family that is declared later.
  RecordLatency("inference", 1s, {{"le", "1"}});
  const auto declared = metrics_.Histogram("inference_duration_seconds", "Time.", {"model"});
  RecordLatency("inference", 1s, {{"model", "base"}});
  EXPECT_EQ(declared.With("base").Count(), 1u);
  EXPECT_EQ(ValueOf(metrics_, "polymeter_refused_total", {{"reason", "family"}}), 2);
}

TEST_F(RecorderTest, OtherLabelNamesThanTheFamilysAreRefusedAndCounted) {
  RecordCount("jobs", {{"model", "a"}});
  RecordCount("jobs");
  RecordCount("jobs", {{"language", "a"}});
  EXPECT_EQ(ValueOf(metrics_, "polymeter_refused_total", {{"reason", "label_count"}}), 1);
  EXPECT_EQ(ValueOf(metrics_, "polymeter_refused_total", {{"reason", "label_name"}}), 1);
  EXPECT_EQ(ValueOf(metrics_, "jobs_total", {{"model", "a"}}), 1);
}

TEST_F(RecorderTest, NegativeAndNaNAreRefusedAsByAnyHandle) {
  RecordCount("jobs", -1);
  RecordCount("jobs", std::numeric_limits<double>::quiet_NaN());
  RecordValue("sizes", std::numeric_limits<double>::quiet_NaN());
  EXPECT_EQ(ValueOf(metrics_, "polymeter_refused_total", {{"reason", "bad_value"}}), 3);
  EXPECT_EQ(CountOf(metrics_, "sizes"), 0u);
}

TEST_F(RecorderTest, NamesAreBounded) {
  for (int i = 0; i < 10100; ++i) RecordGauge("name_" + std::to_string(i), i);
  const auto snapshot = metrics_.TakeSnapshot();
  EXPECT_EQ(ValueOf(snapshot, "polymeter_refused_total", {{"reason", "recorder_names"}}), 100);
  EXPECT_EQ(ValueOf(snapshot, "name_9999"), 9999);
  EXPECT_FALSE(testing::Exists(snapshot, "name_10000"));
  EXPECT_EQ(log_.Count("10000 names"), 1);
  RecordGauge("name_5", 55);  // those that are there go on
  EXPECT_EQ(ValueOf(metrics_, "name_5"), 55);
}

// --- by call site ----------------------------------------------------------------------------

TEST_F(RecorderTest, MacrosGiveTheHandleOfTheirFamily) {
  for (int i = 0; i < 10; ++i) {
    POLYMETER_COUNTER("pages_total", "Pages.").Increment();
    POLYMETER_COUNTER("kinds_total", "Kinds.", {{"kind", "index"}, {"level", 2}}).Increment(i);
    POLYMETER_GAUGE("level", "Level.").Set(i);
    POLYMETER_HISTOGRAM("size_bytes", "Size.",
                        polymeter::FamilyOptions().Unit("bytes").Buckets({100, 200}))
        .Observe(150);
    POLYMETER_HISTOGRAM("labelled_bytes", "Size.", {{"a", "b"}},
                        polymeter::FamilyOptions().Buckets({1000}))
        .Observe(1);
    POLYMETER_TIME_SCOPE("turn_duration_seconds", "Time.");
    POLYMETER_TIME_SCOPE("turn2_duration_seconds", "Time.", {{"a", "b"}});
  }
  EXPECT_EQ(ValueOf(metrics_, "pages_total"), 10);
  EXPECT_EQ(ValueOf(metrics_, "kinds_total", {{"kind", "index"}, {"level", "2"}}), 45);
  EXPECT_EQ(ValueOf(metrics_, "level"), 9);
  EXPECT_EQ(testing::BucketOf(metrics_, "size_bytes", 200), 10u);
  EXPECT_EQ(testing::BucketOf(metrics_, "labelled_bytes", 1000, {{"a", "b"}}), 10u);
  EXPECT_EQ(UnitOf("size_bytes"), "bytes");
  EXPECT_EQ(CountOf(metrics_, "turn_duration_seconds"), 10u);
  EXPECT_EQ(CountOf(metrics_, "turn2_duration_seconds", {{"a", "b"}}), 10u);
  const auto snapshot = metrics_.TakeSnapshot();
  EXPECT_EQ(FindFamily(snapshot, "pages_total")->help, "Pages.");
}

// One call site, evaluated at several times of the tests below.
polymeter::Counter CallSiteInAFunction() {
  return POLYMETER_COUNTER("site_total", "Evaluated in many defaults.");
}

TEST_F(RecorderTest, ACallSiteFollowsTheDefault) {
  CallSiteInAFunction().Increment();
  {
    const Metrics other{Options().Consumer()};
    const auto hides = InstallDefault(other);
    CallSiteInAFunction().Increment(10);
    EXPECT_EQ(ValueOf(other, "site_total"), 10);
  }
  CallSiteInAFunction().Increment();
  EXPECT_EQ(ValueOf(metrics_, "site_total"), 2);

  installed_.End();
  const auto before = RecorderReport();
  EXPECT_FALSE(CallSiteInAFunction());
  EXPECT_FALSE(CallSiteInAFunction());
  EXPECT_EQ(RecorderReport().after_shutdown, before.after_shutdown + 2);

  const auto again = InstallDefault(metrics_);
  CallSiteInAFunction().Increment();
  EXPECT_EQ(ValueOf(metrics_, "site_total"), 3);
}

TEST_F(RecorderTest, ACallSiteWithOptionsThatClashIsRefusedOnce) {
  metrics_.Histogram("size_bytes", "Size.", FamilyOptions().Buckets({1, 2}));
  for (int i = 0; i < 3; ++i) {
    EXPECT_FALSE(
        POLYMETER_HISTOGRAM("size_bytes", "Size.", polymeter::FamilyOptions().Buckets({3})));
  }
  EXPECT_EQ(ValueOf(metrics_, "polymeter_refused_total", {{"reason", "family"}}), 1);
  EXPECT_EQ(log_.Count("there is already histogram size_bytes"), 1);
}

// --- installations ---------------------------------------------------------------------------

TEST_F(RecorderTest, InstallationsNest) {
  RecordCount("jobs");
  const Metrics inner{Options().Consumer()};
  {
    const auto hides = InstallDefault(inner);
    RecordCount("jobs", 10);
    Default().Counter("direct_total", "").Increment();
  }
  RecordCount("jobs");
  EXPECT_EQ(ValueOf(metrics_, "jobs_total"), 2);
  EXPECT_EQ(ValueOf(inner, "jobs_total"), 10);
  EXPECT_EQ(ValueOf(inner, "direct_total"), 1);
}

TEST_F(RecorderTest, AnOuterInstallationThatEndsFirstIsNotBroughtBack) {
  const Metrics inner{Options().Consumer()};
  auto hides = InstallDefault(inner);
  installed_.End();
  RecordCount("jobs");
  EXPECT_EQ(ValueOf(inner, "jobs_total"), 1);
  const auto before = RecorderReport();
  hides.End();
  RecordCount("jobs");
  EXPECT_EQ(RecorderReport().after_shutdown, before.after_shutdown + 1);
  EXPECT_FALSE(Default().recording());
  EXPECT_FALSE(testing::Exists(metrics_, "jobs_total"));
}

TEST_F(RecorderTest, AnInstallationMoves) {
  DefaultInstallation moved = std::move(installed_);
  RecordCount("jobs");
  DefaultInstallation assigned;
  EXPECT_FALSE(assigned);
  assigned = std::move(moved);
  EXPECT_TRUE(assigned);
  RecordCount("jobs");
  EXPECT_EQ(ValueOf(metrics_, "jobs_total"), 2);
  assigned = DefaultInstallation();
  EXPECT_FALSE(Default().recording());
}

TEST_F(RecorderTest, AnInstallationKeepsItsMetricsAndGivesItFree) {
  int calls = 0;
  std::optional<Metrics> own{Options().Consumer()};
  auto token = own->GaugeCallback("callback", "C.", [&] { return ++calls; });
  auto hides = InstallDefault(*own);
  own.reset();
  RecordCount("jobs");
  EXPECT_EQ(ValueOf(Default(), "jobs_total"), 1);
  EXPECT_GT(calls, 0);
  hides.End();
  RecordCount("jobs");
  EXPECT_EQ(ValueOf(metrics_, "jobs_total"), 1);
}

TEST_F(RecorderTest, CallsAfterTheShutdownOfTheDefaultAreDroppedAndCounted) {
  RecordCount("jobs");
  CallSiteInAFunction().Increment();
  EXPECT_TRUE(metrics_.Shutdown().ok());
  const auto before = RecorderReport();
  for (int i = 0; i < 3; ++i) {
    RecordCount("jobs");
    EXPECT_FALSE(CallSiteInAFunction());
  }
  EXPECT_EQ(RecorderReport().after_shutdown, before.after_shutdown + 6);
  {
    const auto again = InstallDefault(metrics_);  // it is still shut down
    RecordCount("jobs");
    const Metrics other{Options().Consumer()};
    const auto hides = InstallDefault(other);
    RecordCount("jobs");
    CallSiteInAFunction().Increment();
    EXPECT_EQ(ValueOf(other, "jobs_total"), 1);
    EXPECT_EQ(ValueOf(other, "site_total"), 1);
  }
  EXPECT_EQ(RecorderReport().after_shutdown, before.after_shutdown + 7);
  EXPECT_EQ(ValueOf(metrics_, "jobs_total"), 1);
  // Starting anew records anew.
  EXPECT_TRUE(metrics_.RestartAfterFork().ok());
  RecordCount("jobs");
  CallSiteInAFunction().Increment();
  EXPECT_EQ(ValueOf(metrics_, "jobs_total"), 2);
  EXPECT_EQ(ValueOf(metrics_, "site_total"), 2);
}

TEST_F(RecorderTest, ADefaultThatRecordsNothingDropsNothing) {
  const Metrics off;
  const auto hides = InstallDefault(off);
  const auto before = RecorderReport();
  for (int i = 0; i < 3; ++i) {
    RecordCount("jobs");
    EXPECT_FALSE(CallSiteInAFunction());
    const ScopedLatency timing("job");
  }
  EXPECT_EQ(RecorderReport().after_shutdown, before.after_shutdown);
  EXPECT_EQ(RecorderReport().before_installation, before.before_installation);
}

TEST_F(RecorderTest, TheDefaultsSnapshotSaysWhatWasDropped) {
  installed_.End();
  for (int i = 0; i < 4; ++i) RecordCount("jobs");
  const auto again = InstallDefault(metrics_);
  const auto drops = RecorderReport();
  EXPECT_GE(drops.after_shutdown, 4u);
  const Metrics other{Options().Consumer()};
  EXPECT_EQ(ValueOf(metrics_, "polymeter_recorder_dropped_total", {{"reason", "after_shutdown"}}),
            drops.after_shutdown);
  EXPECT_EQ(
      ValueOf(metrics_, "polymeter_recorder_dropped_total", {{"reason", "before_installation"}}),
      drops.before_installation);
  EXPECT_FALSE(
      testing::Exists(other, "polymeter_recorder_dropped_total", {{"reason", "after_shutdown"}}));
}

TEST(Recorder, ManyInstallationsInOneProcessLeaveNothingBehind) {
  const auto resident_pages = [] {
    long pages = 0;
    if (std::FILE* const file = std::fopen("/proc/self/statm", "r")) {
      if (std::fscanf(file, "%*d %ld", &pages) != 1) pages = 0;
      std::fclose(file);
    }
    return pages;
  };
  const auto round = [] {
    for (int i = 0; i < 500; ++i) {
      const Metrics metrics{Options().Consumer()};
      const auto installed = InstallDefault(metrics);
      for (int j = 0; j < 20; ++j) RecordCount("name_" + std::to_string(j));
      CallSiteInAFunction().Increment();
      ASSERT_EQ(ValueOf(metrics, "name_7_total"), 1);
      ASSERT_EQ(ValueOf(metrics, "site_total"), 1);
    }
  };
  round();
  const long after_first = resident_pages();
  for (int i = 0; i < 4; ++i) round();
  // 2,000 installations more, each with twenty names: 10 pages apiece would be 20,000.
  EXPECT_LT(resident_pages() - after_first, 4000);
}

}  // namespace
POLYMETER_END_NAMESPACE
