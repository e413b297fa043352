// polymeter::Render as a service calls it, on real Metrics.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "exporters/backends.h"
#include "polymeter/polymeter.h"
#include "sdk/testing/log_capture.h"

POLYMETER_BEGIN_NAMESPACE
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

Metrics Recording() {
  Metrics metrics = Build(Options().Service("demo").Consumer());
  metrics.Counter("jobs_total", "Jobs.", {"kind"}).With("a").Increment(3);
  return metrics;
}

std::string Rendered(const Metrics& metrics, std::string_view format) {
  const auto text = Render(metrics, format);
  EXPECT_TRUE(text) << format << ": " << text.message();
  return text.value();
}

TEST(Render, GivesEveryDocumentedFormat) {
  const Metrics metrics = Recording();
  EXPECT_THAT(Rendered(metrics, "json"), HasSubstr("{\"labels\":{\"kind\":\"a\"},\"start_time\""));
  EXPECT_THAT(Rendered(metrics, "jsonl"), EndsWith("]}\n"));
  const std::string csv = Rendered(metrics, "csv");
  EXPECT_THAT(csv, StartsWith("timestamp,name,type,labels,field,value\r\n"));
  EXPECT_THAT(csv, HasSubstr(",jobs_total,counter,\"{\"\"kind\"\":\"\"a\"\"}\",value,3\r\n"));
  EXPECT_THAT(Rendered(metrics, "text"), HasSubstr("\njobs_total{kind=\"a\"} 3\n"));
  EXPECT_THAT(Rendered(metrics, "openmetrics"), EndsWith("# EOF\n"));
}

TEST(Render, GivesWhatEveryBackendWrites) {
  const Metrics metrics = Recording();
  int formats = 0;
  for (const detail::TableRow& row : detail::BackendTable()) {
    if (row.info == nullptr || row.info->make_encoder == nullptr) continue;
    EXPECT_FALSE(Rendered(metrics, row.name).empty()) << row.name;
    ++formats;
  }
  EXPECT_GT(formats, 0);
}

TEST(Render, NamesTheFormatsThatThereAre) {
  const auto text = Render(Recording(), "xml\n");
  EXPECT_FALSE(text);
  EXPECT_EQ(text.value(), "");
  EXPECT_THAT(text.message(), StartsWith("no format 'xml\\x0a' in this build; there is "));
  for (const char* format : {"json", "jsonl", "csv", "text", "openmetrics"}) {
    EXPECT_THAT(text.message() + ",", HasSubstr(std::string(" ") + format + ","));
  }
  EXPECT_FALSE(Render(Recording(), ""));
  EXPECT_FALSE(Render(Recording(), "null"));
}

TEST(Render, SaysOnceThatAMetricsWhichIsOffHasNothing) {
  const testing::LogCapture log;
  const Metrics metrics = Build(Options().Log(log.callback()));
  for (int i = 0; i < 3; ++i) {
    const auto text = Render(metrics, "json");
    EXPECT_FALSE(text);
    EXPECT_THAT(text.message(), HasSubstr("Consumer()"));
  }
  EXPECT_EQ(log.Count("Consumer()"), 1);
  EXPECT_FALSE(metrics.recording());
  EXPECT_FALSE(Render(Metrics(), "json"));
}

TEST(Render, MayBeCalledFromManyThreads) {
  const Metrics metrics = Recording();
  std::vector<std::thread> threads;
  std::vector<std::size_t> sizes(4);
  for (std::size_t& size : sizes) {
    threads.emplace_back([&] {
      for (int i = 0; i < 50; ++i) size += Rendered(metrics, i % 2 == 0 ? "json" : "csv").size();
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::size_t size : sizes) EXPECT_GT(size, 0u);
}

}  // namespace
POLYMETER_END_NAMESPACE
