// Histogram families with exponential buckets: options, snapshots, removal, expiry.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "polymeter/metrics.h"
#include "sdk/src/cells.h"
#include "sdk/src/core_access.h"
#include "sdk/testing/values.h"

namespace polymeter {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::ElementsAre;
using testing::FindPoint;
using ::testing::HasSubstr;
using testing::ValueOf;

FamilyOptions Native(int schema = 3) {
  return FamilyOptions().Native(NativeHistogramOptions().Schema(schema));
}

const HistogramPoint* PointOf(const Snapshot& snapshot, const char* name = "h") {
  return FindPoint<HistogramPoint>(snapshot, name);
}

std::vector<std::uint64_t> CountsOf(const NativeBuckets& buckets) {
  return {buckets.counts, buckets.counts + buckets.size};
}

TEST(NativeHistogram, AloneHasNoBoundsAndOneBucketThatCountsAll) {
  const Metrics metrics{Options().Consumer()};
  const Histogram histogram = metrics.Histogram("h", "H.", Native(0));
  for (const double v : {1.0, 2.0, 3.0, 4.0, -0.5, 0.0, 1e-40}) histogram.Observe(v);
  EXPECT_EQ(histogram.Count(), 7u);
  EXPECT_EQ(histogram.Sum(), 9.5);
  const Snapshot snapshot = metrics.TakeSnapshot();
  const HistogramPoint* const point = PointOf(snapshot);
  ASSERT_NE(point, nullptr);
  EXPECT_EQ(point->bound_count, 0u);
  EXPECT_EQ(point->count, 7u);
  EXPECT_EQ(point->buckets[0], 7u);
  EXPECT_EQ(point->sum, 9.5);
  ASSERT_NE(point->native, nullptr);
  EXPECT_EQ(point->native->schema, 0);
  EXPECT_EQ(point->native->count, 7u);
  EXPECT_EQ(point->native->zero_count, 2u) << "0 and what is within the threshold of 2^-128";
  EXPECT_EQ(point->native->positive.first, 0);
  EXPECT_THAT(CountsOf(point->native->positive), ElementsAre(1, 1, 2));
  EXPECT_EQ(point->native->negative.first, -1);
  EXPECT_THAT(CountsOf(point->native->negative), ElementsAre(1));
}

TEST(NativeHistogram, StandsBesideExplicitBuckets) {
  const Metrics metrics{Options().Consumer()};
  const Histogram histogram = metrics.Histogram("h", "H.", Native(0).Buckets({1, 10}));
  for (const double v : {0.5, 1.0, 3.0, 30.0}) histogram.Observe(v);
  const Snapshot snapshot = metrics.TakeSnapshot();
  const HistogramPoint* const point = PointOf(snapshot);
  ASSERT_NE(point, nullptr);
  EXPECT_THAT(std::vector<std::uint64_t>(point->buckets, point->buckets + 3), ElementsAre(2, 1, 1));
  EXPECT_EQ(point->count, 4u);
  EXPECT_EQ(point->sum, 34.5);
  ASSERT_NE(point->native, nullptr);
  EXPECT_EQ(point->native->count, 4u);
  EXPECT_THAT(CountsOf(point->native->positive), ElementsAre(1, 1, 0, 1, 0, 0, 1));
  EXPECT_EQ(histogram.Count(), 4u);
}

TEST(NativeHistogram, ThatObservedNothingIsThere) {
  const Metrics metrics{Options().Consumer()};
  static_cast<void>(metrics.Histogram("h", "H.", Native()));
  const Snapshot snapshot = metrics.TakeSnapshot();
  const HistogramPoint* const point = PointOf(snapshot);
  ASSERT_NE(point, nullptr);
  EXPECT_EQ(point->count, 0u);
  ASSERT_NE(point->native, nullptr);
  EXPECT_EQ(point->native->count, 0u);
  EXPECT_EQ(point->native->positive.size, 0u);
  EXPECT_EQ(point->native->schema, 3);
}

TEST(NativeHistogram, RefusesNanAndCountsInfinities) {
  constexpr double kInfinite = std::numeric_limits<double>::infinity();
  const Metrics metrics{Options().Consumer()};
  const Histogram histogram = metrics.Histogram("h", "H.", Native());
  histogram.Observe(std::numeric_limits<double>::quiet_NaN());
  histogram.Observe(kInfinite);
  histogram.Observe(-kInfinite);
  histogram.Observe(-kInfinite);
  const Snapshot snapshot = metrics.TakeSnapshot();
  const HistogramPoint* const point = PointOf(snapshot);
  ASSERT_NE(point, nullptr);
  EXPECT_EQ(point->count, 3u);
  EXPECT_EQ(point->native->positive_infinite, 1u);
  EXPECT_EQ(point->native->negative_infinite, 2u);
  EXPECT_EQ(ValueOf(snapshot, "polymeter_refused_total", {{"reason", "bad_value"}}), 1);
}

TEST(NativeHistogram, KeepsSingleObservationsForABackendThatWantsThem) {
  const Metrics metrics{Options().Consumer()};
  SnapshotSource& source = *detail::CoreAccess::Source(metrics);
  ASSERT_TRUE(source.TapObservations(64));
  const Histogram histogram = metrics.Histogram("h", "H.", Native());
  histogram.Observe(3);
  const Snapshot snapshot = source.TakeSnapshotWithSamples(Deadline::max());
  const HistogramPoint* const point = PointOf(snapshot);
  ASSERT_NE(point, nullptr);
  ASSERT_EQ(point->sample_count, 1u);
  EXPECT_EQ(point->samples[0], 3);
  EXPECT_EQ(point->native->count, 1u);
}

// --- options -------------------------------------------------------------------------------------

TEST(NativeHistogram, SaysWhatIsAccepted) {
  const Metrics metrics{Options().Consumer()};
  using Asked = NativeHistogramOptions;
  for (const Asked& wrong :
       {Asked().Schema(9), Asked().Schema(-5), Asked().MaxBuckets(159), Asked().MaxBuckets(1025),
        Asked().ZeroThreshold(-1), Asked().ZeroThreshold(std::nan("")),
        Asked().ZeroThreshold(std::numeric_limits<double>::infinity()), Asked().GrowthFactor(1),
        Asked().GrowthFactor(0), Asked().GrowthFactor(-2), Asked().GrowthFactor(std::nan(""))}) {
    const auto made = metrics.TryHistogram("h", "H.", FamilyOptions().Native(wrong));
    ASSERT_FALSE(made.ok());
    EXPECT_THAT(made.status().message(), AllOf(HasSubstr("-4 to 8"), HasSubstr("160 to 1024")));
  }
  for (const Asked& right : {Asked().Schema(8).MaxBuckets(1024), Asked().Schema(-4).MaxBuckets(160),
                             Asked().ZeroThreshold(0), Asked().GrowthFactor(1.1)}) {
    const Metrics own{Options().Consumer()};
    EXPECT_TRUE(own.TryHistogram("h", "H.", FamilyOptions().Native(right)).ok());
  }
}

TEST(NativeHistogram, OfAGrowthFactorHasTheCoarsestSchemaThatGrowsByNoMore) {
  const auto schema = [](double factor) {
    return NativeHistogramOptions().GrowthFactor(factor).schema();
  };
  for (int i = -4; i <= 8; ++i) EXPECT_EQ(schema(std::exp2(std::exp2(-i))), i);
  EXPECT_EQ(schema(1.189207115002721), 2);   // 2^(1/4)
  EXPECT_EQ(schema(1.0442737824274138), 4);  // 2^(1/16)
  EXPECT_EQ(schema(1.1), 3);
  EXPECT_EQ(schema(1.189), 3);
  EXPECT_EQ(schema(3.999), 0);
  EXPECT_EQ(schema(65535), -3);
  EXPECT_EQ(schema(std::numeric_limits<double>::infinity()), -4);
  EXPECT_EQ(schema(1.001), 8);
}

TEST(NativeHistogram, IsTheSameFamilyOnlyWithTheSameOptions) {
  const Metrics metrics{Options().Consumer()};
  ASSERT_TRUE(metrics.TryHistogram("h", "H.", Native(5)).ok());
  EXPECT_TRUE(metrics.TryHistogram("h", "H.", Native(5)).ok());
  const auto other = metrics.TryHistogram("h", "H.", Native(4));
  ASSERT_FALSE(other.ok());
  EXPECT_THAT(other.status().message(), AllOf(HasSubstr("schema 4"), HasSubstr("schema 5")));
  EXPECT_FALSE(metrics.TryHistogram("h", "H.").ok());
  EXPECT_FALSE(metrics.TryHistogram("h", "H.", Native(5).Buckets({1})).ok());
}

TEST(NativeHistogram, OptionsDecideOverTheCode) {
  const Metrics metrics{Options()
                            .Consumer()
                            .Buckets("to_native", NativeHistogramOptions().Schema(6))
                            .Buckets("to_both", NativeHistogramOptions(), {1, 2})
                            .Buckets("to_explicit", {7})};
  metrics.Histogram("to_native", "").Observe(1);
  metrics.Histogram("to_both", "", FamilyOptions().Buckets({5})).Observe(1);
  metrics.Histogram("to_explicit", "", Native()).Observe(1);
  const Snapshot snapshot = metrics.TakeSnapshot();
  const auto* const native = PointOf(snapshot, "to_native");
  ASSERT_NE(native->native, nullptr);
  EXPECT_EQ(native->native->schema, 6);
  EXPECT_EQ(native->bound_count, 0u);
  const auto* const both = PointOf(snapshot, "to_both");
  ASSERT_NE(both->native, nullptr);
  EXPECT_EQ(both->bound_count, 2u);
  const auto* const explicit_only = PointOf(snapshot, "to_explicit");
  EXPECT_EQ(explicit_only->native, nullptr);
  EXPECT_EQ(explicit_only->bound_count, 1u);
}

// --- lifetimes -----------------------------------------------------------------------------------

TEST(NativeHistogram, CountsLateObservationsOfARemovedSeries) {
  for (const bool both : {false, true}) {
    const Metrics metrics{Options().Consumer()};
    const auto family =
        metrics.Histogram("h", "H.", {"a"}, both ? Native().Buckets({1, 2}) : Native());
    const Histogram old = family.With("x");
    for (const double v : {1.0, 1e9, 0.0, -4.0}) old.Observe(v);
    ASSERT_TRUE(family.Remove("x"));
    EXPECT_EQ(PointOf(metrics.TakeSnapshot()), nullptr);
    for (const double v : {1.0, 1e99, 0.0, -4.0, 1e-99}) old.Observe(v);
    const Histogram now = family.With("x");
    now.Observe(5);
    const Snapshot snapshot = metrics.TakeSnapshot();
    const auto* const point = FindPoint<HistogramPoint>(snapshot, "h", {{"a", "x"}});
    ASSERT_NE(point, nullptr);
    EXPECT_EQ(point->count, 1u);
    EXPECT_EQ(point->native->count, 1u);
    EXPECT_EQ(ValueOf(snapshot, "polymeter_removed_series_increments_total"), 5) << both;
  }
}

TEST(NativeHistogram, LateObservationsCountInTheExponentialPartOnly) {
  detail::CellStore store(/*quarantined=*/0);
  detail::HistogramKind kind{detail::InternBounds({1, 2})};
  kind.native = true;
  kind.schema = 3;
  kind.max_buckets = 160;
  const detail::CellAddress cell = store.NewHistogram(kind);
  store.RetireHistogram(kind, cell);
  detail::HistogramObserve(cell | detail::kOutOfLineBit, 1.5);
  // Whose cell it is next would have one more explicit observation than exponential ones if it was
  // made anew in the middle of this, and no snapshot would show it.
  std::uint64_t buckets[3];
  EXPECT_EQ(
      detail::ReadHistogramCell(detail::RichCellOf(cell).plain, detail::LaneCount(), buckets).count,
      0u);
  EXPECT_EQ(store.RetiredIncrements(), 1);
}

TEST(NativeHistogram, ThatIsIdleIsLeftOutUntilItChanges) {
  SystemTime now{1000s};
  const Metrics metrics{Options().Consumer().SeriesTtl(60s).Clock([&] { return now; })};
  const Histogram histogram = metrics.Histogram("h", "H.", Native());
  histogram.Observe(2);
  EXPECT_NE(PointOf(metrics.TakeSnapshot()), nullptr);
  for (int i = 0; i < 4; ++i) {
    now += 30s;
    static_cast<void>(metrics.TakeSnapshot());
  }
  EXPECT_EQ(PointOf(metrics.TakeSnapshot()), nullptr);
  histogram.Observe(3);
  const Snapshot snapshot = metrics.TakeSnapshot();
  ASSERT_NE(PointOf(snapshot), nullptr);
  EXPECT_EQ(PointOf(snapshot)->native->count, 2u);
}

TEST(NativeHistogram, OfASnapshotStaysWhatItWas) {
  std::optional<Metrics> metrics{Options().Consumer()};
  const Histogram histogram = metrics->Histogram("h", "H.", Native());
  histogram.Observe(2);
  const Snapshot snapshot = metrics->TakeSnapshot();
  histogram.Observe(1e100);
  histogram.Observe(-1e-100);
  metrics.reset();
  const Metrics other{Options().Consumer()};
  other.Histogram("h", "H.", Native()).Observe(7);
  const HistogramPoint* const point = PointOf(snapshot);
  EXPECT_EQ(point->native->count, 1u);
  EXPECT_THAT(CountsOf(point->native->positive), ElementsAre(1));
  EXPECT_EQ(point->native->positive.first, 8);
}

}  // namespace
}  // namespace polymeter
