#include "exporters/otlp/otlp_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "exporters/otlp/otlp.h"

namespace polymeter {
namespace {

using namespace std::chrono_literals;
using namespace detail;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;

struct Resolved {
  BackendOptions options;
  Problems problems;
};
Resolved Resolve(StringPairs environment, const StringPairs& set = {}) {
  Resolved out;
  out.options = ResolveOptions("otlp", OtlpOptionSpecs(), Environment(std::move(environment)), set,
                               out.problems);
  return out;
}
OtlpTransportOptions Transport(StringPairs environment) {
  const Resolved resolved = Resolve(std::move(environment));
  EXPECT_TRUE(resolved.problems.empty()) << resolved.problems.Message();
  return TransportOptionsOf(resolved.options);
}
PushOptions Push(StringPairs environment) {
  const Resolved resolved = Resolve(std::move(environment));
  EXPECT_TRUE(resolved.problems.empty()) << resolved.problems.Message();
  return PushOptionsOf(resolved.options);
}

constexpr const char* kGrpc = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";

TEST(OtlpOptions, AreTheStandardsWhereNothingIsSaid) {
  const OtlpTransportOptions transport = Transport({});
  EXPECT_EQ(transport.url, "http://localhost:4318/v1/metrics");
  EXPECT_EQ(transport.protocol, OtlpProtocol::kHttpProtobuf);
  EXPECT_FALSE(transport.gzip);
  EXPECT_THAT(transport.headers, IsEmpty());
  const PushOptions push = Push({});
  EXPECT_EQ(push.interval(), 60s);
  EXPECT_EQ(push.timeout(), 10s);
  EXPECT_FALSE(push.delta().any());
  EXPECT_EQ(Transport({{"OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"}}).url,
            std::string("http://localhost:4317") + kGrpc);
}

TEST(OtlpOptions, AppendThePathToTheBaseEndpoint) {
  const auto url = [](const char* base) {
    return Transport({{"OTEL_EXPORTER_OTLP_ENDPOINT", base}}).url;
  };
  EXPECT_EQ(url("http://collector:4318"), "http://collector:4318/v1/metrics");
  EXPECT_EQ(url("http://collector:4318/"), "http://collector:4318/v1/metrics");
  EXPECT_EQ(url("https://h/otlp"), "https://h/otlp/v1/metrics");
  EXPECT_EQ(url("https://h/otlp/"), "https://h/otlp/v1/metrics");
  EXPECT_EQ(url("HTTPS://h"), "https://h/v1/metrics") << "without a port it is the scheme's";
}

TEST(OtlpOptions, UseTheMetricsEndpointAsItIs) {
  const auto url = [](const char* endpoint) {
    return Transport({{"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", endpoint},
                      {"OTEL_EXPORTER_OTLP_ENDPOINT", "http://loses"}})
        .url;
  };
  EXPECT_EQ(url("http://collector:4318"), "http://collector:4318/");
  EXPECT_EQ(url("http://collector:4318/"), "http://collector:4318/");
  EXPECT_EQ(url("https://h/api/v1/otlp?x=1"), "https://h/api/v1/otlp?x=1");
}

TEST(OtlpOptions, GiveOurOwnEndpointAPathWhereItHasNone) {
  const auto url = [](const char* endpoint) {
    return Transport({{"METRICS_OTLP_ENDPOINT", endpoint},
                      {"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://loses"}})
        .url;
  };
  EXPECT_EQ(url("http://collector:4318"), "http://collector:4318/v1/metrics");
  EXPECT_EQ(url("http://collector:4318/"), "http://collector:4318/v1/metrics");
  EXPECT_EQ(url("http://prometheus:9090/api/v1/otlp/v1/metrics"),
            "http://prometheus:9090/api/v1/otlp/v1/metrics");
  EXPECT_EQ(url("http://h?tenant=1"), "http://h/v1/metrics?tenant=1");
}

TEST(OtlpOptions, TakeAnEndpointWithoutASchemeForASecureOne) {
  EXPECT_EQ(Transport({{"OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317"},
                       {"OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"}})
                .url,
            std::string("https://collector:4317") + kGrpc);
  EXPECT_EQ(Transport({{"OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317"},
                       {"OTEL_EXPORTER_OTLP_INSECURE", "true"},
                       {"OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"}})
                .url,
            std::string("http://collector:4317") + kGrpc);
  EXPECT_EQ(Transport({{"OTEL_EXPORTER_OTLP_ENDPOINT", "https://collector:4317/ignored"},
                       {"OTEL_EXPORTER_OTLP_METRICS_INSECURE", "true"},
                       {"OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"}})
                .url,
            std::string("https://collector:4317") + kGrpc)
      << "a scheme has the last word";
}

TEST(OtlpOptions, LetTheMetricsVariableWin) {
  const OtlpTransportOptions transport =
      Transport({{"OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"},
                 {"OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "HTTP/JSON"},
                 {"OTEL_EXPORTER_OTLP_HEADERS", "a=1"},
                 {"OTEL_EXPORTER_OTLP_METRICS_HEADERS", "api-key=s%20%3D1,b = 2"},
                 {"OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"},
                 {"OTEL_EXPORTER_OTLP_CERTIFICATE", "/a"},
                 {"OTEL_EXPORTER_OTLP_METRICS_CERTIFICATE", "/b"},
                 {"OTEL_EXPORTER_OTLP_CLIENT_KEY", "/key"},
                 {"OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", "/certificate"}});
  EXPECT_EQ(transport.protocol, OtlpProtocol::kHttpJson);
  EXPECT_THAT(transport.headers, ElementsAre(Pair("api-key", "s =1"), Pair("b", "2")));
  EXPECT_TRUE(transport.gzip);
  EXPECT_EQ(transport.ca_file, "/b");
  EXPECT_EQ(transport.client_key, "/key");
  EXPECT_EQ(transport.client_certificate, "/certificate");
}

TEST(OtlpOptions, ReadMilliseconds) {
  EXPECT_EQ(Push({{"OTEL_METRIC_EXPORT_INTERVAL", "5000"}}).interval(), 5s);
  EXPECT_EQ(
      Push({{"METRICS_OTLP_INTERVAL", "5s"}, {"OTEL_METRIC_EXPORT_INTERVAL", "1"}}).interval(), 5s);
  EXPECT_EQ(Push({{"OTEL_EXPORTER_OTLP_TIMEOUT", "2500"}}).timeout(), 2500ms);
  EXPECT_EQ(
      Push({{"OTEL_EXPORTER_OTLP_METRICS_TIMEOUT", "100"}, {"OTEL_EXPORTER_OTLP_TIMEOUT", "2500"}})
          .timeout(),
      100ms);
  EXPECT_EQ(Push({{"OTEL_METRIC_EXPORT_TIMEOUT", "3000"}}).timeout(), 3s) << "the shorter one";
  EXPECT_EQ(Push({{"OTEL_EXPORTER_OTLP_TIMEOUT", "0"}}).timeout(), 30s) << "0 is no limit";
  EXPECT_EQ(
      Push({{"OTEL_EXPORTER_OTLP_TIMEOUT", "0"}, {"OTEL_METRIC_EXPORT_TIMEOUT", "0"}}).timeout(),
      0ms);
}

TEST(OtlpOptions, KnowTheTemporalities) {
  const auto delta = Push({{"OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "Delta"}}).delta();
  EXPECT_TRUE(delta.counters && delta.histograms && delta.produced);
  EXPECT_FALSE(delta.summaries) << "a summary has no temporality";
  const auto low = Push({{"METRICS_OTLP_TEMPORALITY", "lowmemory"}}).delta();
  EXPECT_TRUE(low.counters && low.histograms);
  EXPECT_FALSE(low.produced);
}

TEST(OtlpOptions, KnowTheHistogramAggregations) {
  const auto explicit_histograms = [](StringPairs environment) {
    const Resolved resolved = Resolve(std::move(environment));
    EXPECT_TRUE(resolved.problems.empty()) << resolved.problems.Message();
    return EncoderOptionsOf(resolved.options).explicit_histograms;
  };
  constexpr const char* kStandard = "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION";
  EXPECT_FALSE(explicit_histograms({}));
  EXPECT_TRUE(explicit_histograms({{kStandard, "explicit_bucket_histogram"}}));
  EXPECT_FALSE(explicit_histograms({{kStandard, "base2_exponential_bucket_histogram"}}));
  EXPECT_FALSE(explicit_histograms(
      {{"METRICS_OTLP_DEFAULT_HISTOGRAM_AGGREGATION", "base2_exponential_bucket_histogram"},
       {kStandard, "explicit_bucket_histogram"}}));
}

TEST(OtlpOptions, SayWhatTheyDoNotTakeAndUseWhatComesNext) {
  const StringPairs bad[] = {
      {{"METRICS_OTLP_ENDPOINT", "ftp://h"}},
      {{"METRICS_OTLP_ENDPOINT", "http://"}},
      {{"METRICS_OTLP_ENDPOINT", "http://:4318"}},
      {{"METRICS_OTLP_ENDPOINT", "http://h:"}},
      {{"METRICS_OTLP_ENDPOINT", "http://h:0"}},
      {{"METRICS_OTLP_ENDPOINT", "http://h:99999"}},
      {{"METRICS_OTLP_ENDPOINT", "http://h:4318x"}},
      {{"METRICS_OTLP_ENDPOINT", "http://a:b:c"}},
      {{"METRICS_OTLP_ENDPOINT", "http://me:secret@"}},
      {{"METRICS_OTLP_ENDPOINT", "http://::1:4318"}},
      {{"METRICS_OTLP_ENDPOINT", "http://[::1"}},
      {{"METRICS_OTLP_ENDPOINT", "http://[]:1/"}},
      {{"METRICS_OTLP_ENDPOINT", "http://[::1]4318"}},
      {{"METRICS_OTLP_ENDPOINT", "http://h h/"}},
      {{"METRICS_OTLP_ENDPOINT", "unix:///var/run/x"}},
      {{"METRICS_OTLP_HEADERS", "no value"}},
      {{"METRICS_OTLP_HEADERS", "a=1%0d%0aInjected: x"}},
      {{"METRICS_OTLP_HEADERS", "a b=1"}},
      {{"METRICS_OTLP_HEADERS", "a%3Ab=1"}},
      {{"OTEL_EXPORTER_OTLP_PROTOCOL", "thrift"}},
      {{"OTEL_EXPORTER_OTLP_COMPRESSION", "zstd"}},
      {{"OTEL_EXPORTER_OTLP_TIMEOUT", "10s"}},
      {{"OTEL_EXPORTER_OTLP_TIMEOUT", "-1"}},
      {{"OTEL_METRIC_EXPORT_INTERVAL", "0"}},
      {{"OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "both"}},
      {{"OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION", "summary"}},
      {{"METRICS_OTLP_PROXY", "socks5://h:1"}},
      {{"METRICS_OTLP_MAX_REQUEST_BYTES", "10"}},
  };
  for (const StringPairs& environment : bad) {
    const Resolved resolved = Resolve(environment);
    EXPECT_EQ(resolved.problems.all().size(), 1u) << environment[0].second;
    EXPECT_THAT(resolved.problems.Message(), HasSubstr(environment[0].first));
    EXPECT_EQ(TransportOptionsOf(resolved.options).url, "http://localhost:4318/v1/metrics");
  }
}

TEST(OtlpOptions, KeepHeadersSecret) {
  const Resolved resolved = Resolve({{"OTEL_EXPORTER_OTLP_HEADERS", "api-key=hunter2"}});
  for (const Setting& setting : resolved.options.Describe()) {
    EXPECT_EQ(setting.value.find("hunter2"), std::string::npos) << setting.name;
  }
  EXPECT_EQ(Resolve({{"METRICS_OTLP_HEADERS", "hunter2"}}).problems.Message().find("hunter2"),
            std::string::npos);
}

TEST(OtlpOptions, KeepThePasswordsInUrlsSecret) {
  const Resolved good = Resolve({{"OTEL_EXPORTER_OTLP_ENDPOINT", "https://me:hunter2@h:1/v1?a=b"},
                                 {"METRICS_OTLP_PROXY", "me:hunter2@proxy:3128"}});
  EXPECT_TRUE(good.problems.empty()) << good.problems.Message();
  std::string shown;
  for (const Setting& setting : good.options.Describe()) shown += setting.value + "\n";
  EXPECT_THAT(shown, HasSubstr("https://***@h:1/v1?a=b\n"));
  EXPECT_THAT(shown, HasSubstr("***@proxy:3128\n"));
  EXPECT_THAT(shown, Not(HasSubstr("hunter2")));
  EXPECT_EQ(TransportOptionsOf(good.options).proxy, "me:hunter2@proxy:3128");

  for (const char* const bad : {"ftp://me:hunter2@h", "http://me:hunter2 @h", "me:hun/ter2@h#",
                                "http://me:hun@hunter2/?#@h", "gopher://a://hunter2@h"}) {
    const Resolved resolved =
        Resolve({{"METRICS_OTLP_ENDPOINT", bad},
                 {"OTEL_EXPORTER_OTLP_ENDPOINT", "http://me:hunter2@instead"}});
    EXPECT_EQ(resolved.problems.all().size(), 1u) << bad;
    EXPECT_THAT(resolved.problems.Message(), HasSubstr("***@h")) << bad;
    EXPECT_THAT(resolved.problems.Message(), HasSubstr("http://***@instead")) << bad;
    EXPECT_THAT(resolved.problems.Message(), Not(HasSubstr("ter2"))) << bad;
  }
}

TEST(OtlpOptions, TakeEmptyForUnset) {
  EXPECT_EQ(Transport({{"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", ""},
                       {"OTEL_EXPORTER_OTLP_ENDPOINT", "http://h"},
                       {"OTEL_EXPORTER_OTLP_PROTOCOL", ""}})
                .url,
            "http://h/v1/metrics");
}

}  // namespace
}  // namespace polymeter
