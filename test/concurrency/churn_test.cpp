// Ten thousand short threads, 64 at a time, count while others read: nothing is lost and nothing
// ever runs backwards.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <string_view>

#include "polymeter/metrics.h"
#include "sdk/src/chunk_pool.h"
#include "sdk/testing/values.h"
#include "test/concurrency/crowd.h"
#include "test/concurrency/watcher.h"

#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 35)
#include <sys/rseq.h>
#endif

namespace {

using polymeter::CounterPoint;
using polymeter::HistogramPoint;
using polymeter::Metrics;
using polymeter::Options;
using polymeter::testing::FindFamily;
using polymeter::testing::FindPoint;
using ::testing::IsEmpty;

TEST(Churn, TenThousandShortThreadsLoseNoCountUnderTwoReaders) {
  constexpr int kAtOnce = 64;
  constexpr int kThreads = 10000;
  const Metrics metrics{Options().Consumer()};
  const auto integers = metrics.Counter("integers_total", "Ones.");
  const auto doubles = metrics.Counter("doubles_total", "Quarters.");
  const auto gauge = metrics.Gauge("level", "Up and down.");
  const auto histogram = metrics.Histogram("duration_seconds", "Few values.",
                                           polymeter::FamilyOptions().Buckets({1, 2, 3}));
  const auto families = metrics.Counter("made_total", "Series that threads make.", {"thread"});
  const auto removed = metrics.Counter("volatile_total", "Series that come and go.", {"slot"});
  const auto shared = metrics.Histogram("shared_seconds", "By few labels.", {"slot"},
                                        polymeter::FamilyOptions().Buckets({0.5}));

  Watcher first;
  Watcher second;
  {
    const crowd::Loop reader([&] { first.Look(metrics.TakeSnapshot()); });
    const crowd::Loop other([&] { second.Look(metrics.TakeSnapshot()); });
    crowd::ComeAndGo(kAtOnce, kThreads, [&](int i) {
      const auto mine = families.With(i % 500);
      for (int turn = 0; turn < 20; ++turn) {
        integers.Increment();
        integers.Increment(2);
        doubles.Increment(0.25);
        mine.Increment();
        histogram.Observe(turn % 5);  // 0 to 4: every bucket and the one up to +Inf
        shared.With(i % 7).Observe(0.25);
        gauge.Increment();
        gauge.Decrement();
      }
      removed.With(i % 50).Increment();
      if (i % 3 == 0) removed.Remove(i % 50);
    });
    EXPECT_TRUE(crowd::WaitUntil([&] { return reader.steps() > 1 && other.steps() > 1; }));
  }

  EXPECT_THAT(first.faults(), IsEmpty());
  EXPECT_THAT(second.faults(), IsEmpty());
  EXPECT_GT(first.rises(), 0u);
  EXPECT_GT(second.rises(), 0u);
  RecordProperty("snapshots", static_cast<int>(first.looks() + second.looks()));

  const auto end = metrics.TakeSnapshot();
  const auto* const ones = FindPoint<CounterPoint>(end, "integers_total");
  ASSERT_NE(ones, nullptr);
  EXPECT_EQ(ones->whole, std::uint64_t{kThreads} * 60);
  EXPECT_EQ(ones->part, 0);
  EXPECT_EQ(integers.Value(), kThreads * 60.0);
  const auto* const quarters = FindPoint<CounterPoint>(end, "doubles_total");
  ASSERT_NE(quarters, nullptr);
  EXPECT_EQ(quarters->whole, 0u);
  EXPECT_EQ(quarters->part, kThreads * 5.0);
  EXPECT_EQ(gauge.Value(), 0);

  const auto* const observed = FindPoint<HistogramPoint>(end, "duration_seconds");
  ASSERT_NE(observed, nullptr);
  EXPECT_EQ(observed->count, std::uint64_t{kThreads} * 20);
  EXPECT_EQ(observed->sum, kThreads * 40.0);
  EXPECT_EQ(observed->buckets[0], std::uint64_t{kThreads} * 8);
  EXPECT_EQ(observed->buckets[1], std::uint64_t{kThreads} * 4);
  EXPECT_EQ(observed->buckets[2], std::uint64_t{kThreads} * 4);
  EXPECT_EQ(observed->buckets[3], std::uint64_t{kThreads} * 4);

  const auto* const made = FindFamily(end, "made_total");
  ASSERT_NE(made, nullptr);
  ASSERT_EQ(made->size(), 500u);
  for (const auto& point : std::get<polymeter::CounterPoints>(made->points)) {
    EXPECT_EQ(point.whole, 400u) << point.series.labels()[0].value;
  }
  std::uint64_t in_slots = 0;
  for (int slot = 0; slot < 7; ++slot) {
    const std::string value = std::to_string(slot);
    const auto* const point = FindPoint<HistogramPoint>(end, "shared_seconds", {{"slot", value}});
    ASSERT_NE(point, nullptr);
    EXPECT_EQ(point->sum, 0.25 * static_cast<double>(point->count));
    in_slots += point->count;
  }
  EXPECT_EQ(in_slots, std::uint64_t{kThreads} * 20);
}

TEST(Churn, LongLivedThreadsAddExactly) {
  const Metrics metrics{Options().Consumer()};
  const auto integers = metrics.Counter("integers_total", "Ones.");
  const auto doubles = metrics.Counter("doubles_total", "Halves.");
  const auto histogram = metrics.Histogram("duration_seconds", "Ones.");
  constexpr int kTurns = 100000;
  crowd::Together(8, [&](int) {
    for (int turn = 0; turn < kTurns; ++turn) {
      integers.Increment();
      doubles.Increment(0.5);
      histogram.Observe(1.0);
    }
  });
  EXPECT_EQ(integers.Value(), 8.0 * kTurns);
  EXPECT_EQ(doubles.Value(), 4.0 * kTurns);
  EXPECT_EQ(histogram.Count(), 8u * kTurns);
  EXPECT_EQ(histogram.Sum(), 8.0 * kTurns);
}

#if POLYMETER_RSEQ && defined(__GLIBC__) && __GLIBC_PREREQ(2, 35)
// The second ctest entry of this program takes restartable sequences away from every thread. This
// says that it did, and that the first entry has them where libc does: else one of the two would
// prove nothing.
TEST(Churn, RunsWithRestartableSequencesUnlessTheyAreTakenAway) {
  EXPECT_EQ(polymeter::detail::g_rseq_area.offset == __rseq_offset, __rseq_size != 0);
  if (std::getenv("POLYMETER_TEST_EXPECT_NO_RSEQ") != nullptr) {
    EXPECT_EQ(__rseq_size, 0u);
  }
}
#endif

}  // namespace
