// The view stage over a real registry.
#include "sdk/src/view_stage_for_test.h"

#include <gmock/gmock.h>

#include <chrono>
#include <cmath>
#include <string>
#include <vector>

#include "polymeter/metrics.h"
#include "sdk/src/delta.h"
#include "sdk/testing/values.h"

namespace polymeter {
namespace {

using testing::BucketsOf;
using ::testing::ElementsAre;
using testing::FindFamily;
using testing::FindPoint;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::Stage;
using testing::ValueOf;
using testing::Without;

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

}  // namespace
}  // namespace polymeter
