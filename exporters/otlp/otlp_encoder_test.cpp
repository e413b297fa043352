#include "exporters/otlp/otlp_encoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <cstdio>
#include <limits>
#include <string>
#include <vector>

#include "exporters/otlp/protobuf_request.h"
#include "exporters/otlp/request_reader_for_test.h"
#include "exporters/otlp/scope.h"
#include "exporters/otlp/ucum.h"
#include "polymeter/metrics.h"
#include "sdk/src/snapshot_data.h"
#include "sdk/testing/snapshot_builder.h"

namespace polymeter {
namespace {

using namespace std::chrono_literals;
using detail::MakeOtlpEncoder;
using detail::OtlpEncoderOptions;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Optional;
using ::testing::Pair;
using testing::ReadMetric;
using testing::ReadPoint;
using testing::ReadRequest;
using ::testing::SizeIs;
using testing::SnapshotBuilder;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr auto kStart = std::uint64_t{1700000000000000000};
constexpr auto kTime = std::uint64_t{1800000000250000000};

class Messages : public MessageSink {
 public:
  bool Append(std::string_view bytes) override {
    open_ += bytes;
    return true;
  }
  bool EndMessage(std::size_t count) override {
    all.push_back(std::move(open_));
    points.push_back(count);
    open_.clear();
    return true;
  }
  std::vector<std::string> all;
  std::vector<std::size_t> points;

