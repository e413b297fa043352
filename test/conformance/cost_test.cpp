// Every backend says what it encoded and sent, and the families polymeter_* carry it.
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "exporters/backends.h"
#include "polymeter/metrics.h"
#include "sdk/testing/values.h"
#include "test/conformance/cases.h"
#include "test/conformance/fake_world.h"

POLYMETER_BEGIN_NAMESPACE
namespace testing {
namespace {

class Cost : public ::testing::TestWithParam<Case> {
 protected:
  Metrics Started(StringPairs settings) {
    settings.insert(settings.end(), GetParam().settings.begin(), GetParam().settings.end());
    settings.emplace_back("METRICS_BACKEND", GetParam().info->name);
    settings.emplace_back("OTEL_SERVICE_NAME", "plain");  // else the program's name is in it
    auto configuration =
        Configure(Options().Log([](LogLevel, auto) {}), detail::Environment(std::move(settings)),
                  detail::BackendTable(), world_.outside());
    return detail::CoreAccess::Make(std::move(configuration.core));
  }
  std::size_t DeliveredBytes(const Metrics& metrics) {
    std::size_t bytes = 0;
    for (const std::string& message : world_.Deliver(metrics)) bytes += message.size();
    return bytes;
  }

  FakeWorld world_;
};

INSTANTIATE_TEST_SUITE_P(EveryBackend, Cost, ::testing::ValuesIn(BackendCases()), CaseName);

TEST_P(Cost, IsReportedToTheByte) {
  const Metrics metrics = Started({});
  metrics.Counter("jobs_total", "Jobs.").Increment(3);
  std::size_t bytes = 0;
  for (std::uint64_t n = 1; n <= 3; ++n) {
    bytes += DeliveredBytes(metrics);
    const BackendReport report = metrics.Reports().at(0);
    EXPECT_EQ(report.encodes, n);
    EXPECT_EQ(report.sent_bytes, bytes);
    EXPECT_GT(report.encode_seconds, 0);
    EXPECT_LT(report.encode_seconds, 10);
  }
  EXPECT_GT(bytes, 0u);
  const BackendReport report = metrics.Reports().at(0);
  const LabelSet labels = {{"backend", report.name}};
  const Snapshot snapshot = metrics.TakeSnapshot();
  EXPECT_EQ(ValueOf(snapshot, "polymeter_encodes_total", labels), 3);
  EXPECT_EQ(ValueOf(snapshot, "polymeter_sent_bytes_total", labels), static_cast<double>(bytes));
  EXPECT_EQ(ValueOf(snapshot, "polymeter_series"), 1);
  EXPECT_TRUE(metrics.Shutdown());
}

TEST_P(Cost, CountsNoByteThatDidNotGoOut) {
  world_.SetReachable(false);
  const Metrics metrics = Started({});
  metrics.Counter("jobs_total", "Jobs.").Increment(3);
  // It fails, or there is nothing to do; no longer than an attempt takes.
  static_cast<void>(
      metrics.Flush(std::chrono::steady_clock::now() + std::chrono::milliseconds(20)));
  EXPECT_EQ(metrics.Reports().at(0).sent_bytes, 0u);
  EXPECT_GT(world_.attempts(), 0);
  static_cast<void>(metrics.Shutdown(std::chrono::steady_clock::now()));
}

TEST_P(Cost, LeavesNothingOfItselfWhereItIsTurnedOff) {
  const Metrics metrics = Started({{"METRICS_SELF", "false"}});
  metrics.Counter("jobs_total", "Jobs.").Increment(3);
  for (int i = 0; i < 2; ++i) {
    for (const std::string& message : world_.Deliver(metrics)) {
      EXPECT_EQ(message.find("polymeter_"), std::string::npos);
    }
  }
  EXPECT_TRUE(metrics.Shutdown());
}

}  // namespace
}  // namespace testing
POLYMETER_END_NAMESPACE
