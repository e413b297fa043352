// How far a histogram's sum and count may be apart in one snapshot while threads observe.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "polymeter/metrics.h"
#include "sdk/testing/values.h"
#include "test/concurrency/crowd.h"

namespace {

using polymeter::HistogramPoint;
using polymeter::Metrics;
using polymeter::Options;
using polymeter::testing::FindPoint;

// Only the value 1.0 is observed, so that sum - count is the number of observations of which the
// snapshot has one half.
TEST(Distance, OfSumAndCountStaysWithinWhatHappenedMeanwhile) {
  constexpr int kWriters = 8;
  const Metrics metrics{Options().Consumer()};
  const auto histogram = metrics.Histogram("ones_seconds", "Ones.");
  struct alignas(64) Done {
    std::atomic<std::uint64_t> count{0};
  };
  std::array<Done, kWriters> done;
  const auto sum_done = [&] {
    std::uint64_t sum = 0;
    for (const Done& each : done) sum += each.count.load(std::memory_order_acquire);
    return sum;
  };

  std::vector<double> distances;
  {
    std::vector<std::unique_ptr<crowd::Loop>> writers;
    for (int i = 0; i < kWriters; ++i) {
      writers.push_back(std::make_unique<crowd::Loop>([&, i] {
        for (int turn = 0; turn < 64; ++turn) {
          histogram.Observe(1.0);
          done[static_cast<std::size_t>(i)].count.fetch_add(1, std::memory_order_release);
        }
      }));
    }
    ASSERT_TRUE(crowd::WaitUntil([&] { return sum_done() > 1000; }));
    // Only snapshots during which somebody observed tell anything.
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (distances.size() < 2000 && std::chrono::steady_clock::now() < end) {
      const std::uint64_t before = sum_done();
      const auto snapshot = metrics.TakeSnapshot();
      const std::uint64_t after = sum_done();
      const auto* const point = FindPoint<HistogramPoint>(snapshot, "ones_seconds");
      ASSERT_NE(point, nullptr);
      const double distance = std::abs(point->sum - static_cast<double>(point->count));
      if (after != before) distances.push_back(distance);
      // A half can only be missing of what began or ended during the snapshot; each writer may
      // besides have one between its two adds, or observed and not yet in `done`.
      ASSERT_LE(distance, static_cast<double>(after - before) + 2 * kWriters);
      ASSERT_GE(point->count + kWriters, before);
      ASSERT_LE(point->count, after + kWriters);
    }
  }

  ASSERT_GE(distances.size(), 100u) << "hardly a snapshot was taken while somebody observed";
  std::sort(distances.begin(), distances.end());
  const double median = distances[distances.size() / 2];
  const double p99 = distances[distances.size() * 99 / 100];
  std::printf(
      "|sum - count| while %d threads observe, in observations, of %zu snapshots: "
      "median %.0f, 99th percentile %.0f, largest %.0f\n",
      kWriters, distances.size(), median, p99, distances.back());
  RecordProperty("distance_median", std::to_string(median));
  RecordProperty("distance_p99", std::to_string(p99));
  RecordProperty("distance_max", std::to_string(distances.back()));
  EXPECT_LE(median, 1000) << "the usual snapshot is not interrupted and must be nearly one instant";

  // At rest they are equal.
  const auto rest = metrics.TakeSnapshot();
  const auto* const point = FindPoint<HistogramPoint>(rest, "ones_seconds");
  ASSERT_NE(point, nullptr);
  EXPECT_EQ(point->count, sum_done());
  EXPECT_EQ(point->sum, static_cast<double>(sum_done()));
}

}  // namespace
