// The Delta stage, over a real registry and over producers' families.
#include "sdk/src/delta.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>
#include <string>

#include "polymeter/metrics.h"
#include "sdk/testing/snapshot_builder.h"
#include "sdk/testing/values.h"

namespace polymeter {
namespace {

using detail::DeltaStage;
using testing::FindFamily;
using testing::FindPoint;
using testing::SnapshotBuilder;
using testing::ValueOf;

DeltaOptions All() {
  DeltaOptions options;
  options.counters = options.histograms = options.summaries = true;
  return options;
}

TEST(Delta, OfACounterIsWhatCameSinceAndNothingWhereNothingCame) {
  const Metrics metrics(Options().Consumer());
  auto counter = metrics.Counter("c_total", "C.");
  metrics.Counter("idle_total", "I.");
  DeltaStage delta(All());
  counter.Increment(5);
  EXPECT_EQ(ValueOf(delta.Apply(metrics.TakeSnapshot()), "c_total"), 5);
  counter.Increment(2);
  const Snapshot second = delta.Apply(metrics.TakeSnapshot());
  EXPECT_EQ(ValueOf(second, "c_total"), 2);
  EXPECT_EQ(FindFamily(second, "idle_total")->size(), 0u);
  EXPECT_TRUE(FindFamily(second, "c_total")->delta);
  EXPECT_EQ(ValueOf(delta.Apply(metrics.TakeSnapshot()), "c_total"), std::nullopt);
}

TEST(Delta, GoesOnFromTheLastTotalAfterANumberThatIsNone) {
  const Metrics metrics(Options().Consumer());
  double total = 5;
  const Attachment token = metrics.CounterCallback("c_total", "C.", [&] { return total; });
  DeltaStage delta(All());
  EXPECT_EQ(ValueOf(delta.Apply(metrics.TakeSnapshot()), "c_total"), 5);
  total = std::nan("");
  EXPECT_TRUE(std::isnan(ValueOf(delta.Apply(metrics.TakeSnapshot()), "c_total").value()));
  total = 8;
  EXPECT_EQ(ValueOf(delta.Apply(metrics.TakeSnapshot()), "c_total"), 3);
}

TEST(Delta, OfTwoConsumersDoNotDisturbEachOther) {
  const Metrics metrics(Options().Consumer());
  auto counter = metrics.Counter("c_total", "C.");
  DeltaStage one(All());
  DeltaStage other(All());
  counter.Increment();
  EXPECT_EQ(ValueOf(one.Apply(metrics.TakeSnapshot()), "c_total"), 1);
  counter.Increment();
  EXPECT_EQ(ValueOf(one.Apply(metrics.TakeSnapshot()), "c_total"), 1);
  EXPECT_EQ(ValueOf(other.Apply(metrics.TakeSnapshot()), "c_total"), 2);
  EXPECT_EQ(ValueOf(metrics.TakeSnapshot(), "c_total"), 2);
}

TEST(Delta, KeepsIntegersExactAndDoublesWithoutDrift) {
  const Metrics metrics(Options().Consumer());
  auto whole = metrics.Counter("whole_total", "W.");
  auto part = metrics.Counter("part_total", "P.");
  DeltaStage delta(All());
  whole.Increment((std::uint64_t{1} << 53) + 1);
  const Snapshot first = delta.Apply(metrics.TakeSnapshot());
  EXPECT_EQ(FindPoint<CounterPoint>(first, "whole_total")->whole, (std::uint64_t{1} << 53) + 1);
  double received = 0;
  for (int i = 0; i < 1000; ++i) {
    part.Increment(0.1);
    received += ValueOf(delta.Apply(metrics.TakeSnapshot()), "part_total").value_or(0);
  }
  EXPECT_EQ(received, part.Value());
}

TEST(Delta, OfAHistogramIsOneOfEachBucketAndOfTheSum) {
  const Metrics metrics(Options().Consumer());
  auto histogram = metrics.Histogram("h", "H.", FamilyOptions().Buckets({1, 2}));
  DeltaStage delta(All());
  histogram.Observe(0.5);
  histogram.Observe(3);
  static_cast<void>(delta.Apply(metrics.TakeSnapshot()));
  histogram.Observe(1.5);
  histogram.Observe(4);
  const Snapshot second = delta.Apply(metrics.TakeSnapshot());
  const auto* point = FindPoint<HistogramPoint>(second, "h");
  ASSERT_NE(point, nullptr);
  EXPECT_EQ(point->buckets[0], 0u);
  EXPECT_EQ(point->buckets[1], 1u);
  EXPECT_EQ(point->buckets[2], 1u);
  EXPECT_EQ(point->count, 2u);
  EXPECT_EQ(point->sum, 5.5);
  EXPECT_EQ(FindFamily(delta.Apply(metrics.TakeSnapshot()), "h")->size(), 0u);
}

TEST(Delta, OfASeriesThatWasRemovedAndMadeAgainBeginsAnew) {
  const Metrics metrics(Options().Consumer());
  const auto family = metrics.Counter("c_total", "C.", {"l"});
  DeltaStage delta(All());
  family.With("a").Increment(5);
  static_cast<void>(delta.Apply(metrics.TakeSnapshot()));
  family.Remove("a");
  family.With("a").Increment(7);
  EXPECT_EQ(ValueOf(delta.Apply(metrics.TakeSnapshot()), "c_total", {{"l", "a"}}), 7);
}

TEST(Delta, LeavesGaugesAndUnwantedKindsAlone) {
  const Metrics metrics(Options().Consumer());
  metrics.Gauge("g", "G.").Set(3);
  metrics.Counter("c_total", "C.").Increment(2);
  DeltaOptions histograms;
  histograms.histograms = true;
  DeltaStage delta(histograms);
  for (int i = 0; i < 2; ++i) {
    const Snapshot snapshot = delta.Apply(metrics.TakeSnapshot());
    EXPECT_EQ(ValueOf(snapshot, "g"), 3);
    EXPECT_EQ(ValueOf(snapshot, "c_total"), 2);
    EXPECT_FALSE(FindFamily(snapshot, "c_total")->delta);
  }
}

// A producer's counter and summary with these totals.
Snapshot Produced(double counter, std::uint64_t count, double sum, const char* help = "C.") {
  SnapshotBuilder builder;
  builder.sink().BeginFamily(MetricType::kCounter, "c_total", help);
  builder.sink().Counter({{"l", "a"}}, counter);
  builder.sink().BeginFamily(MetricType::kSummary, "s", "S.");
  const Quantile quantile = {0.5, 1};
  builder.sink().Summary(nullptr, 0, &quantile, 1, count, sum);
  return builder.Build();
}

TEST(Delta, OfAProducersSeriesGoesByItsLabelsAndNoticesAReset) {
  DeltaStage delta(All());
  EXPECT_EQ(ValueOf(delta.Apply(Produced(5, 2, 1.5)), "c_total", {{"l", "a"}}), 5);
  // Another help text makes no other series.
  const Snapshot second = delta.Apply(Produced(8, 5, 4.5, "Another."));
  EXPECT_EQ(ValueOf(second, "c_total", {{"l", "a"}}), 3);
  EXPECT_EQ(FindPoint<SummaryPoint>(second, "s")->count, 3u);
  EXPECT_EQ(FindPoint<SummaryPoint>(second, "s")->sum, 3);
  EXPECT_EQ(FindPoint<SummaryPoint>(second, "s")->quantiles[0].value, 1);
  const Snapshot third = delta.Apply(Produced(2, 1, 0.5));
  EXPECT_EQ(ValueOf(third, "c_total", {{"l", "a"}}), 2);
  EXPECT_EQ(FindPoint<SummaryPoint>(third, "s")->count, 1u);
  EXPECT_EQ(FindPoint<SummaryPoint>(third, "s")->sum, 0.5);
  // From an integer to a double.
  EXPECT_EQ(ValueOf(delta.Apply(Produced(2.5, 1, 0.5)), "c_total", {{"l", "a"}}), 0.5);
}

TEST(Delta, OfAProducersSeriesThatWasGoneBeginsAnew) {
  DeltaStage delta(All());
  static_cast<void>(delta.Apply(Produced(5, 2, 1.5)));
  static_cast<void>(delta.Apply(SnapshotBuilder().Build()));
  EXPECT_EQ(ValueOf(delta.Apply(Produced(6, 2, 1.5)), "c_total", {{"l", "a"}}), 6);
}

TEST(Delta, OfLowMemoryLeavesProducersFamiliesAlone) {
  DeltaOptions options = All();
  options.produced = false;
  DeltaStage delta(options);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(ValueOf(delta.Apply(Produced(5, 2, 1)), "c_total", {{"l", "a"}}), 5);
  }
}

TEST(Delta, BeginsWhereTheLastOneEndedAlsoWhenTheClockIsSetBack) {
  SystemTime now(std::chrono::seconds(1000));
  const Metrics metrics(Options().Consumer().Clock([&now] { return now; }));
  auto counter = metrics.Counter("c_total", "C.");
  DeltaStage delta(All());
  const auto start = [&] {
    counter.Increment();
    const Snapshot snapshot = delta.Apply(metrics.TakeSnapshot());
    return FindFamily(snapshot, "c_total")->delta_start_unix_nanos / 1000000000;
  };
  now += std::chrono::seconds(10);
  EXPECT_EQ(start(), 1000);  // when the series began
  now += std::chrono::seconds(10);
  EXPECT_EQ(start(), 1010);
  now -= std::chrono::seconds(500);
  EXPECT_EQ(start(), 520);  // not after the end
  now += std::chrono::seconds(10);
  EXPECT_EQ(start(), 520);
}

TEST(Delta, KnowsAProducersSeriesInWhateverOrderItsLabelsCome) {
  DeltaStage delta(All());
  double delivered = 0;
  for (std::uint64_t total = 1001; total <= 1004; ++total) {
    SnapshotBuilder builder;
    builder.sink().BeginFamily(MetricType::kCounter, "c_total", "C.");
    const Label labels[] = {{"dev", "sda"}, {"host", "h"}, {"dev", "sda"}};
    builder.sink().Counter(labels + total % 2, 2, total);
    delivered += ValueOf(delta.Apply(builder.Build()), "c_total", {{"dev", "sda"}, {"host", "h"}})
                     .value_or(0);
    EXPECT_EQ(delivered, static_cast<double>(total));
  }
}

TEST(Delta, OfDoublesThatDoNotMoveIsNothingHoweverTheyWereRounded) {
  // What the receiver adds up is an ulp above some of these totals.
  for (int cents = 1; cents < 300; ++cents) {
    for (const int later : {2 * cents + 1, 3 * cents + 2, 5 * cents}) {
      DeltaStage of_producer(All());
      DeltaStage of_registry(All());
      const Metrics metrics(Options().Consumer());
      auto own = metrics.Counter("own_total", "O.");
      double added = 0;
      double produced = 0;
      double registered = 0;
      for (const int now : {cents, later, later, later}) {
        own.Increment(0.01 * now - added);
        added = 0.01 * now;
        const auto other = ValueOf(of_producer.Apply(Produced(0.01 * now, 1, 0.01 * now)),
                                   "c_total", {{"l", "a"}});
        const auto one = ValueOf(of_registry.Apply(metrics.TakeSnapshot()), "own_total");
        EXPECT_GT(other.value_or(1), 0) << now;
        EXPECT_GT(one.value_or(1), 0) << now;
        produced += other.value_or(0);
        registered += one.value_or(0);
      }
      EXPECT_NEAR(produced, 0.01 * later, 1e-9) << cents;
      EXPECT_NEAR(registered, 0.01 * later, 1e-9) << cents;
    }
  }
}

TEST(Delta, OfAHistogramThatWasInfiniteHasNoSum) {
  const Metrics metrics(Options().Consumer());
  const auto histogram = metrics.Histogram("h", "H.", FamilyOptions().Buckets({1}));
  DeltaStage delta(All());
  const auto next = [&] { return delta.Apply(metrics.TakeSnapshot()); };
  histogram.Observe(std::numeric_limits<double>::infinity());
  EXPECT_EQ(FindPoint<HistogramPoint>(next(), "h")->sum, std::numeric_limits<double>::infinity());
  for (int i = 0; i < 3; ++i) histogram.Observe(100);
  const Snapshot second = next();
  EXPECT_EQ(FindPoint<HistogramPoint>(second, "h")->count, 3u);
  EXPECT_TRUE(std::isnan(FindPoint<HistogramPoint>(second, "h")->sum));
  EXPECT_EQ(FindFamily(next(), "h")->size(), 0u);  // nothing came
}

TEST(Delta, HasTheExemplarsThatTheLastOneHadNot) {
  const Metrics metrics(Options().Consumer());
  const auto counter = metrics.Counter("c_total", "C.", FamilyOptions().Exemplars());
  const auto histogram = metrics.Histogram("h", "H.", FamilyOptions().Buckets({1, 2}).Exemplars());
  DeltaStage delta(All());
  const auto values = [&] {
    std::vector<double> out;
    const Snapshot snapshot = delta.Apply(metrics.TakeSnapshot());
    const auto* const total = FindPoint<CounterPoint>(snapshot, "c_total");
    if (total != nullptr && total->exemplar != nullptr) out.push_back(total->exemplar->value);
    const auto* const point = FindPoint<HistogramPoint>(snapshot, "h");
    for (std::uint32_t i = 0; point != nullptr && i < point->exemplar_count; ++i) {
      out.push_back(point->exemplars[i].value);
    }
    return out;
  };
  // All within a tick of the clock that gives them their times.
  counter.IncrementWithExemplar(5, {{"job", "a"}});
  histogram.ObserveWithExemplar(0.5, {{"job", "a"}});
  histogram.ObserveWithExemplar(1.5, {{"job", "a"}});
  EXPECT_EQ(values(), (std::vector<double>{5, 0.5, 1.5}));
  counter.Increment(1);
  histogram.ObserveWithExemplar(0.7, {{"job", "a"}});
  EXPECT_EQ(values(), (std::vector<double>{0.7}));
  counter.IncrementWithExemplar(2, {{"job", "a"}});
  histogram.Observe(3);
  EXPECT_EQ(values(), (std::vector<double>{2}));
  EXPECT_EQ(values(), std::vector<double>());
}

TEST(Delta, GivesWhatIsNotFiniteAsItIs) {
  DeltaStage delta(All());
  static_cast<void>(delta.Apply(Produced(1, 1, 1)));
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(FindPoint<SummaryPoint>(delta.Apply(Produced(1, 2, infinity)), "s")->sum, infinity);
  EXPECT_TRUE(std::isnan(FindPoint<SummaryPoint>(delta.Apply(Produced(1, 3, infinity)), "s")->sum));
}

}  // namespace
}  // namespace polymeter
