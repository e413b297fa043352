// Exemplars over OTLP.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "exporters/otlp/encoded_for_test.h"
#include "exporters/otlp/json_scan.h"

POLYMETER_BEGIN_NAMESPACE
namespace testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Optional;
using ::testing::Pair;
using ::testing::SizeIs;

constexpr std::int64_t kSeen = 1750000000123456789;

TraceContext ExampleTrace() {
  TraceContext trace;
  for (std::uint8_t i = 0; i < 16; ++i) trace.trace_id[i] = static_cast<std::uint8_t>(0xA0 + i);
  for (std::uint8_t i = 0; i < 8; ++i) trace.span_id[i] = i;
  return trace;
}
const std::string kTraceBytes = "\xA0\xA1\xA2\xA3\xA4\xA5\xA6\xA7\xA8\xA9\xAA\xAB\xAC\xAD\xAE\xAF";

Exemplar Example(double value, std::int64_t seen = kSeen) {
  Exemplar exemplar{value, seen, ExampleTrace()};
  return exemplar;
}

Snapshot CounterWith(std::uint64_t total, const Exemplar& exemplar) {
  return WrittenSnapshot([&](FamilySink& sink) {
    sink.BeginFamily(MetricType::kCounter, "c_total", "");
    const Label label{"a", "b"};
    sink.Counter(&label, 1, total, exemplar);
  });
}

Snapshot HistogramWith(const std::vector<Exemplar>& exemplars) {
  return WrittenSnapshot([&](FamilySink& sink) {
    sink.BeginFamily(MetricType::kHistogram, "h", "");
    const double bounds[] = {1, 2};
    const std::uint64_t buckets[] = {3, 4, 5};
    const Label label{"a", "b"};
    HistogramPoint point{SeriesView(nullptr), bounds, buckets, 2, 12, 9.5};
    point.exemplars = exemplars.data();
    point.exemplar_count = static_cast<std::uint32_t>(exemplars.size());
    sink.Histogram(&label, 1, point);
  });
}

TEST(OtlpExemplar, GoesWithACounterAsAnIntegerWhereTheCounterIsOne) {
  const ReadPoint whole = OneMetric(CounterWith(5, Example(2))).points.at(0);
  EXPECT_THAT(whole.attributes, ElementsAre(Pair("a", "b")));
  EXPECT_THAT(whole.as_int, Optional(5));
  ASSERT_THAT(whole.exemplars, SizeIs(1));
  EXPECT_THAT(whole.exemplars[0].as_int, Optional(2));
  EXPECT_THAT(whole.exemplars[0].time, Optional(static_cast<std::uint64_t>(kSeen)));
  EXPECT_EQ(whole.exemplars[0].trace_id, kTraceBytes);
  EXPECT_EQ(whole.exemplars[0].span_id, std::string("\0\1\2\3\4\5\6\7", 8));
  EXPECT_THAT(whole.exemplars[0].attributes, IsEmpty());
  for (const double value : {0.5, 0x1p63, std::numeric_limits<double>::infinity()}) {
    EXPECT_THAT(OneMetric(CounterWith(5, Example(value))).points.at(0).exemplars.at(0).as_double,
                Optional(value));
  }
  EXPECT_TRUE(std::isnan(OneMetric(CounterWith(5, Example(std::nan(""))))
                             .points.at(0)
                             .exemplars.at(0)
                             .as_double.value()));
}

TEST(OtlpExemplar, GoesWithBothKindsOfHistograms) {
  std::vector<Exemplar> exemplars = {Example(0.5), Example(2), Example(7, 0)};
  exemplars[1].trace = {};
  const ReadPoint point = OneMetric(HistogramWith(exemplars)).points.at(0);
  EXPECT_THAT(point.attributes, ElementsAre(Pair("a", "b")));
  EXPECT_THAT(point.buckets, ElementsAre(3, 4, 5));
  ASSERT_THAT(point.exemplars, SizeIs(3));
  EXPECT_THAT(point.exemplars[0].as_double, Optional(0.5));
  EXPECT_EQ(point.exemplars[0].trace_id, kTraceBytes);
  EXPECT_THAT(point.exemplars[1].as_double, Optional(2.0)) << "a histogram's are doubles";
  EXPECT_THAT(point.exemplars[1].trace_id, IsEmpty()) << "there was no trace";
  EXPECT_EQ(point.exemplars[2].time, std::nullopt) << "nobody knows when";

  const ReadPoint exponential =
      OneMetric(WrittenSnapshot([&](FamilySink& sink) {
        sink.BeginFamily(MetricType::kHistogram, "h", "");
        PutNative(sink, {{"a", "b"}}, {.positive = {1, 1, 1}}, 9.5, exemplars);
      })).points.at(0);
  EXPECT_THAT(exponential.attributes, ElementsAre(Pair("a", "b")));
  EXPECT_THAT(exponential.exemplars, SizeIs(3));
  EXPECT_EQ(exponential.exemplars.at(0).trace_id, kTraceBytes);
}

