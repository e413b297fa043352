// The observation tap: single observations reach one snapshot each, and what does not is counted.
#include "sdk/src/tap.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <numeric>
#include <thread>
#include <vector>

#include "polymeter/metrics.h"
#include "sdk/src/core_access.h"
#include "sdk/testing/values.h"

namespace polymeter {
namespace {

using testing::FindPoint;

class Tapped : public ::testing::Test {
 protected:
  Tapped() { EXPECT_TRUE(source().TapObservations(1024)); }
  SnapshotSource& source() { return *detail::CoreAccess::Source(metrics_); }
  std::vector<double> Samples(const char* name = "h") {
    const Snapshot snapshot = source().TakeSnapshotWithSamples(Deadline::max());
    const auto* point = FindPoint<HistogramPoint>(snapshot, name);
    if (point == nullptr) return {};
    EXPECT_LE(point->sample_count, point->count);
    return std::vector<double>(point->samples, point->samples + point->sample_count);
  }

  const Metrics metrics_{Options().Consumer()};
};

TEST_F(Tapped, GivesEachObservationToOneSnapshot) {
  auto histogram = metrics_.Histogram("h", "H.", FamilyOptions().Buckets({1}));
  histogram.Observe(0.5);
  histogram.Observe(2);
  histogram.Observe(std::numeric_limits<double>::quiet_NaN());
  EXPECT_EQ(Samples(), (std::vector<double>{0.5, 2}));
  EXPECT_EQ(Samples(), std::vector<double>());
  histogram.Observe(3);
  EXPECT_EQ(Samples(), std::vector<double>{3});
  // The buckets have them all.
  EXPECT_EQ(histogram.Count(), 3u);
  EXPECT_EQ(histogram.Sum(), 5.5);
}

TEST_F(Tapped, LeavesOtherSnapshotsWithoutSamples) {
  metrics_.Histogram("h", "H.").Observe(1);
  const Snapshot plain = metrics_.TakeSnapshot();
  EXPECT_EQ(FindPoint<HistogramPoint>(plain, "h")->sample_count, 0u);
  EXPECT_EQ(Samples().size(), 1u);
}

TEST_F(Tapped, IsForOneBackend) { EXPECT_FALSE(source().TapObservations(16)); }

TEST_F(Tapped, KeepsSeriesAndMetricsApart) {
  const Metrics other(Options().Consumer());
  ASSERT_TRUE(detail::CoreAccess::Source(other)->TapObservations(1024));
  other.Histogram("h", "H.").Observe(9);
  const auto family = metrics_.Histogram("h", "H.", {"l"});
  family.With("a").Observe(1);
  family.With("b").Observe(2);
  const Snapshot snapshot = source().TakeSnapshotWithSamples(Deadline::max());
  for (const auto& [label, value] : {std::pair("a", 1.0), std::pair("b", 2.0)}) {
    const auto* point = FindPoint<HistogramPoint>(snapshot, "h", {{"l", label}});
    ASSERT_EQ(point->sample_count, 1u);
    EXPECT_EQ(point->samples[0], value);
  }
  const Snapshot others =
      detail::CoreAccess::Source(other)->TakeSnapshotWithSamples(Deadline::max());
  EXPECT_EQ(FindPoint<HistogramPoint>(others, "h")->samples[0], 9);
}

TEST_F(Tapped, CountsWhatAFullRingDoesNotKeep) {
  auto histogram = metrics_.Histogram("h", "H.");
  const std::uint64_t lost = detail::Tap::Instance().Lost();
  std::size_t kept = 0;
  std::thread([&] {
    for (int i = 0; i < 100000; ++i) histogram.Observe(1);
  }).join();
  kept = Samples().size();
  EXPECT_GE(kept, 1024u);
  EXPECT_EQ(kept + detail::Tap::Instance().Lost() - lost, 100000u);
  EXPECT_EQ(histogram.Count(), 100000u);
}

TEST_F(Tapped, LosesNothingOfThreadsThatComeAndGoWhileItIsRead) {
  auto histogram = metrics_.Histogram("h", "H.");
  const std::uint64_t lost = detail::Tap::Instance().Lost();
  std::atomic<bool> go_on{true};
  std::vector<double> all;
  std::thread reader([&] {
    while (go_on) {
      const auto samples = Samples();
      all.insert(all.end(), samples.begin(), samples.end());
    }
  });
  constexpr int kThreads = 40;
  constexpr int kEach = 500;
  for (int t = 0; t < kThreads; t += 4) {
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        for (int n = 1; n <= kEach; ++n) histogram.Observe(n);
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
  go_on = false;
  reader.join();
  const auto last = Samples();
  all.insert(all.end(), last.begin(), last.end());
  EXPECT_EQ(detail::Tap::Instance().Lost(), lost);
  EXPECT_EQ(all.size(), static_cast<std::size_t>(kThreads * kEach));
  EXPECT_EQ(std::accumulate(all.begin(), all.end(), 0.0), kThreads * kEach * (kEach + 1) / 2.0);
}

TEST(Tap, GivesUpWhatNobodyClaims) {
  constexpr detail::CellAddress kNobodys = 8;
  detail::Tap& tap = detail::Tap::Instance();
  tap.Collect();
  detail::TapPush(kNobodys, 1);
  tap.Collect();
  const std::uint64_t lost = tap.Lost();
  for (int i = 0; i < 100; ++i) tap.Collect();
  EXPECT_GT(tap.Lost(), lost);
  EXPECT_TRUE(tap.Claim(kNobodys).empty());
}

TEST(Untapped, HistogramsTakeThePlainPath) {
  const Metrics metrics(Options().Consumer());
  auto histogram = metrics.Histogram("h", "H.");
  histogram.Observe(1);
  const Snapshot snapshot =
      detail::CoreAccess::Source(metrics)->TakeSnapshotWithSamples(Deadline::max());
  EXPECT_EQ(FindPoint<HistogramPoint>(snapshot, "h")->sample_count, 0u);
}

}  // namespace
}  // namespace polymeter
