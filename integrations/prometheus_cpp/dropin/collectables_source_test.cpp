// One snapshot of all Collectables: of our own at their cells, of others by Collect().
#include "integrations/prometheus_cpp/dropin/collectables_source.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cmath>
#include <functional>
#include <future>
#include <limits>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <malloc.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exporters/common/exposition/text_encoder.h"
#include "prometheus/counter.h"
#include "prometheus/gauge.h"
#include "prometheus/histogram.h"
#include "prometheus/info.h"
#include "prometheus/registry.h"
#include "prometheus/summary.h"
#include "prometheus/text_serializer.h"
#include "sdk/src/delta.h"

namespace prometheus {
namespace {

using polymeter::CounterPoints;
using polymeter::FamilyView;
using polymeter::Snapshot;
using polymeter::detail::CollectablesSource;

class PageSink final : public polymeter::MessageSink {
 public:
  bool Append(std::string_view bytes) override {
    text += bytes;
    return true;
  }
  bool EndMessage(std::size_t) override { return true; }
  std::string text;
};

// Cold; and `warm` must give the same.
std::string PageOf(const Snapshot& snapshot, polymeter::EncoderCache* warm = nullptr) {
  const auto encoder = polymeter::MakeTextEncoder();
  PageSink cold;
  encoder->Encode(snapshot, nullptr, cold);
  if (warm != nullptr) {
    PageSink cached;
    encoder->Encode(snapshot, warm, cached);
    EXPECT_EQ(cached.text, cold.text);
  }
  return cold.text;
}

// What is said, without a line twice in tests of rates.
struct Said {
  std::vector<std::string> lines;
  std::shared_ptr<polymeter::detail::Logger> logger = std::make_shared<polymeter::detail::Logger>(
      [this](polymeter::LogLevel, std::string_view text) { lines.emplace_back(text); });
};

// A Collectable of the program's own.
class OwnCollectable : public Collectable {
 public:
  explicit OwnCollectable(std::function<std::vector<MetricFamily>()> collect)
      : collect_(std::move(collect)) {}
  std::vector<MetricFamily> Collect() const override { return collect_(); }

