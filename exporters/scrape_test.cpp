// polymeter::Scrape as a service calls it, on real Metrics.
#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "polymeter/polymeter.h"
#include "sdk/testing/log_capture.h"

POLYMETER_BEGIN_NAMESPACE
namespace {

using std::chrono::seconds;

struct Sink : ScrapeSink {
  void Begin(std::string_view type, std::string_view encoding) override {
    content_type = type;
    content_encoding = encoding;
  }
  bool Write(std::string_view bytes) override {
    if (throws) throw std::runtime_error("broken");
    body += bytes;
    return !refuses;
  }
  bool refuses = false;
  bool throws = false;
  std::string content_type;
  std::string content_encoding;
  std::string body;
};

TEST(Scrape, GivesThePageOfAMetricsThatDeclaresAConsumer) {
  const Metrics metrics = Build(Options().Consumer());
  metrics.Counter("jobs_total", "Jobs.").Increment(3);
  Sink text;
  EXPECT_TRUE(Scrape(metrics, {}, text).ok());
  EXPECT_EQ(text.content_type, "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_EQ(text.content_encoding, "");
  EXPECT_NE(text.body.find("\njobs_total 3\n"), std::string::npos) << text.body;
  metrics.Counter("jobs_total", "Jobs.").Increment();
  Sink open;
  EXPECT_TRUE(
      Scrape(metrics, {"application/openmetrics-text;version=1.0.0", "", seconds(1)}, open).ok());
  EXPECT_EQ(open.content_type, "application/openmetrics-text; version=1.0.0; charset=utf-8");
  EXPECT_NE(open.body.find("\njobs_total 4\n"), std::string::npos) << open.body;
  EXPECT_TRUE(open.body.ends_with("# EOF\n"));
}

TEST(Scrape, OffersGzip) {
  const Metrics metrics = Build(Options().Consumer());
  const auto family = metrics.Counter("jobs_total", "Jobs.", {"id"});
  for (int i = 0; i < 1000; ++i) family.With(i).Increment();
  Sink sink;
  EXPECT_TRUE(Scrape(metrics, {"", "gzip", seconds(1)}, sink).ok());
  EXPECT_EQ(sink.content_encoding, "gzip");
  EXPECT_EQ(sink.body.substr(0, 2), "\x1f\x8b");
  EXPECT_LT(sink.body.size(), 10'000u);
}

TEST(Scrape, SaysOnceThatAMetricsWhichIsOffHasNothing) {
  const testing::LogCapture log;
  const Metrics metrics = Build(Options().Log(log.callback()));
  Sink sink;
  for (int i = 0; i < 3; ++i) {
    const Status status = Scrape(metrics, {}, sink);
    EXPECT_FALSE(status.ok());
    EXPECT_NE(status.message().find("Consumer()"), std::string::npos);
  }
  EXPECT_EQ(sink.content_type, "");
  EXPECT_EQ(log.Count("Consumer()"), 1);
  EXPECT_FALSE(Scrape(Metrics(), {}, sink).ok());
}

TEST(Scrape, EndsWithAnErrorWhenTheSinkRefusesOrThrows) {
  const Metrics metrics = Build(Options().Consumer());
  metrics.Counter("jobs_total", "Jobs.").Increment();
  Sink refuses;
  refuses.refuses = true;
  EXPECT_FALSE(Scrape(metrics, {}, refuses).ok());
  Sink throws;
  throws.throws = true;
  const Status status = Scrape(metrics, {}, throws);
  EXPECT_NE(status.message().find("broken"), std::string::npos) << status.message();
  Sink after;
  EXPECT_TRUE(Scrape(metrics, {}, after).ok());
}

TEST(Scrape, KeepsApartManyMetricsThatComeAndGo) {
  for (int i = 0; i < 200; ++i) {
    const Metrics metrics = Build(Options().Consumer());
    metrics.Counter("round_total", "Rounds.").Increment(i);
    for (int again = 0; again < 2; ++again) {
      Sink sink;
      EXPECT_TRUE(Scrape(metrics, {}, sink).ok());
      EXPECT_NE(sink.body.find("\nround_total " + std::to_string(i) + "\n"), std::string::npos);
    }
  }
}

TEST(Scrape, MayBeCalledFromManyThreads) {
  const Metrics metrics = Build(Options().Consumer());
  const auto family = metrics.Counter("jobs_total", "Jobs.", {"id"});
  for (int i = 0; i < 2000; ++i) family.With(i).Increment();
  std::atomic<int> whole{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 20; ++i) {
        Sink sink;
        const Status status = Scrape(metrics, {}, sink);
        whole += status.ok() && sink.body.find("jobs_total{id=\"1999\"} 1\n") != sink.body.npos;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(whole, 80);
}

}  // namespace
POLYMETER_END_NAMESPACE
