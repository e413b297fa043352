// Family and Registry as programs that were written for prometheus-cpp use them.
#include "prometheus/registry.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "prometheus/counter.h"
#include "prometheus/gauge.h"
#include "prometheus/histogram.h"
#include "prometheus/info.h"
#include "prometheus/summary.h"

namespace prometheus {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

Pairs LabelsOf(const ClientMetric& metric) {
  Pairs pairs;
  for (const auto& label : metric.label) pairs.emplace_back(label.name, label.value);
  return pairs;
}

TEST(DropInFamily, GivesTheSameObjectForTheSameLabels) {
  Family<Counter> family("requests_total", "Requests.", {{"zone", "a"}});
  Counter& get = family.Add({{"method", "GET"}, {"code", "200"}});
  Counter& post = family.Add({{"method", "POST"}});
  EXPECT_EQ(&get, &family.Add({{"code", "200"}, {"method", "GET"}}));
  EXPECT_NE(&get, &post);
  for (int i = 0; i < 1000; ++i) family.Add({{"i", std::to_string(i)}}).Increment();
  EXPECT_EQ(&get, &family.Add({{"code", "200"}, {"method", "GET"}}));
  EXPECT_TRUE(family.Has({{"method", "POST"}}));
  EXPECT_FALSE(family.Has({{"method", "PUT"}}));
  EXPECT_FALSE(family.Has({}));
  EXPECT_EQ(family.GetName(), "requests_total");
  EXPECT_EQ(family.GetConstantLabels(), (Labels{{"zone", "a"}}));
}

TEST(DropInFamily, CollectsConstantLabelsBeforeASeriesOwn) {
  Family<Gauge> family("depth", "Depth.", {{"z", "1"}});
  EXPECT_TRUE(family.Collect().empty());
  family.Add({{"b", "2"}, {"a", "3"}}, 4.5);
  family.Add({});
  const auto collected = family.Collect();
  ASSERT_EQ(collected.size(), 1u);
  EXPECT_EQ(collected[0].name, "depth");
  EXPECT_EQ(collected[0].help, "Depth.");
  EXPECT_EQ(collected[0].type, MetricType::Gauge);
  ASSERT_EQ(collected[0].metric.size(), 2u);
  EXPECT_EQ(LabelsOf(collected[0].metric[0]), (Pairs{{"z", "1"}, {"a", "3"}, {"b", "2"}}));
  EXPECT_EQ(collected[0].metric[0].gauge.value, 4.5);
  EXPECT_EQ(LabelsOf(collected[0].metric[1]), (Pairs{{"z", "1"}}));
}

TEST(DropInFamily, RefusesBadNames) {
  EXPECT_THROW(Family<Counter>("1a", "", {}), std::invalid_argument);
  EXPECT_THROW(Family<Counter>("", "", {}), std::invalid_argument);
  EXPECT_THROW(Family<Counter>("a", "", {{"1a", "b"}}), std::invalid_argument);
  EXPECT_THROW(Family<Histogram>("a", "", {{"le", "b"}}), std::invalid_argument);
  EXPECT_THROW(Family<Summary>("a", "", {{"quantile", "b"}}), std::invalid_argument);
  Family<Counter> counters("a", "", {{"c", "d"}});
  EXPECT_THROW(counters.Add({{"c", "e"}}), std::invalid_argument);
  EXPECT_THROW(counters.Add({{"1c", "e"}}), std::invalid_argument);
  EXPECT_THROW(counters.Add({{"__name__", "e"}}), std::invalid_argument);
  EXPECT_NO_THROW(counters.Add({{"le", "e"}, {"quantile", "f"}}));
  Family<Histogram> histograms("h", "", {});
  EXPECT_THROW(histograms.Add({{"le", "1"}}, Histogram::BucketBoundaries{1}),
               std::invalid_argument);
  EXPECT_THROW(histograms.Add({}, Histogram::BucketBoundaries{2, 1}), std::invalid_argument);
  EXPECT_TRUE(histograms.Collect().empty());
  Family<Summary> summaries("s", "", {});
  EXPECT_THROW(summaries.Add({{"quantile", "1"}}, Summary::Quantiles{}), std::invalid_argument);
}

TEST(DropInFamily, RemovesWhatIsItsOwnOnly) {
  Family<Counter> family("a", "", {});
  Family<Counter> other("b", "", {});
  Counter& mine = family.Add({{"x", "1"}});
  Counter& theirs = other.Add({{"x", "1"}});
  Counter alone;
  family.Remove(nullptr);
  family.Remove(&theirs);
  family.Remove(&alone);
  EXPECT_TRUE(family.Has({{"x", "1"}}));
  EXPECT_TRUE(other.Has({{"x", "1"}}));
  mine.Increment();
  family.Remove(&mine);
  EXPECT_FALSE(family.Has({{"x", "1"}}));
  EXPECT_TRUE(family.Collect().empty());
  EXPECT_EQ(family.Add({{"x", "1"}}).Value(), 0.0);
}

TEST(DropInFamily, RemovesManyFromEitherEnd) {
  constexpr int kMany = 50000;  // a search for each would take minutes
  Family<Counter> family("a", "", {});
  for (const bool newest_first : {true, false}) {
    std::vector<Counter*> counters;
    for (int i = 0; i < kMany; ++i) counters.push_back(&family.Add({{"i", std::to_string(i)}}));
    if (newest_first) std::reverse(counters.begin(), counters.end());
    for (Counter* const counter : counters) family.Remove(counter);
    EXPECT_TRUE(family.Collect().empty());
  }
}

TEST(DropInFamily, RepairsValuesThatAreNotUtf8) {
  Family<Counter> family("a", "bad \xff help", {{"c", "\xfe"}});
  Counter& counter = family.Add({{"x", "a\xffz"}});
  EXPECT_EQ(&counter, &family.Add({{"x", "a\xffz"}}));
  EXPECT_TRUE(family.Has({{"x", "a\xffz"}}));
  const auto collected = family.Collect();
  EXPECT_EQ(LabelsOf(collected.at(0).metric.at(0)),
            (Pairs{{"c", "\xEF\xBF\xBD"}, {"x", "a\xEF\xBF\xBDz"}}));
}

// The program's own kind of metric, which prometheus-cpp would not even link.
struct Thermometer {
  static const MetricType metric_type = MetricType::Gauge;
  explicit Thermometer(int* count) : destroyed(count) {}
  ~Thermometer() { ++*destroyed; }
  ClientMetric Collect() const {
    ClientMetric metric;
    metric.gauge.value = 21.5;
    if (collecting) collecting();
    return metric;
  }
  int* destroyed;
  std::function<void()> collecting;
};

TEST(DropInFamily, TakesMetricsOfOtherTypes) {
  int destroyed = 0;
  {
    Registry registry;
    auto& family =
        detail::Builder<Thermometer>().Name("degrees").Help("").Labels({}).Register(registry);
    Thermometer& one = family.Add({{"room", "1"}}, &destroyed);
    family.Add({{"room", "2"}}, &destroyed);
    // Asked under no lock: it may use its own family.
    one.collecting = [&] { family.Has({{"room", "2"}}); };
    const auto collected = registry.Collect();
    ASSERT_EQ(collected.size(), 1u);
    ASSERT_EQ(collected[0].metric.size(), 2u);
    EXPECT_EQ(collected[0].metric[0].gauge.value, 21.5);
    EXPECT_EQ(LabelsOf(collected[0].metric[1]), (Pairs{{"room", "2"}}));
    family.Remove(&one);
    EXPECT_EQ(destroyed, 1);
    EXPECT_THROW(BuildGauge().Name("degrees").Register(registry), std::invalid_argument);
  }
  EXPECT_EQ(destroyed, 2);
}

TEST(DropInFamily, IsUsedByManyThreads) {
  Family<Counter> family("a", "", {});
  std::atomic<bool> go_on{true};
  std::thread reader([&] {
    while (go_on) {
      for (const auto& collected : family.Collect()) EXPECT_LE(collected.metric.size(), 101u);
    }
  });
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&family] {
      for (int i = 0; i < 5000; ++i) family.Add({{"i", std::to_string(i % 100)}}).Increment();
    });
  }
  threads.emplace_back([&family] {
    for (int i = 0; i < 3000; ++i) family.Remove(&family.Add({{"mine", "1"}}));
  });
  for (std::thread& thread : threads) thread.join();
  go_on = false;
  reader.join();
  const auto collected = family.Collect();
  double sum = 0;
  for (const auto& metric : collected.at(0).metric) sum += metric.counter.value;
  EXPECT_EQ(sum, 20000);
}