 private:
  std::function<std::vector<MetricFamily>()> collect_;
};

MetricFamily GaugeFamily(const std::string& name, const std::string& label, double value) {
  MetricFamily family;
  family.name = name;
  family.type = MetricType::Gauge;
  family.metric.resize(1);
  family.metric[0].gauge.value = value;
  family.metric[0].label = {{"l", label}};
  return family;
}

TEST(CollectablesSource, ShowsARegistryAsItIs) {
  auto registry = std::make_shared<Registry>();
  auto& counters =
      BuildCounter().Name("c_total").Help("C\n.").Labels({{"z", "1"}}).Register(*registry);
  counters.Add({{"a", "x"}}).Increment(2);
  counters.Add({{"b", "y\""}}).Increment(0.5);
  BuildGauge().Name("g").Register(*registry).Add({}, 7.0);
  BuildHistogram()
      .Name("h")
      .Register(*registry)
      .Add({}, Histogram::BucketBoundaries{1, 2})
      .Observe(1.5);
  BuildSummary()
      .Name("s")
      .Register(*registry)
      .Add({{"q", "1"}}, Summary::Quantiles{{0.5, 0.05}})
      .Observe(3);
  BuildInfo().Name("build").Register(*registry).Add({{"version", "2"}});
  BuildInfo().Name("other_info").Register(*registry).Add({});
  BuildCounter().Name("empty").Register(*registry);
  CollectablesSource source;
  source.Add(registry);
  EXPECT_EQ(PageOf(source.TakeSnapshot()),
            "# TYPE build_info gauge\nbuild_info{version=\"2\"} 1\n"
            "# HELP c_total C\\n.\n# TYPE c_total counter\nc_total{z=\"1\",a=\"x\"} 2\n"
            "c_total{z=\"1\",b=\"y\\\"\"} 0.5\n"
            "# TYPE g gauge\ng 7\n"
            "# TYPE h histogram\nh_bucket{le=\"1\"} 0\nh_bucket{le=\"2\"} 1\n"
            "h_bucket{le=\"+Inf\"} 1\nh_sum 1.5\nh_count 1\n"
            "# TYPE other_info_info gauge\nother_info_info 1\n"
            "# TYPE s summary\ns{q=\"1\",quantile=\"0.5\"} 3\ns_sum{q=\"1\"} 3\n"
            "s_count{q=\"1\"} 1\n");
}

TEST(CollectablesSource, ShowsWholeAmountsAsIntegersWhateverTypeTheyCameIn) {
  auto family = std::make_shared<Family<Counter>>("a", "", Labels{});
  Counter& counter = family->Add({});
  CollectablesSource source;
  source.Add(family);
  std::uint64_t whole = 0;
  const auto point = [&] {
    const Snapshot snapshot = source.TakeSnapshot();
    const auto read = std::get<CounterPoints>(snapshot.families().at(0).points).at(0);
    EXPECT_GE(read.whole, whole);  // differences are taken of it
    whole = read.whole;
    return read;
  };
  counter.Increment(1234567.0);
  EXPECT_EQ(PageOf(source.TakeSnapshot()), "# TYPE a counter\na 1234567\n");
  EXPECT_TRUE(point().is_integer());
  counter.Increment(0.75);
  EXPECT_EQ(point().value(), 1234567.75);
  counter.Increment(0.5);
  EXPECT_EQ(point().value(), 1234568.25);
  counter.Increment(1e300);
  EXPECT_EQ(point().value(), 1e300);
  counter.Increment(std::numeric_limits<double>::infinity());
  EXPECT_EQ(PageOf(source.TakeSnapshot()), "# TYPE a counter\na +Inf\n");
  point();
}

// A backend that sends differences sees neither a jump nor a loss when a fraction comes in.
TEST(CollectablesSource, GivesRightDifferencesOfWholeAndFractionalAmounts) {
  auto family = std::make_shared<Family<Counter>>("a", "", Labels{});
  Counter& counter = family->Add({});
  CollectablesSource source;
  source.Add(family);
  polymeter::detail::DeltaStage delta{{.counters = true}};
  double sent = 0;
  for (const double amount : {5.0, 0.5, 2.0, 0.75, 1e6, 0.25}) {
    counter.Increment(amount);
    const Snapshot differences = delta.Apply(source.TakeSnapshot());
    for (const FamilyView& view : differences.families()) {
      for (const auto& point : std::get<CounterPoints>(view.points)) {
        EXPECT_EQ(static_cast<double>(static_cast<std::int64_t>(point.whole)) + point.part, amount);
        sent += static_cast<double>(static_cast<std::int64_t>(point.whole)) + point.part;
      }
    }
  }
  EXPECT_EQ(sent, counter.Value());
}

TEST(CollectablesSource, KeepsTheIdentityOfSeriesFromSnapshotToSnapshot) {
  auto family = std::make_shared<Family<Counter>>("a", "", Labels{});
  Counter& counter = family->Add({{"x", "1"}});
  Counter& second = family->Add({{"x", "2"}});
  CollectablesSource source;
  source.Add(family);
  const auto series = [&](std::size_t i) {
    const Snapshot snapshot = source.TakeSnapshot();
    const auto& points = std::get<CounterPoints>(snapshot.families().at(0).points);
    const auto& view = points.at(i).series;
    return std::make_tuple(snapshot.families()[0].id, view.index(), view.generation(),
                           view.start_unix_nanos());
  };
  const auto first = series(0);
  EXPECT_NE(std::get<2>(first), 0u);
  counter.Increment();
  EXPECT_EQ(series(0), first);
  // A Reset begins a series anew, at its place.
  const auto other = series(1);
  counter.Reset();
  const auto reset = series(0);
  EXPECT_EQ(std::get<1>(reset), std::get<1>(first));
  EXPECT_NE(std::get<2>(reset), std::get<2>(first));
  EXPECT_GT(std::get<3>(reset), std::get<3>(first));
  EXPECT_EQ(series(1), other);
  // So does one that is removed and added again.
  family->Remove(&second);
  family->Add({{"x", "2"}});
  EXPECT_NE(std::get<2>(series(1)), std::get<2>(other));
}

TEST(CollectablesSource, KeepsTheIdentityOfAFamilyWhenAnotherOfItsNameGoes) {
  auto first = std::make_shared<Family<Counter>>("a", "First.", Labels{{"n", "1"}});
  auto second = std::make_shared<Family<Counter>>("a", "Second.", Labels{{"n", "2"}});
  first->Add({});
  second->Add({}).Increment(3);
  CollectablesSource source;
  source.Add(first);
  source.Add(second);
  const std::uint64_t id = source.TakeSnapshot().families().at(0).id;
  const auto cache = polymeter::MakeTextEncoder()->MakeCache();
  PageOf(source.TakeSnapshot(), cache.get());
  first.reset();
  // A backend that sends differences would send all of the second one's again.
  EXPECT_EQ(source.TakeSnapshot().families().at(0).id, id);
  EXPECT_EQ(PageOf(source.TakeSnapshot(), cache.get()),
            "# HELP a First.\n# TYPE a counter\na{n=\"2\"} 3\n");
}

TEST(CollectablesSource, StaysValidWhateverHappensToTheSeries) {
  auto registry = std::make_shared<Registry>();
  CollectablesSource source;
  source.Add(registry);
  auto& family = BuildCounter().Name("a").Register(*registry);
  std::vector<Counter*> counters;
  for (int i = 0; i < 100; ++i) counters.push_back(&family.Add({{"i", std::to_string(i)}}));
  const Snapshot before = source.TakeSnapshot();
  const std::string page = PageOf(before);
  for (Counter* const counter : counters) {
    counter->Increment();
    counter->Reset();
  }
  const Snapshot between = source.TakeSnapshot();
  for (Counter* const counter : counters) family.Remove(counter);
  for (int i = 0; i < 100; ++i) family.Add({{"j", std::to_string(i)}});
  registry->Remove(family);
  registry.reset();
  EXPECT_EQ(PageOf(before), page);
  EXPECT_EQ(PageOf(between), page);
  EXPECT_TRUE(source.TakeSnapshot().families().empty());
  EXPECT_TRUE(source.empty());
}

TEST(CollectablesSource, ShowsWhatWasResetFromZero) {
  auto family = std::make_shared<Family<Histogram>>("h", "", Labels{});
  Histogram& histogram = family->Add({}, Histogram::BucketBoundaries{1});
  CollectablesSource source;
  source.Add(family);
  const auto cache = polymeter::MakeTextEncoder()->MakeCache();
  histogram.Observe(0.5);
  EXPECT_NE(PageOf(source.TakeSnapshot(), cache.get()).find("h_count 1\n"), std::string::npos);
  histogram.Reset();
  EXPECT_NE(PageOf(source.TakeSnapshot(), cache.get()).find("h_count 0\n"), std::string::npos);
  histogram.Observe(0.5);
  EXPECT_NE(PageOf(source.TakeSnapshot(), cache.get()).find("h_sum 0.5\n"), std::string::npos);
}

TEST(CollectablesSource, PutsFamiliesOfOneNameTogether) {
  constexpr int kRegistries = 3000;
  std::vector<std::shared_ptr<Registry>> registries;
  CollectablesSource source;
  for (int i = 0; i < kRegistries; ++i) {
    auto registry = std::make_shared<Registry>();
    BuildCounter()
        .Name("a_total")
        .Help("A.")
        .Labels({{"tenant", std::to_string(i)}})
        .Register(*registry)
        .Add({})
        .Increment(i);
    source.Add(registry);
    source.Add(registry);  // once is enough
    registries.push_back(std::move(registry));
  }
  source.Add(std::make_shared<OwnCollectable>([] { return std::vector<MetricFamily>{}; }));
  const auto cache = polymeter::MakeTextEncoder()->MakeCache();
  for (int round = 0; round < 2; ++round) {
    const Snapshot snapshot = source.TakeSnapshot();
    ASSERT_EQ(snapshot.families().size(), 1u);
    EXPECT_EQ(snapshot.size(), static_cast<std::size_t>(registries.size()));
    const std::string page = PageOf(snapshot, cache.get());
    EXPECT_NE(page.find("a_total{tenant=\"2999\"} 2999\n"), std::string::npos);
    EXPECT_EQ(page.find("# TYPE", 10 + page.find("# TYPE")), std::string::npos);
    if (round == 0) registries.erase(registries.begin(), registries.begin() + 1000);
  }
  source.Remove(registries.back());
  EXPECT_EQ(source.TakeSnapshot().size(), 1999u);
}

TEST(CollectablesSource, ShowsTheSameSeriesOfTwoRegistriesTwice) {
  // As prometheus-cpp's page would: neither is lost.
  std::vector<std::shared_ptr<Registry>> registries;
  CollectablesSource source;
  for (int i = 1; i <= 2; ++i) {
    registries.push_back(std::make_shared<Registry>());
    BuildCounter().Name("a").Register(*registries.back()).Add({}).Increment(i);
    source.Add(registries.back());
  }
  const auto cache = polymeter::MakeTextEncoder()->MakeCache();
  EXPECT_EQ(PageOf(source.TakeSnapshot(), cache.get()), "# TYPE a counter\na 1\na 2\n");
}

TEST(CollectablesSource, LeavesOutWhatHasTheNameOfAnotherType) {
  Said said;
  CollectablesSource source(said.logger);
  auto first = std::make_shared<Family<Counter>>("a", "", Labels{});
  auto second = std::make_shared<Family<Gauge>>("a", "", Labels{});
  auto third = std::make_shared<OwnCollectable>(
      [] { return std::vector<MetricFamily>{GaugeFamily("a", "x", 1)}; });
  first->Add({}).Increment();
  second->Add({{"x", "1"}});
  second->Add({{"x", "2"}});
  source.Add(first);
  source.Add(second);
  source.Add(third);
  EXPECT_EQ(PageOf(source.TakeSnapshot()), "# TYPE a counter\na 1\n");
  EXPECT_EQ(source.refused_points(), 3u);
  ASSERT_EQ(said.lines.size(), 1u);  // the same text twice
  EXPECT_EQ(said.lines[0],
            "family a is registered as counter and as gauge; the latter is left out");
}

TEST(CollectablesSource, AsksOtherCollectablesUnderNoLock) {
  auto registry = std::make_shared<Registry>();
  auto& gauges = BuildGauge().Name("g").Register(*registry);
  CollectablesSource source;
  source.Add(registry);
  std::shared_ptr<OwnCollectable> own;
  own = std::make_shared<OwnCollectable>([&] {
    // All that a program might do there.
    gauges.Add({{"l", "made while collecting"}}).Set(1);
    auto late = std::make_shared<Registry>();
    source.Add(late);
    source.Remove(late);
    return std::vector<MetricFamily>{GaugeFamily("g", "collected", 2), GaugeFamily("a", "x", 3)};
  });
  source.Add(own);
  source.TakeSnapshot();
  EXPECT_EQ(PageOf(source.TakeSnapshot()),
            "# TYPE a gauge\na{l=\"x\"} 3\n# TYPE g gauge\ng{l=\"made while collecting\"} 1\n"
            "g{l=\"collected\"} 2\n");
}

TEST(CollectablesSource, SurvivesACollectThatThrows) {
  Said said;
  CollectablesSource source(said.logger);
  auto bad = std::make_shared<OwnCollectable>(
      []() -> std::vector<MetricFamily> { throw std::runtime_error("no disk"); });
  auto worse = std::make_shared<OwnCollectable>([]() -> std::vector<MetricFamily> { throw 5; });
  auto good = std::make_shared<Family<Counter>>("a", "", Labels{});
  good->Add({});
  source.Add(bad);
  source.Add(worse);
  source.Add(good);
  EXPECT_EQ(PageOf(source.TakeSnapshot()), "# TYPE a counter\na 0\n");
  EXPECT_EQ(source.failed_collects(), 2u);
  ASSERT_EQ(said.lines.size(), 2u);
  EXPECT_NE(said.lines[0].find("no disk"), std::string::npos);
}

// It is the Collectable that is left out, not the page.
TEST(CollectablesSource, SurvivesACollectThatFindsNoMemory) {
  Said said;
  CollectablesSource source(said.logger);
  auto first = std::make_shared<Family<Counter>>("a", "", Labels{});
  auto last = std::make_shared<Family<Counter>>("b", "", Labels{});
  first->Add({});
  last->Add({});
  auto large = std::make_shared<OwnCollectable>(
      []() -> std::vector<MetricFamily> { throw std::bad_alloc(); });
  auto negative = std::make_shared<OwnCollectable>(
      []() -> std::vector<MetricFamily> { throw std::bad_array_new_length(); });
  source.Add(first);
  source.Add(large);
  source.Add(negative);
  source.Add(last);
  EXPECT_EQ(PageOf(source.TakeSnapshot()), "# TYPE a counter\na 0\n# TYPE b counter\nb 0\n");
  EXPECT_EQ(source.failed_collects(), 2u);
  ASSERT_EQ(said.lines.size(), 2u);
  EXPECT_NE(said.lines[0].find(std::bad_alloc().what()), std::string::npos);
}

TEST(CollectablesSource, SaysWhatItRefuses) {
  Said said;
  CollectablesSource source(said.logger);
  auto own = std::make_shared<OwnCollectable>([] {
    return std::vector<MetricFamily>{GaugeFamily("bad name", "x", 1), GaugeFamily("a", "x", 1),
                                     GaugeFamily("a", "x", 2)};
  });
  source.Add(own);
  EXPECT_EQ(PageOf(source.TakeSnapshot()), "# TYPE a gauge\na{l=\"x\"} 1\n");
  EXPECT_GE(source.refused_points(), 2u);
  EXPECT_EQ(said.lines.size(), 2u);
}

// A program may derive from Registry and give what it likes.
class Changed : public Registry {
 public:
  std::vector<MetricFamily> Collect() const override {
    return {GaugeFamily("changed", "x", static_cast<double>(Registry::Collect().size()))};
  }
};
class Unchanged : public Registry {};

TEST(CollectablesSource, AsksClassesThatAreDerivedFromOurs) {
  auto changed = std::make_shared<Changed>();
  auto unchanged = std::make_shared<Unchanged>();
  BuildCounter().Name("a").Register(*changed).Add({});
  BuildCounter().Name("b").Register(*unchanged).Add({});
  CollectablesSource source;
  source.Add(changed);
  source.Add(unchanged);
  EXPECT_EQ(PageOf(source.TakeSnapshot()),
            "# TYPE b counter\nb 0\n# TYPE changed gauge\nchanged{l=\"x\"} 1\n");
}

// Two Collectables that share an owner are two.
TEST(CollectablesSource, TellsCollectablesWithOneOwnerApart) {
  struct Both {
    Registry one;
    Registry two;
  };
  auto both = std::make_shared<Both>();
  BuildCounter().Name("a").Register(both->one).Add({});
  BuildCounter().Name("b").Register(both->two).Add({});
  CollectablesSource source;
  source.Add(std::shared_ptr<Collectable>(both, &both->one));
  source.Add(std::shared_ptr<Collectable>(both, &both->two));
  EXPECT_EQ(source.TakeSnapshot().families().size(), 2u);
  source.Remove(std::shared_ptr<Collectable>(both, &both->one));
  EXPECT_EQ(source.TakeSnapshot().families().at(0).name, "b");
}

TEST(CollectablesSource, ForgetsCollectablesThatAreGone) {
  CollectablesSource source;
  for (int i = 0; i < 10000; ++i) source.Add(std::make_shared<Registry>());
  EXPECT_TRUE(source.empty());
  EXPECT_TRUE(source.TakeSnapshot().families().empty());
}

TEST(CollectablesSource, ReadsWhileEverythingChanges) {
  auto registry = std::make_shared<Registry>();
  CollectablesSource source;
  source.Add(registry);
  std::atomic<bool> go_on{true};
  auto& lasting = BuildCounter().Name("lasting").Register(*registry).Add({});
  std::vector<std::thread> threads;
  threads.emplace_back([&] {
    while (go_on) {
      auto& family = BuildCounter().Name("short").Labels({{"c", "1"}}).Register(*registry);
      std::vector<Counter*> counters;
      for (int i = 0; i < 50; ++i) counters.push_back(&family.Add({{"i", std::to_string(i)}}));
      for (Counter* const counter : counters) counter->Increment();
      for (std::size_t i = 0; i < counters.size(); i += 2) family.Remove(counters[i]);
      registry->Remove(family);
    }
  });
  threads.emplace_back([&] {
    while (go_on) {
      lasting.Increment();
      auto other = std::make_shared<Registry>();
      BuildHistogram()
          .Name("h")
          .Register(*other)
          .Add({}, Histogram::BucketBoundaries{1})
          .Observe(1);
      source.Add(other);
    }
  });
  threads.emplace_back([&] {
    auto& reset = BuildGauge().Name("g").Register(*registry).Add({});
    Counter counter;
    while (go_on) {
      reset.Increment();
      counter.Reset();
    }
  });
  const auto cache = polymeter::MakeTextEncoder()->MakeCache();
  std::vector<Snapshot> held;
  for (int i = 0; i < 200; ++i) {
    held.push_back(source.TakeSnapshot());
    EXPECT_NE(PageOf(held.back(), cache.get()).find("lasting "), std::string::npos);
    if (held.size() > 5) held.erase(held.begin());
  }
  go_on = false;
  for (std::thread& thread : threads) thread.join();
}

// More Resets while one snapshot reads than cells lie in quarantine: a cell that comes back must
// not be read for the series that had it.
TEST(CollectablesSource, ShowsEachSeriesItsOwnValueWhileAllAreReset) {
  constexpr int kCounters = 50000;
  auto registry = std::make_shared<Registry>();
  auto& family = BuildCounter().Name("a").Register(*registry);
  std::vector<std::pair<Counter*, double>> counters;  // and what it counts
  for (int i = 0; i < kCounters; ++i) {
    counters.emplace_back(&family.Add({{"i", std::to_string(i)}}), 16.0 * (i + 1));
    counters.back().first->Increment(counters.back().second);
  }
  CollectablesSource source;
  source.Add(registry);
  std::atomic<bool> go_on{true};
  std::thread resets([&] {
    while (go_on) {
      for (const auto& [counter, value] : counters) {
        counter->Reset();
        counter->Increment(value);
      }
    }
  });
  std::size_t wrong = 0;
  for (int round = 0; round < 3; ++round) {
    const Snapshot snapshot = source.TakeSnapshot();
    const auto& points = std::get<CounterPoints>(snapshot.families().at(0).points);
    EXPECT_EQ(points.size(), counters.size());
    for (const auto& point : points) {
      const double own = 16.0 * (std::stoi(std::string(point.series.labels()[0].value)) + 1);
      if (point.value() != 0 && point.value() != own) ++wrong;
    }
  }
  go_on = false;
  resets.join();
  EXPECT_EQ(wrong, 0u);
  // What was kept for the snapshots came back: nothing is read or written by two.
  for (const auto& [counter, value] : counters) {
    if (counter->Value() != value) FAIL() << counter->Value() << " is not " << value;
  }
}

TEST(CollectablesSource, ShowsZeroAndANewStartInAForkedChild) {
  auto registry = std::make_shared<Registry>();
  auto& counter = BuildCounter().Name("a").Register(*registry).Add({});
  counter.Increment(5);
  CollectablesSource source;
  source.Add(registry);
  const auto start_of = [](const Snapshot& snapshot) {
    return std::get<CounterPoints>(snapshot.families().at(0).points)
        .at(0)
        .series.start_unix_nanos();
  };
  const std::int64_t start = start_of(source.TakeSnapshot());
  // Others hold locks while it forks.
  std::atomic<bool> go_on{true};
  std::thread busy([&] {
    while (go_on) {
      Registry other;
      BuildCounter().Name("b").Register(other).Add({{"x", "1"}}).Increment();
      source.TakeSnapshot();
    }
  });
  for (int i = 0; i < 20; ++i) {
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      alarm(20);
      bool right = PageOf(source.TakeSnapshot()) == "# TYPE a counter\na 0\n" &&
                   start_of(source.TakeSnapshot()) > start;
      counter.Increment();
      right = right && PageOf(source.TakeSnapshot()) == "# TYPE a counter\na 1\n";
      _exit(right ? 0 : 1);
    }
    int status = -1;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  go_on = false;
  busy.join();
  EXPECT_EQ(PageOf(source.TakeSnapshot()), "# TYPE a counter\na 5\n");
  EXPECT_EQ(start_of(source.TakeSnapshot()), start);
}

// The child does not have the thread that would give the snapshot back.
TEST(CollectablesSource, GivesMemoryBackInAChildOfAForkDuringASnapshot) {
  auto registry = std::make_shared<Registry>();
  auto& family = BuildCounter().Name("a").Register(*registry);
  Counter& lasting = family.Add({});
  lasting.Increment(3);
  CollectablesSource source;
  source.Add(registry);
  std::promise<void> taken;
  std::promise<void> end;
  std::thread reader([&] {
    const Snapshot snapshot = source.TakeSnapshot();
    taken.set_value();
    end.get_future().wait();
    EXPECT_EQ(PageOf(snapshot), "# TYPE a counter\na 3\n");
  });
  taken.get_future().wait();
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    alarm(20);
    const auto in_use = [&] {
      for (int i = 0; i < 10000; ++i) {
        family.Remove(&family.Add({{"i", std::string(200, 'x') + std::to_string(i)}}));
        lasting.Reset();
      }
      return mallinfo2().uordblks;
    };
    const std::size_t before = in_use();
    _exit(in_use() < before + 300'000 ? 0 : 1);  // of 10,000 it would be millions
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  lasting.Reset();
  family.Remove(&lasting);  // here it is still read
  end.set_value();
  reader.join();
}

// The two ways out of a program say the same.
TEST(CollectablesSource, ShowsWhatCollectAndTextSerializerShow) {
  auto registry = std::make_shared<Registry>();
  auto& counters =
      BuildCounter().Name("c_total").Help("C.").Labels({{"z", "1"}}).Register(*registry);
  for (int i = 0; i < 300; ++i) {
    counters.Add({{"i", std::to_string(i)}, {std::string("l") + std::to_string(i % 3), "\n"}})
        .Increment(i * 0.5);
  }
  CollectablesSource source;
  source.Add(registry);
  EXPECT_EQ(PageOf(source.TakeSnapshot()), TextSerializer().Serialize(registry->Collect()));
}

}  // namespace
}  // namespace prometheus
