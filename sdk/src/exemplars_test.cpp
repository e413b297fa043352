// Exemplars from the instruments to the snapshot: what is kept, which one, and where none is.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "polymeter/metrics.h"
#include "sdk/src/cells.h"
#include "sdk/src/exemplar_slots.h"
#include "sdk/testing/log_capture.h"
#include "sdk/testing/values.h"

namespace polymeter {
namespace {

using ::testing::ElementsAre;
using testing::FindPoint;
using ::testing::IsEmpty;
using testing::LogCapture;
using ::testing::Pair;
using testing::ValueOf;

TraceContext TraceOf(std::uint8_t id, std::uint8_t flags = TraceContext::kSampled) {
  TraceContext trace;
  trace.trace_id.fill(id);
  trace.span_id.fill(static_cast<std::uint8_t>(id + 1));
  trace.flags = flags;
  return trace;
}

// What an exemplar says, copied, for comparisons.
struct Shown {
  double value = 0;
  TraceContext trace;
  std::vector<std::pair<std::string, std::string>> labels;
  std::uint32_t bucket = 0;
  std::int64_t unix_nanos = 0;
};
Shown Show(const Exemplar& exemplar) {
  Shown shown{exemplar.value, exemplar.trace, {}, exemplar.bucket, exemplar.unix_nanos};
  for (std::uint32_t i = 0; i < exemplar.label_count; ++i) {
    shown.labels.emplace_back(exemplar.labels[i].name, exemplar.labels[i].value);
  }
  return shown;
}

class Exemplars : public ::testing::Test {
 protected:
  std::optional<Shown> OfCounter(std::string_view name = "c_total",
                                 std::initializer_list<Label> labels = {}) {
    const Snapshot snapshot = metrics_.TakeSnapshot();
    const auto* const point = FindPoint<CounterPoint>(snapshot, name, labels);
    if (point == nullptr || point->exemplar == nullptr) return std::nullopt;
    return Show(*point->exemplar);
  }
  std::vector<Shown> OfHistogram(std::string_view name = "h") {
    const Snapshot snapshot = metrics_.TakeSnapshot();
    const auto* const point = FindPoint<HistogramPoint>(snapshot, name);
    std::vector<Shown> shown;
    if (point == nullptr) return shown;
    for (std::uint32_t i = 0; i < point->exemplar_count; ++i) {
      shown.push_back(Show(point->exemplars[i]));
    }
    return shown;
  }
  double RefusedLabels() {
    return ValueOf(metrics_.TakeSnapshot(), "polymeter_refused_total",
                   {{"reason", "exemplar_label"}})
        .value_or(0);
  }
  Counter MakeCounter() { return metrics_.Counter("c_total", "C.", FamilyOptions().Exemplars()); }
  Histogram MakeHistogram() {
    return metrics_.Histogram("h", "H.", FamilyOptions().Buckets({1, 2, 4}).Exemplars());
  }

