// Exposer over real connections.
#include "prometheus/exposer.h"

#include <CivetServer.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <future>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <thread>

#include "exporters/common/transport/raw_client_for_test.h"
#include "prometheus/counter.h"
#include "prometheus/gauge.h"
#include "prometheus/registry.h"

namespace exposer_test {
namespace {

using namespace std::chrono_literals;
using polymeter::testing::Exchange;
using polymeter::testing::Get;
using polymeter::testing::Gunzip;
using polymeter::testing::RawAnswer;
using polymeter::testing::RawClient;
using prometheus::BuildCounter;
using prometheus::BuildGauge;
using prometheus::Collectable;
using prometheus::Exposer;
using prometheus::MetricFamily;
using prometheus::Registry;
using ::testing::HasSubstr;
using ::testing::Not;

const char* const kLoopback = "127.0.0.1:0";

std::uint16_t Port(const Exposer& exposer) {
  return static_cast<std::uint16_t>(exposer.GetListeningPorts().at(0));
}

std::shared_ptr<Registry> WithCounter(const std::string& name, double value = 1) {
  auto registry = std::make_shared<Registry>();
  BuildCounter().Name(name).Help("Help.").Register(*registry).Add({{"a", "b"}}).Increment(value);
  return registry;
}

// A Collectable as a program may write it.
class Own final : public Collectable {
 public:
  explicit Own(std::function<void()> during, std::string name = "own")
      : during_(std::move(during)), name_(std::move(name)) {}
  std::vector<MetricFamily> Collect() const override {
    during_();
    MetricFamily family;
    family.name = name_;
    family.help = "Help.";
    family.type = prometheus::MetricType::Gauge;
    family.metric.emplace_back().gauge.value = 7;
    return {family};
  }

