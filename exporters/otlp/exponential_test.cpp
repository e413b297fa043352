// Exponential histograms over OTLP, read back by a reader that shares nothing with the encoder.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "exporters/otlp/encoded_for_test.h"

POLYMETER_BEGIN_NAMESPACE
namespace testing {
namespace {

using detail::MakeOtlpEncoder;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Optional;
using ::testing::Pair;
using ::testing::SizeIs;

// 1, 2, 3, 4 and a zero at schema 0: buckets (0.5, 1], (1, 2], (2, 4].
const NativeLiteral kSmall{.zero_count = 1, .positive_first = 0, .positive = {1, 1, 2}};

ReadPoint OneExponential(const NativeLiteral& literal, double sum) {
  const ReadMetric metric = OneMetric(WrittenSnapshot([&](FamilySink& sink) {
    sink.BeginFamily(MetricType::kHistogram, "h", "");
    PutNative(sink, {}, literal, sum);
  }));
  EXPECT_EQ(metric.data, "exponential");
  EXPECT_THAT(metric.points, SizeIs(1));
  return metric.points.at(0);
}

TEST(OtlpExponential, HasTheIndexThatIsOneBelowPrometheus) {
  const Snapshot snapshot = WrittenSnapshot([](FamilySink& sink) {
    sink.BeginFamily(MetricType::kHistogram, "h_seconds", "H.", "seconds");
    PutNative(sink, {{"queue", "fast"}}, kSmall, 10);
  });
  // The bytes that the protobuf compiler's own decoder reads as offset -1 and counts 1, 1, 2.
  EXPECT_THAT(OneMessage(snapshot), HasSubstr("\x42\x07\x08\x01\x12\x03\x01\x01\x02"));
  const ReadMetric metric = OneMetric(snapshot);
  EXPECT_EQ(metric.data, "exponential");
  EXPECT_EQ(metric.unit, "s");
  EXPECT_EQ(metric.temporality, 2);
  const ReadPoint& point = metric.points.at(0);
  EXPECT_THAT(point.attributes, ElementsAre(Pair("queue", "fast")));
  EXPECT_THAT(point.start, Optional(kEncodedStart));
  EXPECT_THAT(point.time, Optional(kEncodedTime));
  EXPECT_THAT(point.count, Optional(5u));
  EXPECT_THAT(point.sum, Optional(10.0));
  EXPECT_THAT(point.scale, Optional(0));
  EXPECT_THAT(point.zero_count, Optional(1u));
  EXPECT_EQ(point.positive->offset, -1);
  EXPECT_THAT(point.positive->counts, ElementsAre(1, 1, 2));
  EXPECT_FALSE(point.negative.has_value());
  EXPECT_EQ(point.zero_threshold, std::nullopt);
}

TEST(OtlpExponential, WritesJsonAsTheSpecificationMapsIt) {
  NativeLiteral literal = kSmall;
  literal.schema = -4;
  literal.zero_threshold = 1e-128;
  literal.negative_first = 8;
  literal.negative = {9007199254740993};
  const std::string json = OneMessage(WrittenSnapshot([&](FamilySink& sink) {
                                        sink.BeginFamily(MetricType::kHistogram, "h", "");
                                        PutNative(sink, {{"a", "b"}}, literal, 10);
                                      }),
                                      {.json = true});
  EXPECT_THAT(json, HasSubstr(R"({"name":"h","exponentialHistogram":{"dataPoints":[{)"
                              R"("startTimeUnixNano":"1700000000000000000","timeUnixNano":)"
                              R"("1800000000250000000","attributes":[{"key":"a","value":)"
                              R"({"stringValue":"b"}}],"count":"9007199254740998","scale":-4,)"
                              R"("zeroCount":"1","positive":{"offset":-1,"bucketCounts":)"
                              R"(["1","1","2"]},"negative":{"offset":7,"bucketCounts":)"
                              R"(["9007199254740993"]},"zeroThreshold":1e-128}],)"
                              R"("aggregationTemporality":2}})"));
}

TEST(OtlpExponential, CarriesEverySchemaAndOffset) {
  for (int schema = -4; schema <= 8; ++schema) {
    for (const std::int32_t first : {-275000, -65, -64, -1, 0, 1, 2, 63, 64, 65, 262144}) {
      NativeLiteral literal;
      literal.schema = schema;
      literal.positive_first = first;
      literal.positive = {1, 0, 127, 128, 9007199254740993};
      const ReadPoint point = OneExponential(literal, 1);
      EXPECT_THAT(point.scale, Optional(schema));
      EXPECT_EQ(point.positive->offset, first - 1);
      EXPECT_EQ(point.positive->counts, literal.positive);
    }
  }
}

TEST(OtlpExponential, CarriesOneWithoutObservationsAndOneOfZerosOnly) {
  const ReadPoint empty = OneExponential({}, 0);
  EXPECT_THAT(empty.count, Optional(0u));
  EXPECT_THAT(empty.sum, Optional(0.0)) << "a sum of zero is there";
  EXPECT_FALSE(empty.positive.has_value() || empty.negative.has_value());
  const ReadPoint zeros = OneExponential({.zero_threshold = 0.5, .zero_count = 7}, 0);
  EXPECT_THAT(zeros.count, Optional(7u));
  EXPECT_THAT(zeros.zero_count, Optional(7u));
  EXPECT_THAT(zeros.zero_threshold, Optional(0.5));
}

TEST(OtlpExponential, LeavesOutSumsThatMayFallOrAreNotOfWhatIsCounted) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const ReadPoint negatives = OneExponential({.negative_first = -3, .negative = {4}}, -0.5);
  EXPECT_EQ(negatives.sum, std::nullopt);
  EXPECT_EQ(negatives.negative->offset, -4);
  EXPECT_THAT(negatives.negative->counts, ElementsAre(4));
  NativeLiteral mixed = kSmall;
  mixed.negative = {1};
  EXPECT_EQ(OneExponential(mixed, 5).sum, std::nullopt) << "one below zero is evident";
  EXPECT_EQ(OneExponential(kSmall, std::nan("")).sum, std::nullopt);
  EXPECT_EQ(OneExponential({}, 1).sum, std::nullopt) << "of nothing";

