// Counter, Gauge, Histogram and Info as programs that were written for prometheus-cpp use them.
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <cstdint>
#include <ctime>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

#include "prometheus/counter.h"
#include "prometheus/family.h"
#include "prometheus/gauge.h"
#include "prometheus/histogram.h"
#include "prometheus/info.h"
#include "prometheus/summary.h"

namespace prometheus {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::vector<std::uint64_t> CumulativeCounts(const Histogram& histogram) {
  std::vector<std::uint64_t> counts;
  for (const auto& bucket : histogram.Collect().histogram.bucket) {
    counts.push_back(bucket.cumulative_count);
  }
  return counts;
}

TEST(DropInCounter, CountsWholeAndFractionalAmounts) {
  Counter counter;
  EXPECT_EQ(counter.Value(), 0.0);
  counter.Increment();
  counter.Increment(4);
  counter.Increment(0.5);
  EXPECT_EQ(counter.Value(), 5.5);
  EXPECT_EQ(counter.Collect().counter.value, 5.5);
  EXPECT_TRUE(counter.Collect().label.empty());
}

TEST(DropInCounter, IgnoresNegativeAmounts) {
  Counter counter;
  counter.Increment(3);
  counter.Increment(-1);
  counter.Increment(-kInfinity);
  EXPECT_EQ(counter.Value(), 3.0);
}

TEST(DropInCounter, BecomesNaNByNaNAsBefore) {
  Counter counter;
  counter.Increment(std::nan(""));
  EXPECT_TRUE(std::isnan(counter.Value()));
  counter.Reset();
  EXPECT_EQ(counter.Value(), 0.0);
}

TEST(DropInCounter, LosesNoIncrementOfManyThreads) {
  Counter counter;
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&counter] {
      for (int i = 0; i < 20000; ++i) {
        counter.Increment();
        counter.Increment(0.5);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(counter.Value(), 8 * 20000 * 1.5);
}

TEST(DropInCounter, StartsAgainFromZeroByReset) {
  Counter counter;
  counter.Increment(1e16);
  counter.Reset();
  EXPECT_EQ(counter.Value(), 0.0);
  counter.Increment(0.25);
  EXPECT_EQ(counter.Value(), 0.25);  // nothing of the large number is in it
}

TEST(DropInCounter, CountsAnIncrementBeforeOrAfterAResetOnAnotherThread) {
  Counter counter;
  std::atomic<bool> go_on{true};
  std::uint64_t increments = 0;
  std::thread writer([&] {
    while (go_on.load(std::memory_order_relaxed)) {
      counter.Increment();
      ++increments;
    }
  });
  std::vector<double> seen;
  for (int i = 0; i < 2000; ++i) {
    counter.Reset();
    seen.push_back(counter.Value());
  }
  go_on = false;
  writer.join();
  for (const double value : seen) {
    EXPECT_GE(value, 0.0);
    EXPECT_LE(value, static_cast<double>(increments));
    EXPECT_EQ(value, std::floor(value));
  }
  counter.Reset();
  EXPECT_EQ(counter.Value(), 0.0);
}

TEST(DropInCounter, TakesNoMoreMemoryHoweverOftenItIsReset) {
  // Cells come back from quarantine: many more Resets than it holds do not fail, and the value is
  // never that of another instrument.
  Counter other;
  other.Increment(7);
  Counter counter;
  for (int i = 0; i < 100000; ++i) {
    counter.Increment();
    counter.Reset();
    if (counter.Value() != 0.0) FAIL() << "after " << i << " Resets: " << counter.Value();
  }
  EXPECT_EQ(other.Value(), 7.0);
}

TEST(DropInGauge, GoesUpAndDown) {
  Gauge gauge(10);
  EXPECT_EQ(gauge.Value(), 10.0);
  gauge.Increment();
  gauge.Increment(-2.5);
  gauge.Decrement();
  gauge.Decrement(-1);
  EXPECT_EQ(gauge.Value(), 8.5);
  gauge.Set(-3);
  EXPECT_EQ(gauge.Collect().gauge.value, -3.0);
}

TEST(DropInGauge, TakesTheTimeInWholeSeconds) {
  const auto before = static_cast<double>(std::time(nullptr));
  Gauge gauge;
  gauge.SetToCurrentTime();
  EXPECT_GE(gauge.Value(), before);
  EXPECT_LE(gauge.Value(), before + 5);
  EXPECT_EQ(gauge.Value(), std::floor(gauge.Value()));
}

TEST(DropInHistogram, CountsUpToAndWithItsBounds) {
  Histogram histogram({1, 2});
  for (const double value : {0.5, 1.0, 1.5, 2.0, 2.5, kInfinity}) histogram.Observe(value);
  EXPECT_EQ(CumulativeCounts(histogram), (std::vector<std::uint64_t>{2, 4, 6}));
  const ClientMetric metric = histogram.Collect();
  EXPECT_EQ(metric.histogram.sample_count, 6u);
  EXPECT_EQ(metric.histogram.sample_sum, kInfinity);
  ASSERT_EQ(metric.histogram.bucket.size(), 3u);
  EXPECT_EQ(metric.histogram.bucket[0].upper_bound, 1.0);
  EXPECT_EQ(metric.histogram.bucket[2].upper_bound, kInfinity);
}

TEST(DropInHistogram, RefusesBoundsThatDoNotAscend) {
  using Bounds = Histogram::BucketBoundaries;
  EXPECT_THROW(Histogram(Bounds{2, 1}), std::invalid_argument);
  EXPECT_THROW(Histogram(Bounds{1, 1}), std::invalid_argument);
  EXPECT_THROW(Histogram(Bounds{1, std::nan("")}), std::invalid_argument);
  EXPECT_NO_THROW(Histogram(Bounds{}));
  EXPECT_NO_THROW(Histogram(Bounds{-1, 0, 1}));
}

// One row lies in one lane of the memory that all CPUs share: what is longer would count in the
// buckets of others.
TEST(DropInHistogram, TakesEightThousandBoundsAndNoMore) {
  Histogram::BucketBoundaries bounds;
  for (int i = 0; i < 8000; ++i) bounds.push_back(i);
  Histogram first(bounds);
  Histogram second(bounds);
  std::vector<std::uint64_t> expected;
  for (std::size_t i = 0; i < bounds.size(); ++i) {
    first.Observe(static_cast<double>(i));
    if (i % 2 == 0) second.Observe(static_cast<double>(i));
    expected.push_back(i + 1);
  }
  first.Observe(8000);
  expected.push_back(8001);
  EXPECT_EQ(CumulativeCounts(first), expected);
  EXPECT_EQ(first.Collect().histogram.sample_sum, 8000.0 * 8001 / 2);
  EXPECT_EQ(second.Collect().histogram.sample_count, 4000u);
  EXPECT_EQ(second.Collect().histogram.sample_sum, 4000.0 * 3999);

  bounds.push_back(8000);
  try {
    const Histogram too_many(bounds);
    FAIL() << "8001 are taken";
  } catch (const std::length_error& e) {
    const std::string text = e.what();
    EXPECT_NE(text.find("8001 bucket boundaries"), std::string::npos) << text;
    EXPECT_NE(text.find("at most 8000"), std::string::npos) << text;
  }
  Family<Histogram> family("h", "", {});
  EXPECT_THROW(family.Add({}, bounds), std::length_error);
  EXPECT_TRUE(family.Collect().empty());
}

TEST(DropInHistogram, HasOneInfiniteBucketHoweverItIsAskedFor) {
  Histogram plain(Histogram::BucketBoundaries{});
  plain.Observe(3);
  EXPECT_EQ(CumulativeCounts(plain), (std::vector<std::uint64_t>{1}));
  Histogram named({1, kInfinity});
  named.Observe(3);
  EXPECT_EQ(CumulativeCounts(named), (std::vector<std::uint64_t>{0, 1}));
}

TEST(DropInHistogram, PutsNaNIntoTheFirstBucketAsBefore) {
  Histogram histogram({1, 2});
  histogram.Observe(std::nan(""));
  histogram.Observe(1.5);
  EXPECT_EQ(CumulativeCounts(histogram), (std::vector<std::uint64_t>{1, 2, 2}));
  EXPECT_TRUE(std::isnan(histogram.Collect().histogram.sample_sum));
}

TEST(DropInHistogram, TakesManyObservationsAtOnce) {
  Histogram histogram({1, 2});
  histogram.ObserveMultiple({1.5, -2, 0.7}, -3);
  histogram.ObserveMultiple({1.5, -2, 0.7}, -3);
  EXPECT_EQ(CumulativeCounts(histogram), (std::vector<std::uint64_t>{3, 3, 4}));
  EXPECT_EQ(histogram.Collect().histogram.sample_sum, -6.0);
  const float numbers[] = {0, 2, 1};
  histogram.ObserveMultiple(std::begin(numbers), std::end(numbers), 6);
  EXPECT_EQ(CumulativeCounts(histogram), (std::vector<std::uint64_t>{3, 5, 7}));
}

TEST(DropInHistogram, RefusesAnotherNumberOfBuckets) {
  Histogram histogram({1, 2});
  EXPECT_THROW(histogram.ObserveMultiple({1, 2}, 5), std::length_error);
  EXPECT_THROW(histogram.ObserveMultiple({1, 2, 3, 4}, 5), std::length_error);
  EXPECT_EQ(histogram.Collect().histogram.sample_count, 0u);
  EXPECT_EQ(histogram.Collect().histogram.sample_sum, 0.0);
}

TEST(DropInHistogram, StartsAgainFromZeroByReset) {
  Histogram histogram({1});
  histogram.ObserveMultiple({0.5, 0}, 1e17);
  histogram.Observe(3);
  histogram.Reset();
  EXPECT_EQ(CumulativeCounts(histogram), (std::vector<std::uint64_t>{0, 0}));
  histogram.ObserveMultiple({0.5, 0}, 0.25);  // the half from before is gone
  EXPECT_EQ(CumulativeCounts(histogram), (std::vector<std::uint64_t>{0, 0}));
  EXPECT_EQ(histogram.Collect().histogram.sample_sum, 0.25);
}

TEST(DropInInfo, IsAlwaysOne) { EXPECT_EQ(Info().Collect().info.value, 1.0); }

TEST(DropInInstruments, CanBeCopiedNoMoreThanBefore) {
  static_assert(!std::is_copy_constructible<Counter>::value, "");
  static_assert(!std::is_move_constructible<Counter>::value, "");
  static_assert(!std::is_copy_assignable<Gauge>::value, "");
  static_assert(!std::is_copy_constructible<Histogram>::value, "");
  static_assert(!std::is_move_constructible<Summary>::value, "");
  static_assert(std::is_convertible<double, Gauge>::value, "");
  const MetricType& counter = Counter::metric_type;  // it has an address
  EXPECT_EQ(counter, MetricType::Counter);
  EXPECT_EQ(Info::metric_type, MetricType::Info);
}

// Constructed before main and destroyed after it, beside the library's own objects.
struct Early {
  Early() {
    counter.Increment();
    histogram.Observe(1);
    summary.Observe(1);
  }
  ~Early() {
    counter.Increment();
    histogram.Observe(1);
    summary.Observe(1);
  }
  Counter counter;
  Histogram histogram{Histogram::BucketBoundaries{1}};
  Summary summary{Summary::Quantiles{{0.5, 0.05}}};
};
Early g_early;

TEST(DropInInstruments, CountBeforeMain) {
  EXPECT_EQ(g_early.counter.Value(), 1.0);
  EXPECT_EQ(g_early.histogram.Collect().histogram.sample_count, 1u);
}

TEST(DropInInstruments, StartFromZeroInAForkedChild) {
  Counter counter;
  Gauge gauge(5);
  Histogram histogram({1});
  Summary summary(Summary::Quantiles{{0.5, 0.05}});
  counter.Increment(3);
  histogram.Observe(1);
  summary.Observe(1);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    bool right = counter.Value() == 0 && gauge.Value() == 0 &&
                 histogram.Collect().histogram.sample_count == 0 &&
                 summary.Collect().summary.sample_count == 0;
    counter.Increment();
    summary.Observe(2);
    right = right && counter.Value() == 1 && summary.Collect().summary.sample_sum == 2;
    _exit(right ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(counter.Value(), 3.0);
  EXPECT_EQ(gauge.Value(), 5.0);
  EXPECT_EQ(summary.Collect().summary.sample_count, 1u);
}

}  // namespace
}  // namespace prometheus
