// Summary: quantiles within their errors, and the window of time.
#include "prometheus/summary.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <random>
#include <thread>
#include <vector>

#include "integrations/prometheus_cpp/dropin/quantile_stream.h"
#include "integrations/prometheus_cpp/dropin/summary_state.h"

namespace prometheus {
namespace {

using detail::QuantileStream;
using detail::QuantileTarget;
using detail::SummaryState;
using std::chrono::milliseconds;

const std::vector<QuantileTarget>& Targets() {
  static const std::vector<QuantileTarget> targets = {
      {0.01, 0.005}, {0.5, 0.05}, {0.9, 0.01}, {0.95, 0.005}, {0.99, 0.001}};
  return targets;
}

// Whether `value` stands in `sorted` at a rank that the target allows.
::testing::AssertionResult Within(const std::vector<double>& sorted, const QuantileTarget& target,
                                  double value) {
  const auto n = static_cast<double>(sorted.size());
  const auto low =
      static_cast<double>(std::lower_bound(sorted.begin(), sorted.end(), value) - sorted.begin());
  const auto high =
      static_cast<double>(std::upper_bound(sorted.begin(), sorted.end(), value) - sorted.begin());
  if (low <= (target.quantile + target.error) * n + 1 &&
      high >= (target.quantile - target.error) * n - 1 && high > low) {
    return ::testing::AssertionSuccess();
  }
  return ::testing::AssertionFailure() << "quantile " << target.quantile << " is " << value
                                       << ", of ranks " << low << " to " << high << " of " << n;
}

void ExpectWithin(std::vector<double> numbers, std::size_t batch) {
  QuantileStream stream(Targets());
  for (std::size_t i = 0; i < numbers.size(); i += batch) {
    const auto begin = numbers.begin() + static_cast<std::ptrdiff_t>(i);
    std::vector<double> sorted(
        begin, begin + static_cast<std::ptrdiff_t>(std::min(batch, numbers.size() - i)));
    std::sort(sorted.begin(), sorted.end());
    stream.Insert(sorted);
  }
  EXPECT_EQ(stream.count(), numbers.size());
  std::sort(numbers.begin(), numbers.end());
  for (const QuantileTarget& target : Targets()) {
    EXPECT_TRUE(Within(numbers, target, stream.Query(target.quantile)));
  }
  EXPECT_EQ(stream.Query(0), numbers.front());
  EXPECT_EQ(stream.Query(1), numbers.back());
}

TEST(QuantileStream, StaysWithinTheErrorForEveryOrderAndDistribution) {
  std::mt19937_64 random(1);
  for (const std::size_t size : {1u, 2u, 10u, 513u, 1000u, 10000u, 100000u}) {
    std::vector<double> ascending(size);
    for (std::size_t i = 0; i < size; ++i) ascending[i] = static_cast<double>(i);
    std::vector<double> descending(ascending.rbegin(), ascending.rend());
    std::vector<double> shuffled = ascending;
    std::shuffle(shuffled.begin(), shuffled.end(), random);
    std::vector<double> skewed(size);
    std::lognormal_distribution<double> lognormal(0, 2);
    for (double& value : skewed) value = lognormal(random);
    std::vector<double> few(size);
    for (double& value : few) value = static_cast<double>(random() % 3);
    for (const auto& numbers : {ascending, descending, shuffled, skewed, few}) {
      ExpectWithin(numbers, 512);
      if (size <= 10000) ExpectWithin(numbers, 7);
    }
  }
}

TEST(QuantileStream, KeepsFewSamples) {
  QuantileStream stream(Targets());
  std::mt19937_64 random(2);
  std::vector<double> batch(512);
  for (int i = 0; i < 2000; ++i) {
    for (double& value : batch) value = static_cast<double>(random() >> 11);
    std::sort(batch.begin(), batch.end());
    stream.Insert(batch);
  }
  EXPECT_EQ(stream.count(), 2000u * 512u);
  EXPECT_LT(stream.samples(), 3000u);
}

TEST(QuantileStream, IsBoundedWhereNoErrorIsAllowed) {
  QuantileStream stream({{0.5, 0}, {std::nan(""), 0.1}, {2, 0.1}, {-1, 0.1}, {0.9, -1}});
  std::vector<double> batch(512);
  for (int i = 0; i < 500; ++i) {
    for (std::size_t j = 0; j < batch.size(); ++j) {
      batch[j] = static_cast<double>(j) + static_cast<double>(i % 13) / 13;
    }
    stream.Insert(batch);
  }
  EXPECT_LT(stream.samples(), 40000u);
  EXPECT_NEAR(stream.Query(0.5), 256, 1);
  EXPECT_EQ(stream.Query(2), stream.Query(1));
  EXPECT_EQ(stream.Query(-1), stream.Query(0));
}

TEST(DropInSummary, GivesQuantilesCountAndSum) {
  Summary summary(Summary::Quantiles{{0.5, 0.05}, {0.9, 0.01}});
  for (const auto& quantile : summary.Collect().summary.quantile) {
    EXPECT_TRUE(std::isnan(quantile.value));
  }
  for (int i = 1; i <= 1000; ++i) summary.Observe(i);
  const ClientMetric metric = summary.Collect();
  EXPECT_EQ(metric.summary.sample_count, 1000u);
  EXPECT_EQ(metric.summary.sample_sum, 500500.0);
  ASSERT_EQ(metric.summary.quantile.size(), 2u);
  EXPECT_EQ(metric.summary.quantile[0].quantile, 0.5);
  EXPECT_NEAR(metric.summary.quantile[0].value, 500, 51);
  EXPECT_EQ(metric.summary.quantile[1].quantile, 0.9);
  EXPECT_NEAR(metric.summary.quantile[1].value, 900, 11);
}

TEST(DropInSummary, CountsNaNWithoutGivingItARank) {
  Summary summary(Summary::Quantiles{{0.5, 0.05}});
  summary.Observe(3);
  summary.Observe(std::nan(""));
  const ClientMetric metric = summary.Collect();
  EXPECT_EQ(metric.summary.sample_count, 2u);
  EXPECT_TRUE(std::isnan(metric.summary.sample_sum));
  EXPECT_EQ(metric.summary.quantile[0].value, 3.0);
}

TEST(DropInSummary, NeedsNoQuantiles) {
  Summary summary(Summary::Quantiles{}, milliseconds(0), 0);
  summary.Observe(2);
  EXPECT_TRUE(summary.Collect().summary.quantile.empty());
  EXPECT_EQ(summary.Collect().summary.sample_count, 1u);
}

TEST(DropInSummary, ForgetsWhatIsOlderThanItsWindow) {
  const auto start = SummaryState::Clock::now();
  SummaryState state({{0.5, 0.01}}, milliseconds(1000), 4, 0);
  const auto median = [&](int at) {
    std::vector<ClientMetric::Quantile> quantiles;
    state.Read(quantiles, start + milliseconds(at));
    return quantiles.at(0).value;
  };
  state.Observe(1, start + milliseconds(10));
  EXPECT_EQ(median(20), 1);
  state.Observe(100, start + milliseconds(600));
  state.Observe(101, start + milliseconds(610));
  state.Observe(102, start + milliseconds(620));
  EXPECT_EQ(median(630), 100);   // 1, 100, 101, 102
  EXPECT_EQ(median(1300), 101);  // the first quarter has gone
  EXPECT_TRUE(std::isnan(median(1900)));
  state.Observe(7, start + milliseconds(100000));  // after a long pause
  EXPECT_EQ(median(100010), 7);
  std::vector<ClientMetric::Quantile> quantiles;
  EXPECT_EQ(state.Read(quantiles, start + milliseconds(200000)).count, 5u);  // of all times
}

TEST(DropInSummary, TakesAnyNumberOfBucketsOfAge) {
  for (const int age_buckets : {-1, 0, 1, 3}) {
    Summary summary(Summary::Quantiles{{0.5, 0.05}}, milliseconds(60000), age_buckets);
    summary.Observe(4);
    EXPECT_EQ(summary.Collect().summary.quantile[0].value, 4.0) << age_buckets;
  }
}

TEST(DropInSummary, CountsForManyThreadsWhileItIsRead) {
  Summary summary(Summary::Quantiles{{0.5, 0.05}, {0.99, 0.001}});
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&summary] {
      for (int i = 0; i < 20000; ++i) summary.Observe(i);
    });
  }
  for (int i = 0; i < 50; ++i) EXPECT_LE(summary.Collect().summary.sample_count, 80000u);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(summary.Collect().summary.sample_count, 80000u);
  EXPECT_NEAR(summary.Collect().summary.quantile[0].value, 10000, 1001);
}

}  // namespace
}  // namespace prometheus