 private:
  std::function<void()> during_;
  std::string name_;
};

// The same two servers that an Exposer may have.
enum class Kind { kOwn, kCivet };

class AnyExposer : public ::testing::TestWithParam<Kind> {
 protected:
  std::unique_ptr<Exposer> Make() {
    if (GetParam() == Kind::kOwn) return std::make_unique<Exposer>(kLoopback);
    // One for all tests and never destroyed: its end takes two seconds.
    static auto* const kServer = new auto(std::make_shared<CivetServer>(
        std::vector<std::string>{"listening_ports", kLoopback, "num_threads", "3"}));
    return std::make_unique<Exposer>(*kServer);
  }
};
INSTANTIATE_TEST_SUITE_P(Exposer, AnyExposer, ::testing::Values(Kind::kOwn, Kind::kCivet),
                         [](const auto& instance) {
                           return instance.param == Kind::kOwn ? "Own" : "Civet";
                         });

TEST_P(AnyExposer, ServesThePageAndItsOwnFamilies) {
  const auto registry = WithCounter("c_total", 3);
  // Less than a kilobyte would not be compressed.
  BuildGauge().Name("g").Help(std::string(1000, 'x')).Register(*registry).Add({}).Set(1);
  const auto exposer = Make();
  EXPECT_EQ(Get(Port(*exposer), "/metrics").status, 404);
  exposer->RegisterCollectable(registry);
  const RawAnswer first = Get(Port(*exposer), "/metrics");
  ASSERT_EQ(first.status, 200);
  EXPECT_TRUE(first.complete);
  EXPECT_EQ(first.Header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_THAT(first.body, HasSubstr("# TYPE c_total counter\nc_total{a=\"b\"} 3\n"));
  EXPECT_THAT(first.body, HasSubstr("# TYPE exposer_scrapes_total counter\n"
                                    "exposer_scrapes_total 0\n"));
  EXPECT_THAT(first.body, HasSubstr("# TYPE exposer_request_latencies summary\n"));
  EXPECT_THAT(first.body, HasSubstr("exposer_request_latencies{quantile=\"0.99\"} NaN\n"));

  const RawAnswer second = Get(Port(*exposer), "/metrics", "Accept-Encoding: gzip\r\n");
  EXPECT_EQ(second.Header("content-encoding"), "gzip");
  const std::string page = Gunzip(second.body);
  EXPECT_THAT(page, HasSubstr("exposer_scrapes_total 1\n"));
  EXPECT_THAT(page, HasSubstr("exposer_transferred_bytes_total " +
                              std::to_string(first.body.size()) + "\n"));
  EXPECT_THAT(page, HasSubstr("exposer_request_latencies_count 1\n"));
  const RawAnswer third = Get(Port(*exposer), "/metrics");
  EXPECT_THAT(third.body, HasSubstr("exposer_transferred_bytes_total " +
                                    std::to_string(first.body.size() + second.body.size()) + "\n"));
}

TEST_P(AnyExposer, KeepsSeveralUrisApart) {
  const auto one = WithCounter("one_total");
  const auto two = WithCounter("two_total");
  const auto exposer = Make();
  exposer->RegisterCollectable(one);
  exposer->RegisterCollectable(two, "/two");
  exposer->RegisterCollectable(one, "/two");
  exposer->RemoveCollectable(one, "/never");  // makes the page
  const std::uint16_t port = Port(*exposer);
  EXPECT_THAT(Get(port, "/metrics").body, Not(HasSubstr("two_total")));
  EXPECT_THAT(Get(port, "/two").body, HasSubstr("two_total"));
  EXPECT_THAT(Get(port, "/two").body, HasSubstr("one_total"));
  EXPECT_THAT(Get(port, "/two").body, HasSubstr("exposer_scrapes_total 2\n"));
  EXPECT_THAT(Get(port, "/never").body, HasSubstr("exposer_scrapes_total 0\n"));
  exposer->RemoveCollectable(one, "/two");
  EXPECT_THAT(Get(port, "/two").body, Not(HasSubstr("one_total")));
  EXPECT_THAT(Get(port, "/metrics").body, HasSubstr("one_total"));
  EXPECT_EQ(Get(port, "/").status, 404);
  EXPECT_EQ(Get(port, "/metric").status, 404);
}

TEST_P(AnyExposer, AnswersBelowAUriToo) {
  const auto exposer = Make();
  exposer->RegisterCollectable(WithCounter("gone_total"));
  const std::uint16_t port = Port(*exposer);
  for (const char* path : {"/metrics", "/metrics/", "/metrics/x", "/metricsx", "/metrics?a=b"}) {
    EXPECT_EQ(Get(port, path).status, 200) << path;
  }
  EXPECT_EQ(Get(port, "/other").status, 404);
  exposer->RegisterCollectable(WithCounter("gone_total"), "/");
  EXPECT_EQ(Get(port, "/other").status, 200);
  EXPECT_EQ(Get(port, "/").status, 200);
}

TEST_P(AnyExposer, ForgetsCollectablesThatAreGone) {
  auto registry = WithCounter("c_total");
  const auto exposer = Make();
  exposer->RegisterCollectable(registry);
  EXPECT_THAT(Get(Port(*exposer), "/metrics").body, HasSubstr("c_total"));
  registry.reset();
  EXPECT_THAT(Get(Port(*exposer), "/metrics").body, Not(HasSubstr("c_total")));
  exposer->RegisterCollectable(std::weak_ptr<Collectable>());
  exposer->RemoveCollectable(std::weak_ptr<Collectable>());
  EXPECT_EQ(Get(Port(*exposer), "/metrics").status, 200);
}

TEST_P(AnyExposer, AnswersHeadAndNoOtherMethod) {
  const auto exposer = Make();
  exposer->RegisterCollectable(WithCounter("c_total"));
  const std::uint16_t port = Port(*exposer);
  const RawAnswer head =
      Exchange(port, "HEAD /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", /*head=*/true);
  EXPECT_EQ(head.status, 200);
  EXPECT_TRUE(head.complete);
  EXPECT_EQ(head.Header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  const RawAnswer post =
      Exchange(port, "POST /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(post.status, 405);
  EXPECT_EQ(post.Header("allow"), "GET, HEAD");
  EXPECT_THAT(Get(port, "/metrics").body, HasSubstr("exposer_scrapes_total 0\n"));
}

TEST_P(AnyExposer, AsksForUserAndPassword) {
  const auto exposer = Make();
  exposer->RegisterCollectable(WithCounter("c_total"));
  exposer->RegisterAuth(
      [](const std::string& user, const std::string& password) {
        if (user == "throw") throw std::runtime_error("no data base");
        if (user == "int") throw 1;
        return user == "u" && password == "p:w";
      },
      "My \"realm\"\r\nX: y");
  const std::uint16_t port = Port(*exposer);
  const auto with = [&](const std::string& authorization) {
    return Get(port, "/metrics", "Authorization: " + authorization + "\r\n");
  };
  const RawAnswer none = Get(port, "/metrics");
  EXPECT_EQ(none.status, 401);
  EXPECT_TRUE(none.complete);
  EXPECT_EQ(none.Header("www-authenticate"), "Basic realm=\"My \\\"realm\\\"X: y\"");
  EXPECT_EQ(with("Basic dTpwOnc=").status, 200);  // u:p:w
  EXPECT_EQ(with("basic dTpwOnc").status, 200);
  EXPECT_EQ(with("Basic dTp4").status, 401);  // u:x
  EXPECT_EQ(with("Basic dXA=").status, 401);  // no colon
  EXPECT_EQ(with("Basic !!!").status, 401);
  EXPECT_EQ(with("Bearer dTpwOnc=").status, 401);
  EXPECT_EQ(with("Basic dGhyb3c6").status, 500);  // throw:
  EXPECT_EQ(with("Basic aW50Og==").status, 500);  // int:
  EXPECT_EQ(with("Basic dTpwOnc=").status, 200);  // it goes on
  EXPECT_EQ(Get(port, "/metrics/below").status, 401);

  exposer->RegisterAuth([](const std::string&, const std::string&) { return true; }, "R2");
  EXPECT_EQ(Get(port, "/metrics").Header("www-authenticate"), "Basic realm=\"R2\"");
  EXPECT_EQ(with("Basic dTp4").status, 200);
  exposer->RegisterAuth(nullptr);
  EXPECT_EQ(with("Basic dTp4").status, 401);
}

TEST_P(AnyExposer, GuardsWhatIsBelowThoughItIsAPageOfItsOwn) {
  const auto exposer = Make();
  exposer->RegisterAuth([](const std::string&, const std::string&) { return false; }, "R", "/a");
  exposer->RegisterCollectable(WithCounter("c_total"), "/a/b");
  EXPECT_EQ(Get(Port(*exposer), "/a/b").status, 401);
}

TEST_P(AnyExposer, MayBeChangedFromWithinItsCalls) {
  const auto exposer = Make();
  const auto later = WithCounter("later_total");
  const auto own = std::make_shared<Own>([&] {
    exposer->RegisterCollectable(later, "/later");
    exposer->RemoveCollectable(later);
    exposer->RegisterCollectable(later);
  });
  exposer->RegisterCollectable(own);
  exposer->RegisterAuth([&](const std::string&, const std::string&) {
    exposer->RegisterAuth([](const std::string&, const std::string&) { return true; }, "inner");
    return true;
  });
  const std::uint16_t port = Port(*exposer);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(Get(port, "/metrics", "Authorization: Basic dTpw\r\n").status, 200);
  }
  EXPECT_THAT(Get(port, "/later").body, HasSubstr("later_total"));
}

TEST_P(AnyExposer, LeavesOutACollectThatThrows) {
  const auto exposer = Make();
  const auto own = std::make_shared<Own>([] { throw std::runtime_error("no"); });
  const auto registry = WithCounter("c_total");
  exposer->RegisterCollectable(own);
  exposer->RegisterCollectable(registry);
  const RawAnswer answer = Get(Port(*exposer), "/metrics");
  EXPECT_EQ(answer.status, 200);
  EXPECT_THAT(answer.body, HasSubstr("c_total"));
  EXPECT_THAT(answer.body, Not(HasSubstr("own ")));
}

// A gate that a callback waits at.
class Gate {
 public:
  void Enter() {
    std::unique_lock lock(mutex_);
    entered_ = true;
    changed_.notify_all();
    changed_.wait(lock, [this] { return open_; });
  }
  void AwaitEntered() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return entered_; });
  }
  void Open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool entered_ = false;
  bool open_ = false;
};

TEST_P(AnyExposer, WaitsAtItsEndForACallThatRuns) {
  auto exposer = Make();
  Gate gate;
  std::atomic<bool> left{false};
  const auto own = std::make_shared<Own>([&] {
    gate.Enter();
    std::this_thread::sleep_for(50ms);
    left = true;
  });
  exposer->RegisterCollectable(own);
  auto scrape = std::async(std::launch::async, [port = Port(*exposer)] { Get(port, "/metrics"); });
  gate.AwaitEntered();
  auto opener = std::async(std::launch::async, [&] {
    std::this_thread::sleep_for(50ms);
    gate.Open();
  });
  exposer.reset();
  EXPECT_TRUE(left);
  opener.get();
  scrape.get();
}

TEST_P(AnyExposer, MayEndInOneOfItsOwnCalls) {
  std::unique_ptr<Exposer> exposer = Make();
  const auto scrape = [&](std::promise<void>& ended) {
    const auto begin = std::chrono::steady_clock::now();
    Get(Port(*exposer), "/metrics", "Authorization: Basic dTpw\r\n");
    ASSERT_EQ(ended.get_future().wait_for(4s), std::future_status::ready);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 4s);
  };
  std::promise<void> in_collect;
  const auto own = std::make_shared<Own>([&] {
    exposer.reset();
    in_collect.set_value();
  });
  exposer->RegisterCollectable(own);
  scrape(in_collect);

