// CSV, byte by byte. That a real reader reads the same is judged in test/receivers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <limits>
#include <string>
#include <vector>

#include "exporters/csv/csv_encoder.h"
#include "sdk/testing/snapshot_builder.h"
#include "test/conformance/sinks.h"
#include "test/conformance/snapshots.h"

POLYMETER_BEGIN_NAMESPACE
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using testing::RecordingSink;
using testing::SnapshotBuilder;
using testing::SnapshotOf;

std::string Encode(const Snapshot& snapshot, CsvOptions options = {}) {
  RecordingSink sink;
  const EncodeReport report = MakeCsvEncoder(options)->Encode(snapshot, nullptr, sink);
  EXPECT_TRUE(report.complete);
  EXPECT_EQ(report.points, snapshot.size());
  EXPECT_TRUE(report.dropped.empty());
  return sink.messages().empty() ? std::string() : sink.messages().front();
}

CsvOptions Lf() {
  CsvOptions options;
  options.crlf = false;
  return options;
}

template <class Write>
Snapshot SnapshotOfTexts(Write write) {
  SnapshotBuilder builder;
  write(builder.sink());
  return builder.Build();
}

std::string Golden(const std::string& name) {
  std::ifstream file(POLYMETER_SOURCE_DIR "/exporters/csv/golden/" + name, std::ios::binary);
  EXPECT_TRUE(file.good()) << name;
  return {std::istreambuf_iterator<char>(file), {}};
}

// RFC 4180, strictly: rows of cells, LF or CRLF behind each.
std::vector<std::vector<std::string>> Rows(std::string_view table, std::string_view line_end) {
  std::vector<std::vector<std::string>> rows;
  while (!table.empty()) {
    rows.emplace_back();
    for (bool more = true; more;) {
      std::string cell;
      if (table.starts_with('"')) {
        for (table.remove_prefix(1);; table.remove_prefix(1)) {
          if (table.starts_with("\"\"")) {
            table.remove_prefix(1);
          } else if (table.empty() || table[0] == '"') {
            break;
          }
          cell += table[0];
        }
        if (table.empty()) {
          ADD_FAILURE() << "a quote that does not end";
          return rows;
        }
        table.remove_prefix(1);
      } else {
        const std::size_t end = table.find_first_of(",\r\n\"");
        cell = table.substr(0, end);
        table.remove_prefix(cell.size());
      }
      rows.back().push_back(cell);
      more = table.starts_with(',');
      if (more) table.remove_prefix(1);
    }
    if (!table.starts_with(line_end)) {
      ADD_FAILURE() << "a row ends in " << table.substr(0, 10);
      return rows;
    }
    table.remove_prefix(line_end.size());
  }
  return rows;
}

TEST(CsvEncoder, WritesEveryKindAsTheGoldenFileShows) {
  EXPECT_EQ(Encode(SnapshotOf(testing::WriteCanonical)), Golden("canonical.csv"));
}

TEST(CsvEncoder, WritesAHeaderAloneForAnEmptySnapshotAndNothingWithoutOne) {
  EXPECT_EQ(Encode(Snapshot()), "timestamp,name,type,labels,field,value\r\n");
  EXPECT_EQ(Encode(Snapshot(), Lf()), "timestamp,name,type,labels,field,value\n");
  CsvOptions bare;
  bare.header = false;
  RecordingSink sink;
  EXPECT_TRUE(MakeCsvEncoder(bare)->Encode(Snapshot(), nullptr, sink).complete);
  EXPECT_THAT(sink.messages(), IsEmpty());
}

TEST(CsvEncoder, WritesNumbersExactly) {
  const std::string table = Encode(SnapshotOf(testing::WriteHostileNumbers), Lf());
  EXPECT_THAT(table, HasSubstr("\"{\"\"value\"\":\"\"2_64_minus_1\"\"}\",value,"
                               "18446744073709551615\n"));
  EXPECT_THAT(table, HasSubstr("\"{\"\"value\"\":\"\"nan\"\"}\",value,NaN\n"));
  EXPECT_THAT(table, HasSubstr("\"{\"\"value\"\":\"\"inf\"\"}\",value,+Inf\n"));
  EXPECT_THAT(table, HasSubstr("\"{\"\"value\"\":\"\"minus_inf\"\"}\",value,-Inf\n"));
  EXPECT_THAT(table, HasSubstr("\"{\"\"value\"\":\"\"minus_zero\"\"}\",value,-0\n"));
}

TEST(CsvEncoder, PutsBoundsAndQuantilesIntoLabels) {
  const auto table = Rows(Encode(SnapshotOfTexts([](FamilySink& sink) {
                            sink.BeginFamily(MetricType::kHistogram, "h", "");
                            const double bound = 0.5;
                            const std::uint64_t buckets[] = {3, 4};
                            sink.Histogram(nullptr, 0, &bound, 1, buckets, 9);
                            sink.BeginFamily(MetricType::kSummary, "s", "");
                            const Label label{"a", "b"};
                            const Quantile quantile{0.99, 7};
                            sink.Summary(&label, 1, &quantile, 1, 2, 8);
                          })),
                          "\r\n");
  const std::string t = "1970-01-01T00:00:00.000Z";
  EXPECT_THAT(table,
              ElementsAre(ElementsAre("timestamp", "name", "type", "labels", "field", "value"),
                          ElementsAre(t, "h", "histogram", "{\"le\":\"0.5\"}", "bucket", "3"),
                          ElementsAre(t, "h", "histogram", "{\"le\":\"+Inf\"}", "bucket", "7"),
                          ElementsAre(t, "h", "histogram", "{}", "count", "7"),
                          ElementsAre(t, "h", "histogram", "{}", "sum", "9"),
                          ElementsAre(t, "s", "summary", "{\"a\":\"b\",\"quantile\":\"0.99\"}",
                                      "quantile", "7"),
                          ElementsAre(t, "s", "summary", "{\"a\":\"b\"}", "count", "2"),
                          ElementsAre(t, "s", "summary", "{\"a\":\"b\"}", "sum", "8")));
}

TEST(CsvEncoder, HasTheSameColumnsAndNoFormulaWhateverStandsInLabels) {
  for (const auto& [name, snapshot] : testing::CorpusSnapshots()) {
    const std::string table = Encode(snapshot);
    for (const auto& row : Rows(table, "\r\n")) {
      ASSERT_EQ(row.size(), 6u) << name;
      for (std::size_t i = 0; i < 5; ++i) {  // the sixth is a number
        ASSERT_FALSE(row[i].empty()) << name;
        ASSERT_EQ(std::string_view("=+-@\t\r").find(row[i][0]), std::string_view::npos) << row[i];
      }
    }
    // A reader of lines finds whole rows.
    EXPECT_EQ(Rows(Encode(snapshot, Lf()), "\n").size(), Rows(table, "\r\n").size()) << name;
  }
}

TEST(CsvEncoder, DefusesFormulasBehindOtherSeparators) {
  const Snapshot snapshot = SnapshotOfTexts([](FamilySink& sink) {
    sink.BeginFamily(MetricType::kGauge, "g", "");
    sink.Gauge({{"a", "x;=cmd()|+1\\;\"@"}}, 1);
  });
  EXPECT_THAT(Encode(snapshot), HasSubstr("x\\u003b=cmd()\\u007c+1\\\\\\u003b\\\"\"@"));
  CsvOptions keep;
  keep.defuse_formulas = false;
  EXPECT_THAT(Encode(snapshot, keep), HasSubstr("x;=cmd()|+1\\\\;\\\"\"@"));
}

}  // namespace
POLYMETER_END_NAMESPACE
