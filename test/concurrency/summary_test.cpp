// Summaries that many threads observe while intervals end, octaves are met for the first time,
// series go and somebody reads.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "polymeter/metrics.h"
#include "sdk/testing/values.h"
#include "test/concurrency/crowd.h"

namespace {

using polymeter::Metrics;
using polymeter::Options;
using polymeter::Summary;
using polymeter::SummaryOptions;
using polymeter::SummaryPoint;
using polymeter::testing::CountOf;
using polymeter::testing::FindPoint;
using polymeter::testing::SumOf;

// Intervals of 10 ms: many end during a test.
SummaryOptions ShortWindow() {
  return SummaryOptions()
      .Quantiles({0, 0.5, 1})
      .MaxAge(std::chrono::milliseconds(50))
      .AgeBuckets(5);
}

TEST(Summaries, OfManyThreadsCountExactly) {
  constexpr int kThreads = 8;
  constexpr int kObservations = 150'000;
  const Metrics metrics{Options().Consumer()};
  const Summary summary = metrics.Summary("s", "S.", ShortWindow());
  std::atomic<std::uint64_t> last{0};
  std::atomic<int> wrong{0};
  crowd::Loop reader([&] {
    const auto snapshot = metrics.TakeSnapshot();
    const auto* const point = FindPoint<SummaryPoint>(snapshot, "s");
    if (point->count < last) ++wrong;
    last = point->count;
    // An interval that ends in the midst of an observation has the bucket and not the extreme.
    constexpr double kMost = kThreads * (1 + 1.0 / 65 + 1e-12);
    double before = 1;
    for (std::uint32_t i = 0; i < point->quantile_count; ++i) {
      const double value = point->quantiles[i].value;
      if (std::isnan(value)) continue;  // nobody observed for so long
      if (value < before || value > kMost) ++wrong;
      before = value;
    }
  });
  crowd::Together(kThreads, [&](int thread) {
    for (int i = 0; i < kObservations; ++i) summary.Observe(1 + thread);
  });
  ASSERT_TRUE(crowd::WaitUntil([&] { return reader.steps() > 5; }));
  reader.Stop();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(summary.Count(), std::uint64_t{kThreads} * kObservations);
  EXPECT_EQ(CountOf(metrics, "s"), std::uint64_t{kThreads} * kObservations);
  EXPECT_EQ(SumOf(metrics, "s"), 36.0 * kObservations);
}

// Every thread is the first in some octave, and more are met than a series has.
TEST(Summaries, MeetOctavesForTheFirstTimeTogether) {
  constexpr int kThreads = 8;
  for (int round = 0; round < 30; ++round) {
    const Metrics metrics{Options().Consumer()};
    const Summary summary = metrics.Summary("s", "S.", ShortWindow());
    crowd::Together(kThreads, [&](int thread) {
      for (int i = 0; i < 80; ++i) {
        const int exponent = (i * 7 + thread * (round % 3)) % 80 - 40;
        summary.Observe(std::ldexp(thread % 2 == 0 ? 1 : -1, exponent));
      }
    });
    EXPECT_EQ(summary.Count(), 80u * kThreads);
    EXPECT_EQ(CountOf(metrics, "s"), 80u * kThreads);
  }
}

// The first observation after a long pause begins a new window; those that come with it are in it,
// whoever was first.
TEST(Summaries, LoseNobodyWhoComesWhenAnIntervalEnds) {
  constexpr int kThreads = 8;
  constexpr std::chrono::milliseconds kAge(300);
  const Metrics metrics{Options().Consumer()};
  const Summary summary =
      metrics.Summary("s", "S.", SummaryOptions().Quantiles({0, 1}).MaxAge(kAge).AgeBuckets(1));
  int seen = 0;
  for (int round = 0; round < 30 && seen < 4; ++round) {
    summary.Observe(1);
    std::this_thread::sleep_for(kAge + std::chrono::milliseconds(20));
    const auto begin = std::chrono::steady_clock::now();
    crowd::Together(kThreads, [&](int thread) { summary.Observe(2000 + thread); });
    const auto snapshot = metrics.TakeSnapshot();
    if (std::chrono::steady_clock::now() - begin > kAge / 2) continue;  // a busy machine
    ++seen;
    const auto* const point = FindPoint<SummaryPoint>(snapshot, "s");
    EXPECT_EQ(point->quantiles[0].value, 2000);
    EXPECT_EQ(point->quantiles[1].value, 2007);
  }
  EXPECT_EQ(seen, 4);
}

TEST(Summaries, AreRemovedWhileTheyAreObservedAndRead) {
  const Metrics metrics{Options().Consumer()};
  const auto family = metrics.Summary("s", "S.", {"a"}, ShortWindow());
  const Summary stays = family.With("stays");
  constexpr int kTurns = 1500;
  crowd::Loop reader([&] { static_cast<void>(metrics.TakeSnapshot()); });
  crowd::Together(4, [&](int thread) {
    for (int i = 0; i < kTurns; ++i) {
      const Summary stale = family.With(i % 5);
      if (thread == 0) family.Remove(i % 5);
      stale.Observe(std::ldexp(1.5, i % 30));
      stays.Observe(1);
    }
  });
  reader.Stop();
  EXPECT_EQ(stays.Count(), 4u * kTurns);
  EXPECT_EQ(stays.Sum(), 4.0 * kTurns);
}

TEST(Summaries, OfAnEndedMetricsAreObservedWhileOthersBegin) {
  std::vector<Summary> stale;
  for (int i = 0; i < 3; ++i) {
    const Metrics metrics{Options().Consumer()};
    stale.push_back(metrics.Summary("s", "S.", ShortWindow()));
    stale.back().Observe(1);
  }
  std::vector<std::unique_ptr<crowd::Loop>> observers;
  for (int i = 0; i < 3; ++i) {
    observers.push_back(std::make_unique<crowd::Loop>([&, i, turn = 0]() mutable {
      stale[static_cast<std::size_t>(i)].Observe(std::ldexp(1.0, ++turn % 60 - 30));
    }));
  }
  // Fewer than the pool keeps in quarantine.
  for (int i = 0; i < 40; ++i) {
    const Metrics metrics{Options().Consumer()};
    const Summary summary = metrics.Summary("s", "S.", ShortWindow());
    for (int n = 0; n < 100; ++n) summary.Observe(n);
    EXPECT_EQ(summary.Count(), 100u);
    EXPECT_EQ(CountOf(metrics, "s"), 100u);
  }
}

}  // namespace