  exposer = Make();
  std::promise<void> in_guard;
  exposer->RegisterAuth([&](const std::string&, const std::string&) {
    std::promise<void>& ended = in_guard;  // this function goes with the Exposer
    exposer.reset();
    ended.set_value();
    return true;
  });
  scrape(in_guard);

  // What ended takes nothing off that comes after it.
  exposer = Make();
  exposer->RegisterAuth([](const std::string&, const std::string&) { return true; });
  std::this_thread::sleep_for(50ms);
  EXPECT_EQ(Get(Port(*exposer), "/metrics").status, 401);
}

TEST_P(AnyExposer, TakesScrapesAndChangesAtOnce) {
  const auto exposer = Make();
  const std::uint16_t port = Port(*exposer);
  const auto stays = WithCounter("stays_total");
  exposer->RegisterCollectable(stays);
  std::atomic<bool> stop{false};
  std::vector<std::future<void>> threads;
  for (int t = 0; t < 2; ++t) {
    threads.push_back(std::async(std::launch::async, [&] {
      while (!stop) EXPECT_THAT(Get(port, "/metrics").body, HasSubstr("stays_total"));
    }));
  }
  for (int i = 0; i < 200; ++i) {
    const auto comes = WithCounter("comes_total");
    exposer->RegisterCollectable(comes);
    exposer->RegisterCollectable(comes, "/" + std::to_string(i % 3));
    if (i % 2 == 0) exposer->RemoveCollectable(comes);
  }
  stop = true;
  for (auto& thread : threads) thread.get();
}

