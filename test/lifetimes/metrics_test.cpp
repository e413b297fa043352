// Lifetimes of Metrics, handles, families and removed series.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "polymeter/metrics.h"
#include "sdk/testing/values.h"
#include "test/lifetimes/recording_backend.h"

namespace {

using namespace std::chrono_literals;
using polymeter::CounterPoint;
using polymeter::Metrics;
using polymeter::Options;
using polymeter::SystemTime;
using polymeter::testing::FindFamily;
using polymeter::testing::FindPoint;
using polymeter::testing::ValueOf;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif
#else
constexpr bool kSanitized = false;
#endif

// --- Metrics -----------------------------------------------------------------------------------

TEST(Metrics, CopiesShareOneCoreAndTheLastOneStopsTheBackends) {
  const auto backend = std::make_shared<RecordingBackend>();
  std::optional<Metrics> first{Options().AddBackend(backend).StopDeadline(1500ms)};
  std::optional<Metrics> second = first;
  Metrics third;
  third = *second;
  EXPECT_EQ(backend->starts, 1);

  first->Counter("shared_total", "S.").Increment();
  second->Counter("shared_total", "S.").Increment(2);
  std::thread([copy = third] { copy.Counter("shared_total", "S.").Increment(4); }).join();
  EXPECT_EQ(ValueOf(third.TakeSnapshot(), "shared_total"), 7);

  first.reset();
  second.reset();
  EXPECT_EQ(backend->stops, 0);
  EXPECT_EQ(ValueOf(third.TakeSnapshot(), "shared_total"), 7);
  third = Metrics();
  EXPECT_EQ(backend->stops, 1);
  EXPECT_GT(backend->time_to_stop, 0ms);
  EXPECT_LE(backend->time_to_stop, 1500ms);
}

TEST(Metrics, MovedFromIsANoOpAndKeepsNothingAlive) {
  const auto backend = std::make_shared<RecordingBackend>();
  Metrics from{Options().AddBackend(backend)};
  {
    const Metrics to = std::move(from);
    from.Counter("x_total", "X.").Increment();  // NOLINT: what a moved-from one does is the subject
    EXPECT_EQ(ValueOf(to.TakeSnapshot(), "x_total"), std::nullopt);
    EXPECT_EQ(backend->stops, 0);
  }
  EXPECT_EQ(backend->stops, 1);
}

TEST(Metrics, ShutdownStopsOnceAndRecordingGoesOnHarmlessly) {
  const auto backend = std::make_shared<RecordingBackend>();
  {
    const Metrics metrics{Options().AddBackend(backend)};
    const auto counter = metrics.Counter("x_total", "X.");
    EXPECT_TRUE(metrics.Shutdown());
    EXPECT_TRUE(metrics.Shutdown());
    counter.Increment();
    metrics.Counter("later_total", "L.", {"a"}).With(1).Increment();
    EXPECT_EQ(backend->stops, 1);
  }
  EXPECT_EQ(backend->stops, 1);
}

TEST(Metrics, LastFlushSeesWhatWasCountedJustBefore) {
  const auto backend = std::make_shared<RecordingBackend>();
  std::optional<double> flushed;
  backend->on_stop = [&](const polymeter::Snapshot& s) { flushed = ValueOf(s, "x_total"); };
  {
    const Metrics metrics{Options().AddBackend(backend)};
    metrics.Counter("x_total", "X.").Increment(41);
    metrics.Counter("x_total", "X.").Increment();
  }
  EXPECT_EQ(flushed, 42);
}

// --- handles after their Metrics -----------------------------------------------------------------

struct Handles {
  polymeter::Counter counter;
  polymeter::Gauge gauge;
  polymeter::Histogram histogram;
  polymeter::Histogram native;
  polymeter::CounterFamily<1> family;

