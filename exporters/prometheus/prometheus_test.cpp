// The backend as a whole: its routes over a real socket, a port that is busy, slow clients, and
// its way from start to stop.
#include "exporters/prometheus/prometheus.h"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "exporters/common/transport/http_server.h"
#include "exporters/common/transport/raw_client_for_test.h"
#include "exporters/prometheus/content_types_for_test.h"
#include "polymeter/metrics.h"
#include "sdk/testing/manual_clock.h"
#include "sdk/testing/snapshot_builder.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::Exchange;
using testing::Get;
using testing::PortOf;
using testing::RawAnswer;
using testing::RawClient;
using SteadyClock = std::chrono::steady_clock;

using testing::kOpenMetrics;
using testing::kText;

Deadline In(milliseconds time) { return SteadyClock::now() + time; }

// One counter family whose number of series the test chooses.
class Source final : public SnapshotSource {
 public:
  explicit Source(std::size_t series) {
    testing::SnapshotBuilder builder;
    builder.sink().BeginFamily(MetricType::kCounter, "http_requests_total", "Requests.");
    for (std::size_t i = 0; i < series; ++i) {
      const std::string route = "/api/v1/items/" + std::to_string(i);
      builder.sink().Counter({{"method", "GET"}, {"route", route}, {"status", "200"}},
                             std::uint64_t{i});
    }
    snapshot_ = builder.Generation(1).Build();
  }
  Snapshot TakeSnapshot(Deadline deadline) override {
    if (on_snapshot) on_snapshot(deadline);
    return snapshot_;
  }
  void Log(LogLevel, std::string_view message) override {
    {
      const std::lock_guard lock(mutex_);
      messages_.emplace_back(message);
    }
    if (on_log) on_log(message);
  }
  std::vector<std::string> messages() const {
    const std::lock_guard lock(mutex_);
    return messages_;
  }
  std::function<void(Deadline)> on_snapshot;
  std::function<void(std::string_view)> on_log;

 private:
  Snapshot snapshot_;
  mutable std::mutex mutex_;
  std::vector<std::string> messages_;
};

BackendOptions OptionsOf(StringPairs set) {
  Problems problems;
  BackendOptions options =
      ResolveOptions("prometheus", PrometheusBackendInfo().options, Environment(), set, problems);
  EXPECT_TRUE(problems.empty()) << problems.Message();
  return options;
}

std::unique_ptr<Backend> Make(Outside& outside, StringPairs set = {}) {
  set.insert(set.begin(), {"METRICS_PROMETHEUS_PORT", "0"});
  auto made = PrometheusBackendInfo().make(OptionsOf(set), outside);
  EXPECT_TRUE(made.ok()) << made.message();
  return std::move(made.value());
}

class PrometheusBackendTest : public ::testing::Test {
 protected:
  std::uint16_t Serve(std::size_t series, StringPairs set = {}) {
    source_ = std::make_unique<Source>(series);
    backend_ = Make(outside_, std::move(set));
    const Status status = backend_->Start(*source_);
    EXPECT_TRUE(status.ok()) << status.message();
    return PortOf(backend_->Report().endpoint);
  }
  // The counts of a scrape follow its last byte.
  bool Eventually(const std::function<bool(const BackendReport&)>& is) const {
    for (int i = 0; i < 500; ++i) {
      if (is(backend_->Report())) return true;
      std::this_thread::sleep_for(milliseconds(10));
    }
    return false;
  }

  Outside outside_;
  std::unique_ptr<Source> source_;
  std::unique_ptr<Backend> backend_;
};

// --- routes -------------------------------------------------------------------------------------

