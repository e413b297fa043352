// Collectable: an unchanged prometheus::Exposer serves our series.
#include <atomic>
#include <chrono>
#include <limits>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <prometheus/counter.h>
#include <prometheus/exposer.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include "gtest/gtest.h"
#include "integrations/prometheus_cpp/bridge/collectables_for_test.h"
#include "integrations/prometheus_cpp/bridge/page_for_test.h"
#include "polymeter/polymeter.h"
#include "polymeter/prometheus.h"
#include "sdk/testing/log_capture.h"

namespace {

using bridge_test::HttpGet;
using bridge_test::Page;
using bridge_test::PageParser;
using bridge_test::Without;
using polymeter::FamilySink;
using polymeter::Metrics;
using polymeter::MetricType;
using polymeter::Options;

// What an Exposer in this process answers, without what it says about itself.
class Served {
 public:
  explicit Served(const Metrics& metrics) {
    exposer_.RegisterCollectable(polymeter::Collectable(metrics));
  }
  std::string Text() const { return HttpGet(exposer_.GetListeningPorts().at(0), "/metrics"); }
  Page Read() const {
    Page page = PageParser::Parse(Text());
    page.samples = Without(page.samples, "exposer_");
    return page;
  }

 private:
  prometheus::Exposer exposer_{"127.0.0.1:0"};
};

TEST(Collectable, IsServedByAnUnchangedExposerWithEqualValues) {
  const Metrics metrics(Options().Consumer().ConstLabels({{"zone", "eu"}}));
  const auto jobs = metrics.Counter("jobs_total", "Jobs.", {"result"});
  jobs.With("good").Increment(41);
  jobs.With("good").Increment();
  jobs.With("bad").Increment(0.5);
  metrics.Gauge("depth", "Depth.").Set(-12.25);
  const auto wait = metrics.Histogram("wait_seconds", "Wait.", {"pool"},
                                      polymeter::FamilyOptions().Buckets({0.001, 0.1, 10}));
  for (const double value : {0.0005, 0.001, 0.05, 7.0, 70.0}) wait.With("fine").Observe(value);
  static_cast<void>(metrics.Counter("never_used_total", "No series yet.", {"a"}));

  const Served exposer(metrics);
  const Page page = exposer.Read();
  EXPECT_EQ(page.types.at("jobs_total"), "counter");
  EXPECT_EQ(page.types.at("depth"), "gauge");
  EXPECT_EQ(page.types.at("wait_seconds"), "histogram");
  EXPECT_EQ(page.help.at("wait_seconds"), "Wait.");
  EXPECT_EQ(page.types.count("never_used_total"), 0u);
  EXPECT_EQ(page.Value("jobs_total", {{"zone", "eu"}, {"result", "good"}}), 42);
  EXPECT_EQ(page.Value("jobs_total", {{"zone", "eu"}, {"result", "bad"}}), 0.5);
  EXPECT_EQ(page.Value("depth", {{"zone", "eu"}}), -12.25);
  const auto upto = [&](const char* le) {
    return page.Value("wait_seconds_bucket", {{"zone", "eu"}, {"pool", "fine"}, {"le", le}});
  };
  EXPECT_EQ(upto("0.001"), 2);
  EXPECT_EQ(upto("0.1"), 3);
  EXPECT_EQ(upto("10"), 4);
  EXPECT_EQ(upto("+Inf"), 5);
  EXPECT_EQ(page.Value("wait_seconds_count", {{"zone", "eu"}, {"pool", "fine"}}), 5);
  EXPECT_EQ(page.Value("wait_seconds_sum", {{"zone", "eu"}, {"pool", "fine"}}), 77.0515);

  // Everything, not only what was looked at; and it goes on.
  EXPECT_EQ(page.samples, bridge_test::PageOf(metrics).samples);
  jobs.With("good").Increment(8);
  EXPECT_EQ(exposer.Read().Value("jobs_total", {{"zone", "eu"}, {"result", "good"}}), 50);
}

// Produces the kinds that have no instrument.
class KindsProducer final : public polymeter::Producer {
 public:
  void Collect(FamilySink& sink) override {
    sink.BeginFamily(MetricType::kInfo, "build", "Build.");
    sink.Info({{"version", "1.2"}});
    sink.BeginFamily(MetricType::kInfo, "runtime", "Runtime.");
    sink.Info({{"version", "8"}});
    sink.BeginFamily(MetricType::kGauge, "runtime_info", "Takes the name.");
    sink.Gauge({}, 5);
    sink.BeginFamily(MetricType::kUnknown, "mystery", "Unknown.");
    sink.Unknown({}, std::numeric_limits<double>::quiet_NaN());
    sink.BeginFamily(MetricType::kSummary, "size", "Size.");
    const polymeter::Quantile quantiles[] = {{0.5, 3}, {0.99, 9}};
    sink.Summary(nullptr, 0, quantiles, 2, 10, 34.5);
    sink.BeginFamily(MetricType::kCounter, "big_total", "Big.");
    sink.Counter({}, std::uint64_t{1} << 60);
  }
};

TEST(Collectable, TranslatesTheKindsThatHaveNoInstrument) {
  const polymeter::testing::LogCapture log;
  const Metrics metrics(Options().Consumer().Log(log.callback()));
  KindsProducer producer;
  const auto attached = metrics.AddProducer(producer);
  const Served exposer(metrics);
  const Page page = exposer.Read();
  EXPECT_EQ(page.types.at("build_info"), "gauge");
  EXPECT_EQ(page.Value("build_info", {{"version", "1.2"}}), 1);
  EXPECT_EQ(page.types.at("mystery"), "untyped");
  EXPECT_TRUE(std::isnan(page.Value("mystery")));
  EXPECT_EQ(page.Value("size", {{"quantile", "0.5"}}), 3);
  EXPECT_EQ(page.Value("size_count"), 10);
  EXPECT_EQ(page.Value("size_sum"), 34.5);
  EXPECT_EQ(page.Value("big_total"), 1152921504606846976.0);
  // Info runtime cannot have the name runtime_info too.
  EXPECT_EQ(page.Value("runtime_info"), 5);
  EXPECT_FALSE(page.Has("runtime_info", {{"version", "8"}}));
  EXPECT_EQ(log.Count("info runtime would be named runtime_info"), 1);
  bridge_test::ExpectPromtoolReads(exposer.Text());
}

TEST(Collectable, KeepsHostileTextParseable) {
  const std::string hostile = "C:\\dir\n\"quoted\",} # \xF0\x9F\x9A\x80\t{";
  const std::string help = "A \"help\" of two\nlines \\n and a back\\slash";
  const Metrics metrics(Options().Consumer());
  metrics.Counter("c_total", help, {"path", "empty"}).With(hostile, "").Increment(7);
  const Served exposer(metrics);
  const Page page = exposer.Read();
  EXPECT_EQ(page.help.at("c_total"), help);
  EXPECT_EQ(page.Value("c_total", {{"path", hostile}, {"empty", ""}}), 7);
  bridge_test::ExpectPromtoolReads(exposer.Text());
}

TEST(Collectable, ShowsAttachedFamiliesToo) {
  const auto registry = std::make_shared<prometheus::Registry>();
  prometheus::BuildCounter()
      .Name("theirs_total")
      .Help("T\\n.")
      .Register(*registry)
      .Add({})
      .Increment(3);
  const Metrics metrics(Options().Consumer());
  metrics.Counter("ours_total", "O.").Increment(4);
  const auto attached = polymeter::Attach(metrics, registry);
  const Page page = Served(metrics).Read();
  EXPECT_EQ(page.Value("theirs_total"), 3);
  EXPECT_EQ(page.Value("ours_total"), 4);
  EXPECT_EQ(page.help.at("theirs_total"), "T\\n.");
}

TEST(Collectable, LivesAsLongAsTheMetricsAndNoLonger) {
  std::weak_ptr<prometheus::Collectable> weak;
  {
    const Metrics metrics(Options().Consumer());
    weak = polymeter::Collectable(metrics);
    EXPECT_FALSE(weak.expired());
  }
  EXPECT_TRUE(weak.expired());
}

TEST(Collectable, LeavesOutNamesThatASerializerCannotWrite) {
  polymeter::testing::LogCapture log;
  const Metrics metrics(
      Options().Consumer().Names(polymeter::NameValidation::kUtf8).Log(log.callback()));
  metrics.Gauge("plain", "P.").Set(1);
  metrics.Gauge("disk.free", "D.").Set(2);
  metrics.Gauge("two\nforged_total 42\nlines", "F.").Set(3);
  metrics.Gauge("labelled", "L.", {"a.b"}).With("x").Set(4);
  const Page page = Served(metrics).Read();  // throws where the page is broken
  EXPECT_EQ(page.Value("plain"), 1);
  EXPECT_FALSE(page.Has("forged_total"));
  EXPECT_EQ(page.types.count("labelled"), 0u);
  EXPECT_GE(log.Count("Collectable: family"), 1);
}

TEST(Collectable, KeepsNoMetricsAlive) {
  // Stop tells when the core ends.
  struct Watch final : polymeter::Backend {
    polymeter::Status Start(polymeter::SnapshotSource&) override { return {}; }
    polymeter::Status Stop(polymeter::Deadline) noexcept override {
      stopped = true;
      return {};
    }
    polymeter::BackendReport Report() const override { return {}; }
    bool stopped = false;
  };
  const auto watch = std::make_shared<Watch>();
  std::shared_ptr<prometheus::Collectable> collectable;
  {
    const Metrics metrics(Options().AddBackend(watch).SelfMetrics(false));
    metrics.Counter("c_total", "C.").Increment();
    collectable = polymeter::Collectable(metrics);
    EXPECT_EQ(collectable->Collect().size(), 1u);
    EXPECT_FALSE(watch->stopped);
  }
  EXPECT_TRUE(watch->stopped);
  EXPECT_TRUE(collectable->Collect().empty());
}

TEST(Collectable, IsTheSameForTheSameMetrics) {
  const Metrics metrics(Options().Consumer());
  const Metrics copy = metrics;
  const Metrics other(Options().Consumer());
  EXPECT_EQ(polymeter::Collectable(metrics), polymeter::Collectable(copy));
  EXPECT_NE(polymeter::Collectable(metrics), polymeter::Collectable(other));
}

TEST(Collectable, OfAMetricsThatDoesNotRecordGivesNothingAndOneMessage) {
  const polymeter::testing::LogCapture log;
  const Metrics off(Options().Log(log.callback()));
  off.Counter("c_total", "C.").Increment();
  const auto collectable = polymeter::Collectable(off);
  ASSERT_NE(collectable, nullptr);
  EXPECT_TRUE(collectable->Collect().empty());
  const auto tried = polymeter::TryCollectable(off);
  EXPECT_FALSE(tried.ok());
  EXPECT_NE(tried.message().find("Options().Consumer()"), std::string::npos) << tried.message();
  EXPECT_EQ(log.messages().size(), 1u);
  EXPECT_FALSE(off.recording());
  EXPECT_TRUE(polymeter::Collectable(Metrics())->Collect().empty());
}

TEST(Collectable, CountsExactlyWhileSeriesAreMade) {
  constexpr int kThreads = 3;
  constexpr int kSeries = 200;
  const Metrics metrics(Options().Consumer());
  const auto collectable = polymeter::Collectable(metrics);
  std::atomic<bool> done{false};
  std::vector<std::thread> writers;
  for (int t = 0; t < kThreads; ++t) {
    writers.emplace_back([&, t] {
      for (int i = 0; i < kSeries; ++i) {
        metrics.Counter("family_" + std::to_string(i % 20) + "_total", "F.", {"thread", "i"})
            .With(t, i)
            .Increment(i + 1);
      }
    });
  }
  const auto sum = [&] {
    double total = 0;
    for (const auto& family : collectable->Collect()) {
      for (const auto& metric : family.metric) total += metric.counter.value;
    }
    return total;
  };
  std::thread reader([&] {
    double before = 0;
    while (!done) {
      const double now = sum();
      EXPECT_GE(now, before);
      before = now;
    }
  });
  for (std::thread& writer : writers) writer.join();
  done = true;
  reader.join();
  EXPECT_EQ(sum(), kThreads * kSeries * (kSeries + 1) / 2);
}

}  // namespace
