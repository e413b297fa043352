// CSV, byte by byte. That a real reader reads the same is judged in test/receivers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
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

// The rows of one series that has these exponential buckets: "field le value".
std::vector<std::string> NativeRows(const NativeHistogram& native) {
  const std::string table = Encode(
      SnapshotOfTexts([&](FamilySink& sink) {
        sink.BeginFamily(MetricType::kHistogram, "h", "");
        HistogramPoint point{SeriesView(nullptr), nullptr, &native.count, 0, native.count, 2.5};
        point.native = &native;
        sink.Histogram(nullptr, 0, point);
      }),
      Lf());
  std::vector<std::string> rows;
  for (const auto& row : Rows(table, "\n")) {
    if (row[1] != "h") continue;
    std::string bound = row[3] == "{}" ? "-" : row[3].substr(7, row[3].size() - 9);
    rows.push_back(row[4] + " " + bound + " " + row[5]);
  }
  return rows;
}

TEST(CsvEncoder, CountsExponentialBucketsCumulativelyAndShowsWhereTheyBegin) {
  const std::uint64_t positive[] = {1, 2, 0, 0, 9007199254740993};
  const std::uint64_t negative[] = {3, 0, 5};
  NativeHistogram native;
  native.schema = 0;
  native.zero_threshold = 0.125;
  native.zero_count = 7;
  native.positive = {1, 5, positive};   // (1, 2], (2, 4], (16, 32]
  native.negative = {-2, 3, negative};  // [-0.25, -0.125), [-1, -0.5)
  native.negative_infinite = 4;
  native.positive_infinite = 6;
  native.count = 9007199254740993 + 28;
  EXPECT_THAT(
      NativeRows(native),
      ElementsAre("bucket +Inf 9007199254741021", "native_schema - 0", "native_bucket -Inf 4",
                  "native_bucket -1 4", "native_bucket -0.5 9", "native_bucket -0.25 9",
                  "native_bucket -0.125 12", "native_bucket 0.125 19", "native_bucket 1 19",
                  "native_bucket 2 20", "native_bucket 4 22", "native_bucket 16 22",
                  "native_bucket 32 9007199254741015", "native_bucket +Inf 9007199254741021",
                  "count - 9007199254741021", "sum - 2.5"));
  EXPECT_THAT(NativeRows({}), ElementsAre("bucket +Inf 0", "native_schema - 0",
                                          "native_bucket +Inf 0", "count - 0", "sum - 2.5"));
}

TEST(CsvEncoder, WritesExponentialBoundsOfEverySchemaAscending) {
  for (std::int32_t schema = -4; schema <= 8; ++schema) {
    const std::vector<std::uint64_t> counts(80, 1);
    NativeHistogram native;
    native.schema = schema;
    native.zero_count = 1;
    // The last one reaches the largest double.
    const auto last = static_cast<std::int32_t>(schema < 0 ? 1024 >> -schema : 1024 << schema);
    native.positive = {last - 79, 80, counts.data()};
    native.negative = {-30, 40, counts.data()};
    native.count = 121;
    double before = -std::numeric_limits<double>::infinity();
    int rows = 0;
    for (const std::string& row : NativeRows(native)) {
      if (row.rfind("native_bucket", 0) != 0) continue;
      const double bound = std::strtod(row.c_str() + 14, nullptr);
      // Those of a coarse schema end at the smallest double.
      ASSERT_TRUE(bound > before || (bound == before && bound != 0 && std::abs(bound) < 1e-300))
          << row;
      before = bound;
      ++rows;
    }
    EXPECT_GE(rows, 122);
    EXPECT_EQ(before, std::numeric_limits<double>::infinity());
  }
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
