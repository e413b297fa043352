// Differences of exponential histograms: alone, and beside explicit buckets in the Delta stage.
#include "sdk/src/native_totals.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "sdk/src/delta.h"
#include "sdk/testing/snapshot_builder.h"
#include "sdk/testing/values.h"

namespace polymeter {
namespace {

using detail::DeltaStage;
using detail::NativeTotals;
using ::testing::ElementsAre;
using testing::FindFamily;
using testing::FindPoint;
using testing::SnapshotBuilder;

// Observations in buckets, by the definition of a bucket alone.
class TotalsObserved {
 public:
  explicit TotalsObserved(int schema, double zero_threshold = 0)
      : schema_(schema), zero_threshold_(zero_threshold) {}

  void Observe(double value) {
    if (std::isinf(value)) {
      ++(value > 0 ? positive_infinite_ : negative_infinite_);
    } else if (std::abs(value) <= zero_threshold_) {
      ++zero_count_;
    } else {
      ++(value > 0 ? positive_ : negative_)[IndexOf(std::abs(value))];
    }
  }
  // From all the observations again.
  void MakeCoarser(int steps) {
    schema_ -= steps;
    for (auto* const buckets : {&positive_, &negative_}) {
      std::map<std::int32_t, std::uint64_t> coarser;
      for (const auto& [index, count] : *buckets) {
        // A value in the middle of the bucket.
        const double middle = std::exp2(std::ldexp(index - 0.5, -(schema_ + steps)));
        coarser[IndexOf(middle)] += count;
      }
      *buckets = std::move(coarser);
    }
  }
  // Valid until the next call.
  const NativeHistogram& View() {
    view_ = {};
    view_.schema = schema_;
    view_.zero_threshold = zero_threshold_;
    view_.zero_count = zero_count_;
    view_.positive_infinite = positive_infinite_;
    view_.negative_infinite = negative_infinite_;
    view_.count = zero_count_ + positive_infinite_ + negative_infinite_;
    view_.positive = Dense(positive_, dense_positive_);
    view_.negative = Dense(negative_, dense_negative_);
    return view_;
  }

 private:
  std::int32_t IndexOf(double magnitude) const {
    return static_cast<std::int32_t>(std::ceil(std::ldexp(std::log2(magnitude), schema_)));
  }
  NativeBuckets Dense(const std::map<std::int32_t, std::uint64_t>& buckets,
                      std::vector<std::uint64_t>& out) {
    out.clear();
    if (buckets.empty()) return {};
    const std::int32_t first = buckets.begin()->first;
    out.resize(static_cast<std::size_t>(buckets.rbegin()->first - first) + 1);
    for (const auto& [index, count] : buckets) {
      out[static_cast<std::size_t>(index - first)] = count;
      view_.count += count;
    }
    return {first, static_cast<std::uint32_t>(out.size()), out.data()};
  }