TEST(OtlpExemplar, KeepsItsLabelsAsAttributesThatAreUniqueAndUtf8) {
  const std::string names[] = {"user", "b", "c", "d", "user", "", "bad\xFF", "h"};
  const std::string values[] = {"7", "", "say \"hi\"", "z", "twice", "nameless", "worse\xC3", "e"};
  std::vector<Label> labels;
  for (int i = 0; i < 8; ++i) labels.push_back({names[i], values[i]});
  Exemplar exemplar = Example(1);
  exemplar.labels = labels.data();
  exemplar.label_count = 8;
  const ReadPoint point = OneMetric(HistogramWith({exemplar})).points.at(0);
  EXPECT_THAT(
      point.exemplars.at(0).attributes,
      ElementsAre(Pair("b", ""), Pair("bad\xEF\xBF\xBD", "worse\xEF\xBF\xBD"),
                  Pair("c", "say \"hi\""), Pair("d", "z"), Pair("h", "e"), Pair("user", "7")));
  const std::string json = OneMessage(HistogramWith({exemplar}), {.json = true});
  EXPECT_THAT(json, HasSubstr(R"("exemplars":[{"filteredAttributes":[{"key":"user","value":)"
                              R"({"stringValue":"7"}},{"key":"b","value":{"stringValue":""}},)"));
}

TEST(OtlpExemplar, IsJsonWithIdsInHex) {
  EXPECT_THAT(OneMessage(CounterWith(5, Example(2)), {.json = true}),
              HasSubstr(R"("attributes":[{"key":"a","value":{"stringValue":"b"}}],"exemplars":)"
                        R"([{"timeUnixNano":"1750000000123456789","asInt":"2","spanId":)"
                        R"("0001020304050607","traceId":"a0a1a2a3a4a5a6a7a8a9aaabacadaeaf"}],)"
                        R"("asInt":"5"})"));
  std::vector<Exemplar> exemplars = {Example(std::nan("")), Example(2, -5)};
  exemplars[1].trace = {};
  const std::string json = OneMessage(HistogramWith(exemplars), {.json = true});
  EXPECT_THAT(json, HasSubstr(R"("asDouble":"NaN","spanId")"));
  EXPECT_THAT(json, HasSubstr(R"(,{"asDouble":2}],"count":"12")"));
  EXPECT_TRUE(detail::ScanJson(json, [](std::string_view, std::string_view) {}));
}

TEST(OtlpExemplar, IsGivenUpBeforeThePointThatItMakesTooLarge) {
  const std::string text(3000, 'x');
  const Label label{"text", text};
  Exemplar exemplar = Example(1);
  exemplar.labels = &label;
  exemplar.label_count = 1;
  const Snapshot snapshot = WrittenSnapshot([&](FamilySink& sink) {
    sink.BeginFamily(MetricType::kCounter, "c_total", "");
    for (const char* const name : {"1", "2", "3"}) {
      const Label own{"n", name};
      sink.Counter(&own, 1, 5, exemplar);
    }
  });
  for (const bool json : {false, true}) {
    EncodedMessages messages;
    const EncodeReport report = detail::MakeOtlpEncoder({.json = json, .max_request_bytes = 2000})
                                    ->Encode(snapshot, nullptr, messages);
    EXPECT_EQ(report.points, 3u);
    EXPECT_THAT(report.dropped, IsEmpty());
    for (const std::string& message : messages.all) EXPECT_LE(message.size(), 2000u);
  }
}

}  // namespace
}  // namespace testing
POLYMETER_END_NAMESPACE
