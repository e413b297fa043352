// Series that are made and removed while others look them up, read them, and hold snapshots of
// them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "polymeter/metrics.h"
#include "sdk/testing/values.h"
#include "test/concurrency/crowd.h"
#include "test/concurrency/watcher.h"

namespace {

using polymeter::CounterPoint;
using polymeter::CounterPoints;
using polymeter::Metrics;
using polymeter::Options;
using polymeter::Snapshot;
using polymeter::testing::FindFamily;
using polymeter::testing::FindPoint;
using polymeter::testing::ValueOf;
using ::testing::IsEmpty;

TEST(Series, MadeByManyThreadsAtOnceExistOnce) {
  constexpr int kThreads = 32;
  constexpr int kSeries = 300;
  for (int round = 0; round < 5; ++round) {
    const Metrics metrics{Options().Consumer()};
    crowd::Together(kThreads, [&](int) {
      // The family is raced for as well.
      const auto family = metrics.Counter("raced_total", "Raced for.", {"n"});
      for (int i = 0; i < kSeries; ++i) family.With(i).Increment();
    });
    const auto snapshot = metrics.TakeSnapshot();
    const auto* const family = FindFamily(snapshot, "raced_total");
    ASSERT_NE(family, nullptr);
    const auto& points = std::get<CounterPoints>(family->points);
    ASSERT_EQ(points.size(), std::size_t{kSeries});
    std::set<std::string_view> values;
    for (const CounterPoint& point : points) {
      EXPECT_EQ(point.whole, std::uint64_t{kThreads});
      values.insert(point.series.labels()[0].value);
    }
    EXPECT_EQ(values.size(), std::size_t{kSeries});
  }
}

TEST(Series, RacedForByNameAndByPositionAreTheSame) {
  const Metrics metrics{Options().Consumer()};
  const auto family = metrics.Counter("raced_total", "Raced for.", {"a", "b"});
  crowd::Together(16, [&](int thread) {
    for (int i = 0; i < 200; ++i) {
      const std::string b = std::to_string(i);
      if (thread % 2 == 0) {
        family.With("x", b).Increment();
      } else {
        family.With({{"b", b}, {"a", "x"}}).Increment();
      }
    }
  });
  const auto snapshot = metrics.TakeSnapshot();
  const auto* const points = FindFamily(snapshot, "raced_total");
  ASSERT_NE(points, nullptr);
  ASSERT_EQ(points->size(), 200u);
  for (const auto& point : std::get<CounterPoints>(points->points)) EXPECT_EQ(point.whole, 16u);
}

// What a snapshot says, copied.
std::vector<std::pair<std::string, std::uint64_t>> Copy(const Snapshot& snapshot) {
  std::vector<std::pair<std::string, std::uint64_t>> all;
  for (const auto& family : snapshot.families()) {
    if (const auto* points = std::get_if<CounterPoints>(&family.points)) {
      for (const CounterPoint& point : *points) {
        std::string labels(family.name);
        polymeter::VisitLabels(family, point.series, [&](std::string_view n, std::string_view v) {
          labels += "," + std::string(n) + "=" + std::string(v);
        });
        all.emplace_back(std::move(labels), point.whole);
      }
    }
  }
  return all;
}

TEST(Series, ASnapshotStaysAsItWasWhileItsSeriesAreRemovedAndMadeAgain) {
  const Metrics metrics{Options().Consumer()};
  const auto family = metrics.Counter("churned_total", "Made and removed.", {"who", "round"});
  constexpr std::string_view kLongName = "a name that is longer than a short string";
  std::atomic<int> round{0};
  crowd::Loop remover([&] {
    const int now = round++;
    for (int i = 0; i < 50; ++i) family.With(kLongName, now * 50 + i).Increment(i);
    if (now % 5 == 4) {
      family.RemoveAll();
    } else {
      for (int i = 0; i < 50; i += 2) {
        family.Remove(kLongName, now * 50 + i);
      }
    }
  });
  using Copied = std::vector<std::pair<std::string, std::uint64_t>>;
  std::deque<std::pair<Snapshot, Copied>> held;
  std::uint64_t compared = 0;
  const std::uint64_t until = remover.steps() + 200;
  ASSERT_TRUE(crowd::WaitUntil([&] {
    for (int i = 0; i < 20; ++i) {
      auto snapshot = metrics.TakeSnapshot();
      auto copy = Copy(snapshot);
      held.emplace_back(std::move(snapshot), std::move(copy));
      if (held.size() > 50) held.pop_front();
      const auto& [oldest, expected] = held.front();
      if (Copy(oldest) != expected) return true;  // found below
      compared += expected.size();
    }
    return remover.steps() > until && compared > 10000;
  }));
  remover.Stop();
  for (const auto& [snapshot, expected] : held) EXPECT_EQ(Copy(snapshot), expected);
}

TEST(Series, HandlesThatAreUsedDuringRemovalCountIntoNothingElse) {
  const Metrics metrics{Options().Consumer()};
  const auto family = metrics.Counter("removed_total", "Removed again and again.", {"slot"});
  const auto stays = metrics.Counter("stays_total", "Never removed.", {"slot"});
  constexpr int kTurns = 3000;
  const auto a = stays.With("a");
  const auto b = stays.With("b");
  crowd::Together(4, [&](int thread) {
    for (int i = 0; i < kTurns; ++i) {
      const auto stale = family.With(i % 10);
      if (thread == 0) family.Remove(i % 10);
      stale.Increment(1000);  // perhaps removed by now
      (i % 2 == 0 ? a : b).Increment();
    }
  });
  EXPECT_EQ(a.Value(), 4.0 * kTurns / 2);
  EXPECT_EQ(b.Value(), 4.0 * kTurns / 2);
  // A removed series that is made again begins at zero, whatever still counts into the old one.
  family.RemoveAll();
  EXPECT_EQ(family.With(3).Value(), 0);
}

TEST(Series, SnapshotsDoNotBlockTheirCreation) {
  const Metrics metrics{Options().Consumer().SeriesLimit(0)};
  const auto big = metrics.Counter("big_total", "Makes a snapshot long.", {"n"});
  for (int i = 0; i < 100000; ++i) big.With(i).Increment();
  const auto made = metrics.Counter("made_total", "Made meanwhile.", {"n"});

  // Odd while a snapshot is being taken.
  std::atomic<std::uint64_t> phase{0};
  std::atomic<std::uint64_t> within{0};  // made from beginning to end within one snapshot
  int next = 0;
  crowd::Loop creator([&] {
    const std::uint64_t before = phase.load();
    made.With(next++).Increment();
    const std::uint64_t after = phase.load();
    if (before == after && before % 2 == 1) within.fetch_add(1);
    if (next % 20000 == 0) made.RemoveAll();
  });
  // If a snapshot kept creators out while it reads, at most the few that slip in before and after
  // the reading would be made within each.
  int snapshots = 0;
  EXPECT_TRUE(crowd::WaitUntil([&] {
    for (int i = 0; i < 10; ++i, ++snapshots) {
      phase.fetch_add(1);
      const auto snapshot = metrics.TakeSnapshot();
      phase.fetch_add(1);
      EXPECT_GE(snapshot.size(), 100000u);
    }
    return snapshots >= 50 && within.load() >= 20u * static_cast<unsigned>(snapshots);
  })) << within.load()
      << " series were made within " << snapshots << " snapshots";
}

TEST(Series, ReadersAtRestSeeTheSameAsOftenAsTheyLike) {
  const Metrics metrics{Options().Consumer()};
  const auto counter = metrics.Counter("c_total", "C.");
  const auto histogram = metrics.Histogram("h_seconds", "H.");
  counter.Increment(7);
  histogram.Observe(0.3);
  crowd::Together(2, [&](int) {
    for (int i = 0; i < 2000; ++i) {
      const auto snapshot = metrics.TakeSnapshot();
      EXPECT_EQ(ValueOf(snapshot, "c_total"), 7);
      const auto* const point = FindPoint<polymeter::HistogramPoint>(snapshot, "h_seconds");
      ASSERT_NE(point, nullptr);
      EXPECT_EQ(point->count, 1u);
      EXPECT_EQ(point->sum, 0.3);
    }
  });
}

}  // namespace