  int schema_;
  double zero_threshold_;
  std::uint64_t zero_count_ = 0;
  std::uint64_t positive_infinite_ = 0;
  std::uint64_t negative_infinite_ = 0;
  std::map<std::int32_t, std::uint64_t> positive_;
  std::map<std::int32_t, std::uint64_t> negative_;
  NativeHistogram view_;
  std::vector<std::uint64_t> dense_positive_;
  std::vector<std::uint64_t> dense_negative_;
};

std::vector<std::uint64_t> Counts(const NativeBuckets& buckets) {
  return {buckets.counts, buckets.counts + buckets.size};
}

TEST(NativeTotals, GiveWhatCameSinceWithoutEmptyEnds) {
  NativeTotals totals;
  TotalsObserved observed(0, 0.25);
  for (const double value : {0.0, 0.5, 1.5, 100.0, -3.0}) observed.Observe(value);
  std::vector<std::uint64_t> room(100);
  EXPECT_FALSE(totals.WentBack(observed.View()));
  const NativeHistogram first = totals.Advance(observed.View(), room.data());
  EXPECT_EQ(first.count, 5u);
  EXPECT_EQ(first.zero_count, 1u);
  EXPECT_EQ(first.positive.first, -1);
  EXPECT_THAT(Counts(first.positive), ElementsAre(1, 0, 1, 0, 0, 0, 0, 0, 1));
  EXPECT_EQ(first.negative.first, 2);
  EXPECT_THAT(Counts(first.negative), ElementsAre(1));

  // Between the ends, beyond them, and nothing below zero.
  for (const double value : {1.5, 1.5, 7.0, 3000.0}) observed.Observe(value);
  observed.Observe(std::numeric_limits<double>::infinity());
  observed.Observe(-std::numeric_limits<double>::infinity());
  EXPECT_FALSE(totals.WentBack(observed.View()));
  const NativeHistogram second = totals.Advance(observed.View(), room.data());
  EXPECT_EQ(second.count, 6u);
  EXPECT_EQ(second.zero_count, 0u);
  EXPECT_EQ(second.zero_threshold, 0.25);
  EXPECT_EQ(second.positive_infinite, 1u);
  EXPECT_EQ(second.negative_infinite, 1u);
  EXPECT_EQ(second.positive.first, 1);
  EXPECT_THAT(Counts(second.positive), ElementsAre(2, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1));
  EXPECT_EQ(second.negative.size, 0u);

  EXPECT_FALSE(totals.WentBack(observed.View()));
  const NativeHistogram third = totals.Advance(observed.View(), room.data());
  EXPECT_EQ(third.count + third.positive.size + third.negative.size, 0u);
}

TEST(NativeTotals, GoOnWhereTheSchemaHasBecomeCoarser) {
  std::mt19937_64 random(20261122);
  std::lognormal_distribution<double> wide(0, 3);
  std::vector<std::uint64_t> room(20000);
  for (int start = -3; start <= 8; ++start) {
    for (int steps = 1; start - steps >= -4; ++steps) {
      NativeTotals totals;
      TotalsObserved observed(start);
      for (int i = 0; i < 300; ++i) observed.Observe(wide(random) * (i % 3 == 0 ? -1 : 1));
      static_cast<void>(totals.Advance(observed.View(), room.data()));
      observed.MakeCoarser(steps);
      ASSERT_FALSE(totals.WentBack(observed.View())) << start << " " << steps;
      TotalsObserved more(start - steps);
      for (int i = 0; i < 50; ++i) {
        const double value = wide(random) * (i % 5 == 0 ? -1 : 1);
        observed.Observe(value);
        more.Observe(value);
      }
      ASSERT_FALSE(totals.WentBack(observed.View()));
      const NativeHistogram difference = totals.Advance(observed.View(), room.data());
      const NativeHistogram& wanted = more.View();
      ASSERT_EQ(difference.schema, start - steps);
      ASSERT_EQ(difference.count, 50u);
      ASSERT_EQ(difference.positive.first, wanted.positive.first);
      ASSERT_EQ(Counts(difference.positive), Counts(wanted.positive));
      ASSERT_EQ(difference.negative.first, wanted.negative.first);
      ASSERT_EQ(Counts(difference.negative), Counts(wanted.negative));
    }
  }
}

TEST(NativeTotals, NoticeWhatDoesNotGoOn) {
  std::vector<std::uint64_t> room(1000);
  const auto after = [&](TotalsObserved next) {
    NativeTotals totals;
    TotalsObserved before(2, 0.1);
    for (const double value : {0.0, 1.0, 9.0, -9.0}) before.Observe(value);
    before.Observe(std::numeric_limits<double>::infinity());
    static_cast<void>(totals.Advance(before.View(), room.data()));
    return totals.WentBack(next.View());
  };
  const auto with = [](int schema, double threshold, std::vector<double> values) {
    TotalsObserved observed(schema, threshold);
    for (const double value : values) observed.Observe(value);
    return observed;
  };
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_FALSE(after(with(2, 0.1, {0, 1, 9, -9, infinity})));
  EXPECT_FALSE(after(with(-4, 0.1, {0, 1, 9, -9, infinity})));
  EXPECT_TRUE(after(with(3, 0.1, {0, 1, 9, -9, infinity}))) << "finer";
  EXPECT_TRUE(after(with(2, 0.2, {0, 1, 9, -9, infinity}))) << "another threshold";
  EXPECT_TRUE(after(with(2, 0.1, {1, 9, -9, infinity}))) << "zeros";
  EXPECT_TRUE(after(with(2, 0.1, {0, 9, -9, infinity}))) << "a positive bucket";
  EXPECT_TRUE(after(with(2, 0.1, {0, 1, 1, -9, infinity})))
      << "the last bucket, in spite of the count";
  EXPECT_TRUE(after(with(2, 0.1, {0, 1, 9, infinity}))) << "a negative bucket";
  EXPECT_TRUE(after(with(2, 0.1, {0, 1, 9, -9}))) << "infinities";
}

// --- in the Delta stage
// ----------------------------------------------------------------------------

DeltaOptions OfHistograms() {
  DeltaOptions options;
  options.histograms = true;
  return options;
}

struct HistogramValues {
  std::uint64_t low = 0;  // explicit buckets
  std::uint64_t high = 0;
  double sum = 0;
  TotalsObserved* native = nullptr;
};

Snapshot HistogramOf(const std::vector<HistogramValues>& series, std::uint32_t generation) {
  SnapshotBuilder builder;
  builder.sink().BeginFamily(MetricType::kHistogram, "h", "H.");
  for (std::size_t i = 0; i < series.size(); ++i) {
    const HistogramValues& values = series[i];
    const std::string name = std::to_string(i);
    const Label label{"n", name};
    const double bound = 1;
    const std::uint64_t buckets[] = {values.low, values.high};
    HistogramPoint point{SeriesView(nullptr),      &bound,    buckets, 1,
                         values.low + values.high, values.sum};
    if (values.native != nullptr) point.native = &values.native->View();
    builder.sink().Histogram(&label, 1, point);
  }
  EXPECT_EQ(builder.refused(), 0u);
  return builder.Generation(generation).Build();
}

TEST(DeltaOfNative, TakesBothKindsOfBucketsTogether) {
  for (const std::uint32_t generation : {0u, 1u}) {
    DeltaStage delta(OfHistograms());
    TotalsObserved one(1);
    TotalsObserved idle(1);
    TotalsObserved other(1);
    for (TotalsObserved* const observed : {&one, &idle, &other}) observed->Observe(0.5);
    static_cast<void>(delta.Apply(
        HistogramOf({{1, 0, 0.5, &one}, {1, 0, 0.5, &idle}, {1, 0, 0.5, &other}}, generation)));
    one.Observe(7);
    other.Observe(0.5);
    other.Observe(3);
    const Snapshot second = delta.Apply(
        HistogramOf({{1, 1, 7.5, &one}, {1, 0, 0.5, &idle}, {2, 1, 4, &other}}, generation));
    ASSERT_EQ(FindFamily(second, "h")->size(), 2u) << "the idle one is left out";
    const auto* const first = FindPoint<HistogramPoint>(second, "h", {{"n", "0"}});
    ASSERT_NE(first, nullptr);
    EXPECT_EQ(first->count, 1u);
    EXPECT_EQ(first->sum, 7);
    EXPECT_EQ(first->buckets[0], 0u);
    ASSERT_NE(first->native, nullptr);
    EXPECT_EQ(first->native->count, 1u);
    EXPECT_THAT(Counts(first->native->positive), ElementsAre(1));
    EXPECT_EQ(first->native->positive.first, 6);  // (2^2.5, 2^3]
    const auto* const last = FindPoint<HistogramPoint>(second, "h", {{"n", "2"}});
    ASSERT_NE(last, nullptr);
    EXPECT_EQ(last->count, 2u);
    EXPECT_EQ(last->native->count, 2u);
    EXPECT_EQ(last->native->positive.first, -2);
  }
}

TEST(DeltaOfNative, BeginsAnewInBothKindsWhereOneWentBack) {
  const auto after = [](HistogramValues next) {
    DeltaStage delta(OfHistograms());
    TotalsObserved before(1);
    for (const double value : {0.5, 0.5, 7.0}) before.Observe(value);
    static_cast<void>(delta.Apply(HistogramOf({{2, 1, 8, &before}}, 0)));
    const Snapshot snapshot = delta.Apply(HistogramOf({next}, 0));
    const HistogramPoint& point = *FindPoint<HistogramPoint>(snapshot, "h", {{"n", "0"}});
    EXPECT_EQ(point.sum, next.sum);
    return std::pair(point.count, point.native == nullptr ? 0 : point.native->count);
  };
  TotalsObserved few(1);
  few.Observe(0.5);
  EXPECT_EQ(after({2, 2, 9, &few}), std::pair(std::uint64_t{4}, std::uint64_t{1})) << "native";
  TotalsObserved many(1);
  for (const double value : {0.5, 0.5, 7.0, 7.0}) many.Observe(value);
  EXPECT_EQ(after({1, 1, 9, &many}), std::pair(std::uint64_t{2}, std::uint64_t{4})) << "explicit";
  EXPECT_EQ(after({3, 1, 9, nullptr}), std::pair(std::uint64_t{4}, std::uint64_t{0})) << "gone";
}

TEST(DeltaOfNative, KeepsExemplars) {
  DeltaStage delta(OfHistograms());
  SnapshotBuilder builder;
  builder.sink().BeginFamily(MetricType::kHistogram, "h", "H.");
  const std::uint64_t bucket = 1;
  const Exemplar exemplar{0.5, 17, {}};
  HistogramPoint point{SeriesView(nullptr), nullptr, &bucket, 0, 1, 0.5};
  point.exemplars = &exemplar;
  point.exemplar_count = 1;
  builder.sink().Histogram(nullptr, 0, point);
  const Snapshot snapshot = delta.Apply(builder.Build());
  const auto* const found = FindPoint<HistogramPoint>(snapshot, "h");
  ASSERT_NE(found, nullptr);
  ASSERT_EQ(found->exemplar_count, 1u);
  EXPECT_EQ(found->exemplars[0].unix_nanos, 17);
}

TEST(DeltaOfNative, AddsUpToTheTotalWhateverHappens) {
  // What the receiver has added up is what was observed, through scale-downs and idle rounds.
  std::mt19937_64 random(7);
  std::lognormal_distribution<double> wide(0, 2);
  DeltaStage delta(OfHistograms());
  TotalsObserved observed(8, 1e-6);
  std::uint64_t count = 0;
  std::uint64_t received = 0;
  double sum = 0;
  for (int round = 0; round < 60; ++round) {
    for (std::uint64_t n = random() % 20; n > 0; --n) {
      observed.Observe(wide(random) * (n % 4 == 0 ? -1 : 1));
      ++count;
      sum += 1;
    }
    if (round % 5 == 4) observed.MakeCoarser(1);
    const Snapshot snapshot = delta.Apply(HistogramOf({{count, 0, sum, &observed}}, 1));
    const auto* const point = FindPoint<HistogramPoint>(snapshot, "h", {{"n", "0"}});
    if (point == nullptr) continue;
    received += point->native->count;
    EXPECT_EQ(point->native->count, point->count);
  }
  EXPECT_EQ(received, count);
}

}  // namespace
}  // namespace polymeter
