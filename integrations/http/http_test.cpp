#include "polymeter/http.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "integrations/http/http_families.h"
#include "sdk/testing/log_capture.h"
#include "sdk/testing/values.h"

namespace polymeter {
namespace {

using testing::FindFamily;
using testing::FindPoint;
using testing::ValueOf;

constexpr std::string_view kTraceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

class HttpTest : public ::testing::Test {
 protected:
  double Requests(std::string_view method, std::string_view path, std::string_view status) {
    return ValueOf(metrics_.TakeSnapshot(), "http_requests_total",
                   {{"method", method}, {"path", path}, {"status", status}})
        .value_or(-1);
  }
  double InFlight(std::string_view method) {
    return ValueOf(metrics_.TakeSnapshot(), "http_requests_in_flight", {{"method", method}})
        .value_or(-1);
  }
  double Aborted(std::string_view method, std::string_view path) {
    return ValueOf(metrics_.TakeSnapshot(), "http_requests_aborted_total",
                   {{"method", method}, {"path", path}})
        .value_or(-1);
  }
  double Folded(std::string_view label) {
    return ValueOf(metrics_.TakeSnapshot(), "http_labels_folded_total", {{"label", label}})
        .value_or(-1);
  }
  // All observations of a histogram family.
  std::uint64_t Observations(std::string_view name) {
    const Snapshot snapshot = metrics_.TakeSnapshot();
    const FamilyView* const family = FindFamily(snapshot, name);
    std::uint64_t count = 0;
    if (family == nullptr) return count;
    for (const auto& point : std::get<HistogramPoints>(family->points)) count += point.count;
    return count;
  }
  double AllRequests() {
    const Snapshot snapshot = metrics_.TakeSnapshot();
    double sum = 0;
    const FamilyView* const family = FindFamily(snapshot, "http_requests_total");
    for (const auto& point : std::get<CounterPoints>(family->points)) sum += point.value();
    return sum;
  }

