// The protobuf page, read back by Google's library. That Prometheus takes it is judged in
// test/receivers.
#include "exporters/common/exposition/protobuf_encoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "exporters/common/exposition/protobuf_reader_for_test.h"
#include "polymeter/metrics.h"
#include "sdk/testing/snapshot_builder.h"

namespace polymeter {
namespace protobuf_encoder_test {
namespace {

using detail::NameEscaping;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::SnapshotBuilder;
using Reader = testing::ProtobufPageReader;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

class PageSink final : public MessageSink {
 public:
  bool Append(std::string_view bytes) override {
    page += bytes;
    longest = std::max(longest, bytes.size());
    return true;
  }
  bool EndMessage(std::size_t points) override {
    ended_with = points;
    return true;
  }
  std::string page;
  std::size_t longest = 0;
  std::size_t ended_with = 0;
};

// Messages do not outlive the one that read them.
const Reader& TheReader() {
  static const auto* const kReader = new Reader;
  return *kReader;
}

std::string Page(const Snapshot& snapshot, const ProtobufOptions& options = {},
                 EncodeReport* report = nullptr) {
  PageSink sink;
  const EncodeReport got = MakeProtobufEncoder(options)->Encode(snapshot, nullptr, sink);
  EXPECT_TRUE(got.complete);
  EXPECT_EQ(got.points, sink.ended_with);
  if (report != nullptr) *report = got;
  return sink.page;
}
std::string Text(const Snapshot& snapshot, const ProtobufOptions& options = {},
                 EncodeReport* report = nullptr) {
  return TheReader().Text(Page(snapshot, options, report));
}

std::string Bytes(std::initializer_list<int> bytes) {
  std::string out;
  for (const int byte : bytes) out += static_cast<char>(byte);
  return out;
}
std::string LittleEndian(double value) {
  std::string out(8, '\0');
  std::memcpy(out.data(), &value, 8);
  return out;
}

// A histogram family `h` of one series with exponential buckets alone.
class Native {
 public:
  explicit Native(std::int32_t schema, double threshold = 0) {
    histogram_.schema = schema;
    histogram_.zero_threshold = threshold;
  }
  Native& Zero(std::uint64_t count) {
    histogram_.zero_count = count;
    return *this;
  }
  Native& Positive(std::int32_t first, std::vector<std::uint64_t> counts) {
    positive_ = std::move(counts);
    histogram_.positive = {first, static_cast<std::uint32_t>(positive_.size()), positive_.data()};
    return *this;
  }
  Native& Negative(std::int32_t first, std::vector<std::uint64_t> counts) {
    negative_ = std::move(counts);
    histogram_.negative = {first, static_cast<std::uint32_t>(negative_.size()), negative_.data()};
    return *this;
  }
  Native& Infinite(std::uint64_t positive, std::uint64_t negative) {
    histogram_.positive_infinite = positive;
    histogram_.negative_infinite = negative;
    return *this;
  }
  Native& Sum(double sum) {
    sum_ = sum;
    return *this;
  }
  Native& Bounds(std::vector<double> bounds, std::vector<std::uint64_t> buckets) {
    bounds_ = std::move(bounds);
    buckets_ = std::move(buckets);
    return *this;
  }
  Native& Exemplars(std::vector<Exemplar> exemplars) {
    exemplars_ = std::move(exemplars);
    return *this;
  }
  // Adds up what was said.
  Snapshot Build() {
    histogram_.count =
        histogram_.zero_count + histogram_.positive_infinite + histogram_.negative_infinite;
    for (const auto count : positive_) histogram_.count += count;
    for (const auto count : negative_) histogram_.count += count;
    if (bounds_.empty()) buckets_ = {histogram_.count};
    std::uint64_t total = 0;
    for (const auto count : buckets_) total += count;
    HistogramPoint point{SeriesView(nullptr),
                         bounds_.data(),
                         buckets_.data(),
                         static_cast<std::uint32_t>(bounds_.size()),
                         total,
                         sum_};
    point.native = &histogram_;
    point.exemplars = exemplars_.data();
    point.exemplar_count = static_cast<std::uint32_t>(exemplars_.size());
    SnapshotBuilder builder;
    builder.sink().BeginFamily(MetricType::kHistogram, "h", "");
    builder.sink().Histogram(nullptr, 0, point);
    EXPECT_EQ(builder.refused(), 0u);
    return builder.Build();
  }

