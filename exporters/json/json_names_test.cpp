// UTF-8 names in JSON stand as they are. That a parser reads them back is judged in test/receivers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "exporters/common/encoding/json_text.h"
#include "exporters/json/json_encoder.h"
#include "polymeter/options.h"
#include "sdk/testing/snapshot_builder.h"
#include "test/conformance/hostile_names.h"
#include "test/conformance/sinks.h"

POLYMETER_BEGIN_NAMESPACE
namespace testing {
namespace {

using ::testing::HasSubstr;

TEST(JsonNames, StandAsTheyAreOnOneLine) {
  SnapshotBuilder builder;
  FamilySink& sink = builder.Names(NameValidation::kUtf8).sink();
  for (const std::string& name : HostileNames()) {
    sink.BeginFamily(MetricType::kGauge, name, "");
    sink.Gauge({{name, "1"}, {name + ".", "2"}}, 1);
  }
  const Snapshot snapshot = builder.Build();
  RecordingSink document;
  const EncodeReport report = MakeJsonLinesEncoder()->Encode(snapshot, nullptr, document);
  EXPECT_EQ(report.points, HostileNames().size());
  EXPECT_TRUE(report.dropped.empty());
  const std::string& text = document.messages().at(0);
  for (const std::string& name : HostileNames()) {
    encoding::TextBuffer key;
    encoding::AppendJsonString(key, name);
    const std::string quoted(key.text());
    EXPECT_THAT(text, HasSubstr("{\"name\":" + quoted + ",\"type\":\"gauge\""));
    EXPECT_THAT(text, HasSubstr("{\"labels\":{" + quoted + ":\"1\","));
  }
  EXPECT_THAT(text, HasSubstr("\"two\\nlines\":\"1\""));
  EXPECT_EQ(std::count_if(text.begin(), text.end(), [](char c) { return c >= 0 && c < 0x20; }), 1);
  EXPECT_EQ(text.back(), '\n');
}

}  // namespace
}  // namespace testing
POLYMETER_END_NAMESPACE