  testing::LogCapture log_;
  Metrics metrics_{Options().Consumer().Log(log_.callback())};
  HttpServerMetrics http_{metrics_, HttpServerOptions().RouteLimit(5)};
};

TEST_F(HttpTest, CountsARequestOnceWhenItEnds) {
  {
    auto request = http_.Begin("GET");
    request.Route("/jobs/{id}").Status(201).RequestBytes(10).ResponseBytes(1000);
    EXPECT_EQ(InFlight("GET"), 1);
    EXPECT_EQ(Requests("GET", "/jobs/{id}", "201"), -1);
  }
  EXPECT_EQ(InFlight("GET"), 0);
  EXPECT_EQ(Requests("GET", "/jobs/{id}", "201"), 1);
  const Snapshot snapshot = metrics_.TakeSnapshot();
  const std::initializer_list<Label> labels = {
      {"method", "GET"}, {"path", "/jobs/{id}"}, {"status", "201"}};
  const auto* const duration =
      FindPoint<HistogramPoint>(snapshot, "http_request_duration_seconds", labels);
  ASSERT_NE(duration, nullptr);
  EXPECT_EQ(duration->count, 1u);
  EXPECT_EQ(duration->bound_count, 14u);
  EXPECT_EQ(duration->bounds[0], 0.005);
  EXPECT_EQ(duration->bounds[13], 10);
  EXPECT_EQ(FindPoint<HistogramPoint>(snapshot, "http_request_size_bytes", labels)->sum, 10);
  EXPECT_EQ(FindPoint<HistogramPoint>(snapshot, "http_response_size_bytes", labels)->sum, 1000);
}

TEST_F(HttpTest, MeasuresFromBeginToEnd) {
  {
    auto request = http_.Begin("GET");
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
  }
  const Snapshot snapshot = metrics_.TakeSnapshot();
  const auto* const duration =
      FindPoint<HistogramPoint>(snapshot, "http_request_duration_seconds",
                                {{"method", "GET"}, {"path", "_unmatched"}, {"status", "200"}});
  ASSERT_NE(duration, nullptr);
  EXPECT_GE(duration->sum, 0.03);
  EXPECT_LT(duration->sum, 30);
}

TEST_F(HttpTest, HasTheNamesOfOpenTelemetry) {
  { auto request = http_.Begin("GET"); }
  const Snapshot snapshot = metrics_.TakeSnapshot();
  const FamilyView* const duration = FindFamily(snapshot, "http_request_duration_seconds");
  ASSERT_NE(duration, nullptr);
  EXPECT_EQ(duration->otel_name, "http.server.request.duration");
  ASSERT_EQ(duration->otel_attribute_count, 3u);
  EXPECT_EQ(duration->otel_attributes[1],
            (std::pair<std::string, std::string>("path", "http.route")));
  const FamilyView* const in_flight = FindFamily(snapshot, "http_requests_in_flight");
  ASSERT_NE(in_flight, nullptr);
  EXPECT_TRUE(in_flight->additive);
  EXPECT_EQ(in_flight->otel_name, "http.server.active_requests");
}

TEST_F(HttpTest, MakesEveryFamilyOfItsTableAndNoOther) {
  {
    auto request = http_.Begin("BREW");
    request.RequestBytes(1).ResponseBytes(1).Abort();
  }
  http_.Begin("GET").Streaming();
  const Snapshot snapshot = metrics_.TakeSnapshot();
  std::size_t ours = 0;
  for (const FamilyView& family : snapshot.families()) ours += family.name.starts_with("http_");
  EXPECT_EQ(ours, std::size(detail::kHttpFamilies));
  for (const detail::FamilyRow& row : detail::kHttpFamilies) {
    const FamilyView* const family = FindFamily(snapshot, row.name);
    ASSERT_NE(family, nullptr) << row.name;
    EXPECT_EQ(family->type(), row.type) << row.name;
    std::string labels;
    std::visit(
        [&](const auto& points) {
          ASSERT_FALSE(points.empty()) << row.name;
          const LabelsView view = points[0].series.labels();
          for (std::size_t i = 0; i < view.size(); ++i) {
            labels.append(i == 0 ? "" : ",").append(view[i].name);
          }
        },
        family->points);
    EXPECT_EQ(labels, row.labels) << row.name;
  }
  EXPECT_TRUE(log_.messages().empty());
}

TEST_F(HttpTest, FoldsUnknownMethods) {
  { auto request = http_.Begin("BREW"); }
  { auto request = http_.Begin(""); }
  { auto request = http_.Begin("get"); }
  EXPECT_EQ(Requests("_OTHER", "_unmatched", "200"), 3);
  EXPECT_EQ(InFlight("_OTHER"), 0);
  EXPECT_EQ(Folded("method"), 3);
}

TEST_F(HttpTest, FoldsStatusesThatAreNone) {
  for (const int status : {99, 600, -1, 0, 1'000'000, std::numeric_limits<int>::min()}) {
    http_.Begin("GET").Status(status);
  }
  http_.Begin("GET").Status(100);
  http_.Begin("GET").Status(599);
  EXPECT_EQ(Requests("GET", "_unmatched", "other"), 6);
  EXPECT_EQ(Requests("GET", "_unmatched", "100"), 1);
  EXPECT_EQ(Requests("GET", "_unmatched", "599"), 1);
  EXPECT_EQ(Folded("status"), 6);
}

TEST_F(HttpTest, TellsOnlySoManyRoutesApart) {
  for (int i = 0; i < 1000; ++i) http_.Begin("GET").Route("/jobs/" + std::to_string(i));
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(Requests("GET", "/jobs/" + std::to_string(i), "200"), 1);
  }
  EXPECT_EQ(Requests("GET", "other", "200"), 995);
  EXPECT_EQ(Folded("path"), 995);
  EXPECT_EQ(log_.Count("raw path"), 1);
}

TEST_F(HttpTest, TakesRoutesThatWereLookedUpBefore) {
  const HttpRoute jobs = http_.Route("/jobs/{id}");
  http_.Begin("GET").Route(jobs);
  http_.Begin("GET").Route("/jobs/{id}");
  http_.Begin("GET").Route(HttpRoute());
  http_.Begin("GET").Route("");
  EXPECT_EQ(Requests("GET", "/jobs/{id}", "200"), 2);
  EXPECT_EQ(Requests("GET", "_unmatched", "200"), 2);
}

TEST_F(HttpTest, CountsAnExceptionAs500UnlessTheStatusWasGiven) {
  const auto fail = [&](int status) {
    auto request = http_.Begin("GET");
    if (status != 0) request.Status(status);
    throw std::runtime_error("handler");
  };
  EXPECT_THROW(fail(0), std::runtime_error);
  EXPECT_THROW(fail(206), std::runtime_error);
  EXPECT_EQ(Requests("GET", "_unmatched", "500"), 1);
  EXPECT_EQ(Requests("GET", "_unmatched", "206"), 1);
  EXPECT_EQ(InFlight("GET"), 0);
}

TEST_F(HttpTest, IsNoFailureWhereAnExceptionWasUnderWayBefore) {
  struct Cleanup {
    HttpServerMetrics& http;
    ~Cleanup() { auto request = http.Begin("GET"); }
  };
  try {
    const Cleanup cleanup{http_};
    throw std::runtime_error("elsewhere");
  } catch (const std::runtime_error&) {
  }
  EXPECT_EQ(Requests("GET", "_unmatched", "200"), 1);
}

TEST_F(HttpTest, CountsAClientThatWentAwayOnce) {
  http_.Begin("GET").Route("/a").Abort().Abort();
  http_.Begin("GET").Route("/a").Status(200).Abort();
  EXPECT_EQ(Requests("GET", "/a", "499"), 1);
  EXPECT_EQ(Requests("GET", "/a", "200"), 1);
  EXPECT_EQ(Aborted("GET", "/a"), 2);
  EXPECT_EQ(Observations("http_request_duration_seconds"), 2u);
}

TEST_F(HttpTest, EndsOnce) {
  auto request = http_.Begin("GET");
  request.End();
  request.End();
  request.Status(500).Route("/late").Abort().Streaming();
  auto other = std::move(request);
  other.End();
  EXPECT_EQ(AllRequests(), 1);
  EXPECT_EQ(InFlight("GET"), 0);
}

TEST_F(HttpTest, MovesWithAllThatItWasTold) {
  auto request = http_.Begin("POST", kTraceparent);
  request.Route("/a").Status(202).RequestBytes(7);
  auto moved = std::move(request);
  EXPECT_EQ(InFlight("POST"), 1);
  EXPECT_TRUE(moved.trace().sampled());
  moved = http_.Begin("PUT");  // ends the one before
  EXPECT_EQ(Requests("POST", "/a", "202"), 1);
  EXPECT_EQ(InFlight("POST"), 0);
  EXPECT_EQ(InFlight("PUT"), 1);
  moved.End();
  EXPECT_EQ(AllRequests(), 2);
  EXPECT_EQ(Observations("http_request_size_bytes"), 1u);
}

TEST_F(HttpTest, MayEndOnAnotherThread) {
  auto request = http_.Begin("GET", kTraceparent);
  EXPECT_FALSE(CurrentTrace().valid());
  std::thread([moved = std::move(request)]() mutable {
    {
      const auto active = moved.Activate();
      EXPECT_TRUE(CurrentTrace().valid());
      moved.Status(204);
    }
    EXPECT_FALSE(CurrentTrace().valid());
  }).join();
  EXPECT_EQ(Requests("GET", "_unmatched", "204"), 1);
  EXPECT_EQ(InFlight("GET"), 0);
}

TEST_F(HttpTest, KeepsSeveralOpenRequestsOfAnEventLoopApart) {
  auto a = http_.Begin("GET");
  { const auto active = a.Activate(); }
  auto b = http_.Begin("POST");
  { const auto active = b.Activate(); }
  {
    const auto active = a.Activate();
    a.Status(204);
  }
  a.End();
  b.End();
  EXPECT_EQ(Requests("GET", "_unmatched", "204"), 1);
  EXPECT_EQ(Requests("POST", "_unmatched", "200"), 1);
}

TEST_F(HttpTest, CountsMiddlewareInsideMiddlewareOnce) {
  {
    auto outer = http_.Begin("GET", kTraceparent);
    const auto outer_active = outer.Activate();
    {
      auto inner = http_.Begin("GET", kTraceparent);
      const auto inner_active = inner.Activate();
      EXPECT_EQ(HttpRequestScope::Current(), &outer);
      EXPECT_TRUE(CurrentTrace().valid());
      EXPECT_FALSE(inner.has_route());
      inner.Route("/inner").Status(404).ResponseBytes(3);
      EXPECT_TRUE(inner.has_route());
      EXPECT_TRUE(inner.has_status());
      EXPECT_FALSE(inner.is_stream());
      auto moved = std::move(inner);
      moved.Abort();
    }
    EXPECT_EQ(InFlight("GET"), 1);
  }
  EXPECT_EQ(AllRequests(), 1);
  EXPECT_EQ(Requests("GET", "/inner", "404"), 1);
  EXPECT_EQ(Aborted("GET", "/inner"), 1);
  EXPECT_EQ(InFlight("GET"), 0);
  EXPECT_EQ(ValueOf(metrics_.TakeSnapshot(), "traceparent_headers_total", {{"result", "valid"}}),
            1);
}

TEST_F(HttpTest, KeepsNestedScopesOfTwoServersApart) {
  const Metrics others(Options().Consumer());
  HttpServerMetrics other(others);
  auto outer = http_.Begin("GET");
  const auto active = outer.Activate();
  {
    auto inner = other.Begin("POST");
    const auto inner_active = inner.Activate();
    EXPECT_EQ(HttpRequestScope::Current(), &inner);
  }
  EXPECT_EQ(HttpRequestScope::Current(), &outer);
  EXPECT_EQ(ValueOf(others.TakeSnapshot(), "http_requests_total",
                    {{"method", "POST"}, {"path", "_unmatched"}, {"status", "200"}}),
            1);
}

TEST_F(HttpTest, IsCurrentWhileActiveUntilItMovesOrEnds) {
  EXPECT_EQ(HttpRequestScope::Current(), nullptr);
  auto request = http_.Begin("GET");
  EXPECT_EQ(HttpRequestScope::Current(), nullptr);
  {
    const auto active = request.Activate();
    EXPECT_EQ(HttpRequestScope::Current(), &request);
    auto moved = std::move(request);
    EXPECT_EQ(HttpRequestScope::Current(), nullptr);
    {
      const auto again = moved.Activate();
      EXPECT_EQ(HttpRequestScope::Current(), &moved);
      moved.End();
      EXPECT_EQ(HttpRequestScope::Current(), nullptr);
    }
    EXPECT_EQ(HttpRequestScope::Current(), nullptr);
    // The next one on the same connection is another request.
    auto next = http_.Begin("GET");
    EXPECT_EQ(InFlight("GET"), 1);
  }
  EXPECT_EQ(AllRequests(), 2);
}

TEST_F(HttpTest, MayMoveAwayWhileActive) {
  auto request = http_.Begin("GET");
  const auto active = request.Activate();
  {
    auto other = http_.Begin("GET");  // the same request
    auto task = std::make_unique<HttpRequestScope>(std::move(request));
    std::thread([moved = std::move(task)]() mutable {
      const auto there = moved->Activate();
      moved->Status(204);
      moved.reset();
    }).join();
    EXPECT_EQ(HttpRequestScope::Current(), nullptr);
    other.Status(500);  // of nobody any more
  }
  { auto next = http_.Begin("PUT"); }
  EXPECT_EQ(Requests("GET", "_unmatched", "204"), 1);
  EXPECT_EQ(Requests("PUT", "_unmatched", "200"), 1);
  EXPECT_EQ(AllRequests(), 2);
}

TEST_F(HttpTest, MayEndInsideTheActivationOfAnother) {
  const Metrics others(Options().Consumer());
  HttpServerMetrics other(others);
  auto outer = std::make_unique<HttpRequestScope>(http_.Begin("GET"));
  const auto outer_active = outer->Activate();
  auto inner = other.Begin("POST");
  {
    const auto inner_active = inner.Activate();
    outer.reset();
    EXPECT_EQ(HttpRequestScope::Current(), &inner);
  }
  EXPECT_EQ(HttpRequestScope::Current(), nullptr);
  { auto next = http_.Begin("PUT"); }
  EXPECT_EQ(AllRequests(), 2);
}

TEST_F(HttpTest, FillsTheCurrentTraceWhileActive) {
  auto request = http_.Begin("GET", kTraceparent);
  {
    const auto active = request.Activate();
    EXPECT_EQ(CurrentTrace(), request.trace());
    EXPECT_TRUE(CurrentTrace().sampled());
  }
  EXPECT_FALSE(CurrentTrace().valid());
}

TEST_F(HttpTest, LeavesAnOuterTraceWhereTheRequestHasNone) {
  TraceContext own;
  own.trace_id[0] = own.span_id[0] = 1;
  const TraceScope scope(own);
  auto request = http_.Begin("GET", "not a traceparent");
  const auto active = request.Activate();
  EXPECT_EQ(CurrentTrace(), own);
  EXPECT_EQ(ValueOf(metrics_.TakeSnapshot(), "traceparent_headers_total", {{"result", "invalid"}}),
            1);
}

// The exemplars of the durations of GET /, and whether there are others.
std::vector<Exemplar> DurationExemplars(const Snapshot& snapshot) {
  const auto* const point =
      FindPoint<HistogramPoint>(snapshot, "http_request_duration_seconds",
                                {{"method", "GET"}, {"path", "/"}, {"status", "200"}});
  if (point == nullptr) return {};
  return {point->exemplars, point->exemplars + point->exemplar_count};
}

TEST(HttpExemplars, AreTheRequestsTracesWhereverTheyEnd) {
  const Metrics metrics(Options().Consumer());
  HttpServerMetrics http(metrics, HttpServerOptions().Exemplars());
  const HttpRoute route = http.Route("/");
  // How long a request takes, and so its bucket, is the machine's.
  const auto kept = [&](const TraceContext& trace) {
    const Snapshot snapshot = metrics.TakeSnapshot();
    const auto exemplars = DurationExemplars(snapshot);
    return std::any_of(exemplars.begin(), exemplars.end(),
                       [&](const Exemplar& exemplar) { return exemplar.trace == trace; });
  };
  const auto numbered = [](char digit) {
    std::string text(kTraceparent);
    text[3] = digit;
    return text;
  };
  TraceContext trace;
  {
    auto request = http.Begin("GET", numbered('1'));
    const auto active = request.Activate();
    request.Route(route);
    trace = request.trace();
  }
  EXPECT_TRUE(trace.sampled());
  EXPECT_TRUE(kept(trace));

  auto moved = http.Begin("GET", numbered('2'));
  moved.Route(route);
  trace = moved.trace();
  std::thread([request = std::move(moved)]() mutable { request.End(); }).join();
  EXPECT_TRUE(kept(trace));

  http.BeginOnThread("GET", numbered('3'))->Route(route);
  trace = HttpServerMetrics::OnThread()->trace();
  HttpServerMetrics::EndOnThread();
  EXPECT_TRUE(kept(trace));
  EXPECT_FALSE(CurrentTrace().valid());
}

TEST(HttpExemplars, AreNoneWithoutASampledTraceAndWhereNobodyAsked) {
  const Metrics metrics(Options().Consumer());
  HttpServerMetrics http(metrics, HttpServerOptions().Exemplars());
  std::string unsampled(kTraceparent);
  unsampled.back() = '0';
  http.Begin("GET").Route("/");
  http.Begin("GET", unsampled).Route("/");
  http.Begin("GET", "nonsense").Route("/");
  EXPECT_TRUE(DurationExemplars(metrics.TakeSnapshot()).empty());
  const Metrics plain(Options().Consumer());
  HttpServerMetrics without(plain);
  without.Begin("GET", kTraceparent).Route("/");
  const Snapshot snapshot = plain.TakeSnapshot();
  EXPECT_TRUE(DurationExemplars(snapshot).empty());
  EXPECT_EQ(ValueOf(snapshot, "traceparent_headers_total", {{"result", "valid"}}), 1);
}

TEST_F(HttpTest, CountsStreamsApartFromRequestDurations) {
  const auto open = [&](std::string_view kind) {
    return ValueOf(metrics_.TakeSnapshot(), "http_streams_open",
                   {{"path", "/events"}, {"kind", kind}})
        .value_or(-1);
  };
  {
    auto request = http_.Begin("GET");
    request.Route("/events").Streaming().Streaming().Upgrade();
    EXPECT_EQ(open("stream"), 1);
    EXPECT_EQ(open("upgrade"), -1);
    EXPECT_EQ(InFlight("GET"), 0);
    request.Route("/changed").Abort();  // the stream stays the one that was opened
  }
  EXPECT_EQ(open("stream"), 0);
  http_.Begin("GET").Route("/events").Upgrade();
  EXPECT_EQ(open("upgrade"), 0);
  EXPECT_EQ(InFlight("GET"), 0);
  EXPECT_EQ(Requests("GET", "/changed", "499"), 1);
  EXPECT_EQ(Requests("GET", "/events", "101"), 1);
  EXPECT_EQ(Observations("http_request_duration_seconds"), 0u);
  EXPECT_EQ(Observations("http_stream_duration_seconds"), 2u);
}

TEST_F(HttpTest, KeepsARequestForServersThatCallBackBeforeAndAfter) {
  EXPECT_EQ(HttpServerMetrics::OnThread(), nullptr);
  HttpRequestScope* const request = http_.BeginOnThread("GET", kTraceparent);
  ASSERT_NE(request, nullptr);
  EXPECT_EQ(HttpServerMetrics::OnThread(), request);
  EXPECT_EQ(HttpRequestScope::Current(), request);
  EXPECT_TRUE(CurrentTrace().valid());
  request->Status(204);
  HttpServerMetrics::EndOnThread();
  HttpServerMetrics::EndOnThread();
  EXPECT_EQ(HttpServerMetrics::OnThread(), nullptr);
  EXPECT_FALSE(CurrentTrace().valid());
  EXPECT_EQ(Requests("GET", "_unmatched", "204"), 1);
}

TEST_F(HttpTest, EndsARequestThatItsServerForgot) {
  http_.BeginOnThread("GET");
  http_.BeginOnThread("PUT");
  HttpServerMetrics::EndOnThread();
  std::thread([&] { http_.BeginOnThread("POST"); }).join();  // the thread's end ends it
  EXPECT_EQ(Requests("GET", "_unmatched", "499"), 1);
  EXPECT_EQ(Requests("PUT", "_unmatched", "200"), 1);
  EXPECT_EQ(Requests("POST", "_unmatched", "200"), 1);
  EXPECT_EQ(InFlight("GET") + InFlight("PUT") + InFlight("POST"), 0);
}

TEST_F(HttpTest, LeavesARequestToTheParentInAForkedChild) {
  auto request = http_.Begin("GET");
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    alarm(30);
    request.End();
    bool right = InFlight("GET") == 0 && Requests("GET", "_unmatched", "200") < 1;
    { auto own = http_.Begin("GET"); }
    right = right && InFlight("GET") == 0 && Requests("GET", "_unmatched", "200") == 1;
    _exit(right ? 0 : 1);
  }
  int state = 0;
  ASSERT_EQ(waitpid(child, &state, 0), child);
  EXPECT_EQ(state, 0);
  request.End();
  EXPECT_EQ(Requests("GET", "_unmatched", "200"), 1);
  EXPECT_EQ(InFlight("GET"), 0);
}

