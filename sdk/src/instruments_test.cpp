// Counter, Gauge, Histogram and the timers, seen through a snapshot and through Value().
#include "polymeter/instruments.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <thread>
#include <type_traits>

#include "polymeter/buckets.h"
#include "polymeter/metrics.h"
#include "sdk/testing/log_capture.h"
#include "sdk/testing/values.h"

namespace polymeter {
namespace {

using testing::FindPoint;
using testing::LogCapture;
using testing::ValueOf;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST(Counter, AddsEveryArithmeticType) {
  const Metrics metrics(Options().Consumer());
  const Counter counter = metrics.Counter("c_total", "C.");
  counter.Increment();
  counter.Increment(1);
  counter.Increment(2L);
  counter.Increment(3u);
  counter.Increment(4ull);
  counter.Increment(short{5});
  counter.Increment(0.25);
  counter.Increment(0.25f);
  EXPECT_EQ(counter.Value(), 16.5);
}

TEST(Counter, KeepsIntegersExactAbove2To53) {
  const Metrics metrics(Options().Consumer());
  const Counter counter = metrics.Counter("c_total", "C.");
  counter.Increment((std::uint64_t{1} << 53) + 1);
  counter.Increment(std::numeric_limits<std::uint64_t>::max() - (std::uint64_t{1} << 53) - 1);
  const Snapshot snapshot = metrics.TakeSnapshot();
  const auto* const point = FindPoint<CounterPoint>(snapshot, "c_total");
  ASSERT_NE(point, nullptr);
  EXPECT_EQ(point->whole, std::numeric_limits<std::uint64_t>::max());
  EXPECT_TRUE(point->is_integer());
}

TEST(Counter, RefusesNegativeAndNanIncrementsAndSaysSoOnce) {
  LogCapture log;
  const Metrics metrics(Options().Consumer().Log(log.callback()));
  const Counter counter = metrics.Counter("c_total", "C.");
  counter.Increment(-1);
  counter.Increment(-0.5);
  counter.Increment(kNan);
  counter.Increment(std::numeric_limits<long>::min());
  counter.Increment(0);
  EXPECT_EQ(counter.Value(), 0);
  const Snapshot snapshot = metrics.TakeSnapshot();
  EXPECT_EQ(ValueOf(snapshot, "polymeter_refused_total", {{"reason", "bad_value"}}), 4);
  metrics.TakeSnapshot();
  EXPECT_EQ(log.Count("c_total"), 1);
}

TEST(Gauge, SetsAndMoves) {
  const Metrics metrics(Options().Consumer());
  const Gauge gauge = metrics.Gauge("g", "G.");
  gauge.Set(5);
  gauge.Increment();
  gauge.Increment(2.5);
  gauge.Decrement(4);
  EXPECT_EQ(gauge.Value(), 4.5);
  gauge.Set(std::chrono::milliseconds(1500));
  EXPECT_EQ(gauge.Value(), 1.5);
  gauge.Set(-kInfinity);
  EXPECT_EQ(gauge.Value(), -kInfinity);
  gauge.Set(kNan);
  EXPECT_TRUE(std::isnan(gauge.Value()));
}

TEST(Gauge, SetToCurrentTimeIsUnixSeconds) {
  const Metrics metrics(Options().Consumer());
  const Gauge gauge = metrics.Gauge("g", "G.");
  const auto now = [] {
    return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch())
        .count();
  };
  const double before = now();
  gauge.SetToCurrentTime();
  EXPECT_GE(gauge.Value(), before);
  EXPECT_LE(gauge.Value(), now());
}

TEST(Gauge, AdditiveIsAFlagOfTheFamily) {
  const Metrics metrics(Options().Consumer());
  metrics.Gauge("open_connections", "O.", FamilyOptions().Additive());
  const Snapshot snapshot = metrics.TakeSnapshot();
  EXPECT_TRUE(testing::FindFamily(snapshot, "open_connections")->additive);
}

TEST(Histogram, PutsABoundIntoItsOwnBucket) {
  const Metrics metrics(Options().Consumer());
  const Histogram histogram =
      metrics.Histogram("h", "H.", FamilyOptions().Buckets({-1, 0, 0.5, 1, 2}));
  for (const double v : {-2.0, -1.0, -0.5, 0.0, 0.5, 0.75, 1.0, 2.0, 2.5, kInfinity, -kInfinity}) {
    histogram.Observe(v);
  }
  const Snapshot snapshot = metrics.TakeSnapshot();
  const auto* const point = FindPoint<HistogramPoint>(snapshot, "h");
  ASSERT_NE(point, nullptr);
  ASSERT_EQ(point->bound_count, 5u);
  const std::uint64_t expected[] = {3, 2, 1, 2, 1, 2};
  for (int i = 0; i < 6; ++i) EXPECT_EQ(point->buckets[i], expected[i]) << "bucket " << i;
  EXPECT_EQ(point->count, 11u);
}

// Every number of bounds: the search takes them in blocks.
TEST(Histogram, FindsTheSameBucketAsALinearSearch) {
  for (std::size_t count = 1; count <= 50; ++count) {
    const Metrics metrics(Options().Consumer());
    const auto bounds = LinearBuckets(1, 1, count);
    const Histogram histogram = metrics.Histogram("h", "H.", FamilyOptions().Buckets(bounds));
    for (std::size_t i = 0; i <= count; ++i) histogram.Observe(static_cast<double>(i) + 0.5);
    for (const double bound : bounds) histogram.Observe(bound);
    const Snapshot snapshot = metrics.TakeSnapshot();
    const auto* const point = FindPoint<HistogramPoint>(snapshot, "h");
    for (std::size_t i = 0; i < count; ++i) EXPECT_EQ(point->buckets[i], 2u) << i << "/" << count;
    EXPECT_EQ(point->buckets[count], 1u) << count;
  }
}

TEST(Histogram, RefusesNan) {
  LogCapture log;
  const Metrics metrics(Options().Consumer().Log(log.callback()));
  const Histogram histogram = metrics.Histogram("h_seconds", "H.");
  histogram.Observe(kNan);
  EXPECT_EQ(histogram.Count(), 0u);
  const Snapshot snapshot = metrics.TakeSnapshot();
  EXPECT_EQ(ValueOf(snapshot, "polymeter_refused_total", {{"reason", "bad_value"}}), 1);
  EXPECT_EQ(log.Count("h_seconds"), 1);
}

TEST(Histogram, TakesDurationsInSeconds) {
  const Metrics metrics(Options().Consumer());
  const Histogram histogram = metrics.Histogram("h_seconds", "H.");
  histogram.Observe(std::chrono::milliseconds(250));
  histogram.Observe(std::chrono::minutes(1));
  histogram.Observe(1);
  EXPECT_EQ(histogram.Sum(), 61.25);
  EXPECT_EQ(histogram.Count(), 3u);
}

TEST(ScopedTimer, ObservesOnceAtTheEndOfTheScope) {
  const Metrics metrics(Options().Consumer());
  const Histogram histogram = metrics.Histogram("h_seconds", "H.");
  {
    auto timing = histogram.Time();
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    EXPECT_EQ(histogram.Count(), 0u);
  }
  EXPECT_EQ(histogram.Count(), 1u);
  EXPECT_GE(histogram.Sum(), 0.002);
  {
    auto timing = histogram.Time();
    timing.Finish();
    EXPECT_EQ(histogram.Count(), 2u);
  }
  EXPECT_EQ(histogram.Count(), 2u);
  {
    auto timing = histogram.Time();
    timing.Discard();
  }
  EXPECT_EQ(histogram.Count(), 2u);
}

TEST(Histogram, MeasurePassesResultsReferencesAndExceptionsThrough) {
  const Metrics metrics(Options().Consumer());
  const Histogram histogram = metrics.Histogram("h_seconds", "H.");
  EXPECT_EQ(histogram.Measure([] { return 7; }), 7);
  int value = 1;
  int& reference = histogram.Measure([&]() -> int& { return value; });
  EXPECT_EQ(&reference, &value);
  static_assert(std::is_void_v<decltype(histogram.Measure([] {}))>);
  EXPECT_THROW(histogram.Measure([] { throw std::runtime_error("x"); }), std::runtime_error);
  EXPECT_EQ(histogram.Count(), 3u);
}

TEST(Timer, GivesTheDurationThatItObserves) {
  const Metrics metrics(Options().Consumer());
  const Histogram histogram = metrics.Histogram("h_seconds", "H.");
  Timer timer(histogram);
  std::this_thread::sleep_for(std::chrono::milliseconds(2));
  const auto elapsed = timer.Stop();
  EXPECT_GE(elapsed, std::chrono::milliseconds(2));
  EXPECT_EQ(histogram.Sum(), std::chrono::duration<double>(elapsed).count());
  EXPECT_EQ(timer.Stop(), Timer::Duration::zero());
  timer.Start();
  timer.Discard();
  EXPECT_EQ(timer.Stop(), Timer::Duration::zero());
  EXPECT_EQ(histogram.Count(), 1u);
}

TEST(Timer, MeasuresWithoutAHistogramToo) {
  Timer timer{Histogram()};
  std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_GE(timer.Stop(), std::chrono::milliseconds(1));
}

TEST(Handles, AreOnePointerAndNoOpsByDefault) {
  static_assert(sizeof(Counter) == sizeof(void*));
  static_assert(sizeof(Gauge) == sizeof(void*));
  static_assert(sizeof(Histogram) == sizeof(void*));
  static_assert(std::is_trivially_copyable_v<Counter>);
  static_assert(std::is_nothrow_default_constructible_v<Histogram>);
  const Counter counter;
  counter.Increment();
  counter.Increment(-1);
  counter.Increment(kNan);
  EXPECT_FALSE(counter);
  EXPECT_EQ(counter.Value(), 0);
  const Gauge gauge;
  gauge.Set(1);
  gauge.Increment();
  EXPECT_EQ(gauge.Value(), 0);
  const Histogram histogram;
  histogram.Observe(1);
  histogram.Observe(kNan);
  { auto timing = histogram.Time(); }
  EXPECT_EQ(histogram.Count(), 0u);
  EXPECT_EQ(histogram.Measure([] { return 3; }), 3);
}

TEST(Metrics, RecordsNothingWithoutABackendOrConsumer) {
  const Metrics off;
  EXPECT_FALSE(off.recording());
  const Counter counter = off.Counter("c_total", "C.");
  counter.Increment();
  EXPECT_FALSE(counter);
  off.Counter("d_total", "D.", {"a"}).With("x").Increment();
  EXPECT_EQ(off.TakeSnapshot().size(), 0u);
  EXPECT_TRUE(off.Reports().empty());
  EXPECT_TRUE(off.Shutdown().ok());

  LogCapture log;
  const Metrics undeclared{Options().Log(log.callback())};
  EXPECT_FALSE(undeclared.recording());
  undeclared.Counter("c_total", "C.").Increment();
  EXPECT_EQ(undeclared.TakeSnapshot().size(), 0u);
  EXPECT_EQ(log.Count("Consumer()"), 1);
}

}  // namespace
}  // namespace polymeter