 private:
  NativeHistogram histogram_;
  std::vector<std::uint64_t> positive_;
  std::vector<std::uint64_t> negative_;
  double sum_ = 0;
  std::vector<double> bounds_;
  std::vector<std::uint64_t> buckets_;
  std::vector<Exemplar> exemplars_;
};

// What no sink lets in.
NativeHistogram& Spoil(const Snapshot& snapshot) {
  const auto& points = std::get<HistogramPoints>(snapshot.families()[0].points);
  return const_cast<NativeHistogram&>(*points[0].native);
}

TraceContext SomeTrace() {
  TraceContext trace;
  for (std::size_t i = 0; i < 16; ++i) trace.trace_id[i] = static_cast<std::uint8_t>(i);
  for (std::size_t i = 0; i < 8; ++i) trace.span_id[i] = static_cast<std::uint8_t>(0xF0 + i);
  return trace;
}
constexpr const char* kTraceLabels =
    "label { name: \"trace_id\" value: \"000102030405060708090a0b0c0d0e0f\" } "
    "label { name: \"span_id\" value: \"f0f1f2f3f4f5f6f7\" }";

// --- bytes ---------------------------------------------------------------------------------------

TEST(ProtobufEncoder, WritesAGaugeByteForByte) {
  SnapshotBuilder builder;
  builder.sink().BeginFamily(MetricType::kGauge, "g", "");
  builder.sink().Gauge({}, 1.5);
  EXPECT_EQ(Page(builder.Build()), Bytes({0x12, 0x0A, 0x01, 'g', 0x18, 0x01, 0x22, 0x0B, 0x12, 0x09,
                                          0x09, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xF8, 0x3F}));
}

TEST(ProtobufEncoder, WritesANativeHistogramByteForByte) {
  const std::string histogram = Bytes({0x08, 0x04, 0x11}) + LittleEndian(10) +
                                Bytes({0x28, 0x00, 0x31}) + LittleEndian(1e-128) +
                                Bytes({0x62, 0x04, 0x08, 0x00, 0x10, 0x03}) +
                                Bytes({0x6A, 0x03, 0x02, 0x00, 0x02});
  const std::string metric = Bytes({0x3A, static_cast<int>(histogram.size())}) + histogram;
  const std::string family =
      Bytes({0x0A, 0x01, 'h', 0x18, 0x04, 0x22, static_cast<int>(metric.size())}) + metric;
  EXPECT_EQ(Page(Native(0).Positive(0, {1, 1, 2}).Sum(10).Build()),
            Bytes({static_cast<int>(family.size())}) + family);
}

TEST(ProtobufEncoder, AnEmptySnapshotIsAnEmptyPage) { EXPECT_EQ(Page(Snapshot()), ""); }

// --- every kind ----------------------------------------------------------------------------------

TEST(ProtobufEncoder, WritesEveryKind) {
  SnapshotBuilder builder;
  FamilySink& sink = builder.sink();
  sink.BeginFamily(MetricType::kCounter, "http_requests_total", "Say \"hi\"\nnext \\ end");
  sink.Counter({{"code", "200"}, {"path", "C:\\x\n\"q\""}}, std::uint64_t{1027});
  sink.BeginFamily(MetricType::kHistogram, "lat_seconds", "Latency", "s");
  const double bounds[] = {0.125, 1};
  const std::uint64_t buckets[] = {8, 2, 1};
  sink.Histogram(nullptr, 0, bounds, 2, buckets, 3.5);
  sink.BeginFamily(MetricType::kSummary, "rpc_seconds", "Rpc");
  const Quantile quantiles[] = {{0.5, kNan}, {0.75, -2}};
  sink.Summary(nullptr, 0, quantiles, 2, 3, -1);
  sink.BeginFamily(MetricType::kGauge, "temp", "Temp");
  sink.Gauge({{"empty", ""}}, -3.5);
  sink.BeginFamily(MetricType::kUnknown, "x", "X");
  sink.Unknown({}, kInfinity);
  sink.BeginFamily(MetricType::kInfo, "build", "");
  sink.Info({{"version", "1.2"}});
  builder.Resource("service.name", "svc").Resource("1st", "a");
  EXPECT_EQ(
      Text(builder.Build()),
      "name: \"target_info\" help: \"Target metadata\" type: GAUGE metric { "
      "label { name: \"_1st\" value: \"a\" } label { name: \"service_name\" value: \"svc\" } "
      "gauge { value: 1 } }\n"
      "name: \"build_info\" type: GAUGE metric { label { name: \"version\" value: \"1.2\" } "
      "gauge { value: 1 } }\n"
      "name: \"http_requests_total\" help: \"Say \\\"hi\\\"\\nnext \\\\ end\" type: COUNTER "
      "metric { label { name: \"code\" value: \"200\" } "
      "label { name: \"path\" value: \"C:\\\\x\\n\\\"q\\\"\" } counter { value: 1027 } }\n"
      "name: \"lat_seconds\" help: \"Latency\" type: HISTOGRAM metric { histogram { "
      "sample_count: 11 sample_sum: 3.5 bucket { cumulative_count: 8 upper_bound: 0.125 } "
      "bucket { cumulative_count: 10 upper_bound: 1 } } } unit: \"seconds\"\n"
      "name: \"rpc_seconds\" help: \"Rpc\" type: SUMMARY metric { summary { sample_count: 3 "
      "sample_sum: -1 quantile { quantile: 0.5 value: nan } "
      "quantile { quantile: 0.75 value: -2 } } }\n"
      "name: \"temp\" help: \"Temp\" type: GAUGE metric { label { name: \"empty\" value: \"\" } "
      "gauge { value: -3.5 } }\n"
      "name: \"x\" help: \"X\" type: UNTYPED metric { untyped { value: inf } }\n");
}

TEST(ProtobufEncoder, GivesAUnitOnlyToNamesThatEndInIt) {
  SnapshotBuilder builder;
  FamilySink& sink = builder.sink();
  sink.BeginFamily(MetricType::kCounter, "busy_seconds_total", "", "seconds");
  sink.Counter({}, std::uint64_t{1});
  sink.BeginFamily(MetricType::kCounter, "busyseconds_total", "", "seconds");
  sink.Counter({}, std::uint64_t{1});
  sink.BeginFamily(MetricType::kGauge, "level", "", "seconds");
  sink.Gauge({}, 1);
  sink.BeginFamily(MetricType::kGauge, "seconds", "", "seconds");
  sink.Gauge({}, 1);
  const std::string text = Text(builder.Build());
  EXPECT_EQ(text.find("unit"), text.rfind("unit")) << text;
  EXPECT_THAT(text, HasSubstr("name: \"busy_seconds_total\" type: COUNTER metric { counter { "
                              "value: 1 } } unit: \"seconds\""));
}

TEST(ProtobufEncoder, HasNoTargetInfoBesideAFamilyOfThatName) {
  for (const auto& [type, name] :
       {std::pair(MetricType::kGauge, "target_info"), std::pair(MetricType::kInfo, "target")}) {
    SnapshotBuilder builder;
    builder.sink().BeginFamily(type, name, "Its own");
    if (type == MetricType::kGauge) {
      builder.sink().Gauge({}, 1);
    } else {
      builder.sink().Info({});
    }
    EXPECT_EQ(
        Text(builder.Resource("service.name", "svc").Build()),
        "name: \"target_info\" help: \"Its own\" type: GAUGE metric { gauge { value: 1 } }\n");
  }
}

TEST(ProtobufEncoder, LeavesOutFamiliesWhoseSamplesAreAnothers) {
  SnapshotBuilder builder;
  builder.sink().BeginFamily(MetricType::kInfo, "build", "");
  builder.sink().Info({{"version", "1"}});
  builder.sink().BeginFamily(MetricType::kGauge, "build_info", "The other");
  builder.sink().Gauge({}, 1);
  EncodeReport report;
  EXPECT_EQ(Text(builder.Build(), {}, &report),
            "name: \"build_info\" help: \"The other\" type: GAUGE metric { gauge { value: 1 } }\n");
  ASSERT_EQ(report.dropped.size(), 1u);
  EXPECT_EQ(report.dropped[0].reason, "name_clash");
  EXPECT_EQ(report.dropped[0].points, 1u);
}

TEST(ProtobufEncoder, KeepsNumbersAsExactAsDoublesAre) {
  SnapshotBuilder builder;
  FamilySink& sink = builder.sink();
  sink.BeginFamily(MetricType::kCounter, "c_total", "");
  sink.Counter({{"v", "1"}}, (std::uint64_t{1} << 53) + 1);
  sink.Counter({{"v", "2"}}, std::numeric_limits<std::uint64_t>::max());
  sink.BeginFamily(MetricType::kGauge, "g", "");
  const double values[] = {5e-324, -0.0, kNan, -kInfinity, std::numeric_limits<double>::max(), 0.1};
  for (std::size_t i = 0; i < std::size(values); ++i) {
    sink.Gauge({{"v", std::to_string(i)}}, values[i]);
  }
  sink.BeginFamily(MetricType::kSummary, "s", "");
  sink.Summary(nullptr, 0, nullptr, 0, std::numeric_limits<std::uint64_t>::max(), 0);
  const auto families = TheReader().Read(Page(builder.Build()));
  ASSERT_EQ(families.size(), 3u);
  const auto counters = Reader::All(*families[0], "metric");
  EXPECT_EQ(Reader::Double(Reader::One(*counters[0], "counter"), "value"), 9007199254740992.0);
  EXPECT_EQ(Reader::Double(Reader::One(*counters[1], "counter"), "value"), 18446744073709551616.0);
  const auto gauges = Reader::All(*families[1], "metric");
  for (std::size_t i = 0; i < std::size(values); ++i) {
    const double read = Reader::Double(Reader::One(*gauges[i], "gauge"), "value");
    EXPECT_EQ(std::memcmp(&read, &values[i], sizeof(read)), 0) << values[i];
  }
  EXPECT_THAT(Text(builder.Build()), HasSubstr("sample_count: 18446744073709551615"));
}

// --- exponential buckets -------------------------------------------------------------------------

TEST(ProtobufEncoder, WritesShortGapsAsEmptyBuckets) {
  EXPECT_THAT(Text(Native(0).Positive(-3, {2, 0, 0, 7, 7, 0, 0, 0, 1}).Build()),
              HasSubstr("positive_span { offset: -3 length: 5 } positive_span { offset: 3 length: "
                        "1 } positive_delta: 2 positive_delta: -2 positive_delta: 0 "
                        "positive_delta: 7 positive_delta: 0 positive_delta: -6 }"));
}

TEST(ProtobufEncoder, WritesBothSignsAndTheZeroBucket) {
  EXPECT_EQ(Text(Native(3, 0.001)
                     .Zero(2)
                     .Positive(-2, {1, 0, 0, 2, 1})
                     .Negative(4, {4})
                     .Sum(-2.5)
                     .Build()),
            "name: \"h\" type: HISTOGRAM metric { histogram { sample_count: 10 sample_sum: -2.5 "
            "schema: 3 zero_threshold: 0.001 zero_count: 2 negative_span { offset: 4 length: 1 } "
            "negative_delta: 4 positive_span { offset: -2 length: 5 } positive_delta: 1 "
            "positive_delta: -1 positive_delta: 0 positive_delta: 2 positive_delta: -1 } }\n");
}

TEST(ProtobufEncoder, ShowsAnEmptyHistogramAsANativeOne) {
  for (const double threshold : {0.0, 0.25}) {
    const std::string text = Text(Native(-4, threshold).Build());
    EXPECT_THAT(text, HasSubstr("schema: -4 zero_threshold: " +
                                std::string(threshold == 0 ? "1e-128" : "0.25")));
    EXPECT_THAT(text, HasSubstr("positive_span { offset: 0 length: 0 } }"));
    EXPECT_THAT(text, Not(HasSubstr("delta")));
  }
}

TEST(ProtobufEncoder, PutsInfiniteObservationsBehindTheLargestNumber) {
  for (const auto& [schema, overflow] :
       {std::pair(8, "262145"), std::pair(0, "1025"), std::pair(-4, "65")}) {
    const std::string text = Text(Native(schema).Infinite(3, 2).Sum(kNan).Build());
    EXPECT_THAT(text, HasSubstr("negative_span { offset: " + std::string(overflow) +
                                " length: 1 } negative_delta: 2"));
    EXPECT_THAT(text, HasSubstr("positive_span { offset: " + std::string(overflow) +
                                " length: 1 } positive_delta: 3"));
  }
  // Right behind the bucket of the largest number it belongs to the same span.
  EXPECT_THAT(Text(Native(0).Positive(1024, {5}).Infinite(1, 0).Build()),
              HasSubstr("positive_span { offset: 1024 length: 2 } positive_delta: 5 "
                        "positive_delta: -4"));
}

TEST(ProtobufEncoder, GivesTheCountOfTheExponentialBucketsToBoth) {
  // Explicit buckets that are read earlier than the exponential ones are behind them, and ...
  EXPECT_THAT(Text(Native(0).Positive(0, {4, 6}).Bounds({1}, {4, 5}).Build()),
              HasSubstr("sample_count: 10 sample_sum: 0 bucket { cumulative_count: 4 upper_bound: "
                        "1 } schema: 0"));
  // ... would never be ahead; a producer's that are do not cost a page.
  EXPECT_THAT(Text(Native(0).Positive(0, {4}).Bounds({1}, {9, 5}).Build()),
              HasSubstr("sample_count: 4 sample_sum: 0 bucket { cumulative_count: 4 "));
}

// As of a producer that takes more away than there was: the length in front must still be right.
TEST(ProtobufEncoder, ReadsBackWhereBucketsAddUpToMoreThanThereAreNumbers) {
  SnapshotBuilder builder;
  const double bounds[] = {1, 2};
  const std::uint64_t buckets[] = {std::uint64_t{0} - 5, 10, 1000};
  builder.sink().BeginFamily(MetricType::kHistogram, "h", "");
  builder.sink().Histogram(nullptr, 0, bounds, 2, buckets, 1);
  EXPECT_THAT(Text(builder.Build()), HasSubstr("sample_count: 1005 sample_sum: 1 bucket { "
                                               "cumulative_count: 1005 upper_bound: 1 } bucket { "
                                               "cumulative_count: 1005 upper_bound: 2 }"));
}

TEST(ProtobufEncoder, NeverWritesExponentialBucketsThatWouldCostThePage) {
  using Fault = void (*)(NativeHistogram&);
  const Fault faults[] = {
      [](NativeHistogram& h) { h.schema = 9; },
      [](NativeHistogram& h) { h.schema = -5; },
      [](NativeHistogram& h) { h.zero_threshold = kNan; },
      [](NativeHistogram& h) { h.zero_threshold = kInfinity; },
      [](NativeHistogram& h) { h.zero_threshold = -1; },
      [](NativeHistogram& h) { h.count += 1; },
      [](NativeHistogram& h) { h.count -= 1; },
      [](NativeHistogram& h) { h.zero_count = ~std::uint64_t{0}; },
      [](NativeHistogram& h) { h.count = ~std::uint64_t{0}; },
      [](NativeHistogram& h) { h.positive.first = 1024; },  // two of them
  };
  int number = 0;
  for (const Fault fault : faults) {
    SCOPED_TRACE(number++);
    const Snapshot alone = Native(0).Positive(0, {4, 6}).Build();
    fault(Spoil(alone));
    EncodeReport report;
    EXPECT_EQ(Page(alone, {}, &report), "");
    ASSERT_EQ(report.dropped.size(), 1u);
    EXPECT_EQ(report.dropped[0].reason, "bad_native_histogram");
    const Snapshot beside = Native(0).Positive(0, {4, 6}).Bounds({1}, {4, 6}).Build();
    fault(Spoil(beside));
    EXPECT_EQ(Text(beside, {}, &report),
              "name: \"h\" type: HISTOGRAM metric { histogram { sample_count: 10 sample_sum: 0 "
              "bucket { cumulative_count: 4 upper_bound: 1 } } }\n");
    EXPECT_TRUE(report.dropped.empty());
  }
  // Observations that are not numbers are in no bucket.
  const Snapshot snapshot = Native(0).Positive(0, {4, 6}).Sum(kNan).Build();
  Spoil(snapshot).count += 1;
  EXPECT_THAT(Text(snapshot), HasSubstr("sample_count: 11 sample_sum: nan schema: 0"));
}

// --- exemplars and start times -------------------------------------------------------------------

TEST(ProtobufEncoder, WritesTheExemplarOfACounter) {
  const Label labels[] = {{"query", "a \"b\""}, {"trace_id", "a second one"}};
  SnapshotBuilder builder;
  builder.sink().BeginFamily(MetricType::kCounter, "c_total", "");
  builder.sink().Counter(nullptr, 0, 7, Exemplar{2.5, 1700000000250000000, SomeTrace(), labels, 2});
  const Label other[] = {{"v", "2"}};
  builder.sink().Counter(other, 1, 8, Exemplar{1, 0, TraceContext(), labels, 1});
  EXPECT_EQ(Text(builder.Build()),
            "name: \"c_total\" type: COUNTER metric { counter { value: 7 exemplar { " +
                std::string(kTraceLabels) +
                " label { name: \"query\" value: \"a \\\"b\\\"\" } value: 2.5 timestamp { "
                "seconds: 1700000000 nanos: 250000000 } } } } "
                "metric { label { name: \"v\" value: \"2\" } counter { value: 8 exemplar { "
                "label { name: \"query\" value: \"a \\\"b\\\"\" } value: 1 } } }\n");
}

TEST(ProtobufEncoder, WritesExemplarsOnExplicitBuckets) {
  SnapshotBuilder builder;
  builder.sink().BeginFamily(MetricType::kHistogram, "h", "");
  const double bounds[] = {1, 2, 4};
  const std::uint64_t buckets[] = {1, 0, 1, 1};
  const std::int64_t time = 5000000000;
  const Exemplar exemplars[] = {{0.5, time, SomeTrace(), nullptr, 0, 0},
                                {9, time, TraceContext(), nullptr, 0, 1},  // not in its bucket
                                {8, time, TraceContext(), nullptr, 0, 3},
                                {8, time, TraceContext(), nullptr, 0, 7}};  // no such bucket
  HistogramPoint point{SeriesView(nullptr), bounds, buckets, 3, 3, 9};
  point.exemplars = exemplars;
  point.exemplar_count = 4;
  builder.sink().Histogram(nullptr, 0, point);
  EXPECT_EQ(Text(builder.Build()),
            "name: \"h\" type: HISTOGRAM metric { histogram { sample_count: 3 sample_sum: 9 "
            "bucket { cumulative_count: 1 upper_bound: 1 exemplar { " +
                std::string(kTraceLabels) +
                " value: 0.5 timestamp { seconds: 5 } } } "
                "bucket { cumulative_count: 1 upper_bound: 2 } "
                "bucket { cumulative_count: 2 upper_bound: 4 } "
                "bucket { cumulative_count: 3 upper_bound: inf exemplar { value: 8 timestamp { "
                "seconds: 5 } } } } }\n");
}

TEST(ProtobufEncoder, WritesTheBucketOfEverythingForItsExemplar) {
  SnapshotBuilder builder;
  builder.sink().BeginFamily(MetricType::kHistogram, "h", "");
  const std::uint64_t buckets[] = {3};
  const Exemplar exemplar{8, 5000000000, TraceContext(), nullptr, 0, 0};
  HistogramPoint point{SeriesView(nullptr), nullptr, buckets, 0, 3, 9};
  point.exemplars = &exemplar;
  point.exemplar_count = 1;
  builder.sink().Histogram(nullptr, 0, point);
  EXPECT_EQ(Text(builder.Build()),
            "name: \"h\" type: HISTOGRAM metric { histogram { sample_count: 3 sample_sum: 9 "
            "bucket { cumulative_count: 3 upper_bound: inf exemplar { value: 8 timestamp { "
            "seconds: 5 } } } } }\n");
}

TEST(ProtobufEncoder, WritesExemplarsOfExponentialBucketsInTheOrderOfTheirTimes) {
  const std::int64_t second = 1000000000;
  EXPECT_THAT(Text(Native(0)
                       .Positive(0, {4})
                       .Exemplars({{0.6, 7 * second, {}}, {0.7, 0, {}}, {0.8, 5 * second, {}}})
                       .Build()),
              HasSubstr("positive_delta: 4 exemplars { value: 0.8 timestamp { seconds: 5 } } "
                        "exemplars { value: 0.6 timestamp { seconds: 7 } } } }"));
}

TEST(ProtobufEncoder, WritesStartTimesOnRequest) {
  SnapshotBuilder builder;
  FamilySink& sink = builder.sink();
  sink.BeginFamily(MetricType::kCounter, "c_total", "");
  sink.Counter({}, std::uint64_t{1});
  sink.BeginFamily(MetricType::kGauge, "g", "");
  sink.Gauge({}, 1);
  sink.BeginFamily(MetricType::kHistogram, "h", "");
  const std::uint64_t buckets[] = {3};
  sink.Histogram(nullptr, 0, nullptr, 0, buckets, 9);
  sink.BeginFamily(MetricType::kSummary, "s", "");
  sink.Summary(nullptr, 0, nullptr, 0, 1, 2);
  const SystemTime start{std::chrono::nanoseconds(1700000000250000000)};
  const Snapshot snapshot = builder.Generation(1, start).Build();
  EXPECT_THAT(Text(snapshot), Not(HasSubstr("created")));
  const std::string created = " created_timestamp { seconds: 1700000000 nanos: 250000000 } } }\n";
  EXPECT_EQ(Text(snapshot, {.created_timestamps = true}),
            "name: \"c_total\" type: COUNTER metric { counter { value: 1" + created +
                "name: \"g\" type: GAUGE metric { gauge { value: 1 } }\n"
                "name: \"h\" type: HISTOGRAM metric { histogram { sample_count: 3 sample_sum: 9" +
                created +
                "name: \"s\" type: SUMMARY metric { summary { sample_count: 1 sample_sum: 2" +
                created);
}

// --- names ---------------------------------------------------------------------------------------

Snapshot WithNames(std::string_view family, std::string_view first, std::string_view second) {
  SnapshotBuilder builder;
  builder.Names(NameValidation::kUtf8);
  builder.sink().BeginFamily(MetricType::kGauge, family, "");
  builder.sink().Gauge({{first, "1"}, {second, "2"}}, 5);
  return builder.Build();
}

TEST(ProtobufEncoder, EscapesNamesAsItIsTold) {
  const Snapshot snapshot = WithNames("disk.io_ms", "a:b", "gr\xC3\xBC\xC3\x9F");
  const auto names = [&](NameEscaping escaping) {
    const auto families = TheReader().Read(Page(snapshot, {.escaping = escaping}));
    std::vector<std::string> out = {Reader::String(*families[0], "name")};
    for (const auto* label : Reader::All(*Reader::All(*families[0], "metric")[0], "label")) {
      out.push_back(Reader::String(*label, "name"));
    }
    return out;
  };
  using ::testing::ElementsAre;
  EXPECT_THAT(names(NameEscaping::kUnderscores), ElementsAre("disk_io_ms", "a_b", "gr__"));
  EXPECT_THAT(names(NameEscaping::kDots), ElementsAre("disk_dot_io__ms", "a__b", "gr____"));
  EXPECT_THAT(names(NameEscaping::kValues),
              ElementsAre("U__disk_2e_io__ms", "U__a_3a_b", "U__gr_fc__df_"));
  EXPECT_THAT(names(NameEscaping::kAllowUtf8),
              ElementsAre("disk.io_ms", "a:b", "gr\xC3\xBC\xC3\x9F"));
}

TEST(ProtobufEncoder, JoinsLabelsWhoseNamesBecomeOne) {
  const Snapshot snapshot = WithNames("g", "a.b", "a_b");
  EXPECT_THAT(Text(snapshot), HasSubstr("metric { label { name: \"a_b\" value: \"1;2\" } gauge"));
  EXPECT_THAT(
      Text(snapshot, {.escaping = NameEscaping::kAllowUtf8}),
      HasSubstr("label { name: \"a.b\" value: \"1\" } label { name: \"a_b\" value: \"2\" }"));
}

TEST(ProtobufEncoder, RepairsTextsThatAreNotUtf8) {
  SnapshotBuilder builder;
  builder.sink().BeginFamily(MetricType::kGauge, "g", "");
  builder.sink().Gauge({{"v", "a?b"}}, 1);
  const Snapshot snapshot = builder.Build();
  const std::string_view value =
      std::get<GaugePoints>(snapshot.families()[0].points)[0].series.labels()[0].value;
  const_cast<char&>(value[1]) = '\xFF';
  const auto families = TheReader().Read(Page(snapshot));
  const auto labels = Reader::All(*Reader::All(*families[0], "metric")[0], "label");
  EXPECT_EQ(Reader::String(*labels[0], "value"),
            "a\xEF\xBF\xBD"
            "b");
}

// --- many series ---------------------------------------------------------------------------------

Snapshot ManySeries(int series) {
  SnapshotBuilder builder;
  builder.sink().BeginFamily(MetricType::kCounter, "c_total", "Many");
  for (int i = 0; i < series; ++i) {
    builder.sink().Counter({{"i", std::to_string(i)}}, static_cast<std::uint64_t>(i));
  }
  return builder.Generation(1).Build();
}

std::map<std::string, double> ValuesOf(const Reader::Message& family) {
  std::map<std::string, double> values;
  for (const auto* metric : Reader::All(family, "metric")) {
    values[Reader::String(*Reader::All(*metric, "label")[0], "value")] =
        Reader::Double(Reader::One(*metric, "counter"), "value");
  }
  return values;
}

TEST(ProtobufEncoder, WritesTenThousandSeriesAsOneMessageThatIsNotHeldBack) {
  const Snapshot snapshot = ManySeries(10000);
  PageSink sink;
  static_cast<void>(MakeProtobufEncoder()->Encode(snapshot, nullptr, sink));
  EXPECT_LE(sink.longest, 65536u);
  const auto families = TheReader().Read(sink.page);
  ASSERT_EQ(families.size(), 1u);
  const auto values = ValuesOf(*families[0]);
  ASSERT_EQ(values.size(), 10000u);
  for (const auto& [label, value] : values) EXPECT_EQ(value, std::stod(label));
}

TEST(ProtobufEncoder, GoesOnInAnotherMessageWhereOneWouldBeTooLong) {
  const Snapshot snapshot = ManySeries(1000);
  const auto families = TheReader().Read(Page(snapshot, {.max_message_bytes = 500}));
  EXPECT_GT(families.size(), 10u);
  std::map<std::string, double> values;
  for (const auto& family : families) {
    EXPECT_LE(family->ByteSizeLong(), 500u);
    EXPECT_EQ(Reader::String(*family, "name"), "c_total");
    EXPECT_EQ(Reader::String(*family, "help"), "Many");
    values.merge(ValuesOf(*family));
  }
  EXPECT_EQ(values.size(), 1000u);
  // One that is too long by itself is written all the same.
  EXPECT_EQ(TheReader().Read(Page(ManySeries(3), {.max_message_bytes = 1})).size(), 3u);
}

TEST(ProtobufEncoder, WritesLabelsThatAreLongerThanABlock) {
  const Metrics metrics(Options().Consumer());
  const std::string huge(200000, 'x');
  metrics.Counter("c_total", "C.", {"v"}).With(huge).Increment();
  metrics.Histogram("h", "H.", {"v"}, FamilyOptions().Buckets({1})).With(huge).Observe(1);
  const std::string text = Text(metrics.TakeSnapshot());
  EXPECT_THAT(text, HasSubstr("value: \"" + huge + "\" } counter { value: 1 }"));
  EXPECT_THAT(text, HasSubstr("value: \"" + huge + "\" } histogram { sample_count: 1 "));
}

TEST(ProtobufEncoder, GivesTheSameBytesWarmColdAndWithoutCacheWhileSeriesComeAndGo) {
  const Metrics metrics(Options().Consumer().ConstLabels({{"env", "test"}}));
  const auto counters = metrics.Counter("c_total", "C.", {"i"});
  const auto histograms = metrics.Histogram("h_seconds", "H.", {"i"});
  for (const bool created : {false, true}) {
    const auto encoder = MakeProtobufEncoder({.created_timestamps = created});
    const auto cache = encoder->MakeCache();
    for (int round = 0; round < 50; ++round) {
      for (int i = 0; i < 20; ++i) {
        counters.With(round * 7 + i).Increment(i);
        histograms.With(round * 3 + i).Observe(i);
      }
      for (int i = 0; i < 10; ++i) {
        counters.Remove(round * 7 + i);
        histograms.Remove(round * 3 + 2 * i);
      }
      const Snapshot snapshot = metrics.TakeSnapshot();
      const std::string expected = Page(snapshot, {.created_timestamps = created});
      for (int turn = 0; turn < 2; ++turn) {
        PageSink sink;
        static_cast<void>(encoder->Encode(snapshot, cache.get(), sink));
        ASSERT_EQ(sink.page, expected) << round;
      }
    }
  }
}

}  // namespace
}  // namespace protobuf_encoder_test
}  // namespace polymeter
