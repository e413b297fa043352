// The view stage over producers' families: merging of every type of series, which come, leave and
// begin anew.
#include "sdk/src/view_stage_for_test.h"

#include <gmock/gmock.h>
#include <malloc.h>

#include <chrono>
#include <cmath>
#include <string>
#include <vector>

#include "polymeter/metrics.h"
#include "sdk/src/delta.h"
#include "sdk/testing/sanitizer.h"
#include "sdk/testing/snapshot_builder.h"
#include "sdk/testing/values.h"

namespace polymeter {
namespace {

using testing::BucketsOf;
using ::testing::ElementsAre;
using testing::FindFamily;
using testing::FindPoint;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::SnapshotBuilder;
using testing::Stage;
using testing::ValueOf;
using testing::Without;

constexpr std::uint64_t kMost = ~std::uint64_t{0};

Snapshot Counters(const std::vector<std::pair<std::string, std::uint64_t>>& values) {
  SnapshotBuilder builder;
  builder.sink().BeginFamily(MetricType::kCounter, "c_total", "C.");
  for (const auto& [path, value] : values) builder.sink().Counter({{"path", path}}, value);
  return builder.Build();
}

TEST(ViewStage, ProducersSeriesMayLeaveComeAgainAndBeginAnew) {
  Stage stage({Without("path")});
  const auto total = [&](const auto&... values) {
    return ValueOf(stage.Apply(Counters({values...})), "c_total");
  };
  using Series = std::pair<std::string, std::uint64_t>;
  EXPECT_EQ(total(Series("1", 5), Series("2", 10)), 15);
  EXPECT_EQ(total(Series("2", 11)), 16);
  EXPECT_EQ(total(Series("1", 6), Series("2", 11)), 17);
  EXPECT_EQ(total(Series("1", 2), Series("2", 11)), 19);  // 6 and then 2
  EXPECT_EQ(ValueOf(stage.ApplyLate(Counters({Series("1", 1), Series("2", 3)})), "c_total"), 19);
  EXPECT_EQ(total(Series("1", 2), Series("2", 12)), 20);
  EXPECT_THAT(stage.messages, IsEmpty());
}

TEST(ViewStage, ProducersSeriesThatAreGoneTakeNoMemoryForEver) {
  Stage stage({Without("path")});
  std::uint64_t expected = 0;
  for (std::uint64_t i = 0; i < 100; ++i) {
    std::vector<std::pair<std::string, std::uint64_t>> values;
    for (int s = 0; s < 100; ++s)
      values.emplace_back(std::to_string(i * 100) + "." + std::to_string(s), i);
    expected += 100 * i;
    EXPECT_EQ(ValueOf(stage.Apply(Counters(values)), "c_total"), static_cast<double>(expected));
  }
}

TEST(ViewStage, ProducersSeriesThatOneCollectionLeavesOutAreNotCountedTwice) {
  Stage stage({Without("path")});
  std::vector<std::pair<std::string, std::uint64_t>> all;
  for (int i = 0; i < 3000; ++i) all.emplace_back(std::to_string(i), 10);
  EXPECT_EQ(ValueOf(stage.Apply(Counters(all)), "c_total"), 30000);
  EXPECT_EQ(ValueOf(stage.Apply(Counters({all.front()})), "c_total"), 30000);
  EXPECT_EQ(ValueOf(stage.Apply(Counters(all)), "c_total"), 30000);
}

TEST(ViewStage, ProducersSeriesThatAreReplacedMayBeLeftOutOnceAsWell) {
  Stage stage({Without("path")});
  std::vector<std::pair<std::string, std::uint64_t>> all;
  double truth = 0;
  int next = 0;
  const auto add = [&] {
    all.emplace_back(std::to_string(next++), 10);
    truth += 10;
  };
  for (int i = 0; i < 1000; ++i) add();
  ASSERT_EQ(ValueOf(stage.Apply(Counters(all)), "c_total"), truth);
  // Until what has gone is as much as is kept of it.
  for (int pass = 0; pass < 210; ++pass) {
    for (int i = 0; i < 10; ++i) add();
    all.erase(all.begin(), all.begin() + 10);
    ASSERT_EQ(ValueOf(stage.Apply(Counters(all)), "c_total"), truth) << pass;
    ASSERT_EQ(ValueOf(stage.Apply(Counters({all.begin(), all.begin() + 500})), "c_total"), truth);
  }
  EXPECT_EQ(ValueOf(stage.Apply(Counters(all)), "c_total"), truth);
}

TEST(ViewStage, AGroupOfAProducersMayBeAwayForOneDifference) {
  Stage stage({Without("path")});
  DeltaOptions options;
  options.counters = options.produced = true;
  detail::DeltaStage delta(options);
  const auto next = [&](const Snapshot& snapshot) {
    return ValueOf(delta.Apply(stage.Apply(snapshot)), "c_total").value_or(0);
  };
  EXPECT_EQ(next(Counters({{"1", 1000}})), 1000);
  EXPECT_EQ(next(Counters({})), 0);
  EXPECT_EQ(next(Counters({{"2", 5}})), 5);
  EXPECT_EQ(next(Counters({{"1", 1001}, {"2", 5}})), 1);
}

TEST(ViewStage, ProducersSeriesAreTheSameInWhateverOrderTheirLabelsCome) {
  Stage stage({Without("path")});
  for (const bool turned : {false, true, false}) {
    SnapshotBuilder builder;
    builder.sink().BeginFamily(MetricType::kCounter, "c_total", "C.");
    const Label labels[] = {{"code", "200"}, {"path", "1"}, {"code", "200"}};
    builder.sink().Counter(turned ? labels + 1 : labels, 2, std::uint64_t{7});
    EXPECT_EQ(ValueOf(stage.Apply(builder.Build()), "c_total", {{"code", "200"}}), 7);
  }
}

// As the bridge gives the counters of prometheus-cpp: integers while they are whole.
Snapshot Seconds(double value) {
  SnapshotBuilder builder;
  builder.sink().BeginFamily(MetricType::kCounter, "c_total", "C.");
  const Label label = {"path", "1"};
  if (value == std::floor(value)) {
    builder.sink().Counter(&label, 1, static_cast<std::uint64_t>(value));
  } else {
    builder.sink().Counter(&label, 1, value);
  }
  return builder.Build();
}

TEST(ViewStage, ADoubleMayBecomeAnIntegerAndTheOtherWay) {
  Stage stage({Without("path")});
  DeltaOptions options;
  options.counters = options.produced = true;
  detail::DeltaStage delta(options);
  double delivered = 0;
  for (const double value : {0.5, 1.0, 2.0, 2.25, 3.0, 3.5, 1000.0, 1000.5}) {
    const Snapshot shown = stage.Apply(Seconds(value));
    EXPECT_EQ(ValueOf(shown, "c_total"), value);
    delivered += ValueOf(delta.Apply(shown), "c_total").value_or(0);
    EXPECT_EQ(delivered, value);
  }
  EXPECT_EQ(ValueOf(stage.Apply(Seconds(0.25)), "c_total"), 1000.75);  // began anew
  EXPECT_EQ(ValueOf(stage.Apply(Seconds(1)), "c_total"), 1001.5);
}

TEST(ViewStage, ASeriesOfTheRegistryAndAProducersMayShareATotal) {
  const Metrics metrics(Options().Consumer());
  metrics.Counter("c_total", "C.", {"path"}).With("own").Increment(3);
  double seconds = 0;
  class Source final : public Producer {
   public:
    explicit Source(double& value) : value_(value) {}
    void Collect(FamilySink& sink) override {
      sink.BeginFamily(MetricType::kCounter, "c_total", "C.");
      if (value_ == std::floor(value_)) {
        sink.Counter({{"path", "legacy"}}, static_cast<std::uint64_t>(value_));
      } else {
        sink.Counter({{"path", "legacy"}}, value_);
      }
    }

   private:
    double& value_;
  } source(seconds);
  const Attachment token = metrics.AddProducer(source);
  Stage stage({Without("path")});
  DeltaOptions options;
  options.counters = options.produced = true;
  detail::DeltaStage delta(options);
  double delivered = 0;
  for (const double value : {1000.5, 1001.0, 1001.5, 1002.0}) {
    seconds = value;
    delivered += ValueOf(delta.Apply(stage.Apply(metrics.TakeSnapshot())), "c_total").value_or(0);
    EXPECT_EQ(delivered, 3 + value);
  }
}

TEST(ViewStage, OfABackendDoesAllThatTheViewsSayToAProducersFamily) {
  Stage stage(
      {View("*").DropLabels({"path"}), View("*").Backend("b").RenameLabel("code", "status")});
  SnapshotBuilder builder;
  builder.sink().BeginFamily(MetricType::kCounter, "c_total", "C.");
  builder.sink().Counter({{"code", "200"}, {"path", "1"}}, std::uint64_t{1});
  builder.sink().Counter({{"path", "2"}, {"code", "200"}}, std::uint64_t{2});
  EXPECT_EQ(ValueOf(stage.Apply(builder.Build()), "c_total", {{"status", "200"}}), 3);
}

TEST(ViewStage, AddsSummariesUpWithoutTheirQuantiles) {
  const Quantile quantile = {0.5, 1};
  const auto summaries = [&](int count) {
    SnapshotBuilder builder;
    builder.sink().BeginFamily(MetricType::kSummary, "s", "S.");
    for (int i = 0; i < count; ++i) {
      const std::string path = std::to_string(i);
      const Label label = {"path", path};
      builder.sink().Summary(&label, 1, &quantile, 1, 10, 2.5);
    }
    return builder.Build();
  };
  Stage stage({Without("path")});
  const Snapshot one = stage.Apply(summaries(1));
  EXPECT_EQ(FindPoint<SummaryPoint>(one, "s")->quantile_count, 1u);
  const Snapshot three = stage.Apply(summaries(3));
  const auto* const point = FindPoint<SummaryPoint>(three, "s");
  EXPECT_EQ(point->count, 30u);
  EXPECT_EQ(point->sum, 7.5);
  EXPECT_EQ(point->quantile_count, 0u);
}

TEST(ViewStage, ShowsOneInfoAndTheGreatestOfUnknownValues) {
  SnapshotBuilder builder;
  builder.sink().BeginFamily(MetricType::kInfo, "i", "I.");
  builder.sink().Info({{"path", "1"}, {"l", "a"}});
  builder.sink().Info({{"path", "2"}, {"l", "a"}});
  builder.sink().BeginFamily(MetricType::kUnknown, "u", "U.");
  builder.sink().Unknown({{"path", "1"}}, 4);
  builder.sink().Unknown({{"path", "2"}}, 2);
  Stage stage({Without("path")});
  const Snapshot shown = stage.Apply(builder.Build());
  EXPECT_EQ(FindFamily(shown, "i")->size(), 1u);
  EXPECT_EQ(ValueOf(shown, "u"), 4);
}

// Histograms by path, with exponential buckets where `native` is set.
struct Given {
  std::string path;
  std::vector<double> bounds;
  std::vector<std::uint64_t> buckets;
  const NativeHistogram* native = nullptr;
  const Exemplar* exemplars = nullptr;
  std::uint32_t exemplar_count = 0;
};

Snapshot Histograms(const std::vector<Given>& all) {
  SnapshotBuilder builder;
  builder.sink().BeginFamily(MetricType::kHistogram, "h", "H.");
  for (const Given& given : all) {
    const Label label = {"path", given.path};
    std::uint64_t count = 0;
    for (const std::uint64_t n : given.buckets) count += n;
    HistogramPoint point{SeriesView(nullptr),
                         given.bounds.data(),
                         given.buckets.data(),
                         static_cast<std::uint32_t>(given.bounds.size()),
                         count,
                         1.5};
    point.native = given.native;
    point.exemplars = given.exemplars;
    point.exemplar_count = given.exemplar_count;
    builder.sink().Histogram(&label, 1, point);
  }
  EXPECT_EQ(builder.refused(), 0u);
  return builder.Build();
}

TEST(ViewStage, LeavesOutHistogramsWhoseBucketsDifferFromTheFirst) {
  Stage stage({Without("path")});
  const Snapshot shown = stage.Apply(
      Histograms({{"1", {1, 2}, {1, 2, 3}}, {"2", {1, 3}, {1, 1, 1}}, {"3", {1, 2}, {1, 0, 0}}}));
  const auto* const point = FindPoint<HistogramPoint>(shown, "h");
  EXPECT_THAT(BucketsOf(*point), ElementsAre(2, 2, 3));
  EXPECT_EQ(point->count, 7u);
  EXPECT_THAT(stage.messages, ElementsAre(HasSubstr("their buckets differ")));
  EXPECT_EQ(stage.reported, 1u);
}

TEST(ViewStage, BeginsAHistogramAnewWhenItsBucketsChange) {
  Stage stage({Without("path")});
  static_cast<void>(stage.Apply(Histograms({{"1", {1}, {1, 2}}, {"2", {1}, {1, 2}}})));
  const Snapshot shown = stage.Apply(Histograms({{"1", {2}, {5, 0}}, {"2", {2}, {1, 2}}}));
  EXPECT_THAT(BucketsOf(*FindPoint<HistogramPoint>(shown, "h")), ElementsAre(6, 2));
}

POLYMETER_MALLOC_TEST(ViewStage, KeepsNothingOfHistogramsThatBeganAnew) {
  Stage stage({Without("other")});
  const std::string path(1000, 'p');
  const auto show = [&](double bound) {
    static_cast<void>(stage.Apply(Histograms({{path, {bound}, {1, 2}}})));
  };
  for (int i = 0; i < 200; ++i) show(i % 2);
  const auto used = [] { return mallinfo2().uordblks + mallinfo2().hblkhd; };
  const std::size_t before = used();
  for (int i = 0; i < 4000; ++i) show(i % 2);
  EXPECT_LT(used(), before + 3'000'000);  // 4 MB and more if every text stayed
}

TEST(ViewStage, AddsExponentialBucketsAtTheCoarserSchema) {
  const std::uint64_t fine[] = {1, 2, 3};  // (2^0, 2^0.5], (2^0.5, 2^1], (2^1, 2^1.5]
  const std::uint64_t coarse[] = {4};      // (2^0, 2^1]
  NativeHistogram a;
  a.schema = 1;
  a.positive = {1, 3, fine};
  a.count = 6;
  NativeHistogram b;
  b.schema = 0;
  b.positive = {1, 1, coarse};
  b.zero_count = 2;
  b.count = 6;
  Stage stage({Without("path")});
  const Snapshot shown = stage.Apply(Histograms({{"1", {}, {6}, &a}, {"2", {}, {6}, &b}}));
  const auto* const point = FindPoint<HistogramPoint>(shown, "h");
  EXPECT_EQ(point->count, 12u);
  ASSERT_NE(point->native, nullptr);
  EXPECT_EQ(point->native->schema, 0);
  EXPECT_EQ(point->native->count, 12u);
  EXPECT_EQ(point->native->zero_count, 2u);
  EXPECT_EQ(point->native->positive.first, 1);
  ASSERT_EQ(point->native->positive.size, 2u);
  EXPECT_EQ(point->native->positive.counts[0], 7u);
  EXPECT_EQ(point->native->positive.counts[1], 3u);
  // Without exponential buckets of all members there are none of the sum.
  const Snapshot mixed =
      stage.Apply(Histograms({{"1", {}, {6}, &a}, {"2", {}, {6}, &b}, {"3", {}, {1}}}));
  EXPECT_EQ(FindPoint<HistogramPoint>(mixed, "h")->count, 13u);
  EXPECT_EQ(FindPoint<HistogramPoint>(mixed, "h")->native, nullptr);
}

TEST(ViewStage, ShowsOneKindOfBucketsWhereAViewAsksForIt) {
  const std::uint64_t counts[] = {1, 2, 3};
  NativeHistogram native;
  native.schema = 1;
  native.positive = {1, 3, counts};
  native.count = 6;
  const Snapshot given = Histograms({{"1", {1, 2}, {0, 3, 3}, &native}});
  Stage exponential({View("h").Backend("b").Native(0)});
  const Snapshot shown = exponential.Apply(given);
  const auto* const point = FindPoint<HistogramPoint>(shown, "h", {{"path", "1"}});
  EXPECT_EQ(point->bound_count, 0u);
  EXPECT_THAT(BucketsOf(*point), ElementsAre(6));
  EXPECT_EQ(point->native->schema, 0);
  EXPECT_EQ(point->native->positive.size, 2u);
  Stage fewer({View("h").Backend("b").Buckets({2})});
  const Snapshot other = fewer.Apply(given);
  EXPECT_EQ(FindPoint<HistogramPoint>(other, "h", {{"path", "1"}})->native, nullptr);
  Stage none({View("h").Backend("b").Native(0)});
  EXPECT_EQ(
      FindPoint<HistogramPoint>(none.Apply(Histograms({{"1", {1}, {1, 1}}})), "h", {{"path", "1"}})
          ->bound_count,
      1u);
  EXPECT_THAT(none.messages, ElementsAre(HasSubstr("no exponential ones")));
}

TEST(ViewStage, KeepsTheNewestExemplarOfABucket) {
  const Exemplar first[] = {{0.5, 10, {}, nullptr, 0, 0}, {1.5, 40, {}, nullptr, 0, 1}};
  const Exemplar second[] = {{0.7, 20, {}, nullptr, 0, 0}, {1.2, 30, {}, nullptr, 0, 1}};
  const Snapshot given = Histograms(
      {{"1", {1, 2}, {1, 1, 0}, nullptr, first, 2}, {"2", {1, 2}, {1, 1, 0}, nullptr, second, 2}});
  {
    Stage stage({Without("path")});
    const Snapshot shown = stage.Apply(given);
    const auto* const point = FindPoint<HistogramPoint>(shown, "h");
    ASSERT_EQ(point->exemplar_count, 2u);
    EXPECT_EQ(point->exemplars[0].value, 0.7);
    EXPECT_EQ(point->exemplars[1].value, 1.5);
  }
  Stage stage({Without("path").Buckets({2})});
  const Snapshot shown = stage.Apply(given);
  const auto* const point = FindPoint<HistogramPoint>(shown, "h");
  ASSERT_EQ(point->exemplar_count, 1u);
  EXPECT_EQ(point->exemplars[0].value, 1.5);
  EXPECT_EQ(point->exemplars[0].bucket, 0u);
}

TEST(ViewStage, KeepsExemplarsOfExponentialBucketsInTheOrderOfTime) {
  const Exemplar first[] = {{0.5, 10, {}, nullptr, 0, 0}, {1.5, 40, {}, nullptr, 0, 0}};
  const Exemplar second[] = {{0.7, 20, {}, nullptr, 0, 0}, {1.2, 30, {}, nullptr, 0, 0}};
  const Snapshot given =
      Histograms({{"1", {}, {2}, nullptr, first, 2}, {"2", {}, {2}, nullptr, second, 2}});
  Stage stage({Without("path")});
  const Snapshot shown = stage.Apply(given);
  const auto* const point = FindPoint<HistogramPoint>(shown, "h");
  ASSERT_EQ(point->exemplar_count, 4u);
  for (std::uint32_t i = 0; i < 4; ++i) EXPECT_EQ(point->exemplars[i].unix_nanos, 10 * (i + 1));
}

TEST(ViewStage, KeepsTheNewestExemplarOfACounter) {
  SnapshotBuilder builder;
  builder.sink().BeginFamily(MetricType::kCounter, "c_total", "C.");
  for (int i = 0; i < 3; ++i) {
    const std::string path = std::to_string(i);
    const Label label = {"path", path};
    Exemplar exemplar{};
    exemplar.value = i;
    exemplar.unix_nanos = i == 1 ? 100 : 50;
    builder.sink().Counter(&label, 1, std::uint64_t{1}, exemplar);
  }
  Stage stage({Without("path")});
  const Snapshot shown = stage.Apply(builder.Build());
  const auto* const point = FindPoint<CounterPoint>(shown, "c_total");
  ASSERT_NE(point->exemplar, nullptr);
  EXPECT_EQ(point->exemplar->value, 1);
}

TEST(ViewStage, CountsIntegersUpToTheirLimit) {
  Stage stage({Without("path")});
  const Snapshot shown = stage.Apply(Counters({{"1", kMost - 10}, {"2", 10}}));
  EXPECT_EQ(FindPoint<CounterPoint>(shown, "c_total")->whole, kMost);
}

}  // namespace
}  // namespace polymeter