TEST_F(HttpTest, CountsEveryRequestOfManyThreads) {
  constexpr int kThreads = 4;
  constexpr int kEach = 2000;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        auto request = http_.Begin(i % 2 == 0 ? "GET" : "POST", kTraceparent);
        const auto active = request.Activate();
        request.Route("/" + std::to_string((i + t) % 7)).Status(200 + i % 4);
        if (i % 10 == 0) request.Abort();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(AllRequests(), kThreads * kEach);
  EXPECT_EQ(Observations("http_request_duration_seconds"),
            static_cast<std::uint64_t>(kThreads * kEach));
  EXPECT_EQ(InFlight("GET"), 0);
  EXPECT_EQ(InFlight("POST"), 0);
}

TEST(HttpServerMetrics, DoesNothingWhereNothingIsRecorded) {
  HttpServerMetrics http((Metrics()));
  EXPECT_FALSE(http.recording());
  auto request = http.Begin("GET", kTraceparent);
  const auto active = request.Activate();
  EXPECT_FALSE(CurrentTrace().valid());
  EXPECT_EQ(HttpRequestScope::Current(), nullptr);
  request.Route("/a").Route(http.Route("/a")).Status(200).Abort().Streaming().End();
  EXPECT_EQ(http.BeginOnThread("GET"), nullptr);
  HttpServerMetrics::EndOnThread();
}

