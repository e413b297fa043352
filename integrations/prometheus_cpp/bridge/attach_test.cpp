// Attach: what a real prometheus-cpp registry holds is on our page.
#include <chrono>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/summary.h>

#include "gtest/gtest.h"
#include "integrations/prometheus_cpp/bridge/collectables_for_test.h"
#include "integrations/prometheus_cpp/bridge/page_for_test.h"
#include "polymeter/polymeter.h"
#include "polymeter/prometheus.h"
#include "sdk/testing/log_capture.h"
#include "sdk/testing/values.h"

namespace {

using namespace std::chrono_literals;
using bridge_test::ExpectSamples;
using bridge_test::GaugeFamily;
using bridge_test::OwnCollectable;
using bridge_test::Page;
using bridge_test::PageOf;
using bridge_test::SamplesOf;
using polymeter::Attach;
using polymeter::Attachment;
using polymeter::Metrics;
using polymeter::Options;
using polymeter::testing::FindPoint;
using polymeter::testing::ValueOf;

Metrics Recording() { return Metrics(Options().Consumer()); }

TEST(Attach, ShowsEveryKindWithEqualValuesAlsoAfterRemove) {
  const auto registry = std::make_shared<prometheus::Registry>();
  auto& counters = prometheus::BuildCounter()
                       .Name("jobs_total")
                       .Help("Jobs.")
                       .Labels({{"zone", "a"}})
                       .Register(*registry);
  auto& good = counters.Add({{"result", "good"}});
  auto& bad = counters.Add({{"result", "bad"}});
  good.Increment(41);
  good.Increment();
  bad.Increment(0.1);
  bad.Increment(0.2);
  auto& gauges = prometheus::BuildGauge().Name("depth").Help("Depth.").Register(*registry);
  gauges.Add({}).Set(-1.0 / 3);
  auto& histograms =
      prometheus::BuildHistogram().Name("wait_seconds").Help("Wait.").Register(*registry);
  auto& fine =
      histograms.Add({{"pool", "fine"}}, prometheus::Histogram::BucketBoundaries{0.001, 0.01, 0.1});
  auto& coarse =
      histograms.Add({{"pool", "coarse"}}, prometheus::Histogram::BucketBoundaries{1, 60});
  for (const double value : {0.0005, 0.001, 0.05, 7.0}) fine.Observe(value);
  for (const double value : {0.5, 30.0, 30.5, 100.0}) coarse.Observe(value);
  auto& summaries = prometheus::BuildSummary().Name("size_bytes").Help("Size.").Register(*registry);
  auto& sizes = summaries.Add({}, prometheus::Summary::Quantiles{{0.5, 0.05}, {0.99, 0.001}});
  for (int i = 1; i <= 100; ++i) sizes.Observe(i);
  summaries.Add({{"empty", "yes"}}, prometheus::Summary::Quantiles{{0.5, 0.05}});

  const Metrics metrics = Recording();
  const Attachment attached = Attach(metrics, registry);
  const Page page = PageOf(metrics);
  ExpectSamples(page, SamplesOf(registry->Collect()));
  EXPECT_EQ(page.types.at("jobs_total"), "counter");
  EXPECT_EQ(page.types.at("depth"), "gauge");
  EXPECT_EQ(page.types.at("wait_seconds"), "histogram");
  EXPECT_EQ(page.types.at("size_bytes"), "summary");
  EXPECT_EQ(page.help.at("wait_seconds"), "Wait.");
  EXPECT_EQ(page.Value("wait_seconds_bucket", {{"pool", "coarse"}, {"le", "60"}}), 3);
  EXPECT_EQ(page.Value("jobs_total", {{"zone", "a"}, {"result", "good"}}), 42);

  counters.Remove(&bad);
  good.Increment();
  EXPECT_TRUE(registry->Remove(gauges));
  const Page next = PageOf(metrics);
  ExpectSamples(next, SamplesOf(registry->Collect()));
  EXPECT_EQ(next.Value("jobs_total", {{"zone", "a"}, {"result", "good"}}), 43);
  EXPECT_FALSE(next.Has("jobs_total", {{"zone", "a"}, {"result", "bad"}}));
  EXPECT_EQ(next.types.count("depth"), 0u);
}

TEST(Attach, KeepsWholeCountersExactBelow2To53) {
  constexpr double kLimit = 9007199254740992.0;
  const auto registry = std::make_shared<prometheus::Registry>();
  auto& family = prometheus::BuildCounter().Name("n_total").Help("N.").Register(*registry);
  family.Add({{"of", "exact"}}).Increment(kLimit - 1);
  family.Add({{"of", "approximate"}}).Increment(kLimit * 4);
  family.Add({{"of", "broken"}}).Increment(2.5);

  const Metrics metrics = Recording();
  const Attachment attached = Attach(metrics, registry);
  const auto snapshot = metrics.TakeSnapshot();
  using polymeter::CounterPoint;
  const auto* exact = FindPoint<CounterPoint>(snapshot, "n_total", {{"of", "exact"}});
  const auto* approximate = FindPoint<CounterPoint>(snapshot, "n_total", {{"of", "approximate"}});
  const auto* broken = FindPoint<CounterPoint>(snapshot, "n_total", {{"of", "broken"}});
  ASSERT_TRUE(exact != nullptr && approximate != nullptr && broken != nullptr);
  EXPECT_TRUE(exact->is_integer());
  EXPECT_EQ(exact->whole, 9007199254740991u);
  EXPECT_EQ(approximate->value(), kLimit * 4);
  EXPECT_FALSE(broken->is_integer());
  EXPECT_EQ(broken->value(), 2.5);
}

TEST(Attach, CarriesHostileTextUnharmed) {
  const std::string hostile = "C:\\dir\n\"quoted\",} # \xF0\x9F\x9A\x80\t{";
  const std::string help = "A \"help\" of two\nlines \\n and a back\\slash";
  const auto registry = std::make_shared<prometheus::Registry>();
  auto& family = prometheus::BuildGauge().Name("g").Help(help).Register(*registry);
  family.Add({{"path", hostile}}).Set(1);
  family.Add({{"path", ""}, {"only_here", "x"}}).Set(2);
  family.Add({{"path", "broken \xFF utf-8"}}).Set(3);

  const Metrics metrics = Recording();
  const Attachment attached = Attach(metrics, registry);
  const std::string text = bridge_test::PageText(metrics);
  const Page page = bridge_test::PageParser::Parse(text);
  EXPECT_EQ(page.help.at("g"), help);
  EXPECT_EQ(page.Value("g", {{"path", hostile}}), 1);
  EXPECT_EQ(page.Value("g", {{"path", ""}, {"only_here", "x"}}), 2);
  EXPECT_EQ(page.Value("g", {{"path", "broken \xEF\xBF\xBD utf-8"}}), 3);
  bridge_test::ExpectPromtoolReads(text);
}

TEST(Attach, AppliesPrefixAndConstantLabels) {
  const auto registry = std::make_shared<prometheus::Registry>();
  prometheus::BuildGauge().Name("g").Help("G.").Register(*registry).Add({{"a", "1"}}).Set(5);
  const Metrics metrics(Options().Consumer().Prefix("app_").ConstLabels({{"zone", "eu"}}));
  const Attachment attached = Attach(metrics, registry);
  EXPECT_EQ(PageOf(metrics).Value("app_g", {{"a", "1"}, {"zone", "eu"}}), 5);
}

TEST(Attach, GivesNothingOnceTheCollectableIsGone) {
  auto registry = std::make_shared<prometheus::Registry>();
  prometheus::BuildGauge().Name("g").Help("G.").Register(*registry).Add({}).Set(5);
  const Metrics metrics = Recording();
  const Attachment attached = Attach(metrics, registry);
  EXPECT_EQ(ValueOf(metrics.TakeSnapshot(), "g"), 5);
  registry.reset();
  EXPECT_EQ(ValueOf(metrics.TakeSnapshot(), "g"), std::nullopt);
}

TEST(Attach, KeepsNothingAlive) {
  const auto registry = std::make_shared<prometheus::Registry>();
  const Metrics metrics = Recording();
  const Attachment attached = Attach(metrics, registry);
  EXPECT_EQ(registry.use_count(), 1);
  EXPECT_EQ(metrics.TakeSnapshot().families().size(), 0u);
  EXPECT_EQ(registry.use_count(), 1);
}

TEST(Attach, CallsNothingAfterTheTokenIsGone) {
  const auto own =
      std::make_shared<OwnCollectable>([] { return std::vector{GaugeFamily("g", 5)}; });
  const Metrics metrics = Recording();
  {
    const Attachment attached = Attach(metrics, own);
    EXPECT_TRUE(attached);
    EXPECT_EQ(ValueOf(metrics.TakeSnapshot(), "g"), 5);
    EXPECT_EQ(own->calls(), 1);
  }
  EXPECT_EQ(ValueOf(metrics.TakeSnapshot(), "g"), std::nullopt);
  EXPECT_EQ(own->calls(), 1);
}

TEST(Attach, StaysForeverWhenToldSo) {
  const auto own =
      std::make_shared<OwnCollectable>([] { return std::vector{GaugeFamily("g", 5)}; });
  {
    const Metrics metrics = Recording();
    Attach(metrics, own).Forever();
    EXPECT_EQ(ValueOf(metrics.TakeSnapshot(), "g"), 5);
  }
  EXPECT_EQ(own->calls(), 1);
  EXPECT_EQ(own.use_count(), 1);
}

TEST(Attach, DoesNothingOnAMetricsThatDoesNotRecord) {
  const auto own =
      std::make_shared<OwnCollectable>([] { return std::vector{GaugeFamily("g", 5)}; });
  const polymeter::testing::LogCapture log;
  const Metrics off(Options().Log(log.callback()));
  const Attachment attached = Attach(off, own);
  EXPECT_FALSE(attached);
  EXPECT_FALSE(Attach(Metrics(), own));
  EXPECT_TRUE(log.messages().empty());  // the state of every service without METRICS_BACKEND
  EXPECT_EQ(own->calls(), 0);
}

TEST(Attach, CostsOnlyItselfWhenItThrows) {
  const auto good =
      std::make_shared<OwnCollectable>([] { return std::vector{GaugeFamily("good", 5)}; });
  const auto bad = std::make_shared<OwnCollectable>(
      []() -> std::vector<prometheus::MetricFamily> { throw std::runtime_error("disk on fire"); });
  const polymeter::testing::LogCapture log;
  const Metrics metrics(Options().Consumer().Log(log.callback()));
  const Attachment first = Attach(metrics, bad);
  const Attachment second = Attach(metrics, good);
  const Page page = PageOf(metrics);
  EXPECT_EQ(page.Value("good"), 5);
  EXPECT_EQ(page.Value("polymeter_refused_total", {{"reason", "producer_failed"}}), 1);
  EXPECT_EQ(log.Count("disk on fire"), 1);
}

TEST(Attach, LetsNoTokenWaitForeverForACollectThatHangs) {
  std::promise<void> release;
  const auto hangs = std::make_shared<OwnCollectable>([held = release.get_future().share()] {
    held.wait();
    return std::vector{GaugeFamily("late", 1)};
  });
  const polymeter::testing::LogCapture log;
  const Metrics metrics(Options().Consumer().ProducerBudget(50ms).Log(log.callback()));
  const auto begin = std::chrono::steady_clock::now();
  {
    const Attachment attached = Attach(metrics, hangs);
    EXPECT_EQ(ValueOf(metrics.TakeSnapshot(), "late"), std::nullopt);
    while (hangs->calls() == 0) std::this_thread::yield();  // its thread may have begun late
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
  EXPECT_EQ(hangs->calls(), 1);
  release.set_value();
}

TEST(Attach, LosesNothingWhileFamiliesAreAdded) {
  constexpr int kThreads = 3;
  constexpr int kFamilies = 40;
  const auto registry = std::make_shared<prometheus::Registry>();
  const Metrics metrics = Recording();
  const Attachment attached = Attach(metrics, registry);
  std::atomic<bool> done{false};
  std::vector<std::thread> writers;
  for (int t = 0; t < kThreads; ++t) {
    writers.emplace_back([&, t] {
      for (int i = 0; i < kFamilies; ++i) {
        auto& family = prometheus::BuildCounter()
                           .Name("family_" + std::to_string(t) + "_" + std::to_string(i) + "_total")
                           .Help("F.")
                           .Register(*registry);
        for (int s = 0; s < 5; ++s) family.Add({{"s", std::to_string(s)}}).Increment(i + 1);
      }
    });
  }
  std::thread reader([&] {
    std::size_t before = 0;
    while (!done) {
      const std::size_t now = metrics.TakeSnapshot().size();
      EXPECT_GE(now, before);
      before = now;
    }
  });
  for (std::thread& writer : writers) writer.join();
  done = true;
  reader.join();
  const Page page = PageOf(metrics);
  ExpectSamples(page, SamplesOf(registry->Collect()));
  EXPECT_EQ(page.Value("family_2_39_total", {{"s", "4"}}), 40);
}

}  // namespace
