// UTF-8 names in OTLP stand as they are, in both encodings.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "exporters/common/encoding/json_text.h"
#include "exporters/otlp/otlp_encoder.h"
#include "exporters/otlp/request_reader_for_test.h"
#include "polymeter/options.h"
#include "sdk/testing/snapshot_builder.h"
#include "test/conformance/hostile_names.h"
#include "test/conformance/sinks.h"

POLYMETER_BEGIN_NAMESPACE
namespace testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

std::string OneRequest(bool json) {
  SnapshotBuilder builder;
  FamilySink& sink = builder.Names(NameValidation::kUtf8).sink();
  for (const std::string& name : HostileNames()) {
    sink.BeginFamily(MetricType::kGauge, name, "");
    sink.Gauge({{name, "1"}, {name + ".", "2"}}, 1);
  }
  const Snapshot snapshot = builder.Build();
  RecordingSink requests;
  const EncodeReport report =
      detail::MakeOtlpEncoder({.json = json})->Encode(snapshot, nullptr, requests);
  EXPECT_EQ(report.points, HostileNames().size());
  EXPECT_TRUE(report.dropped.empty());
  EXPECT_EQ(requests.messages().size(), 1u);
  return requests.messages().at(0);
}

TEST(OtlpNames, AreReadBackFromProtobufAsTheyAre) {
  const ReadRequest request = RequestReader::Read(OneRequest(/*json=*/false));
  std::set<std::string> names;
  for (const ReadMetric& metric : request.metrics) {
    names.insert(metric.name);
    ASSERT_EQ(metric.points.size(), 1u);
    EXPECT_THAT(metric.points[0].attributes,
                UnorderedElementsAre(Pair(metric.name, "1"), Pair(metric.name + ".", "2")));
  }
  EXPECT_EQ(names, std::set<std::string>(HostileNames().begin(), HostileNames().end()));
}

TEST(OtlpNames, AreWrittenToJsonAsTheyAre) {
  const std::string request = OneRequest(/*json=*/true);
  for (const std::string& name : HostileNames()) {
    encoding::TextBuffer quoted;
    encoding::AppendJsonString(quoted, name);
    EXPECT_THAT(request, HasSubstr("{\"name\":" + std::string(quoted.text())));
    EXPECT_THAT(request, HasSubstr("{\"key\":" + std::string(quoted.text())));
  }
}

}  // namespace
}  // namespace testing
POLYMETER_END_NAMESPACE
