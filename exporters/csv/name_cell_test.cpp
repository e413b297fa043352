// Names in CSV. That Python's reader gets the same names is judged in test/receivers.
#include "exporters/csv/name_cell.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "exporters/csv/csv_encoder.h"
#include "polymeter/options.h"
#include "sdk/testing/snapshot_builder.h"
#include "test/conformance/hostile_names.h"
#include "test/conformance/sinks.h"

POLYMETER_BEGIN_NAMESPACE
namespace testing {
namespace {

std::string NameCell(std::string_view name) {
  encoding::TextBuffer cell;
  detail::AppendNameCell(cell, name);
  return std::string(cell.text());
}

TEST(CsvName, IsQuotedUnlessItIsALegacyOne) {
  EXPECT_EQ(NameCell("jobs_total"), "jobs_total");
  EXPECT_EQ(NameCell("a:b"), "a:b");
  EXPECT_EQ(NameCell("http.requests"), "\"http.requests\"");
  EXPECT_EQ(NameCell("a,b c"), "\"a,b c\"");
  EXPECT_EQ(NameCell("\xF0\x9F\x98\x80"), "\"\xF0\x9F\x98\x80\"");
}

TEST(CsvName, IsJsonWhereItWouldBreakARowOrCalculate) {
  EXPECT_EQ(NameCell("a\nb"), "\"\"\"a\\nb\"\"\"");
  EXPECT_EQ(NameCell("=1+1"), "\"\"\"=1+1\"\"\"");
  EXPECT_EQ(NameCell(" @x"), "\"\"\" @x\"\"\"");
  EXPECT_EQ(NameCell("a;b|c"), "\"\"\"a\\u003bb\\u007cc\"\"\"");
  EXPECT_EQ(NameCell("\"x\""), "\"\"\"\\\"\"x\\\"\"\"\"\"");
}

TEST(CsvName, NeverBreaksARowOfTheTable) {
  SnapshotBuilder builder;
  FamilySink& sink = builder.Names(NameValidation::kUtf8).sink();
  for (const std::string& name : HostileNames()) {
    sink.BeginFamily(MetricType::kGauge, name, "");
    sink.Gauge({{name, name}}, 1);
  }
  const Snapshot snapshot = builder.Build();
  ASSERT_EQ(snapshot.size(), HostileNames().size());
  RecordingSink table;
  CsvOptions options;
  options.crlf = false;
  EXPECT_EQ(MakeCsvEncoder(options)->Encode(snapshot, nullptr, table).points, snapshot.size());
  const std::string& text = table.messages().at(0);
  // A line a row; no cell makes another one, and none of them begins a formula.
  EXPECT_EQ(static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')),
            snapshot.size() + 1);
  for (const char* const start :
       {",=", ",+", ",-", ",@", ",\"=", ",\"+", ",\"-", ",\"@", ";", "|", "\r"}) {
    EXPECT_EQ(text.find(start), std::string::npos) << start;
  }
}

}  // namespace
}  // namespace testing
POLYMETER_END_NAMESPACE