  LogCapture log_;
  Metrics metrics_{Options().Consumer().Log(log_.callback())};
};

TEST_F(Exemplars, ComeFromTheCurrentSampledTrace) {
  const Counter counter = MakeCounter();
  const Histogram histogram = MakeHistogram();
  const auto before = std::chrono::system_clock::now() - std::chrono::seconds(1);
  {
    const TraceScope scope(TraceOf(7));
    counter.Increment(3);
    histogram.Observe(1.5);
  }
  const auto shown = OfCounter();
  ASSERT_TRUE(shown);
  EXPECT_EQ(shown->value, 3);
  EXPECT_EQ(shown->trace, TraceOf(7));
  EXPECT_THAT(shown->labels, IsEmpty());
  const auto nanos = [](auto time) {
    return std::chrono::nanoseconds(time.time_since_epoch()).count();
  };
  EXPECT_GE(shown->unix_nanos, nanos(before));
  EXPECT_LE(shown->unix_nanos, nanos(std::chrono::system_clock::now()));
  const auto observed = OfHistogram();
  ASSERT_EQ(observed.size(), 1u);
  EXPECT_EQ(observed[0].value, 1.5);
  EXPECT_EQ(observed[0].trace, TraceOf(7));
  EXPECT_EQ(observed[0].bucket, 1u);
}

// Their clock moves in ticks, and the tick before a series' first increment may be before the
// series.
TEST_F(Exemplars, AreNotOlderThanTheirSeries) {
  const auto counters = metrics_.Counter("many_total", "Many.", {"i"}, FamilyOptions().Exemplars());
  const auto histograms =
      metrics_.Histogram("many", "Many.", {"i"}, FamilyOptions().Native().Exemplars());
  const TraceScope scope(TraceOf(7));
  for (int i = 0; i < 10; ++i) {
    counters.With(i).Increment();
    histograms.With(i).Observe(i);
  }
  const Snapshot snapshot = metrics_.TakeSnapshot();
  for (int i = 0; i < 10; ++i) {
    const std::string text = std::to_string(i);
    const auto* const counter = FindPoint<CounterPoint>(snapshot, "many_total", {{"i", text}});
    ASSERT_NE(counter, nullptr);
    ASSERT_NE(counter->exemplar, nullptr);
    EXPECT_GT(counter->exemplar->unix_nanos, counter->series.start_unix_nanos());
    const auto* const histogram = FindPoint<HistogramPoint>(snapshot, "many", {{"i", text}});
    ASSERT_NE(histogram, nullptr);
    ASSERT_EQ(histogram->exemplar_count, 1u);
    EXPECT_GT(histogram->exemplars[0].unix_nanos, histogram->series.start_unix_nanos());
  }
}

TEST_F(Exemplars, DoNotDisturbTheCounts) {
  const Counter counter = MakeCounter();
  const Histogram histogram = MakeHistogram();
  const TraceScope scope(TraceOf(7));
  counter.Increment();
  counter.Increment(std::numeric_limits<std::uint64_t>::max() - 10);
  counter.Increment(0.5);
  counter.IncrementWithExemplar(2, {{"a", "b"}});
  counter.IncrementWithExemplar(0.25, {});
  histogram.Observe(3);
  histogram.ObserveWithExemplar(5, {});
  const Snapshot snapshot = metrics_.TakeSnapshot();
  const auto* const point = FindPoint<CounterPoint>(snapshot, "c_total");
  EXPECT_EQ(point->whole, std::numeric_limits<std::uint64_t>::max() - 7);
  EXPECT_EQ(point->part, 0.75);
  EXPECT_EQ(counter.Value(), point->value());
  EXPECT_EQ(histogram.Count(), 2u);
  EXPECT_EQ(histogram.Sum(), 8);
}

TEST_F(Exemplars, AreNotMadeWithoutASampledTrace) {
  const Counter counter = MakeCounter();
  const Histogram histogram = MakeHistogram();
  counter.Increment();
  histogram.Observe(1);
  const TraceScope scope(TraceOf(7, /*flags=*/0));
  counter.Increment();
  histogram.Observe(1);
  EXPECT_FALSE(OfCounter());
  EXPECT_THAT(OfHistogram(), IsEmpty());
}

TEST_F(Exemplars, AreTheNewestOfACounterAndOfEachBucket) {
  const Counter counter = MakeCounter();
  const Histogram histogram = MakeHistogram();
  for (std::uint8_t id = 1; id <= 3; ++id) {
    const TraceScope scope(TraceOf(id));
    counter.Increment(id);
    histogram.Observe(id + 0.5);  // 1.5 | 2.5, 3.5
  }
  EXPECT_EQ(OfCounter()->trace, TraceOf(3));
  EXPECT_EQ(OfCounter()->value, 3);
  const auto shown = OfHistogram();
  ASSERT_EQ(shown.size(), 2u);
  EXPECT_EQ(shown[0].bucket, 1u);
  EXPECT_EQ(shown[0].trace, TraceOf(1));
  EXPECT_EQ(shown[1].bucket, 2u);
  EXPECT_EQ(shown[1].trace, TraceOf(3));
  EXPECT_EQ(shown[1].value, 3.5);
}

TEST_F(Exemplars, LieInTheirBucketAlsoOnItsBoundAndAboveTheLast) {
  const Histogram histogram = MakeHistogram();
  const TraceScope scope(TraceOf(7));
  const double infinity = std::numeric_limits<double>::infinity();
  for (const double value : {-3.0, 2.0, 4.0, infinity}) histogram.Observe(value);
  const auto shown = OfHistogram();
  ASSERT_EQ(shown.size(), 4u);
  const double values[] = {-3, 2, 4, infinity};
  for (std::uint32_t i = 0; i < 4; ++i) {
    EXPECT_EQ(shown[i].bucket, i);
    EXPECT_EQ(shown[i].value, values[i]);
  }
}

TEST_F(Exemplars, OfTimersAreOfTheScopeWhereTheyEnd) {
  const Histogram histogram = MakeHistogram();
  {
    const TraceScope scope(TraceOf(7));
    const auto timing = histogram.Time();
  }
  EXPECT_EQ(OfHistogram().at(0).trace, TraceOf(7));
  Timer timer(histogram);
  const TraceScope scope(TraceOf(8));
  timer.Stop();
  EXPECT_EQ(OfHistogram().at(0).trace, TraceOf(8));
}

TEST_F(Exemplars, GivenWithLabelsNeedNoTraceAndTakeTheOneThatThereIs) {
  const Counter counter = MakeCounter();
  const Histogram histogram = MakeHistogram();
  counter.IncrementWithExemplar(1, {{"job_id", 7}, {"retry", true}});
  EXPECT_THAT(OfCounter()->labels, ElementsAre(Pair("job_id", "7"), Pair("retry", "true")));
  EXPECT_FALSE(OfCounter()->trace.valid());
  const TraceScope scope(TraceOf(7, /*flags=*/0));
  counter.IncrementWithExemplar(2.5, {{"job_id", "8"}});
  EXPECT_EQ(OfCounter()->trace, TraceOf(7, 0));
  EXPECT_EQ(OfCounter()->value, 2.5);
  EXPECT_THAT(OfCounter()->labels, ElementsAre(Pair("job_id", "8")));
  histogram.ObserveWithExemplar(std::chrono::milliseconds(3500), {{"queue", "a"}});
  const std::vector<Label> made = {{"queue", "b"}, {"n", "1"}};
  histogram.ObserveWithExemplar(1.0, made.data(), made.size());
  counter.IncrementWithExemplar(4u, made.data(), made.size());
  EXPECT_THAT(OfCounter()->labels, ElementsAre(Pair("queue", "b"), Pair("n", "1")));
  const auto shown = OfHistogram();
  ASSERT_EQ(shown.size(), 2u);
  EXPECT_EQ(shown[0].value, 1);
  EXPECT_THAT(shown[0].labels, ElementsAre(Pair("queue", "b"), Pair("n", "1")));
  EXPECT_EQ(shown[1].value, 3.5);
  EXPECT_THAT(shown[1].labels, ElementsAre(Pair("queue", "a")));
}

TEST_F(Exemplars, WithoutLabelsDoNotKeepThoseOfTheOneBefore) {
  const Counter counter = MakeCounter();
  counter.IncrementWithExemplar(1, {{"job_id", 7}});
  const TraceScope scope(TraceOf(7));
  counter.Increment();
  EXPECT_THAT(OfCounter()->labels, IsEmpty());
}

TEST_F(Exemplars, StayWithin128CodePointsWithTheirTrace) {
  const Counter counter = MakeCounter();
  const TraceScope scope(TraceOf(7));
  std::string value;
  for (int i = 0; i < 64; ++i) value += "\xF0\x9F\x98\x80";
  counter.IncrementWithExemplar(1, {{"n", value}});  // 63 + 1 + 64
  EXPECT_THAT(OfCounter()->labels, ElementsAre(Pair("n", value)));
  EXPECT_EQ(RefusedLabels(), 0);
  value += "x";
  counter.IncrementWithExemplar(1, {{"n", value}, {"m", ""}});
  EXPECT_THAT(OfCounter()->labels, IsEmpty());
  EXPECT_EQ(OfCounter()->trace, TraceOf(7));
  EXPECT_EQ(RefusedLabels(), 2);
  const TraceScope none((TraceContext()));
  counter.IncrementWithExemplar(1, {{"n", value}});
  EXPECT_THAT(OfCounter()->labels, ElementsAre(Pair("n", value)));
}

TEST_F(Exemplars, CountEveryLabelThatIsLeftOut) {
  const Counter counter = MakeCounter();
  std::vector<std::string> names;
  for (int i = 0; i < 20; ++i) names.push_back("l" + std::to_string(i));
  std::vector<Label> labels(10, Label{"le", "x"});
  for (const std::string& name : names) labels.push_back({name, ""});
  counter.IncrementWithExemplar(1, labels.data(), labels.size());
  EXPECT_EQ(OfCounter()->labels.size(), 8u);
  EXPECT_EQ(RefusedLabels(), 22);
}

TEST_F(Exemplars, SayOnceWhichLabelsAreAccepted) {
  const Histogram histogram = MakeHistogram();
  for (int i = 0; i < 5; ++i) {
    histogram.ObserveWithExemplar(1, {{"trace_id", "x"}, {"ok", "y"}, {"a-b", "z"}});
    EXPECT_THAT(OfHistogram().at(0).labels, ElementsAre(Pair("ok", "y")));
  }
  EXPECT_EQ(RefusedLabels(), 10);
  EXPECT_EQ(log_.Count("labels of exemplars were left out, at first on h: "), 1);
}

TEST_F(Exemplars, AreNotMadeOfWhatIsRefusedOrChangesNothing) {
  const Counter counter = MakeCounter();
  const Histogram histogram = MakeHistogram();
  const TraceScope scope(TraceOf(7));
  const double nan = std::numeric_limits<double>::quiet_NaN();
  counter.Increment(-1);
  counter.Increment(-0.5);
  counter.Increment(nan);
  counter.IncrementWithExemplar(-1, {});
  counter.IncrementWithExemplar(nan, {});
  counter.Increment(0);
  counter.Increment(0.0);
  histogram.Observe(nan);
  histogram.ObserveWithExemplar(nan, {{"a", "b"}});
  EXPECT_FALSE(OfCounter());
  EXPECT_THAT(OfHistogram(), IsEmpty());
  EXPECT_EQ(counter.Value(), 0);
  EXPECT_EQ(histogram.Count(), 0u);
  EXPECT_EQ(ValueOf(metrics_.TakeSnapshot(), "polymeter_refused_total", {{"reason", "bad_value"}}),
            7);
}

TEST_F(Exemplars, OfFamiliesThatDidNotAskForThemAreNotKept) {
  const Counter counter = metrics_.Counter("c_total", "C.");
  const Histogram histogram = metrics_.Histogram("h", "H.", FamilyOptions().Buckets({1, 2, 4}));
  EXPECT_EQ(detail::HandleAccess::Cell(counter) & detail::kOutOfLineBit, 0u);
  EXPECT_EQ(detail::HandleAccess::Cell(histogram) & detail::kOutOfLineBit, 0u);
  const TraceScope scope(TraceOf(7));
  counter.Increment();
  counter.IncrementWithExemplar(2, {{"a", "b"}});
  histogram.Observe(1);
  histogram.ObserveWithExemplar(2, {{"a", "b"}});
  EXPECT_FALSE(OfCounter());
  EXPECT_THAT(OfHistogram(), IsEmpty());
  EXPECT_EQ(counter.Value(), 3);
  EXPECT_EQ(histogram.Count(), 2u);
  // A gauge keeps none, whatever it is asked.
  const Gauge gauge = metrics_.Gauge("g", "G.", FamilyOptions().Exemplars());
  gauge.Set(4);
  gauge.Increment();
  EXPECT_EQ(gauge.Value(), 5);
}

TEST_F(Exemplars, OfANoopHandleAreNothing) {
  const TraceScope scope(TraceOf(7));
  Counter().IncrementWithExemplar(1, {{"a", "b"}});
  Counter().IncrementWithExemplar(-1, {{"a", "b"}});
  Counter().IncrementWithExemplar(1.5, {{"a", "b"}});
  Histogram().ObserveWithExemplar(1, {{"a", "b"}});
  EXPECT_EQ(Counter().Value(), 0);
}

TEST_F(Exemplars, AlwaysOffKeepsNoneAndLeavesThePlainPath) {
  const Metrics off(Options().Consumer().ExemplarFilter(ExemplarFilter::kAlwaysOff));
  const Counter counter = off.Counter("c_total", "C.", FamilyOptions().Exemplars());
  EXPECT_EQ(detail::HandleAccess::Cell(counter) & detail::kOutOfLineBit, 0u);
  const TraceScope scope(TraceOf(7));
  counter.Increment();
  counter.IncrementWithExemplar(1, {{"a", "b"}});
  const Snapshot snapshot = off.TakeSnapshot();
  EXPECT_EQ(FindPoint<CounterPoint>(snapshot, "c_total")->exemplar, nullptr);
  EXPECT_EQ(counter.Value(), 2);
}

TEST_F(Exemplars, AlwaysOnKeepsThoseWithoutATraceToo) {
  metrics_ = Metrics(Options().Consumer().ExemplarFilter(ExemplarFilter::kAlwaysOn));
  const Counter counter = MakeCounter();
  const Histogram histogram = MakeHistogram();
  counter.Increment(2);
  histogram.Observe(9);
  EXPECT_EQ(OfCounter()->value, 2);
  EXPECT_FALSE(OfCounter()->trace.valid());
  EXPECT_THAT(OfCounter()->labels, IsEmpty());
  EXPECT_EQ(OfHistogram().at(0).bucket, 3u);
}

TEST_F(Exemplars, OfARemovedSeriesAreGoneAndStaleHandlesMakeNone) {
  const auto family = metrics_.Counter("f_total", "F.", {"a"}, FamilyOptions().Exemplars());
  const auto histograms =
      metrics_.Histogram("h", "H.", {"a"}, FamilyOptions().Buckets({1}).Exemplars());
  const TraceScope scope(TraceOf(7));
  const Counter stale = family.With("x");
  const Histogram stale_histogram = histograms.With("x");
  stale.Increment();
  stale_histogram.Observe(0.5);
  EXPECT_TRUE(OfCounter("f_total", {{"a", "x"}}));
  EXPECT_TRUE(family.Remove("x"));
  EXPECT_TRUE(histograms.Remove("x"));
  const TraceScope none((TraceContext()));
  family.With("x").Increment();
  histograms.With("x").Observe(0.5);
  const TraceScope again(TraceOf(8));
  stale.Increment(4);
  stale_histogram.Observe(0.5);
  EXPECT_FALSE(OfCounter("f_total", {{"a", "x"}}));
  const Snapshot snapshot = metrics_.TakeSnapshot();
  EXPECT_EQ(FindPoint<HistogramPoint>(snapshot, "h", {{"a", "x"}})->exemplar_count, 0u);
  EXPECT_EQ(ValueOf(snapshot, "f_total", {{"a", "x"}}), 1);
  EXPECT_EQ(ValueOf(snapshot, "polymeter_removed_series_increments_total"), 5);
}

TEST_F(Exemplars, StayInASnapshotWhenNewerOnesCome) {
  const Counter counter = MakeCounter();
  counter.IncrementWithExemplar(1, {{"job_id", "old"}});
  const Snapshot snapshot = metrics_.TakeSnapshot();
  counter.IncrementWithExemplar(2, {{"job_id", "new"}});
  metrics_ = Metrics();
  const auto shown = Show(*FindPoint<CounterPoint>(snapshot, "c_total")->exemplar);
  EXPECT_EQ(shown.value, 1);
  EXPECT_THAT(shown.labels, ElementsAre(Pair("job_id", "old")));
}

TEST_F(Exemplars, OfAMetricsThatHasEndedHarmNobody) {
  std::vector<Counter> counters;
  std::vector<Histogram> histograms;
  const TraceScope scope(TraceOf(7));
  for (int i = 0; i < 200; ++i) {  // more than the quarantine holds, so that memory is used anew
    const Metrics metrics(Options().Consumer());
    std::vector<double> bounds;
    for (int b = 0; b <= i; ++b) bounds.push_back(b);
    counters.push_back(metrics.Counter("c_total", "C.", FamilyOptions().Exemplars()));
    histograms.push_back(metrics.Histogram("h", "H.", FamilyOptions().Buckets(bounds).Exemplars()));
    counters.back().Increment();
    for (const Counter& counter : counters) counter.IncrementWithExemplar(1, {{"a", "b"}});
    for (const Histogram& histogram : histograms) {
      histogram.ObserveWithExemplar(i, {{"stale", "yes"}});
    }
    const Snapshot snapshot = metrics.TakeSnapshot();
    const auto* const point = FindPoint<HistogramPoint>(snapshot, "h");
    ASSERT_NE(point, nullptr);
    for (std::uint32_t e = 0; e < point->exemplar_count; ++e) {
      const Exemplar& exemplar = point->exemplars[e];
      const std::uint32_t bucket = exemplar.bucket;
      EXPECT_LE(bucket == 0 ? -1 : point->bounds[bucket - 1], exemplar.value);
      const bool last = bucket == point->bound_count;
      EXPECT_TRUE(last || exemplar.value <= point->bounds[bucket]) << exemplar.value;
    }
  }
}

TEST(ExemplarSlots, TornLabelsAreNotRead) {
  detail::CellStore store;
  store.SetExemplarFilter(ExemplarFilter::kAlwaysOn);
  detail::ExemplarSlot& slot = detail::ExemplarSlotOf(store.NewCounter(/*exemplars=*/true));
  detail::PackedLabels labels;
  labels.lengths.fill(0);
  labels.count = 1;
  labels.bytes = 4;
  labels.lengths[0] = 2;
  labels.lengths[1] = 60000;  // another writer's
  detail::WriteExemplar(slot, 1, {}, &labels);
  detail::StoredExemplar stored;
  EXPECT_FALSE(detail::ReadExemplar(slot, stored));
}

TEST(ExemplarSlots, AreEmptyWhenACellIsUsedAnew) {
  detail::CellStore store(/*quarantined=*/0);
  store.SetExemplarFilter(ExemplarFilter::kTraceBased);
  const TraceScope scope(TraceOf(7));
  detail::StoredExemplar stored;

  const detail::CellAddress counter = store.NewCounter(/*exemplars=*/true);
  detail::CounterAdd(counter | detail::kOutOfLineBit, std::uint64_t{1});
  ASSERT_TRUE(detail::ReadExemplar(detail::ExemplarSlotOf(counter), stored));
  store.RetireCounter(counter, /*exemplars=*/true);
  ASSERT_EQ(store.NewCounter(/*exemplars=*/true), counter);
  EXPECT_FALSE(detail::ReadExemplar(detail::ExemplarSlotOf(counter), stored));
  detail::CounterAdd(counter | detail::kOutOfLineBit, 2.5);
  ASSERT_TRUE(detail::ReadExemplar(detail::ExemplarSlotOf(counter), stored));
  EXPECT_EQ(stored.value, 2.5);

  detail::HistogramKind kind{detail::InternBounds({1, 2})};
  kind.exemplars = true;
  const detail::CellAddress histogram = store.NewHistogram(kind);
  detail::HistogramObserve(histogram | detail::kOutOfLineBit, 1.5);
  auto* const slots = detail::RichCellOf(histogram).exemplars;
  ASSERT_TRUE(detail::ReadExemplar(*detail::ExemplarSlotAt(slots, 1), stored));
  store.RetireHistogram(kind, histogram);
  ASSERT_EQ(store.NewHistogram(kind), histogram);
  EXPECT_FALSE(detail::ReadExemplar(*detail::ExemplarSlotAt(slots, 1), stored));
}

TEST(ExemplarSlots, OfEveryCounterOfAChunkAreItsOwn) {
  detail::CellStore store;
  store.SetExemplarFilter(ExemplarFilter::kAlwaysOn);
  std::vector<detail::CellAddress> counters;
  for (int i = 0; i < 10000; ++i) {  // three chunks
    counters.push_back(store.NewCounter(/*exemplars=*/true) | detail::kOutOfLineBit);
    const std::string text = std::to_string(i);
    detail::CounterAddWithExemplar(counters.back(), static_cast<std::uint64_t>(i), {{"i", text}});
  }
  detail::StoredExemplar stored;
  for (int i = 0; i < 10000; ++i) {
    const auto counter = counters[static_cast<std::size_t>(i)] & ~detail::kOutOfLineBit;
    ASSERT_TRUE(detail::ReadExemplar(detail::ExemplarSlotOf(counter), stored));
    ASSERT_EQ(stored.value, i);
    stored.labels.ForEach(
        [&](std::string_view, std::string_view value) { ASSERT_EQ(value, std::to_string(i)); });
  }
}

TEST(ExemplarSlots, OfAHistogramWithoutBucketsAreOneForAPowerOfTwo) {
  detail::CellStore store;
  store.SetExemplarFilter(ExemplarFilter::kAlwaysOn);
  detail::HistogramKind kind{detail::InternBounds({})};
  kind.exemplars = true;
  const detail::CellAddress cell = store.NewHistogram(kind) | detail::kOutOfLineBit;
  for (int i = 0; i < 40; ++i) {
    detail::HistogramObserve(cell, std::ldexp(1.25, i));
    detail::HistogramObserve(cell, std::ldexp(1.5, i));
  }
  auto* const slots = detail::RichCellOf(cell).exemplars;
  detail::StoredExemplar stored;
  for (std::uint32_t slot = 0; slot < detail::kExemplarsWithoutBuckets; ++slot) {
    ASSERT_TRUE(detail::ReadExemplar(*detail::ExemplarSlotAt(slots, slot), stored));
    EXPECT_GE(stored.value, std::ldexp(1.5, 24)) << slot;  // the newest of each
    EXPECT_EQ(std::scalbn(stored.value, -std::ilogb(stored.value)), 1.5) << slot;
  }
}

TEST(ExemplarSlots, OutsideTheirBlockAreNone) {
  detail::CellStore store;
  detail::HistogramKind kind{detail::InternBounds({1})};
  kind.exemplars = true;
  auto* const slots = detail::RichCellOf(store.NewHistogram(kind)).exemplars;
  ASSERT_NE(slots, nullptr);
  EXPECT_NE(detail::ExemplarSlotAt(slots, 1), nullptr);
  EXPECT_EQ(detail::ExemplarSlotAt(slots, detail::kExemplarSlotsOfBlock), nullptr);
}

TEST(ExemplarSlots, WriterThatFindsOneBeingWrittenGivesUp) {
  detail::CellStore store;
  detail::ExemplarSlot& slot = detail::ExemplarSlotOf(store.NewCounter(/*exemplars=*/true));
  detail::WriteExemplar(slot, 1, TraceOf(1), nullptr);
  slot.sequence.fetch_add(1);  // another one has begun
  detail::WriteExemplar(slot, 2, TraceOf(2), nullptr);
  detail::StoredExemplar stored;
  EXPECT_FALSE(detail::ReadExemplar(slot, stored));
  detail::ClearExemplar(slot);  // gives up too
  slot.sequence.fetch_add(1);
  ASSERT_TRUE(detail::ReadExemplar(slot, stored));
  EXPECT_EQ(stored.value, 1);
  EXPECT_EQ(stored.trace, TraceOf(1));
}

}  // namespace
}  // namespace polymeter
