// The view stage: merging of every type of series, over a real registry and over producers'
// families.
#include "sdk/src/view_stage.h"

#include <gmock/gmock.h>
#include <malloc.h>

#include <chrono>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "polymeter/metrics.h"
#include "sdk/src/delta.h"
#include "sdk/testing/sanitizer.h"
#include "sdk/testing/snapshot_builder.h"
#include "sdk/testing/values.h"

namespace polymeter {
namespace {

using detail::ViewRules;
using detail::ViewStage;
using ::testing::ElementsAre;
using testing::FindFamily;
using testing::FindPoint;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::SnapshotBuilder;
using testing::ValueOf;

constexpr std::uint64_t kMost = ~std::uint64_t{0};

// A stage, and what it says.
class Stage {
 public:
  explicit Stage(std::vector<View> views)
      : stage_(std::make_shared<const ViewRules>(std::move(views), ""), "b", /*registered=*/true,
               [this](std::string_view reason, std::string_view message, std::uint64_t points) {
                 EXPECT_EQ(reason, "view");
                 messages.emplace_back(message);
                 reported += points;
               }) {}
  Snapshot Apply(const Snapshot& snapshot) { return stage_.Apply(snapshot, ++order_); }
  Snapshot ApplyLate(const Snapshot& snapshot) { return stage_.Apply(snapshot, order_ - 1); }

  std::vector<std::string> messages;
  std::uint64_t reported = 0;

