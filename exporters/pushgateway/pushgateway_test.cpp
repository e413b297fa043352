// The backend as it is configured, over real sockets. What a real Pushgateway makes of its requests
// is judged in test/receivers.
#include "exporters/pushgateway/pushgateway.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "exporters/common/transport/loopback_server_for_test.h"
#include "exporters/common/transport/raw_client_for_test.h"
#include "exporters/pushgateway/pushgateway_transport.h"
#include "exporters/pushgateway/unique_series.h"
#include "polymeter/metrics.h"
#include "sdk/testing/log_capture.h"
#include "sdk/testing/manual_clock.h"
#include "sdk/testing/snapshot_builder.h"

namespace polymeter {
namespace {

using namespace std::chrono_literals;
using namespace detail;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::HttpAnswer;
using Gateway = testing::HttpReceiver;
using testing::LoopbackServer;
using ::testing::Not;
using ::testing::StartsWith;
using Outcome = SendResult::Outcome;

Deadline In(std::chrono::milliseconds time) { return std::chrono::steady_clock::now() + time; }

// A row of the table made with these options, and a Metrics around it.
class Pushing : public ::testing::Test {
 protected:
  Result<std::unique_ptr<Backend>> Make(StringPairs environment) {
    const BackendInfo& info = PushgatewayBackendInfo();
    const BackendOptions options =
        ResolveOptions(info.name, info.options, Environment(std::move(environment)), {}, problems_);
    outside_.service = "nightly backup";
    return info.make(options, outside_);
  }
  Metrics Start(Gateway& gateway, StringPairs environment = {}) {
    environment.emplace_back("METRICS_PUSHGATEWAY_URL", gateway.url());
    environment.emplace_back("METRICS_PUSHGATEWAY_INTERVAL", "0");
    auto made = Make(std::move(environment));
    EXPECT_TRUE(problems_.empty()) << problems_.Message();
    EXPECT_TRUE(made) << made.message();
    backend_ = std::move(made.value());
    return Metrics(Options().AddBackend(backend_).Log(log_.callback()));
  }
  BackendReport Report() { return backend_->Report(); }