TEST(DropInRegistry, MergesFamiliesOfTheSameNameAndLabels) {
  Registry registry;
  auto& first = BuildCounter().Name("a").Help("x").Labels({{"l", "1"}}).Register(registry);
  auto& again = BuildCounter().Name("a").Help("y").Labels({{"l", "1"}}).Register(registry);
  EXPECT_EQ(&first, &again);
  EXPECT_THROW(BuildCounter().Name("a").Register(registry), std::invalid_argument);
  EXPECT_THROW(BuildGauge().Name("a").Labels({{"l", "1"}}).Register(registry),
               std::invalid_argument);
  EXPECT_THROW(BuildCounter().Name("1a").Register(registry), std::invalid_argument);
}

// They are stored repaired; what is given again is what was given before.
TEST(DropInRegistry, MergesFamiliesWhoseConstantLabelsAreNotUtf8) {
  Registry registry;
  auto& first = BuildCounter().Name("a").Labels({{"l", "x\xff"}}).Register(registry);
  auto& again = BuildCounter().Name("a").Labels({{"l", "x\xff"}}).Register(registry);
  EXPECT_EQ(&first, &again);
  EXPECT_EQ(&first, &BuildCounter().Name("a").Labels({{"l", "x\xEF\xBF\xBD"}}).Register(registry));
  EXPECT_THROW(BuildCounter().Name("a").Labels({{"l", "y\xff"}}).Register(registry),
               std::invalid_argument);
}

