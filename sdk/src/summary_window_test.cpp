// The window of a summary's quantiles, with a clock that the test moves.
#include "sdk/src/summary_window.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <deque>
#include <random>
#include <vector>

#include "sdk/src/summary_store.h"

namespace polymeter {
namespace {

using detail::ObserveSummary;
using detail::SummaryCell;
using detail::SummaryReader;

constexpr std::int64_t kSecond = 1'000'000'000;

// One series of a window of 10 minutes in 5 steps.
struct Driven {
  explicit Driven(std::uint32_t age_buckets = 5)
      : cell(detail::SummaryCellOf(store.New({{0, 0.5, 1}, 600 * kSecond, age_buckets}, now))) {}

  void Observe(double value) { ObserveSummary(cell, value, now); }
  void Pass(std::int64_t seconds) { now += seconds * kSecond; }
  std::uint64_t Count() { return Read().count; }
  double Sum() { return Read().sum; }
  double Least() {
    Read();
    return quantiles[0].value;
  }
  double Median() {
    Read();
    return quantiles[1].value;
  }
  double Greatest() {
    Read();
    return quantiles[2].value;
  }
  SummaryReader::Totals Read() {
    return SummaryReader(detail::LaneCount()).Read(cell, {0, 0.5, 1}, quantiles, now);
  }