TEST_F(PrometheusBackendTest, ServesThePageInTheFormatThatTheClientPrefers) {
  const std::uint16_t port = Serve(1);
  const RawAnswer text = Get(port, "/metrics");
  EXPECT_EQ(text.status, 200);
  EXPECT_EQ(text.Header("content-type"), kText);
  EXPECT_EQ(text.Header("vary"), "Accept, Accept-Encoding");
  EXPECT_TRUE(text.complete);
  EXPECT_EQ(text.body,
            "# HELP http_requests_total Requests.\n# TYPE http_requests_total counter\n"
            "http_requests_total{method=\"GET\",route=\"/api/v1/items/0\",status=\"200\"} 0\n");
  // What Prometheus 2.42 sends.
  const RawAnswer open = Get(port, "/metrics?x=y",
                             "Accept: application/openmetrics-text;version=1.0.0,application/"
                             "openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,"
                             "*/*;q=0.1\r\nX-Prometheus-Scrape-Timeout-Seconds: 1\r\n");
  EXPECT_EQ(open.Header("content-type"), kOpenMetrics);
  EXPECT_TRUE(open.body.ends_with("# EOF\n"));
  const RawAnswer weighed = Get(port, "/metrics",
                                "Accept: application/openmetrics-text;version=1.0.0;q=0.2, "
                                "text/plain;version=0.0.4;q=0.5\r\n");
  EXPECT_EQ(weighed.Header("content-type"), kText);
  EXPECT_EQ(Get(port, "/metrics", "Accept: text/html,*/*\r\n").Header("content-type"), kText);
  const RawAnswer lines = Get(port, "/metrics",
                              "Accept: text/html\r\n"
                              "accept: application/openmetrics-text;version=1.0.0\r\n");
  EXPECT_EQ(lines.Header("content-type"), kOpenMetrics);
}

TEST_F(PrometheusBackendTest, AnswersItsRoutesAndNothingElse) {
  const std::uint16_t port = Serve(1);
  const RawAnswer health = Get(port, "/healthz");
  EXPECT_EQ(health.status, 200);
  EXPECT_EQ(health.body, "ok\n");
  for (const char* const path :
       {"/", "//", "/metrics/", "//metrics", "/./metrics", "/metrics/..", "/%6detrics", "/Metrics",
        "/metrics%00", "/healthz/", "/%2e%2e/", "/../", "/favicon.ico", "/index.html"}) {
    EXPECT_EQ(Get(port, path).status, 404) << path;
  }
  for (const char* const method : {"POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND"}) {
    for (const char* const path : {"/metrics", "/healthz"}) {
      const RawAnswer answer =
          Exchange(port, std::string(method) + " " + path + " HTTP/1.1\r\nHost: x\r\n\r\n");
      EXPECT_EQ(answer.status, 405) << method;
      EXPECT_EQ(answer.Header("allow"), "GET, HEAD");
    }
  }
  const RawAnswer head = Exchange(port, "HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n", /*head=*/true);
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.Header("content-type"), kText);
  EXPECT_TRUE(head.complete);
  EXPECT_EQ(backend_->Report().scrapes, 0u);
}

TEST_F(PrometheusBackendTest, TakesItsPathFromTheOptions) {
  const std::uint16_t port = Serve(1, {{"METRICS_PROMETHEUS_PATH", "/internal/m"}});
  EXPECT_EQ(Get(port, "/internal/m").status, 200);
  EXPECT_EQ(Get(port, "/metrics").status, 404);
}