TEST(HttpServerMetrics, MayBeMadeTwiceOfOneMetrics) {
  testing::LogCapture log;
  const Metrics metrics(Options().Consumer().Log(log.callback()));
  HttpServerMetrics one(metrics);
  HttpServerMetrics two(metrics);
  { auto request = one.Begin("GET"); }
  { auto request = two.Begin("GET"); }
  EXPECT_EQ(ValueOf(metrics.TakeSnapshot(), "http_requests_total",
                    {{"method", "GET"}, {"path", "_unmatched"}, {"status", "200"}}),
            2);
  EXPECT_TRUE(log.messages().empty());
}

class StopWatchingBackend final : public Backend {
 public:
  Status Start(SnapshotSource&) override { return {}; }
  Status Stop(Deadline) noexcept override {
    stopped = true;
    return {};
  }
  BackendReport Report() const override { return {}; }

  bool stopped = false;
};

TEST(HttpServerMetrics, DoesNotDelayTheBackendsStop) {
  const auto backend = std::make_shared<StopWatchingBackend>();
  std::optional<Metrics> metrics(std::in_place, Options().AddBackend(backend));
  HttpServerMetrics http(*metrics, HttpServerOptions().RouteLimit(1));
  metrics.reset();
  EXPECT_TRUE(backend->stopped);
  http.Begin("GET").Route("/a").End();
  http.Begin("GET").Route("/too_many").End();  // nobody is told
}

TEST(HttpServerMetrics, KnowsExtraMethods) {
  const Metrics metrics(Options().Consumer());
  HttpServerMetrics http(metrics, HttpServerOptions().ExtraMethods({"PROPFIND"}));
  { auto request = http.Begin("PROPFIND"); }
  EXPECT_EQ(ValueOf(metrics.TakeSnapshot(), "http_requests_total",
                    {{"method", "PROPFIND"}, {"path", "_unmatched"}, {"status", "200"}}),
            1);
}

}  // namespace
}  // namespace polymeter