  NativeLiteral infinite = kSmall;
  infinite.positive_infinite = 2;
  const ReadPoint high = OneExponential(infinite, kInfinity);
  EXPECT_THAT(high.count, Optional(5u)) << "no bucket has them";
  EXPECT_EQ(high.sum, std::nullopt);
  infinite.positive_infinite = 0;
  infinite.negative_infinite = 1;
  EXPECT_EQ(OneExponential(infinite, -kInfinity).sum, std::nullopt);
}

TEST(OtlpExponential, CarriesAThousandBucketsOfEitherSignInItsLimit) {
  NativeLiteral literal;
  literal.schema = 8;
  literal.positive.resize(1024);
  literal.negative.resize(1024, std::numeric_limits<std::uint64_t>::max() >> 12);
  std::iota(literal.positive.begin(), literal.positive.end(), 0u);
  literal.positive_first = literal.negative_first = -512;
  const Snapshot snapshot = WrittenSnapshot([&](FamilySink& sink) {
    sink.BeginFamily(MetricType::kHistogram, "h", "");
    for (int i = 0; i < 20; ++i) PutNative(sink, {{"i", std::to_string(i)}}, literal, 1);
  });
  // A point is some 10 KiB.
  for (const std::size_t limit : {9000u, 12000u, 25000u, 1u << 20}) {
    for (const bool json : {false, true}) {
      EncodedMessages messages;
      const EncodeReport report = MakeOtlpEncoder({.json = json, .max_request_bytes = limit})
                                      ->Encode(snapshot, nullptr, messages);
      std::uint64_t dropped = 0;
      for (const auto& drop : report.dropped) dropped += drop.points;
      EXPECT_EQ(report.points + dropped, 20u);
      EXPECT_EQ(report.points, messages.points);
      EXPECT_TRUE(json || report.points == (limit == 9000 ? 0u : 20u)) << limit;
      for (const std::string& message : messages.all) {
        EXPECT_LE(message.size(), limit);
        if (json) continue;
        const ReadRequest request = RequestReader::Read(message);
        for (const ReadPoint& point : request.metrics.at(0).points) {
          EXPECT_EQ(point.positive->counts, literal.positive);
          EXPECT_EQ(point.negative->counts, literal.negative);
        }
      }
    }
  }
}

// --- both kinds of buckets -----------------------------------------------------------------------

void PutBoth(FamilySink& sink, const char* name) {
  const NativeHistogram native = kSmall.View();
  const double bound = 2;
  const std::uint64_t buckets[] = {3, 2};
  const Label label{"n", name};
  HistogramPoint point{SeriesView(nullptr), &bound, buckets, 1, 5, 10};
  point.native = &native;
  sink.Histogram(&label, 1, point);
}

void PutExplicit(FamilySink& sink, const char* name) {
  const double bound = 2;
  const std::uint64_t buckets[] = {3, 2};
  const Label label{"n", name};
  sink.Histogram(&label, 1, &bound, 1, buckets, 10);
}

TEST(OtlpExponential, SendsOneKindOfBucketsAndTheExplicitOnesOnRequestOnly) {
  const Snapshot both = WrittenSnapshot([](FamilySink& sink) {
    sink.BeginFamily(MetricType::kHistogram, "h", "");
    PutBoth(sink, "a");
    PutBoth(sink, "b");
  });
  const ReadMetric metric = OneMetric(both);
  EXPECT_EQ(metric.data, "exponential");
  EXPECT_THAT(metric.points, SizeIs(2));
  const ReadMetric explicit_ones = OneMetric(both, {.explicit_histograms = true});
  EXPECT_EQ(explicit_ones.data, "histogram");
  EXPECT_THAT(explicit_ones.points.at(1).buckets, ElementsAre(3, 2));
  // One that has no other buckets has nothing else to send.
  const Snapshot native = WrittenSnapshot([](FamilySink& sink) {
    sink.BeginFamily(MetricType::kHistogram, "h", "");
    PutNative(sink, {}, kSmall, 10);
  });
  EXPECT_EQ(OneMetric(native, {.explicit_histograms = true}).data, "exponential");
}

TEST(OtlpExponential, SendsAMixedFamilyAsOneKindAndLosesNoPoint) {
  const ReadMetric metric = OneMetric(WrittenSnapshot([](FamilySink& sink) {
    sink.BeginFamily(MetricType::kHistogram, "h", "");
    PutBoth(sink, "both");
    PutExplicit(sink, "explicit");
    PutNative(sink, {{"n", "native"}}, kSmall, 10);
  }));
  EXPECT_EQ(metric.data, "histogram");
  EXPECT_THAT(metric.points, SizeIs(3));
  for (const ReadPoint& point : metric.points) {
    EXPECT_THAT(point.count, Optional(5u));
    EXPECT_THAT(point.sum, Optional(10.0));
    if (point.attributes.at("n") == "native") {
      EXPECT_THAT(point.buckets, ElementsAre(5));
    } else {
      EXPECT_THAT(point.buckets, ElementsAre(3, 2));
    }
  }
}

TEST(OtlpExponential, ForgetsTheAttributesOfTheOtherKind) {
  // Attributes have another field number there.
  SnapshotBuilder before;
  SnapshotBuilder after;
  before.sink().BeginFamily(MetricType::kHistogram, "h", "");
  PutBoth(before.sink(), "a");
  after.sink().BeginFamily(MetricType::kHistogram, "h", "");
  PutExplicit(after.sink(), "a");
  const auto encoder = MakeOtlpEncoder();
  const auto cache = encoder->MakeCache();
  const Snapshot snapshots[] = {
      before.Generation(1).Time(SystemTime(std::chrono::seconds(1))).Build(),
      after.Generation(1).Time(SystemTime(std::chrono::seconds(2))).Build()};
  for (int i = 0; i < 4; ++i) {
    const Snapshot& snapshot = snapshots[i % 2];
    EncodedMessages warm;
    static_cast<void>(encoder->Encode(snapshot, cache.get(), warm));
    ASSERT_THAT(warm.all, ElementsAre(OneMessage(snapshot)));
    EXPECT_THAT(RequestReader::Read(warm.all[0]).metrics.at(0).points.at(0).attributes,
                ElementsAre(Pair("n", "a")));
  }
}

TEST(OtlpExponential, SendsDifferencesWithTheirOwnBegin) {
  const Snapshot snapshot = AsDifferences(WrittenSnapshot([](FamilySink& sink) {
                                            sink.BeginFamily(MetricType::kHistogram, "h", "");
                                            PutNative(sink, {}, kSmall, 10);
                                          }),
                                          kEncodedTime - 5);
  const ReadMetric metric = OneMetric(snapshot);
  EXPECT_EQ(metric.temporality, 1);
  EXPECT_THAT(metric.points.at(0).start, Optional(kEncodedTime - 5));
  EXPECT_THAT(OneMessage(snapshot, {.json = true}), HasSubstr("\"aggregationTemporality\":1}"));
}

}  // namespace
}  // namespace testing
POLYMETER_END_NAMESPACE