  detail::SummaryStore store;
  std::int64_t now = 12345 * kSecond;
  SummaryCell& cell;
  Quantile quantiles[3] = {};
};

TEST(SummaryWindow, IsEmptyAtFirst) {
  Driven summary;
  EXPECT_EQ(summary.Count(), 0u);
  EXPECT_TRUE(std::isnan(summary.Median()));
}

TEST(SummaryWindow, ShowsWhatWasObservedUntilItIsTooOld) {
  Driven summary;
  summary.Observe(1);
  summary.Pass(470);
  EXPECT_EQ(summary.Median(), 1);
  summary.Pass(140);
  EXPECT_TRUE(std::isnan(summary.Median()));
  EXPECT_EQ(summary.Count(), 1u);
  EXPECT_EQ(summary.Sum(), 1);
}

TEST(SummaryWindow, NeedsNoReaderToMove) {
  Driven summary;
  summary.Observe(1);
  summary.Pass(3600);
  summary.Observe(100);
  EXPECT_EQ(summary.Least(), 100);
  EXPECT_EQ(summary.Greatest(), 100);
  EXPECT_EQ(summary.Count(), 2u);
}

TEST(SummaryWindow, NeedsNoObservationToMove) {
  Driven summary;
  summary.Observe(1);
  for (int i = 0; i < 8; ++i) {
    EXPECT_EQ(summary.Greatest(), 1) << i;
    summary.Pass(60);
  }
  summary.Pass(180);
  EXPECT_TRUE(std::isnan(summary.Greatest()));
}

// Hours in which observations come and nobody reads.
TEST(SummaryWindow, ForgetsWhileNobodyReads) {
  Driven summary;
  for (int i = 0; i < 5 * 3600; ++i) {
    summary.Observe(1000 + i);
    summary.Pass(1);
  }
  // Between MaxAge less a step and MaxAge.
  const double greatest = 1000 + 5 * 3600 - 1;
  EXPECT_EQ(summary.Greatest(), greatest);
  EXPECT_GE(summary.Least(), greatest - 600);
  EXPECT_LE(summary.Least(), greatest - 480);
  EXPECT_EQ(summary.Count(), 5u * 3600);
}

// At random: it never shows what is older than MaxAge, and all that is younger than MaxAge less a
// step.
TEST(SummaryWindow, HoldsWhatItSaysAtAnyRhythm) {
  for (unsigned seed = 0; seed < 30; ++seed) {
    const std::uint32_t steps = 1 + seed % 8;
    const std::int64_t step = (600 + steps - 1) / steps;
    Driven summary(steps);
    std::mt19937 random(seed);
    std::vector<std::pair<std::int64_t, double>> all;
    std::int64_t age = 0;
    for (int i = 0; i < 600; ++i) {
      const auto wait = static_cast<std::int64_t>(
          random() % 20 == 0 ? random() % 1500 : random() % (seed % 3 == 0 ? 5 : 60));
      summary.Pass(wait);
      age += wait;
      if (random() % 8 != 0) {
        all.emplace_back(age, static_cast<double>(1 + random() % 1000));
        summary.Observe(all.back().second);
        continue;
      }
      double most_allowed = -1;
      double most_needed = -1;
      double least_allowed = 1e9;
      for (const auto& [at, value] : all) {
        if (age - at > 600) continue;
        most_allowed = std::max(most_allowed, value);
        least_allowed = std::min(least_allowed, value);
        if (age - at < 600 - step) most_needed = std::max(most_needed, value);
      }
      const double greatest = summary.Greatest();
      const double least = summary.Least();
      if (std::isnan(greatest)) {
        EXPECT_EQ(most_needed, -1) << seed << " " << i;
      } else {
        EXPECT_GE(greatest, most_needed) << seed << " " << i;
        EXPECT_LE(greatest, most_allowed) << seed << " " << i;
        EXPECT_GE(least, least_allowed) << seed << " " << i;
      }
      EXPECT_EQ(summary.Count(), all.size());
    }
  }
}

TEST(SummaryWindow, TakesBoundedMemory) {
  detail::SummaryWindow window(600 * kSecond, 5, 0);
  detail::SummaryCounts counts;
  for (auto& count : counts.counts) count = std::uint64_t{1} << 62;
  for (std::int64_t i = 1; i < 100; ++i) {
    for (auto& count : counts.counts) count += std::uint64_t{1} << 40;
    window.Rotate(i * 120 * kSecond, counts, {1, 2});
  }
  // Five steps and what was before them; a count takes ten bytes at most, and one for its place.
  EXPECT_LE(window.bytes(), 6 * detail::kSummaryBuckets * 11 + 1024);
  // The numbers are all there.
  detail::Extremes extremes;
  window.Select(99 * 120 * kSecond, counts, extremes);
  for (const std::uint64_t count : counts.counts) EXPECT_EQ(count, std::uint64_t{5} << 40);
  EXPECT_EQ(extremes.low, 1);
  EXPECT_EQ(extremes.high, 2);
}

TEST(SummaryStore, GivesARetiredCellAnewOnlyAfterManyLaterOnes) {
  detail::SummaryStore store(/*quarantined=*/3);
  const detail::SummarySpec spec{{0.5}, 600 * kSecond, 5};
  const detail::CellAddress first = store.New(spec, 0);
  ObserveSummary(detail::SummaryCellOf(first), 2, 0);
  store.Retire(first);
  ObserveSummary(detail::SummaryCellOf(first), 3, 0);
  ObserveSummary(detail::SummaryCellOf(first), 1e6, 0);  // in another octave
  EXPECT_EQ(store.RetiredIncrements(), 2);
  detail::CellAddress cell = detail::kNoopCell;
  int others = 0;
  for (; others < 10 && cell != first; ++others) {
    if (cell != detail::kNoopCell) store.Retire(cell);
    cell = store.New(spec, 0);
  }
  EXPECT_EQ(others, 4);
  ASSERT_EQ(cell, first);
  EXPECT_EQ(store.RetiredIncrements(), 2);
  EXPECT_EQ(detail::ReadSummaryCount(cell), 0u);
  EXPECT_EQ(detail::ReadSummarySum(cell), 0);
  ObserveSummary(detail::SummaryCellOf(cell), 7, 1);
  Quantile median{};
  EXPECT_EQ(
      SummaryReader(detail::LaneCount()).Read(detail::SummaryCellOf(cell), {0.5}, &median, 2).count,
      1u);
  EXPECT_EQ(median.value, 7);
}

TEST(SummaryStore, GivesACellAnewWithoutTheOctavesOfItsOldSeries) {
  detail::SummaryStore store(/*quarantined=*/0);
  const detail::SummarySpec spec{{0.5}, 600 * kSecond, 5};
  const detail::CellAddress old = store.New(spec, 0);
  for (int i = 0; i < 64; ++i) {  // all that a series may have
    ObserveSummary(detail::SummaryCellOf(old), std::ldexp(1, 10 + i), 0);
  }
  store.Retire(old);
  const detail::CellAddress cell = store.New(spec, 0);
  ASSERT_EQ(cell, old);
  for (const double value : {0.001, 0.005, 0.01}) {
    ObserveSummary(detail::SummaryCellOf(cell), value, 1);
  }
  Quantile median{};
  EXPECT_EQ(
      SummaryReader(detail::LaneCount()).Read(detail::SummaryCellOf(cell), {0.5}, &median, 2).count,
      3u);
  EXPECT_NEAR(median.value, 0.005, 0.005 / 65);
}

TEST(SummaryStore, LeavesStaleHandlesHarmlessAndItsRecordsToOthers) {
  detail::CellAddress stale = detail::kNoopCell;
  for (int i = 0; i < 300; ++i) {  // more than the pool's quarantine
    detail::SummaryStore store;
    const detail::CellAddress cell = store.New({{0.5}, kSecond, 5}, 0);
    ASSERT_NE(cell, detail::kNoopCell);
    ObserveSummary(detail::SummaryCellOf(cell), 1, 2 * kSecond);
    EXPECT_EQ(detail::ReadSummaryCount(cell), 1u);
    if (i == 0) stale = cell;
    if (i > 0 && i < 50) {
      ObserveSummary(detail::SummaryCellOf(stale), i, i * kSecond);
      ObserveSummary(detail::SummaryCellOf(stale), std::ldexp(1, i), i * kSecond);
      static_cast<void>(detail::ReadSummaryCount(stale));
    }
  }
}

}  // namespace
}  // namespace polymeter