// --- one server alone ---------------------------------------------------------------------------

TEST(ExposerOfItsOwn, SaysWhyItCannotListen) {
  Exposer first(kLoopback);
  const std::string where = "127.0.0.1:" + std::to_string(Port(first));
  try {
    Exposer second(where);
    FAIL() << "two servers at one port";
  } catch (const CivetException& e) {
    EXPECT_EQ(std::string(e.what()), "Exposer: " + where + " is in use");
  }
  EXPECT_THROW(Exposer("127.0.0.1:no"), std::runtime_error);
  EXPECT_THROW(Exposer("192.0.2.1:0"), CivetException);  // nobody's address
  EXPECT_THROW(Exposer(std::vector<std::string>{"document_root", "."}), std::invalid_argument);
}

TEST(ExposerOfItsOwn, ListensAtSeveralAddresses) {
  const auto registry = WithCounter("c_total");
  Exposer exposer(std::vector<std::string>{"listening_ports", "127.0.0.1:0,localhost:0,+0"});
  exposer.RegisterCollectable(registry);
  const std::vector<int> ports = exposer.GetListeningPorts();
  ASSERT_EQ(ports.size(), 3u);
  for (const int port : ports) {
    EXPECT_EQ(Get(static_cast<std::uint16_t>(port), "/metrics").status, 200) << port;
  }
  // Where the second address cannot be had the first one is given back.
  std::string free;
  {
    const Exposer probe(kLoopback);
    free = "127.0.0.1:" + std::to_string(Port(probe));
  }
  EXPECT_THROW(Exposer(free + ",127.0.0.1:" + std::to_string(ports[0])), CivetException);
  EXPECT_NO_THROW(Exposer{free});
}

TEST(ExposerOfItsOwn, GivesThePortBackAtOnce) {
  std::string where = kLoopback;
  for (int i = 0; i < 20; ++i) {
    Exposer exposer(where);
    where = "127.0.0.1:" + std::to_string(Port(exposer));
    EXPECT_EQ(Get(Port(exposer), "/metrics").status, 404);
  }
}

TEST(ExposerOfItsOwn, TakesPathsAsTheyAreSent) {
  Exposer exposer(kLoopback);
  exposer.RegisterCollectable(WithCounter("c_total"));
  exposer.RegisterAuth([](const std::string&, const std::string&) { return false; });
  for (const char* path : {"/%6detrics", "//metrics", "/x/../metrics"}) {
    EXPECT_EQ(Get(Port(exposer), path).status, 404) << path;
  }
}