TEST_F(PrometheusBackendTest, StreamsTenThousandSeriesPlainAndCompressed) {
  const std::uint16_t port = Serve(10'000);
  const RawAnswer plain = Get(port, "/metrics");
  EXPECT_TRUE(plain.complete);
  EXPECT_TRUE(plain.chunked);
  EXPECT_EQ(std::count(plain.body.begin(), plain.body.end(), '\n'), 10'002);
  const RawAnswer packed =
      Get(port, "/metrics", "Accept-Encoding: br\r\nAccept-Encoding: gzip\r\n");
  EXPECT_EQ(packed.Header("content-encoding"), "gzip");
  EXPECT_TRUE(packed.complete);
  EXPECT_LT(packed.body.size(), plain.body.size() / 5);
  EXPECT_EQ(testing::Gunzip(packed.body), plain.body);
  const RawAnswer old = Exchange(port, "GET /metrics HTTP/1.0\r\n\r\n");
  EXPECT_TRUE(old.complete);
  EXPECT_EQ(old.body, plain.body);
  EXPECT_TRUE(Eventually([](const BackendReport& r) { return r.scrapes == 3; }));
  EXPECT_EQ(backend_->Report().failed_scrapes, 0u);
}

TEST_F(PrometheusBackendTest, GivesTheSnapshotLessTimeThanPrometheusWaits) {
  const std::uint16_t port = Serve(1);
  std::atomic<std::int64_t> left{0};
  source_->on_snapshot = [&](Deadline deadline) {
    left = std::chrono::duration_cast<milliseconds>(deadline - SteadyClock::now()).count();
  };
  EXPECT_EQ(Get(port, "/metrics", "X-Prometheus-Scrape-Timeout-Seconds: 2.5\r\n").status, 200);
  EXPECT_GT(left, 1000);
  EXPECT_LT(left, 2500);
  for (const char* const bad : {"", "x", "-1", "nan", "0", "1e999"}) {
    const std::string header = std::string("X-Prometheus-Scrape-Timeout-Seconds: ") + bad + "\r\n";
    EXPECT_EQ(Get(port, "/metrics", header).status, 200) << bad;
    EXPECT_GT(left, 3000) << bad;
  }
}

TEST_F(PrometheusBackendTest, AnswersWithAnErrorWhenThereIsNoSnapshot) {
  const std::uint16_t port = Serve(1);
  source_->on_snapshot = [](Deadline) { throw std::bad_alloc(); };
  EXPECT_EQ(Get(port, "/metrics").status, 503);
  EXPECT_TRUE(Eventually([](const BackendReport& r) { return r.failed_scrapes == 1; }));
  EXPECT_NE(backend_->Report().last_error, "");
  source_->on_snapshot = nullptr;
  EXPECT_EQ(Get(port, "/metrics").status, 200);
  EXPECT_TRUE(Eventually([](const BackendReport& r) { return r.last_error.empty(); }));
}

// --- slow clients, stopping ---------------------------------------------------------------------

TEST_F(PrometheusBackendTest, ServesOthersWhileAClientIsSlowAndStopsInTime) {
  const std::uint16_t port = Serve(100'000);
  RawClient slow(port, 2048);
  slow.Send("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_FALSE(slow.ReadSome(100).empty());
  const RawAnswer other = Get(port, "/metrics");
  EXPECT_TRUE(other.complete);
  EXPECT_EQ(std::count(other.body.begin(), other.body.end(), '\n'), 100'002);
  const auto begin = SteadyClock::now();
  EXPECT_TRUE(backend_->Stop(In(seconds(5))).ok());
  EXPECT_LT(SteadyClock::now() - begin, seconds(3));
  EXPECT_EQ(backend_->Report().failed_scrapes, 1u);
  EXPECT_TRUE(backend_->Stop(In(seconds(5))).ok());
}

TEST_F(PrometheusBackendTest, DoesNotTouchTheSourceAfterStop) {
  const std::uint16_t port = Serve(100);
  std::atomic<bool> end{false};
  std::vector<std::thread> clients;
  for (int i = 0; i < 4; ++i) {
    clients.emplace_back([&] {
      while (!end) static_cast<void>(Get(port, "/metrics"));
    });
  }
  EXPECT_TRUE(Eventually([](const BackendReport& r) { return r.scrapes > 20; }));
  EXPECT_TRUE(backend_->Stop(In(seconds(5))).ok());
  source_.reset();
  std::this_thread::sleep_for(milliseconds(50));
  end = true;
  for (std::thread& client : clients) client.join();
}

// A scrape asks every backend for its report, and so this one for its endpoint, while it stops.
TEST_F(PrometheusBackendTest, LetsAScrapeThatIsCollectingEndBeforeItStops) {
  const Metrics metrics(Options().AddBackend(Make(outside_)));
  std::atomic<bool> collecting{false};
  std::atomic<bool> stopping{false};
  const auto slow = [&] {
    collecting = true;
    while (!stopping) std::this_thread::sleep_for(milliseconds(1));
    std::this_thread::sleep_for(milliseconds(100));  // until Stop is under way
    return 1.0;
  };
  metrics.GaugeCallback("slow", "S.", slow).Forever();
  const std::uint16_t port = PortOf(metrics.Endpoint());
  RawAnswer answer;
  std::thread client([&] { answer = Get(port, "/metrics"); });
  while (!collecting) std::this_thread::sleep_for(milliseconds(1));
  stopping = true;
  const Status status = metrics.Shutdown(In(seconds(10)));
  EXPECT_TRUE(status.ok()) << status.message();
  client.join();
  EXPECT_EQ(answer.status, 200);
  EXPECT_TRUE(answer.complete);
}

// As a log callback does that shuts down.
TEST_F(PrometheusBackendTest, MayBeStoppedByTheThreadThatTakesASnapshot) {
  const std::uint16_t port = Serve(1);
  std::atomic<bool> stopped{false};
  source_->on_snapshot = [&](Deadline) {
    static_cast<void>(backend_->Stop(In(milliseconds(200))));
    stopped = true;
  };
  static_cast<void>(Get(port, "/metrics"));
  for (int i = 0; i < 500 && !stopped; ++i) std::this_thread::sleep_for(milliseconds(10));
  EXPECT_TRUE(stopped);
}

// --- the port -----------------------------------------------------------------------------------

TEST_F(PrometheusBackendTest, ReportsABusyPortOnceAndTakesItWhenItIsFree) {
  Source other_source(1);
  const auto other = Make(outside_);
  ASSERT_TRUE(other->Start(other_source).ok());
  const std::uint16_t port = PortOf(other->Report().endpoint);
  EXPECT_EQ(Serve(1, {{"METRICS_PROMETHEUS_PORT", std::to_string(port)}}), 0);
  ASSERT_EQ(source_->messages().size(), 1u);
  EXPECT_NE(source_->messages()[0].find("127.0.0.1:" + std::to_string(port) + " is in use"),
            std::string::npos)
      << source_->messages()[0];
  EXPECT_NE(backend_->Report().last_error.find("in use"), std::string::npos);
  ASSERT_TRUE(other->Stop(In(seconds(5))).ok());
  EXPECT_TRUE(Eventually([](const BackendReport& r) { return !r.endpoint.empty(); }));
  EXPECT_EQ(Get(port, "/metrics").status, 200);
  EXPECT_EQ(backend_->Report().last_error, "");
}

TEST_F(PrometheusBackendTest, StopsAtOnceWhileItWaitsForAPort) {
  Source other_source(1);
  const auto other = Make(outside_);
  ASSERT_TRUE(other->Start(other_source).ok());
  Serve(1, {{"METRICS_PROMETHEUS_PORT", std::to_string(PortOf(other->Report().endpoint))}});
  const auto begin = SteadyClock::now();
  EXPECT_TRUE(backend_->Stop(In(seconds(5))).ok());
  EXPECT_LT(SteadyClock::now() - begin, milliseconds(500));
}

// A server without sockets: starts as the test says, and is asked by it.
class FakeServer final : public HttpServer {
 public:
  struct State {
    std::mutex mutex;
    std::deque<HttpStart> outcomes;  // of the next starts; then kStarted
    int starts = 0;
    HttpHandler handler;
    HttpServerOptions options;
  };
  explicit FakeServer(std::shared_ptr<State> state) : state_(std::move(state)) {}
  HttpStartResult Start(HttpHandler handler) override {
    const std::lock_guard lock(state_->mutex);
    ++state_->starts;
    HttpStart outcome = HttpStart::kStarted;
    if (!state_->outcomes.empty()) {
      outcome = state_->outcomes.front();
      state_->outcomes.pop_front();
    }
    if (outcome == HttpStart::kStarted) state_->handler = std::move(handler);
    return {outcome, outcome == HttpStart::kStarted ? "" : "cannot"};
  }
  Status Stop(Deadline) noexcept override { return {}; }
  std::string endpoint() const override {
    const std::lock_guard lock(state_->mutex);
    return state_->handler ? "fake:1" : "";
  }

 private:
  const std::shared_ptr<State> state_;
};

// Tells what is being waited for.
class ObservedClock final : public testing::SteppedClock {
 public:
  void WaitUntil(std::unique_lock<std::mutex>& lock, std::condition_variable& condition,
                 Deadline until) const override {
    until_ = until;
    SteppedClock::WaitUntil(lock, condition, until);
  }
  // The end of the first wait that is not the one until `last`.
  Deadline NextWait(Deadline last) const {
    for (int i = 0; i < 5000; ++i) {
      const Deadline until = until_;
      if (until != last && until != Deadline()) break;
      std::this_thread::sleep_for(milliseconds(1));
    }
    return until_;
  }

 private:
  mutable std::atomic<Deadline> until_{Deadline()};
};

class PrometheusBackendOutsideTest : public PrometheusBackendTest {
 protected:
  PrometheusBackendOutsideTest() {
    outside_.clock = &clock_;
    outside_.make_http_server = [this](const HttpServerOptions& options) {
      state_->options = options;
      return std::make_unique<FakeServer>(state_);
    };
  }
  int starts() const {
    const std::lock_guard lock(state_->mutex);
    return state_->starts;
  }
  bool WaitForStarts(int n) const {
    for (int i = 0; i < 2000 && starts() < n; ++i) std::this_thread::sleep_for(milliseconds(1));
    return starts() == n;
  }

  ObservedClock clock_;
  std::shared_ptr<FakeServer::State> state_ = std::make_shared<FakeServer::State>();
};

TEST_F(PrometheusBackendOutsideTest, TriesAgainLessAndLessOften) {
  state_->outcomes.assign(8, HttpStart::kBusy);
  Serve(1);
  EXPECT_EQ(starts(), 1);
  int n = 1;
  Deadline last{};
  for (const int pause : {1, 2, 4, 8, 16, 30, 30, 30}) {
    const Deadline until = clock_.NextWait(last);
    EXPECT_GE(until - clock_.SteadyNow(), milliseconds(pause * 900));
    EXPECT_LE(until - clock_.SteadyNow(), milliseconds(pause * 1000));
    EXPECT_EQ(starts(), n);
    EXPECT_EQ(backend_->Report().endpoint, "");
    EXPECT_EQ(backend_->Report().last_error, "cannot");
    clock_.Advance(until - clock_.SteadyNow());
    EXPECT_TRUE(WaitForStarts(++n)) << pause;
    last = until;
  }
  EXPECT_TRUE(Eventually([](const BackendReport& r) { return r.last_error.empty(); }));
  EXPECT_EQ(backend_->Report().endpoint, "fake:1");
  for (int i = 0; i < 500 && source_->messages().size() < 2; ++i) {
    std::this_thread::sleep_for(milliseconds(10));
  }
  const auto messages = source_->messages();
  ASSERT_EQ(messages.size(), 2u);
  EXPECT_NE(messages[1].find("fake:1"), std::string::npos);
}

TEST_F(PrometheusBackendOutsideTest, MayBeStoppedByTheThreadThatTriesAgain) {
  state_->outcomes = {HttpStart::kBusy};
  Serve(1);
  std::atomic<bool> stopped{false};
  Status status;
  source_->on_log = [&](std::string_view) {
    status = backend_->Stop(clock_.SteadyNow());
    stopped = true;
  };
  clock_.Advance(clock_.NextWait({}) - clock_.SteadyNow());
  for (int i = 0; i < 500 && !stopped; ++i) std::this_thread::sleep_for(milliseconds(10));
  ASSERT_TRUE(stopped);
  EXPECT_TRUE(status.ok()) << status.message();
}

TEST_F(PrometheusBackendOutsideTest, DoesNotStartWhereItNeverCan) {
  state_->outcomes = {HttpStart::kImpossible};
  source_ = std::make_unique<Source>(1);
  backend_ = Make(outside_);
  EXPECT_FALSE(backend_->Start(*source_).ok());
  EXPECT_TRUE(backend_->Stop(clock_.SteadyNow()).ok());
}

TEST_F(PrometheusBackendOutsideTest, GivesItsOptionsToTheServer) {
  Serve(1, {{"METRICS_PROMETHEUS_HOST", "0.0.0.0"},
            {"METRICS_PROMETHEUS_PORT", "1234"},
            {"METRICS_PROMETHEUS_THREADS", "7"},
            {"METRICS_PROMETHEUS_MAX_CONNECTIONS", "9"},
            {"METRICS_PROMETHEUS_MAX_HEADER_BYTES", "4096"},
            {"METRICS_PROMETHEUS_REQUEST_TIMEOUT", "250ms"}});
  EXPECT_EQ(state_->options.host, "0.0.0.0");
  EXPECT_EQ(state_->options.port, 1234);
  EXPECT_EQ(state_->options.threads, 7);
  EXPECT_EQ(state_->options.max_connections, 9);
  EXPECT_EQ(state_->options.max_header_bytes, 4096u);
  EXPECT_EQ(state_->options.request_timeout, milliseconds(250));
}

TEST_F(PrometheusBackendOutsideTest, HasSaneDefaults) {
  source_ = std::make_unique<Source>(1);
  auto made = PrometheusBackendInfo().make(OptionsOf({}), outside_);
  ASSERT_TRUE(made.ok());
  backend_ = std::move(made.value());
  ASSERT_TRUE(backend_->Start(*source_).ok());
  EXPECT_EQ(state_->options.host, "127.0.0.1");
  EXPECT_EQ(state_->options.port, 9464);
  EXPECT_EQ(state_->options.max_header_bytes, 16384u);
}

// --- the row ------------------------------------------------------------------------------------

TEST(PrometheusRow, RefusesBadValues) {
  for (const auto& [name, value] : StringPairs{{"PORT", "65536"},
                                               {"PORT", "http"},
                                               {"PATH", "metrics"},
                                               {"PATH", "/healthz"},
                                               {"PATH", "/a b"},
                                               {"PATH", "/a?b"},
                                               {"HOST", "two words"},
                                               {"GZIP", "10"},
                                               {"THREADS", "0"},
                                               {"CREATED", "perhaps"},
                                               {"FORMAT", "xml"},
                                               {"REQUEST_TIMEOUT", "1ms"}}) {
    Problems problems;
    const auto options =
        ResolveOptions("prometheus", PrometheusBackendInfo().options, Environment(),
                       {{"METRICS_PROMETHEUS_" + name, value}}, problems);
    EXPECT_FALSE(problems.empty()) << name << "=" << value;
  }
}

TEST(PrometheusRow, MakesTheEncoderOfTheChosenFormat) {
  const auto type = [](const char* format) {
    const auto encoder =
        PrometheusBackendInfo().make_encoder(OptionsOf({{"METRICS_PROMETHEUS_FORMAT", format}}));
    return std::string(encoder.ok() ? encoder.value()->content_type() : "");
  };
  EXPECT_EQ(type("auto"), kText);
  EXPECT_EQ(type("text"), kText);
  EXPECT_EQ(type("openmetrics"), kOpenMetrics);
}

TEST_F(PrometheusBackendTest, CanBeDestroyedInAForkedChild) {
  Source other_source(1);
  const auto other = Make(outside_);
  ASSERT_TRUE(other->Start(other_source).ok());
  const std::uint16_t port = PortOf(other->Report().endpoint);
  Serve(1, {{"METRICS_PROMETHEUS_PORT", std::to_string(port)}});  // busy: its thread waits
  auto serving = Make(outside_);
  ASSERT_TRUE(serving->Start(other_source).ok());
  const std::uint16_t served = PortOf(serving->Report().endpoint);
  const pid_t child = fork();
  if (child == 0) {
    backend_.reset();
    serving.reset();
    _exit(0);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(Get(served, "/metrics").status, 200);
}

}  // namespace
}  // namespace detail
POLYMETER_END_NAMESPACE
