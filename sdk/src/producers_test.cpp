// Producers and callbacks: isolation, budget, tokens, and the merging of their families.
#include "polymeter/producer.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <stdexcept>
#include <string>
#include <thread>

#include "polymeter/metrics.h"
#include "sdk/src/core_access.h"
#include "sdk/testing/log_capture.h"
#include "sdk/testing/values.h"

namespace polymeter {
namespace {

using std::chrono::milliseconds;
using testing::FindFamily;
using testing::FindPoint;
using testing::LogCapture;
using testing::ValueOf;

template <class Function>
class FunctionProducer final : public Producer {
 public:
  explicit FunctionProducer(Function function) : function_(std::move(function)) {}
  void Collect(FamilySink& sink) override { function_(sink); }

 private:
  Function function_;
};

TEST(Callback, IsReadOnceASnapshot) {
  const Metrics metrics(Options().Consumer());
  int calls = 0;
  const Attachment token = metrics.GaugeCallback("g", "G.", [&] { return ++calls; });
  EXPECT_EQ(ValueOf(metrics.TakeSnapshot(), "g"), 1);
  EXPECT_EQ(ValueOf(metrics.TakeSnapshot(), "g"), 2);
}

TEST(Producer, AFamilysOptionsReachTheSnapshotAndItsIdentity) {
  const Metrics metrics(Options().Consumer());
  FamilyOptions options = FamilyOptions().Unit("s").Additive().OtelName("db.pool.wait");
  FunctionProducer producer([&](FamilySink& sink) {
    sink.BeginFamily(MetricType::kGauge, "pool_wait_seconds", "Waiting.", options);
    sink.Gauge({{"pool", "a"}}, 1);
  });
  const Attachment token = metrics.AddProducer(producer);
  const Snapshot before = metrics.TakeSnapshot();
  const FamilyView* family = FindFamily(before, "pool_wait_seconds");
  ASSERT_NE(family, nullptr);
  EXPECT_EQ(family->unit, "seconds");
  EXPECT_EQ(family->otel_name, "db.pool.wait");
  EXPECT_TRUE(family->additive);
  EXPECT_EQ(family->otel_attribute_count, 0u);

  options.OtelAttributes({{"pool", "db.client.connection.pool.name"}});
  const Snapshot after = metrics.TakeSnapshot();
  const FamilyView* mapped = FindFamily(after, "pool_wait_seconds");
  ASSERT_NE(mapped, nullptr);
  ASSERT_EQ(mapped->otel_attribute_count, 1u);
  EXPECT_EQ(mapped->otel_attributes[0].second, "db.client.connection.pool.name");
  EXPECT_NE(mapped->id, family->id);  // an encoder's cache must not keep the old attributes
}

TEST(Callback, KeepsItsFamilysOptions) {
  const Metrics metrics(Options().Consumer());
  const Attachment gauge = metrics.GaugeCallback(
      "cache_wait_seconds", "Waiting.", [] { return 3.0; },
      FamilyOptions()
          .Unit("s")
          .Additive()
          .OtelName("cache.wait")
          .OtelAttributes({{"cache", "cache.name"}})
          .ConstLabels({{"cache", "a"}, {"zone", "b"}}));
  const Attachment counter = metrics.CounterCallback(
      "evictions_total", "Evictions.", [] { return 7.0; },
      FamilyOptions().OtelName("cache.evictions").ConstLabels({{"c", "d"}}));
  const Snapshot snapshot = metrics.TakeSnapshot();
  const FamilyView* const family = FindFamily(snapshot, "cache_wait_seconds");
  ASSERT_NE(family, nullptr);
  EXPECT_TRUE(family->additive);
  EXPECT_EQ(family->unit, "seconds");
  EXPECT_EQ(family->otel_name, "cache.wait");
  ASSERT_EQ(family->otel_attribute_count, 1u);
  EXPECT_EQ(family->otel_attributes[0].second, "cache.name");
  EXPECT_EQ(ValueOf(snapshot, "cache_wait_seconds", {{"cache", "a"}, {"zone", "b"}}), 3);
  ASSERT_NE(FindFamily(snapshot, "evictions_total"), nullptr);
  EXPECT_EQ(FindFamily(snapshot, "evictions_total")->otel_name, "cache.evictions");
  EXPECT_EQ(ValueOf(snapshot, "evictions_total", {{"c", "d"}}), 7);
}

TEST(Callback, WithABadConstantLabelIsRefusedAndSaysSo) {
  LogCapture log;
  const Metrics metrics(Options().Consumer().Log(log.callback()));
  const Attachment bad = metrics.GaugeCallback(
      "bad", "B.", [] { return 1.0; }, FamilyOptions().ConstLabels({{"__name__", "x"}}));
  const Attachment good = metrics.GaugeCallback("good", "G.", [] { return 2.0; });
  const Snapshot snapshot = metrics.TakeSnapshot();
  EXPECT_EQ(FindFamily(snapshot, "bad"), nullptr);
  EXPECT_EQ(ValueOf(snapshot, "good"), 2);
  EXPECT_EQ(ValueOf(snapshot, "polymeter_refused_total", {{"reason", "bad_label"}}), 1);
  EXPECT_EQ(log.Count("produced family bad: label '__name__' is reserved"), 1);
}

TEST(Callback, EndsWithItsTokenAndStaysWithForever) {
  const Metrics metrics(Options().Consumer());
  {
    const Attachment token = metrics.GaugeCallback("g", "G.", [] { return 1.0; });
    EXPECT_EQ(ValueOf(metrics.TakeSnapshot(), "g"), 1);
    metrics.CounterCallback("c_total", "C.", [] { return 2.0; }).Forever();
  }
  const Snapshot snapshot = metrics.TakeSnapshot();
  EXPECT_EQ(ValueOf(snapshot, "g"), std::nullopt);
  EXPECT_EQ(ValueOf(snapshot, "c_total"), 2);
}

TEST(Callback, ThatThrowsCostsItselfOnlyAndIsCounted) {
  LogCapture log;
  const Metrics metrics(Options().Consumer().Log(log.callback()));
  const Attachment bad =
      metrics.GaugeCallback("bad", "B.", []() -> double { throw std::runtime_error("why"); });
  const Attachment worse = metrics.GaugeCallback("worse", "B.", []() -> double { throw 1; });
  const Attachment good = metrics.GaugeCallback("good", "G.", [] { return 3.0; });
  const Snapshot snapshot = metrics.TakeSnapshot();
  EXPECT_EQ(ValueOf(snapshot, "good"), 3);
  EXPECT_EQ(ValueOf(snapshot, "bad"), std::nullopt);
  EXPECT_EQ(ValueOf(snapshot, "polymeter_refused_total", {{"reason", "producer_failed"}}), 2);
  EXPECT_EQ(log.Count("why"), 1);
}

TEST(Producer, ThatHangsCostsItselfOnlyAndKeepsItsLastValues) {
  LogCapture log;
  const Metrics metrics(
      Options().Consumer().ProducerBudget(std::chrono::seconds(1)).Log(log.callback()));
  std::promise<void> release;
  std::shared_future<void> released = release.get_future().share();
  std::atomic<bool> hang{false};
  const Attachment hanging = metrics.GaugeCallback("hanging", "H.", [&] {
    if (hang) released.wait();
    return 1.0;
  });
  std::atomic<int> calls{0};
  const Attachment good = metrics.GaugeCallback("good", "G.", [&] { return ++calls; });
  EXPECT_EQ(ValueOf(metrics.TakeSnapshot(), "hanging"), 1);
  hang = true;
  for (int i = 2; i < 5; ++i) {
    const Snapshot snapshot = metrics.TakeSnapshot();
    EXPECT_EQ(ValueOf(snapshot, "hanging"), 1);
    EXPECT_EQ(ValueOf(snapshot, "good"), i);
  }
  // Late once: it is still the same call.
  EXPECT_EQ(
      ValueOf(metrics.TakeSnapshot(), "polymeter_refused_total", {{"reason", "producer_late"}}), 1);
  hang = false;
  release.set_value();
}

TEST(Producer, ThatIsLateAlreadyIsNotWaitedForAgain) {
  const Metrics metrics(Options().Consumer().ProducerBudget(std::chrono::hours(1)));
  std::promise<void> release;
  std::shared_future<void> released = release.get_future().share();
  const Attachment hanging = metrics.GaugeCallback("hanging", "H.", [released] {
    released.wait();
    return 1.0;
  });
  const Attachment good = metrics.GaugeCallback("good", "G.", [] { return 2.0; });
  static_cast<void>(detail::CoreAccess::Source(metrics)->TakeSnapshot(
      std::chrono::steady_clock::now() + milliseconds(50)));
  auto second = std::async(std::launch::async, [&] { return metrics.TakeSnapshot(); });
  EXPECT_EQ(second.wait_for(std::chrono::seconds(20)), std::future_status::ready);
  release.set_value();
  EXPECT_EQ(ValueOf(second.get(), "good"), 2);
}

TEST(Producer, MayHaveTheLongestBudgetThatThereIs) {
  const Metrics metrics(Options().Consumer().ProducerBudget(milliseconds::max()));
  const Attachment token = metrics.GaugeCallback("g", "G.", [] {
    std::this_thread::sleep_for(milliseconds(50));
    return 1.0;
  });
  EXPECT_EQ(ValueOf(metrics.TakeSnapshot(), "g"), 1);
}

TEST(Producer, MayRegisterMetricsAndTakeSnapshots) {
  const Metrics metrics(Options().Consumer());
  FunctionProducer producer([&](FamilySink& sink) {
    metrics.Counter("made_inside_total", "M.", {"a"}).With("x").Increment();
    metrics.TakeSnapshot();
    sink.BeginFamily(MetricType::kGauge, "g", "G.");
    sink.Gauge({}, 1);
  });
  const Attachment token = metrics.AddProducer(producer);
  metrics.TakeSnapshot();
  const Snapshot snapshot = metrics.TakeSnapshot();
  EXPECT_EQ(ValueOf(snapshot, "g"), 1);
  EXPECT_GE(ValueOf(snapshot, "made_inside_total", {{"a", "x"}}), 1);
}

TEST(Producer, MayDetachItselfAndEndTheMetrics) {
  auto metrics = std::make_unique<Metrics>(Options().Consumer());
  Attachment token;
  std::atomic<int> calls{0};
  FunctionProducer producer([&](FamilySink&) {
    ++calls;
    token.Detach();
  });
  token = metrics->AddProducer(producer);
  metrics->TakeSnapshot();
  metrics->TakeSnapshot();
  EXPECT_EQ(calls, 1);

  const Attachment last = metrics->GaugeCallback("g", "G.", [&] {
    EXPECT_TRUE(metrics->Shutdown().ok());
    return 1.0;
  });
  EXPECT_EQ(ValueOf(metrics->TakeSnapshot(), "g"), 1);
}

TEST(Attachment, OfAReferredProducerWaitsForARunningCall) {
  const Metrics metrics(Options().Consumer().ProducerBudget(milliseconds(20)));
  std::atomic<bool> inside{false};
  std::atomic<bool> finished{false};
  FunctionProducer producer([&](FamilySink&) {
    inside = true;
    std::this_thread::sleep_for(milliseconds(200));
    finished = true;
  });
  Attachment token = metrics.AddProducer(producer);
  metrics.TakeSnapshot();
  while (!inside) std::this_thread::yield();  // the library's thread may have begun late
  token.Detach();
  EXPECT_TRUE(finished);
}

TEST(Attachment, OfASharedProducerAbandonsACallPastTheBudget) {
  const Metrics metrics(Options().Consumer().ProducerBudget(milliseconds(20)));
  std::promise<void> release;
  std::shared_future<void> released = release.get_future().share();
  std::atomic<bool> inside{false};
  std::atomic<bool> destroyed{false};
  struct Hanging final : Producer {
    std::shared_future<void> released;
    std::atomic<bool>* inside = nullptr;
    std::atomic<bool>* destroyed = nullptr;
    void Collect(FamilySink&) override {
      *inside = true;
      released.wait();
    }
    ~Hanging() override { *destroyed = true; }
  };
  auto producer = std::make_shared<Hanging>();
  producer->released = released;
  producer->inside = &inside;
  producer->destroyed = &destroyed;
  Attachment token = metrics.AddProducer(std::shared_ptr<Producer>(std::move(producer)));
  metrics.TakeSnapshot();
  while (!inside) std::this_thread::yield();
  token.Detach();
  EXPECT_FALSE(destroyed);  // its call still runs
  release.set_value();
  while (!destroyed) std::this_thread::yield();
}

TEST(Attachment, OfASharedProducerHasReleasedItWhenDetachReturns) {
  // Its last values take the library's thread a while to free, after the call has ended.
  struct Large final : Producer {
    void Collect(FamilySink& sink) override {
      sink.BeginFamily(MetricType::kGauge, "g", "G.");
      for (int i = 0; i < 5000; ++i) sink.Gauge({{"i", std::to_string(i)}}, i);
    }
  };
  const Metrics metrics(Options().Consumer());
  for (int i = 0; i < 20; ++i) {
    auto producer = std::make_shared<Large>();
    const std::weak_ptr<Producer> observer = producer;
    Attachment token = metrics.AddProducer(std::move(producer));
    static_cast<void>(metrics.TakeSnapshot());
    static_cast<void>(metrics.TakeSnapshot());
    token.Detach();
    ASSERT_TRUE(observer.expired()) << i;
  }
}

TEST(Metrics, ShutdownDoesNotWaitForAHungProducer) {
  std::promise<void> release;
  std::shared_future<void> released = release.get_future().share();
  std::promise<void> ended;
  std::future<void> end = ended.get_future();
  std::atomic<bool> inside{false};
  {
    const Metrics metrics(Options().Consumer().ProducerBudget(milliseconds(20)));
    metrics
        .GaugeCallback("g", "G.",
                       [released, &ended, &inside] {
                         inside = true;
                         released.wait();
                         ended.set_value();
                         return 1.0;
                       })
        .Forever();
    metrics.TakeSnapshot();
    while (!inside) std::this_thread::yield();
    EXPECT_TRUE(metrics.Shutdown().ok());
  }
  release.set_value();
  end.wait();  // the call ends on its own, after the Metrics
}

TEST(FamilySink, RefusesWhatWouldSpoilThePageAndKeepsTheRest) {
  LogCapture log;
  const Metrics metrics(Options().Consumer().Log(log.callback()));
  FunctionProducer producer([](FamilySink& sink) {
    sink.BeginFamily(MetricType::kGauge, "bad name", "");
    sink.Gauge({}, 1);
    sink.BeginFamily(MetricType::kGauge, "g", "");
    sink.Gauge({{"a", "1"}, {"b", "2"}}, 1);
    sink.Gauge({{"b", "2"}, {"a", "1"}}, 2);  // the same
    sink.Gauge({{"__name__", "x"}}, 3);
    sink.Gauge({{"a", "1"}, {"a", "2"}}, 4);
    sink.Counter({{"a", "2"}}, 5.0);  // not a gauge
    sink.Gauge({{"only", "here"}}, 6);
    sink.BeginFamily(MetricType::kHistogram, "h", "");
    const double bounds[] = {2, 1};
    const std::uint64_t buckets[] = {1, 2, 3};
    sink.Histogram(nullptr, 0, bounds, 2, buckets, 1);
    const Label le{"le", "1"};
    sink.Histogram(&le, 1, bounds, 1, buckets, 1);
    sink.Histogram(nullptr, 0, HistogramPoint{SeriesView(nullptr), bounds, buckets, 1, 7, 1});
  });
  const Attachment token = metrics.AddProducer(producer);
  const Snapshot snapshot = metrics.TakeSnapshot();
  ASSERT_NE(FindFamily(snapshot, "g"), nullptr);
  EXPECT_EQ(FindFamily(snapshot, "g")->size(), 2u);
  EXPECT_EQ(ValueOf(snapshot, "g", {{"a", "1"}, {"b", "2"}}), 1);
  EXPECT_EQ(ValueOf(snapshot, "g", {{"only", "here"}}), 6);
  EXPECT_EQ(FindFamily(snapshot, "h"), nullptr);
  EXPECT_EQ(log.Count("bad name"), 1);
  EXPECT_EQ(log.Count("came twice"), 1);
  double refused = 0;
  for (const CounterPoint& point :
       std::get<CounterPoints>(FindFamily(snapshot, "polymeter_refused_total")->points)) {
    refused += point.value();
  }
  EXPECT_EQ(refused, 9);
  EXPECT_EQ(ValueOf(snapshot, "polymeter_refused_total", {{"reason", "bad_count"}}), 1);
}

TEST(FamilySink, CarriesEveryKind) {
  const Metrics metrics(Options().Consumer());
  FunctionProducer producer([](FamilySink& sink) {
    sink.BeginFamily(MetricType::kCounter, "c_total", "C.", "");
    sink.Counter({}, std::uint64_t{1} << 60);
    sink.BeginFamily(MetricType::kSummary, "s", "S.", "s");
    const Quantile quantiles[] = {{0.5, 1}, {0.9, 2}};
    sink.Summary(nullptr, 0, quantiles, 2, 10, 12.5);
    sink.BeginFamily(MetricType::kInfo, "build", "B.");
    sink.Info({{"version", "1"}});
    sink.BeginFamily(MetricType::kUnknown, "u", "U.");
    sink.Unknown({}, 1);
    sink.BeginFamily(MetricType::kHistogram, "h", "H.");
    const double bounds[] = {1, 2};
    const std::uint64_t buckets[] = {1, 2, 3};
    sink.Histogram(nullptr, 0, bounds, 2, buckets, 9);
  });
  const Attachment token = metrics.AddProducer(producer);
  const Snapshot snapshot = metrics.TakeSnapshot();
  EXPECT_EQ(FindPoint<CounterPoint>(snapshot, "c_total")->whole, std::uint64_t{1} << 60);
  EXPECT_EQ(FindPoint<SummaryPoint>(snapshot, "s")->quantiles[1].value, 2);
  EXPECT_EQ(FindFamily(snapshot, "s")->unit, "seconds");
  EXPECT_NE(FindPoint<InfoPoint>(snapshot, "build", {{"version", "1"}}), nullptr);
  EXPECT_EQ(ValueOf(snapshot, "u"), 1);
  EXPECT_EQ(FindPoint<HistogramPoint>(snapshot, "h")->count, 6u);
}

TEST(Merge, JoinsFamiliesOfOneNameAndReportsClashes) {
  LogCapture log;
  const Metrics metrics(Options().Consumer().Log(log.callback()));
  const auto own = metrics.Counter("c_total", "C.", {"a"});
  own.With("x").Increment(1);
  metrics.Histogram("h", "H.").Observe(1);
  FunctionProducer producer([](FamilySink& sink) {
    sink.BeginFamily(MetricType::kCounter, "c_total", "");
    sink.Counter({{"a", "x"}}, 7.0);  // there already
    sink.Counter({{"a", "y"}}, 8.0);
    sink.BeginFamily(MetricType::kGauge, "h_sum", "");  // a sample's name
    sink.Gauge({}, 1);
  });
  FunctionProducer other([](FamilySink& sink) {
    sink.BeginFamily(MetricType::kGauge, "c_total", "");  // another type
    sink.Gauge({}, 1);
  });
  const Attachment first = metrics.AddProducer(producer);
  const Attachment second = metrics.AddProducer(other);
  const Snapshot snapshot = metrics.TakeSnapshot();
  EXPECT_EQ(ValueOf(snapshot, "c_total", {{"a", "x"}}), 1);
  EXPECT_EQ(ValueOf(snapshot, "c_total", {{"a", "y"}}), 8);
  EXPECT_EQ(FindFamily(snapshot, "h_sum"), nullptr);
  EXPECT_EQ(log.Count("gauge h_sum clashes with histogram h"), 1);
  EXPECT_EQ(log.Count("gauge c_total clashes with counter c_total"), 1);
  EXPECT_EQ(ValueOf(metrics.TakeSnapshot(), "polymeter_refused_total", {{"reason", "name_clash"}}),
            3);
}

}  // namespace
}  // namespace polymeter