TEST(ExposerOfItsOwn, HonoursAnAccessControlList) {
  Exposer exposer(
      std::vector<std::string>{"listening_ports", kLoopback, "access_control_list", "-0.0.0.0/0"});
  EXPECT_EQ(Get(Port(exposer), "/metrics").status, 0);
}

TEST(ExposerOfItsOwn, IsForgottenByAForkedChild) {
  auto exposer = std::make_unique<Exposer>(kLoopback);
  const auto registry = WithCounter("c_total");
  exposer->RegisterCollectable(registry);
  const std::uint16_t port = Port(*exposer);
  const pid_t child = fork();
  if (child == 0) {
    exposer.reset();
    const Exposer own("127.0.0.1:0");
    _exit(Get(Port(own), "/metrics").status == 404 ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_THAT(Get(port, "/metrics").body, HasSubstr("c_total"));
}

TEST(ExposerOfItsOwn, ServesOpenMetricsWhereTheEnvironmentSaysSo) {
  const char* const accept = "Accept: application/openmetrics-text; version=1.0.0\r\n";
  const auto registry = WithCounter("c_total");
  const auto type = [&] {
    Exposer exposer(kLoopback);
    exposer.RegisterCollectable(registry);
    return Get(Port(exposer), "/metrics", accept).Header("content-type");
  };
  EXPECT_THAT(type(), HasSubstr("text/plain"));
  setenv("METRICS_PROMETHEUS_FORMATS", "text,openmetrics", 1);
  EXPECT_THAT(type(), HasSubstr("application/openmetrics-text"));
  setenv("METRICS_PROMETHEUS_FORMATS", "xml", 1);
  EXPECT_THAT(type(), HasSubstr("text/plain"));
  setenv("METRICS_STRICT", "true", 1);
  EXPECT_THROW(Exposer{kLoopback}, std::invalid_argument);
  unsetenv("METRICS_STRICT");
  unsetenv("METRICS_PROMETHEUS_FORMATS");
}

// --- civetweb's server alone --------------------------------------------------------------------

TEST(ExposerOnCivetServer, MustNotBeNull) {
  EXPECT_THROW(Exposer(std::shared_ptr<CivetServer>()), std::invalid_argument);
}

TEST(ExposerOnCivetServer, LeavesTheServerAndItsOtherHandlersAlone) {
  class Hello final : public CivetHandler {
   public:
    bool handleGet(CivetServer*, mg_connection* connection) override {
      mg_printf(connection, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
      return true;
    }
  } hello;
  const auto server = std::make_shared<CivetServer>(
      std::vector<std::string>{"listening_ports", kLoopback, "num_threads", "3"});
  server->addHandler("/hello", hello);
  const auto registry = WithCounter("c_total");
  const auto port = static_cast<std::uint16_t>(server->getListeningPorts().at(0));
  {
    Exposer exposer(server);
    EXPECT_EQ(exposer.GetListeningPorts(), server->getListeningPorts());
    exposer.RegisterCollectable(registry);
    exposer.RegisterAuth([](const std::string&, const std::string&) { return false; }, "R", "/no");
    EXPECT_EQ(Get(port, "/metrics").status, 200);
    EXPECT_EQ(Get(port, "/no").status, 401);
  }
  EXPECT_EQ(Get(port, "/metrics").status, 404);
  EXPECT_EQ(Get(port, "/no").status, 404);
  EXPECT_EQ(Get(port, "/hello").body, "hi");
  Exposer again(server);
  again.RegisterCollectable(registry);
  EXPECT_EQ(Get(port, "/metrics").status, 200);
}

TEST(ExposerOnCivetServer, IsMadeForCallbacks) {
  static std::atomic<int> seen{0};
  CivetCallbacks callbacks;
  callbacks.begin_request = [](mg_connection*) {
    ++seen;
    return 0;
  };
  const auto registry = WithCounter("c_total");
  Exposer exposer(kLoopback, 2, &callbacks);
  exposer.RegisterCollectable(registry);
  EXPECT_THAT(Get(Port(exposer), "/metrics").body, HasSubstr("c_total"));
  EXPECT_EQ(seen, 1);
  EXPECT_THROW(Exposer(std::vector<std::string>{"document_root", "."}, &callbacks),
               std::invalid_argument);
}

}  // namespace
}  // namespace exposer_test
