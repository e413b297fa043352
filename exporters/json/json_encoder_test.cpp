// JSON and JSON Lines, byte by byte. That real parsers read the same is judged in test/receivers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <limits>
#include <random>
#include <string>

#include "exporters/common/encoding/json_text.h"
#include "exporters/json/json_encoder.h"
#include "polymeter/metrics.h"
#include "sdk/src/text.h"
#include "sdk/testing/snapshot_builder.h"
#include "test/conformance/sinks.h"
#include "test/conformance/snapshots.h"

POLYMETER_BEGIN_NAMESPACE
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using testing::RecordingSink;
using testing::SnapshotBuilder;
using testing::SnapshotOf;

std::string Encode(const Encoder& encoder, const Snapshot& snapshot) {
  RecordingSink sink;
  const EncodeReport report = encoder.Encode(snapshot, nullptr, sink);
  EXPECT_TRUE(report.complete);
  EXPECT_EQ(report.points, snapshot.size());
  EXPECT_TRUE(report.dropped.empty());
  EXPECT_EQ(sink.messages().size(), 1u);
  return sink.messages().empty() ? std::string() : sink.messages().front();
}
std::string Compact(const Snapshot& snapshot) { return Encode(*MakeJsonEncoder(), snapshot); }

template <class Write>
std::string Compact(Write write) {
  SnapshotBuilder builder;
  write(builder.sink());
  return Compact(builder.Build());
}