TEST(DropInRegistry, RefusesRepetitionsWhereItIsAskedTo) {
  Registry registry(Registry::InsertBehavior::Throw);
  BuildCounter().Name("a").Register(registry);
  EXPECT_THROW(BuildCounter().Name("a").Register(registry), std::invalid_argument);
  EXPECT_THROW(BuildInfo().Name("a").Register(registry), std::invalid_argument);
  EXPECT_NO_THROW(BuildCounter().Name("b").Register(registry));
}

TEST(DropInRegistry, CollectsFamiliesByTypeAndAge) {
  Registry registry;
  BuildSummary().Name("s").Register(registry).Add({}, Summary::Quantiles{{0.5, 0.05}});
  BuildHistogram().Name("h").Register(registry).Add({}, Histogram::BucketBoundaries{1});
  BuildGauge().Name("g").Register(registry).Add({});
  BuildCounter().Name("z").Register(registry).Add({});
  BuildCounter().Name("a").Register(registry).Add({});
  BuildCounter().Name("empty").Register(registry);
  BuildInfo().Name("i").Register(registry).Add({{"version", "1"}});
  std::vector<std::string> names;
  for (const auto& family : registry.Collect()) names.push_back(family.name);
  EXPECT_EQ(names, (std::vector<std::string>{"z", "a", "g", "i", "h", "s"}));
}

TEST(DropInRegistry, RemovesItsFamiliesOnly) {
  Registry registry;
  Registry other;
  auto& mine = BuildCounter().Name("a").Register(registry);
  auto& theirs = BuildCounter().Name("a").Register(other);
  mine.Add({});
  Family<Counter> alone("a", "", {});
  EXPECT_FALSE(registry.Remove(theirs));
  EXPECT_FALSE(registry.Remove(alone));
  EXPECT_TRUE(registry.Remove(mine));
  EXPECT_TRUE(registry.Collect().empty());
  // The name is free again, for any type.
  BuildGauge().Name("a").Register(registry).Add({});
  EXPECT_EQ(registry.Collect().at(0).type, MetricType::Gauge);
}

}  // namespace
}  // namespace prometheus
