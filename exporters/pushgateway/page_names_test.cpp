// A Pushgateway refuses a page for one name that it does not know, or one series that is there
// twice: names are escaped, and what becomes one by that is pushed once. That a real server takes
// such pages is judged in test/receivers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <set>
#include <sstream>
#include <string>

#include "exporters/pushgateway/pushgateway.h"
#include "polymeter/options.h"
#include "sdk/testing/snapshot_builder.h"
#include "test/conformance/hostile_names.h"
#include "test/conformance/sinks.h"

POLYMETER_BEGIN_NAMESPACE
namespace testing {
namespace {

TEST(PushgatewayNames, AreEscapedAndNoSeriesIsThereTwice) {
  SnapshotBuilder builder;
  FamilySink& sink = builder.Names(NameValidation::kUtf8).sink();
  for (const std::string& name : HostileNames()) {
    sink.BeginFamily(MetricType::kGauge, name, "");
    sink.Gauge({{name, "x"}}, 1);
  }
  sink.BeginFamily(MetricType::kGauge, "twice", "");
  sink.Gauge({{"a.b", "x"}}, 1);
  sink.Gauge({{"a_b", "x"}}, 2);
  const Snapshot snapshot = builder.Build();
  detail::Problems problems;
  const detail::BackendInfo& info = detail::PushgatewayBackendInfo();
  const auto made = info.make_encoder(
      detail::ResolveOptions(info.name, info.options, detail::Environment(), {}, problems));
  ASSERT_TRUE(made);
  EXPECT_EQ(made.value()->content_type(), "text/plain; version=0.0.4; charset=utf-8");
  RecordingSink page;
  const EncodeReport report = made.value()->Encode(snapshot, nullptr, page);
  ASSERT_EQ(report.dropped.size(), 1u);
  EXPECT_EQ(report.dropped[0].reason, "name_clash");
  EXPECT_EQ(report.points + report.dropped[0].points, snapshot.size());

  std::set<std::string> seen;
  std::istringstream lines(page.messages().at(0));
  std::uint64_t samples = 0;
  for (std::string line; std::getline(lines, line);) {
    EXPECT_TRUE(seen.insert(line.substr(0, line.rfind(' '))).second) << line;
    if (line.substr(0, 7) == "# TYPE ") continue;
    ++samples;
    const std::string name = line.substr(0, line.find('{'));
    EXPECT_EQ(name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                     "0123456789_:"),
              std::string::npos)
        << line;
  }
  EXPECT_EQ(samples, report.points);
  EXPECT_THAT(page.messages().at(0), ::testing::HasSubstr("twice{a_b=\"x\"} 2\n"));
}

}  // namespace
}  // namespace testing
POLYMETER_END_NAMESPACE