std::string Golden(const std::string& name) {
  std::ifstream file(POLYMETER_SOURCE_DIR "/exporters/json/golden/" + name, std::ios::binary);
  EXPECT_TRUE(file.good()) << name;
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(JsonEncoder, WritesEveryKindAsTheGoldenFilesShow) {
  const Snapshot snapshot = SnapshotOf(testing::WriteCanonical);
  EXPECT_EQ(Encode(*MakeJsonEncoder(JsonStyle::kPretty), snapshot), Golden("canonical.json"));
  EXPECT_EQ(Encode(*MakeJsonLinesEncoder(), snapshot), Golden("canonical.jsonl"));
  EXPECT_EQ(Compact(snapshot), Golden("canonical.jsonl"));
}

TEST(JsonEncoder, WritesADocumentOfAnEmptySnapshot) {
  EXPECT_EQ(Compact(Snapshot()),
            "{\"time\":\"1970-01-01T00:00:00.000Z\",\"time_unix_nanos\":\"0\",\"resource\":{},"
            "\"families\":[]}\n");
  EXPECT_EQ(Encode(*MakeJsonEncoder(JsonStyle::kPretty), Snapshot()),
            "{\n  \"time\": \"1970-01-01T00:00:00.000Z\",\n  \"time_unix_nanos\": \"0\",\n"
            "  \"resource\": {},\n  \"families\": []\n}\n");
}

TEST(JsonEncoder, WritesNumbersThatReadersRoundAsStrings) {
  const std::string document = Compact([](FamilySink& sink) {
    sink.BeginFamily(MetricType::kCounter, "n_total", "");
    sink.Counter({{"n", "a"}}, std::uint64_t{1} << 53);
    sink.Counter({{"n", "b"}}, (std::uint64_t{1} << 53) + 1);
    sink.Counter({{"n", "c"}}, std::numeric_limits<std::uint64_t>::max());
    sink.BeginFamily(MetricType::kGauge, "g", "");
    sink.Gauge({{"n", "a"}}, std::numeric_limits<double>::quiet_NaN());
    sink.Gauge({{"n", "b"}}, std::numeric_limits<double>::infinity());
    sink.Gauge({{"n", "c"}}, -std::numeric_limits<double>::infinity());
    sink.Gauge({{"n", "d"}}, -0.0);
    sink.Gauge({{"n", "e"}}, 1e6);
    sink.Gauge({{"n", "f"}}, 0.1 + 0.2);
  });
  for (const char* series :
       {"{\"labels\":{\"n\":\"a\"},\"value\":9007199254740992}",
        "{\"labels\":{\"n\":\"b\"},\"value\":\"9007199254740993\"}",
        "{\"labels\":{\"n\":\"c\"},\"value\":\"18446744073709551615\"}",
        "{\"labels\":{\"n\":\"a\"},\"value\":\"NaN\"}",
        "{\"labels\":{\"n\":\"b\"},\"value\":\"+Inf\"}",
        "{\"labels\":{\"n\":\"c\"},\"value\":\"-Inf\"}",
        "{\"labels\":{\"n\":\"d\"},\"value\":-0.0}", "{\"labels\":{\"n\":\"e\"},\"value\":1e+06}",
        "{\"labels\":{\"n\":\"f\"},\"value\":0.30000000000000004}"}) {
    EXPECT_THAT(document, HasSubstr(series));
  }
}

TEST(JsonEncoder, CountsBucketsCumulatively) {
  const std::string document = Compact([](FamilySink& sink) {
    sink.BeginFamily(MetricType::kHistogram, "h", "");
    const double bounds[] = {0.1, 1e6};
    const std::uint64_t buckets[] = {3, 4, 5};
    sink.Histogram(nullptr, 0, bounds, 2, buckets, -1.5);
  });
  EXPECT_THAT(document, HasSubstr("{\"labels\":{},\"count\":12,\"sum\":-1.5,\"buckets\":["
                                  "{\"le\":\"0.1\",\"count\":3},{\"le\":\"1e+06\",\"count\":7},"
                                  "{\"le\":\"+Inf\",\"count\":12}]}"));
}

TEST(JsonEncoder, WritesExponentialBucketsAsTheHeaderShows) {
  const std::string document = Compact([](FamilySink& sink) {
    sink.BeginFamily(MetricType::kHistogram, "h", "");
    const std::uint64_t positive[] = {1, 0, 9007199254740993};
    const std::uint64_t negative[] = {4};
    NativeHistogram native;
    native.schema = -3;
    native.zero_threshold = 1e-128;
    native.zero_count = 2;
    native.positive = {-2, 3, positive};
    native.negative = {5, 1, negative};
    native.positive_infinite = 3;
    native.count = 9007199254741003;
    HistogramPoint point{SeriesView(nullptr), nullptr, &native.count, 0, native.count, -1.5};
    point.native = &native;
    sink.Histogram(nullptr, 0, point);
    const NativeHistogram empty;
    const Label label{"n", "empty"};
    point.native = &empty;
    sink.Histogram(&label, 1, point);
  });
  EXPECT_THAT(document,
              HasSubstr("{\"labels\":{},\"count\":\"9007199254741003\",\"sum\":-1.5,\"buckets\":["
                        "{\"le\":\"+Inf\",\"count\":\"9007199254741003\"}],\"native\":{"
                        "\"schema\":-3,\"zero_threshold\":1e-128,\"zero_count\":2,"
                        "\"positive\":{\"first\":-2,\"counts\":[1,0,\"9007199254740993\"]},"
                        "\"negative\":{\"first\":5,\"counts\":[4]},\"positive_infinite\":3,"
                        "\"negative_infinite\":0,\"count\":\"9007199254741003\"}}"));
  EXPECT_THAT(document,
              HasSubstr("\"native\":{\"schema\":0,\"zero_threshold\":0,\"zero_count\":0,"
                        "\"positive\":{\"first\":0,\"counts\":[]},"
                        "\"negative\":{\"first\":0,\"counts\":[]},\"positive_infinite\":0,"
                        "\"negative_infinite\":0,\"count\":0}}"));
}

TEST(JsonEncoder, WritesExemplarsWithTheirTraceAndKeysThatAreUnique) {
  const std::string document = Compact([](FamilySink& sink) {
    const Label labels[] = {{"user", "a\"b"}, {"user", "again"}, {"x\xFF", "\xFF"}, {"x\xFE", "y"}};
    Exemplar exemplar{0.25, 1700000000250000000, {}, labels, 4};
    exemplar.trace.trace_id[15] = 0xAB;
    exemplar.trace.span_id[0] = 0xC;
    sink.BeginFamily(MetricType::kCounter, "c_total", "");
    sink.Counter(nullptr, 0, 7, exemplar);
    sink.BeginFamily(MetricType::kHistogram, "h", "");
    const Exemplar exemplars[] = {exemplar, {std::numeric_limits<double>::infinity(), 0, {}}};
    const std::uint64_t bucket = 2;
    HistogramPoint point{SeriesView(nullptr), nullptr, &bucket, 0, 2, 1};
    point.exemplars = exemplars;
    point.exemplar_count = 2;
    sink.Histogram(nullptr, 0, point);
  });
  const std::string exemplar =
      "{\"value\":0.25,\"time\":\"2023-11-14T22:13:20.250Z\","
      "\"trace_id\":\"000000000000000000000000000000ab\",\"span_id\":\"0c00000000000000\","
      "\"labels\":{\"user\":\"a\\\"b\",\"x\xEF\xBF\xBD\":\"\xEF\xBF\xBD\"}}";
  EXPECT_THAT(document, HasSubstr("\"value\":7,\"exemplar\":" + exemplar + "}"));
  EXPECT_THAT(document,
              HasSubstr("\"exemplars\":[" + exemplar + ",{\"value\":\"+Inf\",\"labels\":{}}]}"));
}

TEST(JsonEncoder, MergesConstantLabelsAndKeepsKeysUnique) {
  const Metrics metrics(Options().Consumer().ConstLabels({{"zone", "b"}, {"rack", "7"}}));
  metrics.Gauge("level", "", {"zone"}).With("own").Set(1);
  const std::string document = Compact(metrics.TakeSnapshot());
  EXPECT_THAT(document, HasSubstr("\"labels\":{\"rack\":\"7\",\"zone\":\"own\"}"));
  SnapshotBuilder builder;
  builder.Resource("a", "1").Resource("a", "2").Resource("b\xFF", "3").Resource("b\xFE", "4");
  EXPECT_THAT(Compact(builder.Build()),
              HasSubstr("\"resource\":{\"a\":\"1\",\"b\xEF\xBF\xBD\":\"3\"}"));
}

TEST(JsonEncoder, LeavesOutAnUnknownStartTime) {
  const auto write = [](FamilySink& sink) {
    sink.BeginFamily(MetricType::kCounter, "c", "");
    sink.Counter({}, std::uint64_t{1});
  };
  EXPECT_THAT(Compact(write), Not(HasSubstr("start_time")));
  EXPECT_THAT(Compact(SnapshotOf(write)), HasSubstr("\"start_time\":\"2023-11-14T22:13:20.125Z\""));
}

TEST(JsonLinesEncoder, WritesOneLineWhateverStandsInLabels) {
  for (const auto& [name, snapshot] : testing::CorpusSnapshots()) {
    const std::string line = Encode(*MakeJsonLinesEncoder(), snapshot);
    EXPECT_EQ(line.find('\n'), line.size() - 1) << name;
    EXPECT_TRUE(detail::IsUtf8(line)) << name;
    for (const char c : line.substr(0, line.size() - 1)) {
      ASSERT_GE(static_cast<unsigned char>(c), 0x20) << name;
    }
  }
}

// --- strings ---------------------------------------------------------------------------------

std::string JsonString(std::string_view text) {
  encoding::TextBuffer out;
  encoding::AppendJsonString(out, text);
  return std::string(std::string_view(out.text()));
}

// Reads what AppendJsonString may write; anything else is a failure.
std::string Unescaped(std::string_view json) {
  EXPECT_GE(json.size(), 2u);
  EXPECT_EQ(json.front(), '"');
  EXPECT_EQ(json.back(), '"');
  json = json.substr(1, json.size() - 2);
  std::string out;
  while (!json.empty()) {
    if (json[0] != '\\') {
      EXPECT_NE(json[0], '"');
      out += json[0];
      json.remove_prefix(1);
      continue;
    }
    static const std::pair<std::string_view, std::string_view> kEscapes[] = {
        {"\\\"", "\""},
        {"\\\\", "\\"},
        {"\\n", "\n"},
        {"\\r", "\r"},
        {"\\t", "\t"},
        {"\\u0085", "\xC2\x85"},
        {"\\u2028", "\xE2\x80\xA8"},
        {"\\u2029", "\xE2\x80\xA9"}};
    bool known = false;
    for (const auto& [escape, meaning] : kEscapes) {
      if (!json.starts_with(escape)) continue;
      out += meaning;
      json.remove_prefix(escape.size());
      known = true;
      break;
    }
    if (known) continue;
    if (!json.starts_with("\\u00") || json.size() < 6) {
      ADD_FAILURE() << "unknown escape " << json.substr(0, 8);
      return out;
    }
    out += static_cast<char>(std::stoi(std::string(json.substr(4, 2)), nullptr, 16));
    json.remove_prefix(6);
  }
  return out;
}

TEST(JsonText, EscapesWhatMustBeAndNothingElse) {
  EXPECT_EQ(JsonString(""), "\"\"");
  EXPECT_EQ(JsonString("a/b\x7F gr\xC3\xBC\xC3\x9F"), "\"a/b\x7F gr\xC3\xBC\xC3\x9F\"");
  EXPECT_EQ(JsonString("\"\\\n\r\t"), "\"\\\"\\\\\\n\\r\\t\"");
  EXPECT_EQ(JsonString(std::string_view("\0\x01\x1f", 3)), "\"\\u0000\\u0001\\u001f\"");
  EXPECT_EQ(JsonString("\xC2\x85\xE2\x80\xA8\xE2\x80\xA9\xE2\x80\xAA"),
            "\"\\u0085\\u2028\\u2029\xE2\x80\xAA\"");
  EXPECT_EQ(JsonString("a\xFF\xC3"), "\"a\xEF\xBF\xBD\xEF\xBF\xBD\"");
}

TEST(JsonText, GivesEveryTextBack) {
  std::mt19937 random(20260131);
  const std::string_view pieces[] = {"\"",
                                     "\\",
                                     "\n",
                                     "\xC2\x85",
                                     "\xE2\x80\xA8",
                                     "\xFF",
                                     "\xC3",
                                     "\xED\xA0\x80",
                                     "\xF0\x9F\x8E\x89",
                                     "a",
                                     "{",
                                     "}",
                                     ",",
                                     "\\u"};
  for (int i = 0; i < 20000; ++i) {
    std::string text;
    for (std::size_t length = random() % 24; text.size() < length;) {
      if (random() % 2 == 0) {
        text += static_cast<char>(random() & 0xFF);
      } else {
        text += pieces[random() % std::size(pieces)];
      }
    }
    const std::string json = JsonString(text);
    ASSERT_TRUE(detail::IsUtf8(json));
    ASSERT_EQ(Unescaped(json), detail::ToUtf8(text));
  }
}

TEST(JsonText, WritesTimesOfEveryEra) {
  const auto text = [](std::int64_t nanos) {
    char bytes[encoding::kMostRfc3339];
    return std::string(bytes, encoding::WriteRfc3339(bytes, nanos));
  };
  EXPECT_EQ(text(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(text(1700000000'250'999'999), "2023-11-14T22:13:20.250Z");
  EXPECT_EQ(text(1709210096'007'000'000), "2024-02-29T12:34:56.007Z");
  EXPECT_EQ(text(-1), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(text(std::numeric_limits<std::int64_t>::max()), "2262-04-11T23:47:16.854Z");
  EXPECT_EQ(text(std::numeric_limits<std::int64_t>::min()), "1677-09-21T00:12:43.145Z");
}

}  // namespace
POLYMETER_END_NAMESPACE