 private:
  std::string open_;
};

template <class Write>
Snapshot SnapshotOf(Write&& write) {
  SnapshotBuilder builder;
  write(builder.sink());
  builder.Resource("service.name", "svc").Time(SystemTime(1800000000s + 250ms));
  builder.Generation(1, SystemTime(1700000000s));
  return builder.Build();
}

std::vector<std::string> Encoded(const Snapshot& snapshot, const OtlpEncoderOptions& options = {}) {
  Messages messages;
  const EncodeReport report = MakeOtlpEncoder(options)->Encode(snapshot, nullptr, messages);
  EXPECT_TRUE(report.complete);
  return messages.all;
}

ReadRequest Request(const Snapshot& snapshot) {
  const auto messages = Encoded(snapshot);
  EXPECT_THAT(messages, SizeIs(1));
  return testing::RequestReader::Read(messages.at(0));
}

// The one metric that `write` makes.
template <class Write>
ReadMetric Metric(Write&& write) {
  const ReadRequest request = Request(SnapshotOf(write));
  EXPECT_THAT(request.metrics, SizeIs(1));
  return request.metrics.at(0);
}

std::string Json(const Snapshot& snapshot) { return Encoded(snapshot, {.json = true}).at(0); }

std::string Bytes(std::string_view hex) {
  std::string out;
  std::string digits;
  for (const char c : hex) {
    if (c != ' ') digits += c;
  }
  for (std::size_t i = 0; i < digits.size(); i += 2) {
    out += static_cast<char>(std::stoi(digits.substr(i, 2), nullptr, 16));
  }
  return out;
}

// --- bytes -------------------------------------------------------------------------------------

TEST(OtlpEncoder, WritesTheBytesThatTheReferenceDecoderReads) {
  encoding::TextBuffer body;
  Resource resource;
  resource.attributes.emplace_back("service.name", "svc");
  detail::ProtobufRequest request(resource, body);
  detail::FamilyForm form;
  form.name = "g";
  encoding::TextBuffer head;
  detail::ProtobufRequest::AppendHead(head, form);
  encoding::TextBuffer attributes;
  detail::Attribute attribute;
  attribute.key = "a";
  attribute.text = "b";
  detail::ProtobufRequest::AppendAttributes(attributes, form.data, {attribute});
  request.Open(form, head.text());
  request.Integer(attributes.text(), 0, 1700000001000000000, -7);
  request.Close();
  Messages messages;
  ASSERT_TRUE(request.Flush(messages) && messages.EndMessage(1));

  const std::string scope = Bytes("0a09") + std::string(detail::kScopeName) + Bytes("12") +
                            static_cast<char>(detail::kScopeVersion.size()) +
                            std::string(detail::kScopeVersion);
  const std::string metric = Bytes(
      "1223 0a01 67 2a1e 0a1c 19 00cac471fe9c9717 31 f9ffffffffffffff 3a08 0a01 61 1203 0a01 62");
  const std::string scope_metrics = Bytes("0a") + static_cast<char>(scope.size()) + scope + metric;
  const std::string resource_field =
      Bytes("0a17 0a15 0a0c 736572766963652e6e616d65 1205 0a03 737663");
  const std::string all =
      resource_field + Bytes("12") + static_cast<char>(scope_metrics.size()) + scope_metrics;
  EXPECT_EQ(messages.all.at(0), Bytes("0a") + static_cast<char>(all.size()) + all);
}

TEST(OtlpEncoder, SaysWhoMeasures) {
  SnapshotBuilder builder;
  builder.sink().BeginFamily(MetricType::kGauge, "g", "");
  builder.sink().Gauge({}, 1);
  builder.Resource("service.name", "svc")
      .Resource("process.pid", "4711")
      .Resource("team", "gr\xC3\xBC\xC3\x9F\xFF")
      .Resource("", "no name")
      .Time(SystemTime(1s));
  const ReadRequest request = Request(builder.Build());
  EXPECT_THAT(request.resource,
              ElementsAre(Pair("process.pid", "int:4711"), Pair("service.name", "svc"),
                          Pair("team", "gr\xC3\xBC\xC3\x9F\xEF\xBF\xBD")));
  EXPECT_EQ(request.scope_name, "polymeter");
  EXPECT_EQ(request.scope_version, POLYMETER_VERSION);
}

TEST(OtlpEncoder, MakesNoMessageOfAnEmptySnapshot) {
  EXPECT_THAT(Encoded(Snapshot()), IsEmpty());
  EXPECT_THAT(Encoded(Snapshot(), {.json = true}), IsEmpty());
}

// --- kinds -------------------------------------------------------------------------------------

TEST(OtlpEncoder, MakesCountersMonotonicSums) {
  const ReadMetric metric = Metric([](FamilySink& sink) {
    sink.BeginFamily(MetricType::kCounter, "jobs_total", "Jobs.", "seconds");
    sink.Counter({{"queue", "fast"}, {"empty", ""}}, std::uint64_t{3});
  });
  EXPECT_EQ(metric.name, "jobs_total");
  EXPECT_EQ(metric.description, "Jobs.");
  EXPECT_EQ(metric.unit, "s");
  EXPECT_EQ(metric.data, "sum");
  EXPECT_EQ(metric.temporality, 2);
  EXPECT_TRUE(metric.monotonic);
  EXPECT_THAT(metric.metadata, IsEmpty());
  const ReadPoint& point = metric.points.at(0);
  EXPECT_THAT(point.attributes, ElementsAre(Pair("empty", ""), Pair("queue", "fast")));
  EXPECT_THAT(point.as_int, Optional(3));
  EXPECT_THAT(point.start, Optional(kStart));
  EXPECT_THAT(point.time, Optional(kTime));
}

TEST(OtlpEncoder, KeepsIntegerCountersExactAbove2To53) {
  const ReadMetric metric = Metric([](FamilySink& sink) {
    sink.BeginFamily(MetricType::kCounter, "c_total", "");
    sink.Counter({}, std::uint64_t{9007199254740993});
    sink.Counter({{"n", "most"}}, std::uint64_t{9223372036854775807});
    sink.Counter({{"n", "zero"}}, std::uint64_t{0});
  });
  EXPECT_THAT(metric.points.at(0).as_int, Optional(9007199254740993));
  EXPECT_THAT(metric.points.at(1).as_int, Optional(9223372036854775807));
  EXPECT_THAT(metric.points.at(2).as_int, Optional(0)) << "zero is a value, too";
}

TEST(OtlpEncoder, MixesIntegersAndDoublesOnlyWhereAnIntegerWouldChange) {
  const ReadMetric metric = Metric([](FamilySink& sink) {
    sink.BeginFamily(MetricType::kCounter, "c_total", "");
    sink.Counter({{"n", "half"}}, 0.5);
    sink.Counter({{"n", "three"}}, std::uint64_t{3});
    sink.Counter({{"n", "2^53+1"}}, std::uint64_t{9007199254740993});
    sink.Counter({{"n", "2^64-1"}}, std::numeric_limits<std::uint64_t>::max());
  });
  EXPECT_THAT(metric.points.at(0).as_double, Optional(0.5));
  EXPECT_THAT(metric.points.at(1).as_double, Optional(3.0));
  EXPECT_THAT(metric.points.at(2).as_int, Optional(9007199254740993));
  EXPECT_THAT(metric.points.at(3).as_double, Optional(0x1p64)) << "no kind of point is exact";
}

TEST(OtlpEncoder, MakesGaugesGaugesWithoutABegin) {
  const ReadMetric metric = Metric([](FamilySink& sink) {
    sink.BeginFamily(MetricType::kGauge, "g", "");
    sink.Gauge({}, -0.0);
    sink.Gauge({{"v", "nan"}}, kNan);
  });
  EXPECT_EQ(metric.data, "gauge");
  EXPECT_THAT(metric.points.at(0).as_double, Optional(0.0));
  EXPECT_TRUE(std::signbit(*metric.points.at(0).as_double));
  EXPECT_EQ(metric.points.at(0).start, std::nullopt);
  EXPECT_TRUE(std::isnan(metric.points.at(1).as_double.value()));
}

TEST(OtlpEncoder, MakesAdditiveGaugesSumsThatAreNotMonotonic) {
  const Metrics metrics(Options().Consumer());
  metrics.Gauge("queue_length", "Q.", FamilyOptions().Additive()).Set(-3.5);
  for (const ReadMetric& metric : Request(metrics.TakeSnapshot()).metrics) {
    if (metric.name != "queue_length") continue;
    EXPECT_EQ(metric.data, "sum");
    EXPECT_FALSE(metric.monotonic);
    EXPECT_EQ(metric.temporality, 2);
    EXPECT_THAT(metric.points.at(0).as_double, Optional(-3.5));
    EXPECT_GT(metric.points.at(0).start.value_or(0), 0u);
    EXPECT_LE(metric.points.at(0).start, metric.points.at(0).time);
    return;
  }
  FAIL() << "no queue_length";
}

TEST(OtlpEncoder, MakesHistogramsWithBucketsThatAreNotCumulative) {
  const ReadMetric metric = Metric([](FamilySink& sink) {
    sink.BeginFamily(MetricType::kHistogram, "h", "");
    const double bounds[] = {0.005, 0.1, 2.5};
    const std::uint64_t buckets[] = {2, 5, 0, 1};
    const Label label{"queue", "fast"};
    sink.Histogram(&label, 1, bounds, 3, buckets, 4.75);
    const std::uint64_t one[] = {3};
    sink.Histogram(nullptr, 0, nullptr, 0, one, 0);
  });
  EXPECT_EQ(metric.data, "histogram");
  EXPECT_EQ(metric.temporality, 2);
  const ReadPoint& point = metric.points.at(0);
  EXPECT_THAT(point.attributes, ElementsAre(Pair("queue", "fast")));
  EXPECT_THAT(point.count, Optional(8u));
  EXPECT_THAT(point.sum, Optional(4.75));
  EXPECT_THAT(point.bounds, ElementsAre(0.005, 0.1, 2.5));
  EXPECT_THAT(point.buckets, ElementsAre(2, 5, 0, 1));
  EXPECT_THAT(metric.points.at(1).buckets, ElementsAre(3));
  EXPECT_THAT(metric.points.at(1).bounds, IsEmpty());
  EXPECT_THAT(metric.points.at(1).sum, Optional(0.0)) << "a sum of zero is there";
}

TEST(OtlpEncoder, LeavesOutSumsThatMayFall) {
  const ReadMetric metric = Metric([](FamilySink& sink) {
    sink.BeginFamily(MetricType::kHistogram, "h", "");
    const auto put = [&](const char* name, double bound, double sum) {
      const std::uint64_t buckets[] = {1, 1};
      const Label label{"n", name};
      sink.Histogram(&label, 1, &bound, 1, buckets, sum);
    };
    put("bound", -1, 5);
    put("sum", 1, -5);
    put("nan", 1, kNan);
    put("inf", 1, kInf);
  });
  EXPECT_EQ(metric.points.at(0).sum, std::nullopt);
  EXPECT_EQ(metric.points.at(1).sum, std::nullopt);
  EXPECT_EQ(metric.points.at(2).sum, std::nullopt);
  EXPECT_THAT(metric.points.at(3).sum, Optional(kInf));
  for (const ReadPoint& point : metric.points) EXPECT_THAT(point.count, Optional(2u));
}

TEST(OtlpEncoder, MakesSummariesOfTheQuantilesThatASummaryMayHold) {
  const ReadMetric metric = Metric([](FamilySink& sink) {
    sink.BeginFamily(MetricType::kSummary, "s", "");
    const Quantile quantiles[] = {{0.99, 7}, {0.5, 1},  {0, 0},   {0.9, kNan}, {0.8, -1},
                                  {1.5, 2},  {-0.1, 2}, {0.5, 8}, {kNan, 1},   {1, kInf}};
    sink.Summary(nullptr, 0, quantiles, 10, 2693, 17.5);
    const Label label{"n", "negative"};
    sink.Summary(&label, 1, nullptr, 0, 3, -4);
  });
  EXPECT_EQ(metric.data, "summary");
  EXPECT_EQ(metric.temporality, 0);
  EXPECT_THAT(metric.points.at(0).quantiles,
              ElementsAre(Pair(0, 0), Pair(0.5, 1), Pair(0.99, 7), Pair(1, kInf)));
  EXPECT_THAT(metric.points.at(0).count, Optional(2693u));
  EXPECT_THAT(metric.points.at(0).sum, Optional(17.5));
  EXPECT_THAT(metric.points.at(1).count, Optional(3u));
  EXPECT_EQ(metric.points.at(1).sum, std::nullopt);
}

TEST(OtlpEncoder, SaysInMetadataWhatTheKindOfDataDoesNotSay) {
  const ReadMetric info = Metric([](FamilySink& sink) {
    sink.BeginFamily(MetricType::kInfo, "build_info", "");
    sink.Info({{"version", "1"}});
  });
  EXPECT_EQ(info.name, "build_info");
  EXPECT_EQ(info.data, "sum");
  EXPECT_FALSE(info.monotonic);
  EXPECT_THAT(info.points.at(0).as_int, Optional(1));
  EXPECT_THAT(info.metadata, ElementsAre(Pair("prometheus.type", "info")));
  const ReadMetric unknown = Metric([](FamilySink& sink) {
    sink.BeginFamily(MetricType::kUnknown, "x", "");
    sink.Unknown({}, 42);
  });
  EXPECT_EQ(unknown.data, "gauge");
  EXPECT_THAT(unknown.points.at(0).as_double, Optional(42.0));
  EXPECT_THAT(unknown.metadata, ElementsAre(Pair("prometheus.type", "unknown")));
}

// --- names -------------------------------------------------------------------------------------

ReadMetric Named(const Metrics& metrics, const std::string& name) {
  for (const ReadMetric& metric : Request(metrics.TakeSnapshot()).metrics) {
    if (metric.name == name) return metric;
  }
  ADD_FAILURE() << "no " << name;
  return {};
}

TEST(OtlpEncoder, UsesTheOpenTelemetryNameAndAttributesOfAFamily) {
  const Metrics metrics(Options().Consumer().ConstLabels({{"zone", "b"}}));
  metrics
      .Histogram("http_request_duration_seconds", "H.", {"method", "code"},
                 FamilyOptions()
                     .Unit("s")
                     .OtelName("http.server.request.duration")
                     .OtelAttributes({{"method", "http.request.method"},
                                      {"code", "http.response.status_code"},
                                      {"zone", "cloud.zone"}}))
      .With("GET", "200")
      .Observe(1);
  const ReadMetric metric = Named(metrics, "http.server.request.duration");
  EXPECT_EQ(metric.unit, "s");
  ASSERT_THAT(metric.points, SizeIs(1));
  EXPECT_THAT(metric.points[0].attributes,
              ElementsAre(Pair("cloud.zone", "b"), Pair("http.request.method", "GET"),
                          Pair("http.response.status_code", "200")));
}

TEST(OtlpEncoder, AddsAttributesThatNoLabelHas) {
  const Metrics metrics(Options().Consumer());
  metrics
      .Gauge("calls", "G.", {"method"},
             FamilyOptions().OtelAttributes({{"method", "rpc.method"},
                                             {"", "rpc.system.name=jsonrpc"},
                                             {"", "rpc.method=no label is lost"},
                                             {"", "no value"},
                                             {"", "=no name"}}))
      .With("hover")
      .Set(1);
  EXPECT_THAT(Named(metrics, "calls").points.at(0).attributes,
              ElementsAre(Pair("rpc.method", "hover"), Pair("rpc.system.name", "jsonrpc")));
}

TEST(OtlpEncoder, NeverWritesAKeyTwiceAndLosesNoLabel) {
  const Metrics metrics(Options().Consumer());
  metrics
      .Gauge("own", "G.", {"a", "b", "c"}, FamilyOptions().OtelAttributes({{"a", "c"}, {"b", "c"}}))
      .With("1", "2", "3")
      .Set(1);
  EXPECT_THAT(Named(metrics, "own").points.at(0).attributes,
              ElementsAre(Pair("a", "1"), Pair("b", "2"), Pair("c", "3")))
      << "a and b both want to be c, which is a label itself";
  metrics.Gauge("other", "G.", {"a", "b"}, FamilyOptions().OtelAttributes({{"a", "x"}, {"b", "x"}}))
      .With("1", "2")
      .Set(1);
  EXPECT_THAT(Named(metrics, "other").points.at(0).attributes,
              ElementsAre(Pair("b", "2"), Pair("x", "1")))
      << "the first one gets it";
}

TEST(OtlpEncoder, NamesTheOverflowSeriesAsOpenTelemetryDoes) {
  const ReadMetric metric = Metric([](FamilySink& sink) {
    sink.BeginFamily(MetricType::kCounter, "c_total", "");
    sink.Counter({{"otel_metric_overflow", "true"}}, std::uint64_t{5});
    sink.Counter({{"otel_metric_overflow", "no"}}, std::uint64_t{6});
  });
  EXPECT_THAT(metric.points.at(0).attributes, ElementsAre(Pair("otel.metric.overflow", "bool:1")));
  EXPECT_THAT(metric.points.at(1).attributes, ElementsAre(Pair("otel_metric_overflow", "no")));
}

TEST(OtlpEncoder, WritesUnitsAsUcum) {
  EXPECT_EQ(detail::UcumUnit("seconds"), "s");
  EXPECT_EQ(detail::UcumUnit("bytes"), "By");
  EXPECT_EQ(detail::UcumUnit("ratio"), "1");
  EXPECT_EQ(detail::UcumUnit("celsius"), "Cel");
  EXPECT_EQ(detail::UcumUnit("By/s"), "By/s");
  EXPECT_EQ(detail::UcumUnit("{request}"), "{request}");
  EXPECT_EQ(detail::UcumUnit(""), "");
}

// --- times and temporality ---------------------------------------------------------------------

TEST(OtlpEncoder, SendsDifferencesWithTheirOwnBegin) {
  auto data = std::make_shared<detail::SnapshotData>();
  const Snapshot totals = SnapshotOf([](FamilySink& sink) {
    sink.BeginFamily(MetricType::kCounter, "c_total", "");
    sink.Counter({}, std::uint64_t{5});
    sink.BeginFamily(MetricType::kHistogram, "h", "");
    const std::uint64_t one[] = {3};
    sink.Histogram(nullptr, 0, nullptr, 0, one, 1);
  });
  data->time = totals.time();
  data->resource = std::make_shared<Resource>();
  data->families = totals.families();
  for (FamilyView& family : data->families) {
    family.delta = true;
    family.delta_start_unix_nanos = 1799999990000000000;
  }
  const ReadRequest request = Request(Snapshot(data));
  ASSERT_THAT(request.metrics, SizeIs(2));
  for (const ReadMetric& metric : request.metrics) {
    EXPECT_EQ(metric.temporality, 1) << metric.name;
    EXPECT_THAT(metric.points.at(0).start, Optional(1799999990000000000u));
  }
  EXPECT_TRUE(request.metrics[0].monotonic);
  EXPECT_THAT(Json(Snapshot(data)), HasSubstr("\"aggregationTemporality\":1,\"isMonotonic\":true"));
}

TEST(OtlpEncoder, LeavesOutABeginThatIsNotKnownAndNeverBeginsAfterTheEnd) {
  SnapshotBuilder unknown;
  unknown.sink().BeginFamily(MetricType::kCounter, "c_total", "");
  unknown.sink().Counter({}, std::uint64_t{1});
  unknown.Time(SystemTime(5s));
  EXPECT_EQ(Request(unknown.Build()).metrics.at(0).points.at(0).start, std::nullopt);
  SnapshotBuilder later;
  later.sink().BeginFamily(MetricType::kCounter, "c_total", "");
  later.sink().Counter({}, std::uint64_t{1});
  later.Time(SystemTime(5s)).Generation(1, SystemTime(6s));
  EXPECT_THAT(Request(later.Build()).metrics.at(0).points.at(0).start, Optional(5000000000u));
}

// --- sizes -------------------------------------------------------------------------------------

Snapshot Large(std::size_t series) {
  return SnapshotOf([series](FamilySink& sink) {
    sink.BeginFamily(MetricType::kCounter, "many_total", "Many.");
    for (std::size_t i = 0; i < series; ++i) {
      sink.Counter({{"user", std::to_string(i)}}, static_cast<std::uint64_t>(i));
    }
    sink.BeginFamily(MetricType::kGauge, "one", "One.");
    sink.Gauge({}, 1);
  });
}

TEST(OtlpEncoder, SplitsBelowTheLimitAndLosesNoPoint) {
  const Snapshot snapshot = Large(1000);
  for (const bool json : {false, true}) {
    for (const std::size_t limit : {600u, 1000u, 4096u, 20000u, 1u << 20}) {
      const auto encoder = MakeOtlpEncoder({.json = json, .max_request_bytes = limit});
      Messages messages;
      const EncodeReport report = encoder->Encode(snapshot, nullptr, messages);
      EXPECT_EQ(report.points, 1001u) << limit;
      EXPECT_THAT(report.dropped, IsEmpty());
      std::size_t points = 0;
      std::uint64_t sum = 0;
      for (std::size_t i = 0; i < messages.all.size(); ++i) {
        EXPECT_LE(messages.all[i].size(), limit);
        EXPECT_GT(messages.points[i], 0u);
        points += messages.points[i];
        if (json) continue;
        std::size_t in_message = 0;
        for (const ReadMetric& metric : testing::RequestReader::Read(messages.all[i]).metrics) {
          in_message += metric.points.size();
          if (metric.name != "many_total") continue;
          EXPECT_EQ(metric.description, "Many.");
          EXPECT_TRUE(metric.monotonic);
          for (const ReadPoint& point : metric.points) {
            sum += static_cast<std::uint64_t>(point.as_int.value());
          }
        }
        EXPECT_EQ(in_message, messages.points[i]);
      }
      EXPECT_EQ(points, 1001u);
      EXPECT_EQ(sum, json ? 0u : 999u * 1000 / 2);
      EXPECT_TRUE(limit != 600 || messages.all.size() > 50u);
    }
  }
}

TEST(OtlpEncoder, DropsAndCountsAPointThatIsLargerThanARequest) {
  const Snapshot snapshot = SnapshotOf([](FamilySink& sink) {
    sink.BeginFamily(MetricType::kGauge, "a", "");
    sink.Gauge({{"v", std::string(5000, 'x')}}, 1);
    sink.BeginFamily(MetricType::kGauge, "b", "");
    sink.Gauge({}, 1);
    sink.Gauge({{"v", std::string(5000, 'y')}}, 2);
    sink.Gauge({{"v", "small"}}, 3);
  });
  for (const bool json : {false, true}) {
    const auto encoder = MakeOtlpEncoder({.json = json, .max_request_bytes = 2000});
    Messages messages;
    const EncodeReport report = encoder->Encode(snapshot, nullptr, messages);
    EXPECT_EQ(report.points, 2u);
    ASSERT_THAT(report.dropped, SizeIs(1));
    EXPECT_EQ(report.dropped[0].reason, "too_large");
    EXPECT_EQ(report.dropped[0].points, 2u);
    for (const std::string& message : messages.all) EXPECT_LE(message.size(), 2000u);
    if (json) continue;
    for (const std::string& message : messages.all) {
      EXPECT_THAT(testing::RequestReader::Read(message).metrics, SizeIs(1));
    }
  }
}

// --- JSON --------------------------------------------------------------------------------------

TEST(OtlpEncoder, WritesJsonAsTheSpecificationShowsIt) {
  const Snapshot snapshot = SnapshotOf([](FamilySink& sink) {
    sink.BeginFamily(MetricType::kCounter, "c", "", "bytes");
    sink.Counter({{"a", "b"}}, std::uint64_t{5});
  });
  EXPECT_EQ(
      Json(snapshot),
      R"({"resourceMetrics":[{"resource":{"attributes":[{"key":"service.name","value":)"
      R"({"stringValue":"svc"}}]},"scopeMetrics":[{"scope":{"name":"polymeter","version":")" POLYMETER_VERSION
      R"("},"metrics":[{"name":"c","unit":"By","sum":{"dataPoints":[{"startTimeUnixNano":)"
      R"("1700000000000000000","timeUnixNano":"1800000000250000000","attributes":[{"key":)"
      R"("a","value":{"stringValue":"b"}}],"asInt":"5"}],"aggregationTemporality":2,)"
      R"("isMonotonic":true}}]}]}]})");
}

TEST(OtlpEncoder, WritesJsonNumbersThatEveryReaderKeeps) {
  const std::string json = Json(SnapshotOf([](FamilySink& sink) {
    sink.BeginFamily(MetricType::kCounter, "c", "");
    sink.Counter({}, std::uint64_t{9007199254740993});
    sink.BeginFamily(MetricType::kGauge, "g", "");
    sink.Gauge({{"v", "1"}}, kNan);
    sink.Gauge({{"v", "2"}}, -kInf);
    sink.Gauge({{"v", "3"}}, kInf);
    sink.Gauge({{"v", "4"}}, 0.1 + 0.2);
    sink.BeginFamily(MetricType::kHistogram, "h", "Line\n\"quoted\"");
    const double bound = 1;
    const std::uint64_t buckets[] = {9007199254740993, 0};
    sink.Histogram(nullptr, 0, &bound, 1, buckets, 0);
    sink.BeginFamily(MetricType::kSummary, "s", "");
    const Quantile quantile{0.5, kInf};
    sink.Summary(nullptr, 0, &quantile, 1, 1, 2);
    sink.BeginFamily(MetricType::kUnknown, "u", "");
    sink.Unknown({}, 1);
  }));
  EXPECT_THAT(json, HasSubstr(R"("asInt":"9007199254740993")"));
  EXPECT_THAT(json, HasSubstr(R"("asDouble":"NaN")"));
  EXPECT_THAT(json, HasSubstr(R"("asDouble":"-Infinity")"));
  EXPECT_THAT(json, HasSubstr(R"("asDouble":"Infinity")"));
  EXPECT_THAT(json, HasSubstr(R"("asDouble":0.30000000000000004)"));
  EXPECT_THAT(json, HasSubstr(R"("count":"9007199254740993","sum":0,"bucketCounts":)"
                              R"(["9007199254740993","0"],"explicitBounds":[1])"));
  EXPECT_THAT(json, HasSubstr(R"("description":"Line\n\"quoted\"")"));
  EXPECT_THAT(json, HasSubstr(R"("quantileValues":[{"quantile":0.5,"value":"Infinity"}])"));
  EXPECT_THAT(
      json,
      HasSubstr(R"("metadata":[{"key":"prometheus.type","value":{"stringValue":"unknown"}}])"));
}

// --- caches ------------------------------------------------------------------------------------

TEST(OtlpEncoder, GivesTheSameBytesFromAWarmCache) {
  const Snapshot snapshot = Large(300);
  for (const bool json : {false, true}) {
    const auto encoder = MakeOtlpEncoder({.json = json, .max_request_bytes = 5000});
    const auto cache = encoder->MakeCache();
    Messages none;
    Messages cold;
    Messages warm;
    static_cast<void>(encoder->Encode(snapshot, nullptr, none));
    static_cast<void>(encoder->Encode(snapshot, cache.get(), cold));
    static_cast<void>(encoder->Encode(snapshot, cache.get(), warm));
    EXPECT_EQ(cold.all, none.all);
    EXPECT_EQ(warm.all, none.all);
  }
}

TEST(OtlpEncoder, ForgetsSeriesThatAreGone) {
  const Metrics metrics(Options().Consumer());
  const auto gauge = metrics.Gauge("g", "G.", {"v"});
  const auto encoder = MakeOtlpEncoder();
  const auto cache = encoder->MakeCache();
  for (int round = 0; round < 50; ++round) {
    gauge.RemoveAll();
    for (int i = 0; i < 20; ++i) gauge.With(round * 100 + i).Set(i);
    const Snapshot snapshot = metrics.TakeSnapshot();
    Messages cached;
    Messages fresh;
    static_cast<void>(encoder->Encode(snapshot, cache.get(), cached));
    static_cast<void>(encoder->Encode(snapshot, nullptr, fresh));
    ASSERT_EQ(cached.all, fresh.all) << round;
  }
}

}  // namespace
}  // namespace polymeter