  Outside outside_;
  Problems problems_;
  testing::LogCapture log_;
  std::shared_ptr<Backend> backend_;
};

TEST_F(Pushing, PutsThePageOfItsServicesGroup) {
  Gateway gateway;
  const Metrics metrics = Start(gateway);
  metrics.Counter("files_total", "Files.").Increment(3);
  EXPECT_TRUE(metrics.Shutdown(In(5s)));
  auto requests = gateway.requests();
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_EQ(requests[0].line, "PUT /metrics/job/nightly%20backup HTTP/1.1");
  EXPECT_EQ(requests[0].headers["content-type"], "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_EQ(requests[0].headers.count("content-encoding"), 0u);
  EXPECT_EQ(requests[0].headers.count("authorization"), 0u);
  EXPECT_THAT(requests[0].headers["user-agent"], StartsWith("polymeter/"));
  EXPECT_THAT(requests[0].body, HasSubstr("# TYPE files_total counter\nfiles_total 3\n"));
  EXPECT_EQ(Report().endpoint, gateway.url() + "/metrics/job/nightly%20backup");
  EXPECT_GT(Report().accepted, 0u);
}

TEST_F(Pushing, PushesAsItsOptionsSay) {
  Gateway gateway({HttpAnswer(200), HttpAnswer(202)});
  const Metrics metrics = Start(gateway, {{"METRICS_PUSHGATEWAY_JOB", "a/b"},
                                          {"METRICS_PUSHGATEWAY_GROUPING", "zone=,instance=h%201"},
                                          {"METRICS_PUSHGATEWAY_METHOD", "post"},
                                          {"METRICS_PUSHGATEWAY_ON_EXIT", "delete"},
                                          {"METRICS_PUSHGATEWAY_COMPRESSION", "gzip"},
                                          {"METRICS_PUSHGATEWAY_USERNAME", "ann"},
                                          {"METRICS_PUSHGATEWAY_PASSWORD", "a:b%"},
                                          {"METRICS_PUSHGATEWAY_HEADERS", "X-Team=blue%20one"}});
  metrics.Gauge("g", "G.").Set(1);
  EXPECT_TRUE(metrics.Shutdown(In(5s)));
  auto requests = gateway.requests();
  ASSERT_EQ(requests.size(), 2u);
  const std::string path = "/metrics/job@base64/YS9i/zone@base64/=/instance/h%201 HTTP/1.1";
  EXPECT_EQ(requests[0].line, "POST " + path);
  EXPECT_EQ(requests[1].line, "DELETE " + path);
  EXPECT_EQ(requests[0].headers["content-encoding"], "gzip");
  EXPECT_THAT(testing::Gunzip(requests[0].body), HasSubstr("\ng 1\n"));
  for (auto& request : requests) {
    EXPECT_EQ(request.headers["authorization"], "Basic YW5uOmE6YiU=");
    EXPECT_EQ(request.headers["x-team"], "blue one");
  }
  // 1.5.1 answers 400 to a DELETE that says so.
  EXPECT_EQ(requests[1].headers.count("content-encoding"), 0u);
  EXPECT_EQ(requests[1].headers.count("content-type"), 0u);
  EXPECT_EQ(requests[1].body, "");
}

TEST_F(Pushing, SendsATokenInPlaceOfAUser) {
  Gateway gateway;
  const Metrics metrics = Start(gateway, {{"METRICS_PUSHGATEWAY_BEARER_TOKEN", "abc.def=="}});
  EXPECT_TRUE(metrics.Shutdown(In(5s)));
  EXPECT_EQ(gateway.requests().at(0).headers["authorization"], "Bearer abc.def==");
}

TEST_F(Pushing, WithAnIntervalOfZeroPushesWhenAskedAndAtTheEnd) {
  Gateway gateway;
  const Metrics metrics = Start(gateway);
  std::this_thread::sleep_for(50ms);
  EXPECT_THAT(gateway.lines(), ElementsAre());
  EXPECT_TRUE(metrics.Flush(In(5s)));
  EXPECT_EQ(gateway.requests().size(), 1u);
  EXPECT_TRUE(metrics.Shutdown(In(5s)));
  EXPECT_EQ(gateway.requests().size(), 2u);
}

// The server gives instance="" to a group without that label: both would be the same series.
TEST_F(Pushing, LeavesAnEmptyInstanceOutOfTheGroup) {
  Gateway gateway;
  const Metrics metrics = Start(gateway, {{"METRICS_PUSHGATEWAY_GROUPING", "instance=,a=b"}});
  EXPECT_TRUE(metrics.Shutdown(In(5s)));
  EXPECT_THAT(gateway.lines(), ElementsAre("PUT /metrics/job/nightly%20backup/a/b HTTP/1.1"));
}

TEST_F(Pushing, DeletesAgainUntilTheServerIsThereAgain) {
  Gateway gateway({HttpAnswer(200), HttpAnswer(503), HttpAnswer(500), HttpAnswer(202)});
  const Metrics metrics = Start(gateway, {{"METRICS_PUSHGATEWAY_ON_EXIT", "delete"}});
  EXPECT_TRUE(metrics.Shutdown(In(5s)));
  EXPECT_EQ(gateway.requests().size(), 4u);
}

TEST_F(Pushing, SaysThatItsGroupCouldNotBeDeleted) {
  Gateway gateway(
      {HttpAnswer(200), HttpAnswer(401, "Unauthorized", "Content-Type: text/plain\r\n")});
  const Metrics metrics = Start(gateway, {{"METRICS_PUSHGATEWAY_ON_EXIT", "delete"}});
  const Status stopped = metrics.Shutdown(In(5s));
  EXPECT_THAT(stopped.message(), AllOf(HasSubstr("was not deleted"), HasSubstr("HTTP 401"),
                                       HasSubstr("user name and password")));
  EXPECT_EQ(gateway.requests().size(), 2u) << "refused is refused";
}

TEST_F(Pushing, DropsWhatIsRefusedAndSaysWhyInTheServersWords) {
  Gateway gateway({HttpAnswer(400, "pushed metrics are invalid\nsecond line",
                              "Content-Type: text/plain; charset=utf-8\r\n")});
  const Metrics metrics = Start(gateway);
  metrics.Gauge("g", "G.").Set(1);
  static_cast<void>(metrics.Flush(In(5s)));
  EXPECT_EQ(Report().last_error, "HTTP 400: pushed metrics are invalid second line");
  ASSERT_EQ(Report().dropped.size(), 1u);
  EXPECT_EQ(Report().dropped[0].first, "http_400");
  static_cast<void>(metrics.Shutdown(In(5s)));
}

// --- repeated series ----------------------------------------------------------------------------

// A snapshot with the families of several, as registries that share a series give it.
Snapshot Joined(const std::vector<Snapshot>& snapshots) {
  auto data = std::make_shared<SnapshotData>();
  data->resource = std::make_shared<Resource>(snapshots.front().resource());
  data->families = snapshots.front().families();
  for (const Snapshot& snapshot : snapshots) {
    data->keep.push_back(std::make_shared<Snapshot>(snapshot));
    if (data->keep.size() == 1) continue;
    for (std::size_t i = 0; i < data->families.size(); ++i) {
      std::visit(
          [&](auto& points) {
            using Points = std::decay_t<decltype(points)>;
            const auto& more = std::get<Points>(snapshot.families().at(i).points);
            points.insert(points.end(), more.begin(), more.end());
          },
          data->families[i].points);
    }
  }
  return Snapshot(std::move(data));
}

// Families c_total and h, the same series in each.
Snapshot OfRegistry(double value) {
  testing::SnapshotBuilder builder;
  builder.Resource("service.name", "s");
  FamilySink& sink = builder.sink();
  sink.BeginFamily(MetricType::kCounter, "c_total", "C.");
  sink.Counter({}, value);
  // The order in which labels stand is no difference.
  if (value > 1) {
    sink.Counter({{"a", "1"}, {"b", "2"}}, value);
  } else {
    sink.Counter({{"b", "2"}, {"a", "1"}}, value);
  }
  const std::string only = std::to_string(static_cast<int>(value));
  sink.Counter({{"only", only}}, value);
  sink.BeginFamily(MetricType::kGauge, "g", "G.");
  sink.Gauge({{"l", "x"}}, value);
  return builder.Build();
}

constexpr const char* kOnePage =
    "# HELP c_total C.\n# TYPE c_total counter\n"
    "c_total{only=\"1\"} 1\nc_total{only=\"2\"} 2\n"
    "c_total 3\nc_total{a=\"1\",b=\"2\"} 3\nc_total{only=\"3\"} 3\n"
    "# HELP g G.\n# TYPE g gauge\ng{l=\"x\"} 3\n";

class PageSink final : public MessageSink {
 public:
  bool Append(std::string_view bytes) override {
    text += bytes;
    return true;
  }
  bool EndMessage(std::size_t) override { return true; }
  std::string text;
};

// The server refuses all of a page for one of them.
TEST(PushgatewayEncoder, WritesOfSeriesWithTheSameLabelsTheLastOne) {
  const auto encoder = PushgatewayBackendInfo().make_encoder({});
  ASSERT_TRUE(encoder) << encoder.message();
  const auto cache = encoder.value()->MakeCache();
  const Snapshot snapshot = Joined({OfRegistry(1), OfRegistry(2), OfRegistry(3)});
  for (EncoderCache* const used : {static_cast<EncoderCache*>(nullptr), cache.get(), cache.get()}) {
    PageSink page;
    const EncodeReport report = encoder.value()->Encode(snapshot, used, page);
    EXPECT_EQ(page.text, kOnePage);
    EXPECT_EQ(report.points, 6u);
    ASSERT_EQ(report.dropped.size(), 1u);
    EXPECT_EQ(report.dropped[0].reason, "repeated_series");
    EXPECT_EQ(report.dropped[0].points, 6u);
  }
  PageSink page;
  EXPECT_TRUE(encoder.value()->Encode(OfRegistry(3), cache.get(), page).dropped.empty());
}

// The Pushgateway's text format knows neither exponential buckets nor exemplars.
TEST(PushgatewayEncoder, WritesOfExponentialBucketsCountAndSum) {
  const std::uint64_t positive[] = {3, 4};
  NativeHistogram native;
  native.positive = {1, 2, positive};
  native.count = 7;
  const Exemplar exemplar{1.5, 1, {}};
  HistogramPoint point{SeriesView(nullptr), nullptr, &native.count, 0, 7, 12.5};
  point.native = &native;
  point.exemplars = &exemplar;
  point.exemplar_count = 1;
  testing::SnapshotBuilder builder;
  builder.sink().BeginFamily(MetricType::kHistogram, "wait_seconds", "W.");
  builder.sink().Histogram(nullptr, 0, point);
  const auto encoder = PushgatewayBackendInfo().make_encoder({});
  PageSink page;
  EXPECT_TRUE(encoder.value()->Encode(builder.Build(), nullptr, page).dropped.empty());
  EXPECT_EQ(page.text,
            "# HELP wait_seconds W.\n# TYPE wait_seconds histogram\n"
            "wait_seconds_bucket{le=\"+Inf\"} 7\nwait_seconds_sum 12.5\nwait_seconds_count 7\n");
}

TEST(UniqueSeries, OfASnapshotWithoutRepetitionsAreThatSnapshot) {
  const Snapshot snapshot = OfRegistry(1);
  std::uint64_t left_out = 5;
  const Snapshot same = WithoutRepeatedSeries(snapshot, left_out);
  EXPECT_EQ(left_out, 0u);
  EXPECT_EQ(&same.families(), &snapshot.families()) << "not copied";
}

class FixedSource final : public SnapshotSource {
 public:
  explicit FixedSource(Snapshot snapshot) : snapshot_(std::move(snapshot)) {}
  Snapshot TakeSnapshot(Deadline) override { return snapshot_; }
  void Log(LogLevel, std::string_view) override {}

 private:
  const Snapshot snapshot_;
};

TEST_F(Pushing, AccountsForRepeatedSeries) {
  Gateway gateway;
  const auto backend =
      Make({{"METRICS_PUSHGATEWAY_URL", gateway.url()}, {"METRICS_PUSHGATEWAY_INTERVAL", "0"}});
  ASSERT_TRUE(backend) << backend.message();
  FixedSource source(Joined({OfRegistry(1), OfRegistry(2), OfRegistry(3)}));
  ASSERT_TRUE(backend.value()->Start(source));
  EXPECT_TRUE(backend.value()->Stop(In(5s)));
  ASSERT_EQ(gateway.requests().size(), 1u);
  EXPECT_EQ(gateway.requests()[0].body, kOnePage);
  const BackendReport report = backend.value()->Report();
  EXPECT_EQ(report.offered, 12u);
  EXPECT_EQ(report.accepted, 6u);
  EXPECT_THAT(report.dropped, ElementsAre(std::pair("repeated_series", 6u)));
}

// --- answers -----------------------------------------------------------------------------------

SendResult Classified(int status, const std::string& body = {},
                      std::vector<std::pair<std::string, std::string>> headers = {}) {
  HttpResult result;
  result.outcome = HttpResult::Outcome::kAnswered;
  result.status = status;
  result.headers = std::move(headers);
  result.body = body;
  return ClassifyPushgateway(result, SystemTime(1700000000s));
}

TEST(PushgatewayAnswer, OfSuccessIsAccepted) {
  for (const int status : {200, 202, 204}) {
    EXPECT_EQ(Classified(status).outcome, Outcome::kAccepted) << status;
  }
}

TEST(PushgatewayAnswer, ThatMayChangeIsAskedForAgain) {
  for (const int status : {429, 500, 502, 503, 504}) {
    EXPECT_EQ(Classified(status).outcome, Outcome::kRetry) << status;
  }
  EXPECT_EQ(Classified(503, "", {{"retry-after", "7"}}).retry_after, 7s);
  HttpResult none;
  none.error = "refused";
  EXPECT_EQ(ClassifyPushgateway(none, {}).outcome, Outcome::kRetry);
}

TEST(PushgatewayAnswer, ThatStaysTheSameIsFinal) {
  for (const int status : {301, 307, 400, 401, 403, 404, 405, 413, 415}) {
    const SendResult result = Classified(status);
    EXPECT_EQ(result.outcome, Outcome::kRejected) << status;
    EXPECT_EQ(result.reason, "http_" + std::to_string(status));
  }
  EXPECT_THAT(Classified(307, "", {{"location", "/elsewhere"}}).message, HasSubstr("/elsewhere"));
  EXPECT_THAT(Classified(404).message, HasSubstr("no Pushgateway"));
  EXPECT_THAT(Classified(400, "<html>", {{"content-type", "text/html"}}).message,
              Not(HasSubstr("html")));
  HttpResult large;
  large.outcome = HttpResult::Outcome::kTooLarge;
  EXPECT_EQ(ClassifyPushgateway(large, {}).reason, "answer_too_large");
}

TEST(PushgatewayAnswer, IsItsStatusWhateverBecomesOfTheBody) {
  HttpResult large;
  large.outcome = HttpResult::Outcome::kTooLarge;
  large.status = 200;
  EXPECT_EQ(ClassifyPushgateway(large, {}).outcome, Outcome::kAccepted);
  large.status = 503;
  EXPECT_EQ(ClassifyPushgateway(large, {}).outcome, Outcome::kRetry);
  large.outcome = HttpResult::Outcome::kTimedOut;
  large.status = 400;
  EXPECT_EQ(ClassifyPushgateway(large, {}).reason, "http_400");
}

// --- options -----------------------------------------------------------------------------------

class PushgatewayOption : public Pushing {
 protected:
  std::string ProblemOf(const std::string& option, const std::string& value) {
    problems_ = {};
    EXPECT_TRUE(Make({{"METRICS_PUSHGATEWAY_" + option, value}})) << "the default is used";
    return problems_.Message();
  }
};

TEST_F(PushgatewayOption, OfAUrlIsTheServersAlone) {
  for (const char* good :
       {"http://h:9091", "https://h/push", "h:9091", "http://u:p@h", "http://[::1]:9091/"}) {
    EXPECT_EQ(ProblemOf("URL", good), "") << good;
  }
  for (const char* bad : {"ftp://h", "http://", "http://h/metrics/job/x", "http://h?x=1",
                          "http://h#x", "http://h h", "unix:///x"}) {
    EXPECT_THAT(ProblemOf("URL", bad), HasSubstr("without /metrics/job")) << bad;
  }
}

TEST_F(PushgatewayOption, OfTheGroupingTakesLabelsThatAServerTakes) {
  EXPECT_EQ(ProblemOf("GROUPING", "a=b, instance=%2Fvar,c="), "");
  for (const char* bad :
       {"a", "=b", "job=x", "a=1,a=2", "in-stance=x", "__a=1", "a=%FF", "a=%zz"}) {
    EXPECT_THAT(ProblemOf("GROUPING", bad), HasSubstr("label=value pairs")) << bad;
  }
}

TEST_F(PushgatewayOption, OfCredentialsHoldsNoLineBreak) {
  for (const char* option : {"USERNAME", "PASSWORD", "BEARER_TOKEN"}) {
    EXPECT_NE(ProblemOf(option, "a\r\nX: y"), "") << option;
  }
  EXPECT_THAT(ProblemOf("BEARER_TOKEN", "s3cret\n"), Not(HasSubstr("s3cret")));
  EXPECT_NE(ProblemOf("USERNAME", "a:b"), "");
}

TEST_F(PushgatewayOption, ThatContradictsAnotherLeavesTheBackendOut) {
  EXPECT_THAT(Make({{"METRICS_PUSHGATEWAY_PASSWORD", "p"}}).message(), HasSubstr("username"));
  EXPECT_THAT(
      Make({{"METRICS_PUSHGATEWAY_USERNAME", "u"}, {"METRICS_PUSHGATEWAY_BEARER_TOKEN", "t"}})
          .message(),
      HasSubstr("only one"));
  EXPECT_THAT(Make({{"METRICS_PUSHGATEWAY_HEADERS", "authorization=x"},
                    {"METRICS_PUSHGATEWAY_BEARER_TOKEN", "t"}})
                  .message(),
              HasSubstr("only one"));
}

}  // namespace
}  // namespace polymeter