  explicit Handles(const Metrics& metrics)
      : counter(metrics.Counter("c_total", "C.")),
        gauge(metrics.Gauge("g", "G.")),
        histogram(metrics.Histogram("h_seconds", "H.")),
        native(metrics.Histogram("n_seconds", "N.", polymeter::FamilyOptions().Native())),
        family(metrics.Counter("f_total", "F.", {"a"})) {
    family.With("known").Increment();
  }
  void Use() const {
    counter.Increment();
    counter.Increment(0.5);
    counter.Increment(-1);
    gauge.Set(3);
    gauge.Increment();
    histogram.Observe(0.1);
    histogram.Observe(1e9);
    for (const double v : {0.1, 1e-30, -1e30, 0.0}) native.Observe(v);  // changes its schema
    static_cast<void>(native.Count());
    static_cast<void>(counter.Value() + gauge.Value() + histogram.Sum());
    family.With("known").Increment();
    family.With("unknown").Increment();
    family.Remove("known");
  }
};

TEST(Handles, AreHarmlessAfterTheirMetrics) {
  std::vector<Handles> stale;
  for (int i = 0; i < 50; ++i) {
    const Metrics metrics{Options().Consumer()};
    stale.emplace_back(metrics);
    stale.back().Use();
  }
  for (const Handles& handles : stale) handles.Use();

  // Nothing of it lands in a Metrics that came later.
  const Metrics metrics{Options().Consumer()};
  const auto counter = metrics.Counter("c_total", "C.");
  const auto histogram = metrics.Histogram("h_seconds", "H.");
  const auto gauge = metrics.Gauge("g", "G.");
  const auto native = metrics.Histogram("n_seconds", "N.", polymeter::FamilyOptions().Native());
  for (int i = 0; i < 100; ++i) {
    for (const Handles& handles : stale) handles.Use();
    counter.Increment();
  }
  EXPECT_EQ(counter.Value(), 100);
  EXPECT_EQ(histogram.Count(), 0u);
  EXPECT_EQ(native.Count(), 0u);
  EXPECT_EQ(native.Sum(), 0);
  EXPECT_EQ(gauge.Value(), 0);
}

TEST(Handles, OfAnEndedMetricsAreUsedByThreadsWhileOthersBegin) {
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    std::optional<Metrics> metrics{Options().Consumer()};
    threads.emplace_back([&stop, handles = Handles(*metrics)] {
      while (!stop) handles.Use();
    });
  }
  for (int i = 0; i < 200; ++i) {
    const Metrics metrics{Options().Consumer()};
    const auto counter = metrics.Counter("c_total", "C.");
    const auto family = metrics.Histogram("h_seconds", "H.", {"a"});
    for (int j = 0; j < 20; ++j) {
      counter.Increment();
      family.With(j).Observe(j);
    }
    ASSERT_EQ(counter.Value(), 20);
    ASSERT_EQ(family.With(7).Sum(), 7);
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
}

TEST(Families, CountIntoNothingAfterTheirMetrics) {
  polymeter::CounterFamily<1> family;
  polymeter::HistogramFamily<> dynamic;
  polymeter::Snapshot snapshot;
  {
    const Metrics metrics{Options().Consumer()};
    family = metrics.Counter("f_total", "F.", {"a"});
    dynamic = metrics.Histogram("d_seconds", "D.", std::vector<std::string>{"a", "b"});
    family.With("known").Increment(3);
    snapshot = metrics.TakeSnapshot();
  }
  family.With("known").Increment(100);
  family.With("new").Increment(100);
  dynamic.With("x", "y").Observe(1);
  EXPECT_FALSE(static_cast<bool>(family.With("new")));
  EXPECT_FALSE(static_cast<bool>(dynamic.With("x", "y")));
  EXPECT_EQ(ValueOf(snapshot, "f_total", {{"a", "known"}}), 3);
  EXPECT_EQ(ValueOf(snapshot, "f_total", {{"a", "new"}}), std::nullopt);
  const Metrics later{Options().Consumer()};
  EXPECT_EQ(later.Counter("f_total", "F.", {"a"}).With("known").Value(), 0);
  family.RemoveAll();
}

TEST(Snapshots, OutliveTheirMetrics) {
  polymeter::Snapshot snapshot;
  {
    const Metrics metrics{Options().Consumer().Service("svc").ConstLabels({{"dc", "north"}})};
    const auto family = metrics.Counter("f_total", "Help of f.", {"a"});
    family.With("one").Increment(5);
    metrics.Histogram("h_seconds", "H.").Observe(1);
    snapshot = metrics.TakeSnapshot();
  }
  EXPECT_EQ(ValueOf(snapshot, "f_total", {{"dc", "north"}, {"a", "one"}}), 5);
  EXPECT_EQ(FindFamily(snapshot, "f_total")->help, "Help of f.");
  EXPECT_EQ(FindPoint<polymeter::HistogramPoint>(snapshot, "h_seconds", {{"dc", "north"}})->count,
            1u);
  EXPECT_FALSE(snapshot.resource().attributes.empty());
}

// Kilobytes, of a line of /proc/self/status.
long Memory(const std::string& name) {
  std::ifstream file("/proc/self/status");
  for (std::string word; file >> word;) {
    if (word == name + ":") {
      long kilobytes = 0;
      file >> kilobytes;
      return kilobytes;
    }
  }
  return -1;
}

TEST(Handles, OfTenThousandMetricsInALoopTakeBoundedMemory) {
  std::vector<polymeter::Counter> stale;
  const auto make = [&](int count) {
    for (int i = 0; i < count; ++i) {
      const Metrics metrics{
          Options().Consumer().Service("svc").Log([](polymeter::LogLevel, std::string_view) {})};
      const Handles handles(metrics);
      handles.Use();
      for (int j = 0; j < 20; ++j) handles.family.With(j).Increment();
      EXPECT_GT(metrics.TakeSnapshot().size(), 20u);
      if (stale.size() < 100) stale.push_back(handles.counter);
      for (const auto& counter : stale) counter.Increment();
    }
  };
  make(1000);  // fills the quarantine, and a sanitizer's
  const long resident = Memory("VmRSS");
  const long mapped = Memory("VmSize");
  make(9000);
  const long resident_growth = Memory("VmRSS") - resident;
  const long mapped_growth = Memory("VmSize") - mapped;
  std::printf("9,000 more Metrics: resident %+ld KiB to %ld KiB, mapped %+ld KiB\n",
              resident_growth, Memory("VmRSS"), mapped_growth);
  // One that leaked would keep tens of KiB resident and hundreds mapped. A sanitizer keeps freed
  // memory for a while.
  EXPECT_LT(resident_growth, kSanitized ? 600 * 1024 : 8 * 1024);
  EXPECT_LT(mapped_growth, kSanitized ? 2048 * 1024 : 64 * 1024);
}

TEST(Producers, OfAThousandMetricsLeaveNoThreadBehind) {
  const auto threads = [] { return Memory("Threads"); };
  std::thread([] {}).join();  // a sanitizer starts a thread of its own with the first
  const long before = threads();
  for (int i = 0; i < 1000; ++i) {
    const Metrics metrics{Options().Consumer()};
    metrics.GaugeCallback("g", "G.", [] { return 1.0; }).Forever();
    ASSERT_EQ(ValueOf(metrics.TakeSnapshot(), "g"), 1);
  }
  // A thread ends a moment after it was told to.
  for (int i = 0; i < 500 && threads() > before; ++i) std::this_thread::sleep_for(10ms);
  EXPECT_EQ(threads(), before);
}

// --- removed series ------------------------------------------------------------------------------

TEST(RemovedSeries, IsMadeAnewWithANewStartTimeAndFromZero) {
  SystemTime now{1000s};
  const Metrics metrics{Options().Consumer().Clock([&] { return now; })};
  const auto counters = metrics.Counter("c_total", "C.", {"a"});
  const auto histograms = metrics.Histogram("h_seconds", "H.", {"a"});
  const auto gauges = metrics.Gauge("g", "G.", {"a"});
  const auto old_counter = counters.With("x");
  const auto old_histogram = histograms.With("x");
  const auto old_gauge = gauges.With("x");
  old_counter.Increment(5);
  old_histogram.Observe(5);
  old_gauge.Set(5);
  const auto before = metrics.TakeSnapshot();

  now += 60s;
  EXPECT_TRUE(counters.Remove("x"));
  EXPECT_FALSE(counters.Remove("x"));
  EXPECT_TRUE(histograms.Remove({{"a", "x"}}));
  gauges.RemoveAll();
  const auto between = metrics.TakeSnapshot();
  EXPECT_EQ(ValueOf(between, "c_total", {{"a", "x"}}), std::nullopt);
  EXPECT_EQ(ValueOf(between, "g", {{"a", "x"}}), std::nullopt);
  EXPECT_EQ(FindPoint<polymeter::HistogramPoint>(between, "h_seconds", {{"a", "x"}}), nullptr);

  // What cached handles do now goes nowhere.
  old_counter.Increment(100);
  old_histogram.Observe(0.5);
  old_histogram.Observe(0.5);
  old_gauge.Set(100);
  counters.With("x").Increment();
  histograms.With("x").Observe(2);
  gauges.With("x").Set(2);
  old_counter.Increment(0.25);
  old_gauge.Increment();

  const auto after = metrics.TakeSnapshot();
  const auto* const counter = FindPoint<CounterPoint>(after, "c_total", {{"a", "x"}});
  ASSERT_NE(counter, nullptr);
  EXPECT_EQ(counter->value(), 1);
  EXPECT_EQ(counter->series.start_time(), now);
  const auto* const histogram =
      FindPoint<polymeter::HistogramPoint>(after, "h_seconds", {{"a", "x"}});
  ASSERT_NE(histogram, nullptr);
  EXPECT_EQ(histogram->count, 1u);
  EXPECT_EQ(histogram->sum, 2);
  EXPECT_EQ(histogram->series.start_time(), now);
  EXPECT_EQ(ValueOf(after, "g", {{"a", "x"}}), 2);
  // Counted: 100 and 0.25 into the counter, two observations.
  EXPECT_EQ(ValueOf(after, "polymeter_removed_series_increments_total"), 102.25);

  // A cache must be able to tell the two apart; the old snapshot still shows the old one.
  const auto* const was = FindPoint<CounterPoint>(before, "c_total", {{"a", "x"}});
  ASSERT_NE(was, nullptr);
  EXPECT_EQ(was->value(), 5);
  EXPECT_EQ(was->series.start_time(), SystemTime{1000s});
  EXPECT_NE(std::pair(was->series.index(), was->series.generation()),
            std::pair(counter->series.index(), counter->series.generation()));
}

TEST(RemovedSeries, OfNativeHistogramsTakeBoundedMemory) {
  const Metrics metrics{Options().Consumer()};
  const auto family =
      metrics.Histogram("h_seconds", "H.", {"a"}, polymeter::FamilyOptions().Native());
  const auto churn = [&](int count) {
    for (int i = 0; i < count; ++i) {
      const auto series = family.With(i);
      for (const double v : {1.0, 1e-6, 1e6, -1.0}) series.Observe(v);
      family.Remove(i);
    }
  };
  churn(10000);
  const long before = Memory("VmRSS");
  churn(50000);
  const long growth = Memory("VmRSS") - before;
  std::printf("50,000 more removed native histograms: resident %+ld KiB, %.1f B each\n", growth,
              static_cast<double>(growth) * 1024 / 50000);
  // Rows of buckets are used anew; what counts late observations is quarantined.
  EXPECT_LT(growth, (kSanitized ? 200 : 30) * 1024);
}

TEST(RemovedSeries, MadeAndRemovedWithoutEndTakesBoundedMemory) {
  const Metrics metrics{Options().Consumer()};
  const auto family = metrics.Counter("c_total", "C.", {"a"});
  const auto churn = [&](int count) {
    for (int i = 0; i < count; ++i) {
      family.With(i).Increment();
      family.Remove(i);
    }
  };
  churn(100000);
  const long before = Memory("VmRSS");
  churn(400000);
  const long growth = Memory("VmRSS") - before;
  std::printf("400,000 more removed counters: resident %+ld KiB, %.1f B each\n", growth,
              static_cast<double>(growth) * 1024 / 400000);
  // Slots are quarantined for a while (two lanes and the list of them); records are not kept.
  EXPECT_LT(growth, (kSanitized ? 400 : 40) * 1024);
  EXPECT_EQ(ValueOf(metrics.TakeSnapshot(), "polymeter_removed_series_increments_total"),
            std::nullopt);
}

// --- expired series ------------------------------------------------------------------------------

TEST(ExpiredSeries, IsUnlistedAndTheNextChangeListsItAgainWithItsOldTotalAndStartTime) {
  const SystemTime begin{1000s};
  SystemTime now = begin;
  const Metrics metrics{Options().Consumer().SeriesTtl(60s).Clock([&] { return now; })};
  const auto counter = metrics.Counter("c_total", "C.", {"a"}).With("x");
  const auto busy = metrics.Counter("c_total", "C.", {"a"}).With("busy");
  const auto histogram = metrics.Histogram("h_seconds", "H.", {"a"}).With("x");
  const auto gauge = metrics.Gauge("g", "G.", {"a"}).With("x");
  counter.Increment(5);
  histogram.Observe(2);
  gauge.Set(7);
  EXPECT_EQ(ValueOf(metrics.TakeSnapshot(), "c_total", {{"a", "x"}}), 5);

  for (int i = 0; i < 5; ++i) {
    now += 30s;
    busy.Increment();
    static_cast<void>(metrics.TakeSnapshot());
  }
  const auto idle = metrics.TakeSnapshot();
  EXPECT_EQ(ValueOf(idle, "c_total", {{"a", "x"}}), std::nullopt);
  EXPECT_EQ(FindPoint<polymeter::HistogramPoint>(idle, "h_seconds", {{"a", "x"}}), nullptr);
  EXPECT_EQ(ValueOf(idle, "g", {{"a", "x"}}), std::nullopt);
  EXPECT_EQ(ValueOf(idle, "c_total", {{"a", "busy"}}), 5);

  counter.Increment();
  histogram.Observe(3);
  gauge.Increment();
  const auto again = metrics.TakeSnapshot();
  const auto* const point = FindPoint<CounterPoint>(again, "c_total", {{"a", "x"}});
  ASSERT_NE(point, nullptr);
  EXPECT_EQ(point->value(), 6);
  EXPECT_EQ(point->series.start_time(), begin);
  const auto* const observed =
      FindPoint<polymeter::HistogramPoint>(again, "h_seconds", {{"a", "x"}});
  ASSERT_NE(observed, nullptr);
  EXPECT_EQ(observed->count, 2u);
  EXPECT_EQ(observed->sum, 5);
  EXPECT_EQ(observed->series.start_time(), begin);
  EXPECT_EQ(ValueOf(again, "g", {{"a", "x"}}), 8);
}

TEST(ExpiredSeries, ExistOnlyWhereAskedFor) {
  SystemTime now{1000s};
  const Metrics metrics{Options().Consumer().Clock([&] { return now; })};
  metrics.Counter("c_total", "C.").Increment();
  static_cast<void>(metrics.TakeSnapshot());
  now += 24h * 365;
  EXPECT_EQ(ValueOf(metrics.TakeSnapshot(), "c_total"), 1);
}

}  // namespace