 private:
  ViewStage stage_;
  std::uint64_t order_ = 0;
};

View Without(std::string label) { return View("*").Backend("b").DropLabels({std::move(label)}); }

std::vector<double> BucketsOf(const HistogramPoint& point) {
  return {point.buckets, point.buckets + point.bound_count + 1};
}

// --- a registry's ------------------------------------------------------------------------------

TEST(ViewStage, LeavesASnapshotThatNoViewChangesAsItIs) {
  const Metrics metrics(Options().Consumer());
  metrics.Counter("c_total", "C.", {"l"}).With("a").Increment();
  Stage stage({View("other").Backend("b").Drop(), View("*").Backend("x").Drop()});
  const Snapshot snapshot = metrics.TakeSnapshot();
  EXPECT_EQ(&stage.Apply(snapshot).families(), &snapshot.families());
}

TEST(ViewStage, DropsFamiliesAndKeepsTheOrderOfTheRest) {
  const Metrics metrics(Options().Consumer());
  for (const char* const name : {"c", "a", "b", "d"}) metrics.Gauge(name, "G.").Set(1);
  Stage stage({View("b").Backend("b").Drop(), View("c").Backend("b").RenameLabel("x", "y")});
  std::vector<std::string> names;
  const Snapshot shown = stage.Apply(metrics.TakeSnapshot());
  for (const FamilyView& family : shown.families()) {
    names.emplace_back(family.name);
  }
  EXPECT_THAT(names, ElementsAre("a", "c", "d"));
}

TEST(ViewStage, AddsCountersUpExactly) {
  const Metrics metrics(Options().Consumer());
  const auto family = metrics.Counter("c_total", "C.", {"l", "path"});
  family.With("a", "1").Increment((std::uint64_t{1} << 53) + 1);
  family.With("b", "1").Increment(7);
  family.With("a", "2").Increment((std::uint64_t{1} << 60));
  family.With("a", "2").Increment(0.5);
  Stage stage({Without("path")});
  const Snapshot shown = stage.Apply(metrics.TakeSnapshot());
  ASSERT_EQ(FindFamily(shown, "c_total")->size(), 2u);
  const auto* const a = FindPoint<CounterPoint>(shown, "c_total", {{"l", "a"}});
  ASSERT_NE(a, nullptr);
  EXPECT_EQ(a->whole, (std::uint64_t{1} << 53) + 1 + (std::uint64_t{1} << 60));
  EXPECT_EQ(a->part, 0.5);
  EXPECT_EQ(ValueOf(shown, "c_total", {{"l", "b"}}), 7);
}

TEST(ViewStage, ATotalNeverFallsWhenSeriesLeave) {
  const Metrics metrics(Options().Consumer());
  const auto family = metrics.Counter("c_total", "C.", {"path"});
  const auto others = metrics.Histogram("h", "H.", {"path"}, FamilyOptions().Buckets({1, 2}));
  Stage stage({Without("path")});
  const auto value = [&] { return ValueOf(stage.Apply(metrics.TakeSnapshot()), "c_total"); };
  family.With("1").Increment(5);
  family.With("2").Increment(10);
  others.With("1").Observe(0.5);
  others.With("2").Observe(1.5);
  EXPECT_EQ(value(), 15);
  family.Remove("1");
  others.Remove("1");
  EXPECT_EQ(value(), 15);
  family.With("3").Increment(1);  // in the place of the one that has left
  family.With("4").Increment(1);
  others.With("3").Observe(9);
  EXPECT_EQ(value(), 17);
  family.With("1").Increment(2);
  EXPECT_EQ(value(), 19);
  const Snapshot shown = stage.Apply(metrics.TakeSnapshot());
  const auto* const point = FindPoint<HistogramPoint>(shown, "h");
  ASSERT_NE(point, nullptr);
  EXPECT_EQ(point->count, 3u);
  EXPECT_EQ(point->sum, 11);
  EXPECT_THAT(BucketsOf(*point), ElementsAre(1, 1, 1));
}

TEST(ViewStage, CountsASeriesThatWasIdleAndComesAgainOnce) {
  auto now = SystemTime(std::chrono::hours(1));
  const Metrics metrics(
      Options().Consumer().SeriesTtl(std::chrono::seconds(10)).Clock([&] { return now; }));
  const auto family = metrics.Counter("c_total", "C.", {"path"});
  Stage stage({Without("path")});
  const auto value = [&] { return ValueOf(stage.Apply(metrics.TakeSnapshot()), "c_total"); };
  family.With("1").Increment(5);
  family.With("2").Increment(1);
  EXPECT_EQ(value(), 6);
  now += std::chrono::seconds(8);
  family.With("2").Increment(1);
  EXPECT_EQ(value(), 7);
  now += std::chrono::seconds(8);
  family.With("2").Increment(1);
  EXPECT_EQ(FindFamily(metrics.TakeSnapshot(), "c_total")->size(), 1u);
  EXPECT_EQ(value(), 8);
  family.With("1").Increment(1);
  EXPECT_EQ(value(), 9);
}

TEST(ViewStage, ForgetsAGroupWhoseSeriesHaveAllLeft) {
  const Metrics metrics(Options().Consumer());
  const auto family = metrics.Counter("c_total", "C.", {"job", "path"});
  Stage stage({Without("path")});
  family.With("stays", "1").Increment();
  std::uint32_t largest = 0;
  for (int i = 0; i < 5000; ++i) {
    const std::string job = std::to_string(i);
    family.With(job, "1").Increment(3);
    const Snapshot shown = stage.Apply(metrics.TakeSnapshot());
    const auto* const point = FindPoint<CounterPoint>(shown, "c_total", {{"job", job}});
    ASSERT_NE(point, nullptr);
    EXPECT_EQ(point->whole, 3u);
    largest = std::max(largest, point->series.index());
    family.Remove(job, "1");
  }
  EXPECT_LE(largest, 4u);  // its places are used anew
  EXPECT_EQ(ValueOf(stage.Apply(metrics.TakeSnapshot()), "c_total", {{"job", "stays"}}), 1);
}

TEST(ViewStage, GivesEverySeriesOneIdentityForAllSnapshots) {
  const Metrics metrics(Options().Consumer());
  const auto family = metrics.Counter("c_total", "C.", {"l", "path"});
  Stage stage({Without("path")});
  family.With("a", "1").Increment();
  family.With("b", "1").Increment();
  const Snapshot first = stage.Apply(metrics.TakeSnapshot());
  family.Remove("a", "1");
  family.With("a", "2").Increment();
  family.With("c", "2").Increment();
  const Snapshot second = stage.Apply(metrics.TakeSnapshot());
  EXPECT_EQ(FindFamily(first, "c_total")->id, FindFamily(second, "c_total")->id);
  EXPECT_NE(FindFamily(first, "c_total")->id, FindFamily(metrics.TakeSnapshot(), "c_total")->id);
  for (const char* const l : {"a", "b"}) {
    const auto* const before = FindPoint<CounterPoint>(first, "c_total", {{"l", l}});
    const auto* const after = FindPoint<CounterPoint>(second, "c_total", {{"l", l}});
    ASSERT_NE(after, nullptr);
    EXPECT_NE(after->series.generation(), 0u);
    EXPECT_EQ(before->series.index(), after->series.index());
    EXPECT_EQ(before->series.generation(), after->series.generation());
    EXPECT_EQ(before->series.start_unix_nanos(), after->series.start_unix_nanos());
  }
}

TEST(ViewStage, BeginsAMergedSeriesWhereTheEarliestBegan) {
  auto now = SystemTime(std::chrono::hours(1));
  const Metrics metrics(Options().Consumer().Clock([&] { return now; }));
  const auto family = metrics.Counter("c_total", "C.", {"path"});
  family.With("1").Increment();
  now += std::chrono::minutes(1);
  family.With("2").Increment();
  Stage stage({Without("path")});
  const Snapshot shown = stage.Apply(metrics.TakeSnapshot());
  EXPECT_EQ(FindPoint<CounterPoint>(shown, "c_total")->series.start_time(),
            SystemTime(std::chrono::hours(1)));
}

TEST(ViewStage, AddsAdditiveGaugesAndShowsTheGreatestOfOthers) {
  const Metrics metrics(Options().Consumer());
  const auto sum = metrics.Gauge("sum", "S.", {"path"}, FamilyOptions().Additive());
  const auto level = metrics.Gauge("level", "L.", {"path"});
  const double values[] = {3, -5, std::nan(""), 2};
  for (int i = 0; i < 4; ++i) {
    if (i != 2) sum.With(std::to_string(i)).Set(values[i]);
    level.With(std::to_string(i)).Set(values[i]);
  }
  Stage stage({Without("path")});
  const Snapshot shown = stage.Apply(metrics.TakeSnapshot());
  EXPECT_EQ(ValueOf(shown, "sum"), 0);
  EXPECT_EQ(ValueOf(shown, "level"), 3);
  EXPECT_EQ(FindFamily(shown, "level")->size(), 1u);
}

TEST(ViewStage, RenamesAndDropsLabelsOfASeriesAndConstantOnes) {
  const Metrics metrics(Options().Consumer().ConstLabels({{"env", "test"}, {"zone", "1"}}));
  metrics.Counter("c_total", "C.", {"code"}).With("200").Increment();
  Stage stage({View("*")
                   .Backend("b")
                   .DropLabels({"env"})
                   .RenameLabel("code", "status")
                   .RenameLabel("zone", "area")});
  const Snapshot shown = stage.Apply(metrics.TakeSnapshot());
  EXPECT_EQ(ValueOf(shown, "c_total", {{"status", "200"}, {"area", "1"}}), 1);
}

TEST(ViewStage, DoesNotRenameToTheNameOfALabelOfAnotherKind) {
  const Metrics metrics(Options().Consumer().ConstLabels({{"region", "eu"}, {"cell", "7"}}));
  metrics.Counter("c_total", "C.", {"code"}).With("200").Increment();
  for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{
           {"region", "cell"}, {"code", "region"}, {"region", "code"}}) {
    Stage stage({View("c_total").Backend("b").RenameLabel(from, to)});
    for (int i = 0; i < 2; ++i) {
      const Snapshot shown = stage.Apply(metrics.TakeSnapshot());
      EXPECT_EQ(ValueOf(shown, "c_total", {{"region", "eu"}, {"cell", "7"}, {"code", "200"}}), 1)
          << from;
    }
    EXPECT_THAT(stage.messages, ElementsAre(HasSubstr("renames label " + from + " to " + to)));
  }
}

TEST(ViewStage, MakesExplicitBucketsFewer) {
  const Metrics metrics(Options().Consumer());
  auto histogram = metrics.Histogram("h", "H.", FamilyOptions().Buckets({1, 2, 4}));
  for (const double value : {0.5, 1.5, 3.0, 9.0, 10.0}) histogram.Observe(value);
  {
    Stage stage({View("h").Backend("b").Buckets({2})});
    const Snapshot shown = stage.Apply(metrics.TakeSnapshot());
    const auto* const point = FindPoint<HistogramPoint>(shown, "h");
    ASSERT_EQ(point->bound_count, 1u);
    EXPECT_EQ(point->bounds[0], 2);
    EXPECT_THAT(BucketsOf(*point), ElementsAre(2, 3));
    EXPECT_EQ(point->count, 5u);
    EXPECT_EQ(point->sum, 24);
    EXPECT_THAT(stage.messages, IsEmpty());
  }
  {
    Stage stage({View("h").Backend("b").Buckets({2, 3})});
    EXPECT_EQ(FindPoint<HistogramPoint>(stage.Apply(metrics.TakeSnapshot()), "h")->bound_count, 1u);
    EXPECT_THAT(stage.messages, ElementsAre(HasSubstr("are left out")));
  }
  {
    Stage stage({View("h").Backend("b").Buckets({3})});
    EXPECT_EQ(FindPoint<HistogramPoint>(stage.Apply(metrics.TakeSnapshot()), "h")->bound_count, 3u);
    EXPECT_THAT(stage.messages, ElementsAre(HasSubstr("its own, which stay")));
  }
}

TEST(ViewStage, KeepsItsSnapshotsAsTheyWere) {
  const Metrics metrics(Options().Consumer());
  const auto family = metrics.Counter("c_total", "C.", {"job", "path"});
  Stage stage({Without("path")});
  std::vector<Snapshot> kept;
  for (int i = 0; i < 3000; ++i) {  // the stage's memory is made anew on the way
    const std::string job = std::to_string(i);
    family.With(job, "1").Increment(1);
    const Snapshot shown = stage.Apply(metrics.TakeSnapshot());
    if (i % 1000 == 0) kept.push_back(shown);
    family.Remove(job, "1");
  }
  for (std::size_t i = 0; i < kept.size(); ++i) {
    EXPECT_EQ(ValueOf(kept[i], "c_total", {{"job", std::to_string(i * 1000)}}), 1);
  }
}

TEST(ViewStage, IsWhatTheDeltaStageTakesItsDifferencesOf) {
  const Metrics metrics(Options().Consumer());
  const auto family = metrics.Counter("c_total", "C.", {"path"});
  const auto histogram = metrics.Histogram("h", "H.", {"path"}, FamilyOptions().Buckets({1}));
  Stage stage({Without("path")});
  DeltaOptions options;
  options.counters = options.histograms = true;
  detail::DeltaStage delta(options);
  const auto next = [&] { return delta.Apply(stage.Apply(metrics.TakeSnapshot())); };
  family.With("1").Increment(5);
  family.With("2").Increment(1);
  histogram.With("1").Observe(0.5);
  EXPECT_EQ(ValueOf(next(), "c_total"), 6);
  EXPECT_EQ(ValueOf(next(), "c_total"), std::nullopt);
  family.Remove("1");
  EXPECT_EQ(ValueOf(next(), "c_total"), std::nullopt);
  family.With("3").Increment(2);
  histogram.With("2").Observe(5);
  histogram.With("1").Observe(5);
  const Snapshot shown = next();
  EXPECT_EQ(ValueOf(shown, "c_total"), 2);
  EXPECT_THAT(BucketsOf(*FindPoint<HistogramPoint>(shown, "h")), ElementsAre(0, 2));
}

TEST(ViewStage, TakesASnapshotThatWasOvertakenForWhatItIs) {
  const Metrics metrics(Options().Consumer());
  const auto family = metrics.Counter("c_total", "C.", {"path"});
  Stage stage({Without("path")});
  family.With("1").Increment(5);
  family.With("2").Increment(5);
  const Snapshot early = metrics.TakeSnapshot();
  family.With("2").Increment(1);
  family.Remove("1");
  family.With("3").Increment(1);  // where 1 was
  static_cast<void>(stage.Apply(early));
  EXPECT_EQ(ValueOf(stage.Apply(metrics.TakeSnapshot()), "c_total"), 12);
  EXPECT_EQ(ValueOf(stage.ApplyLate(early), "c_total"), 12);
  EXPECT_EQ(ValueOf(stage.Apply(metrics.TakeSnapshot()), "c_total"), 12);
}

// --- producers' --------------------------------------------------------------------------------

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
