// Gateway towards a server that the test plays. That it leaves in a real Pushgateway what
// prometheus-cpp leaves there is judged in test/receivers.
#include "prometheus/gateway.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "exporters/common/transport/loopback_server_for_test.h"
#include "prometheus/counter.h"
#include "prometheus/family.h"
#include "prometheus/registry.h"

namespace prometheus {
namespace {

using namespace std::chrono_literals;
using polymeter::testing::HttpAnswer;
using polymeter::testing::LoopbackServer;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Answers by what is in the path: /answer<status>/ or /slow/; else 200, to a DELETE 202.
class PushReceiver {
 public:
  PushReceiver() : server_([this](LoopbackServer::Connection& connection) { Serve(connection); }) {}

  std::string port() const { return std::to_string(server_.port()); }
  std::vector<LoopbackServer::Request> requests() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return requests_;
  }
  std::vector<std::string> lines() {
    std::vector<std::string> lines;
    for (const auto& request : requests()) {
      lines.push_back(request.line.substr(0, request.line.rfind(' ')));
    }
    return lines;
  }

 private:
  void Serve(LoopbackServer::Connection& connection) {
    while (auto request = connection.ReadRequest()) {
      int status = request->line.rfind("DELETE", 0) == 0 ? 202 : 200;
      const auto asked = request->line.find("answer");
      if (asked != std::string::npos) status = std::stoi(request->line.substr(asked + 6, 3));
      if (request->line.find("slow") != std::string::npos) std::this_thread::sleep_for(2s);
      {
        const std::lock_guard<std::mutex> lock(mutex_);
        requests_.push_back(std::move(*request));
      }
      if (!connection.Send(HttpAnswer(status))) return;
    }
  }

  std::mutex mutex_;
  std::vector<LoopbackServer::Request> requests_;
  LoopbackServer server_;  // last: its threads use what stands above
};

std::shared_ptr<Registry> Counting(const std::string& name, double value = 1) {
  auto registry = std::make_shared<Registry>();
  BuildCounter().Name(name).Register(*registry).Add({{"a", "b"}}).Increment(value);
  return registry;
}

TEST(Gateway, PushesEachCollectableToItsGroup) {
  PushReceiver receiver;
  Gateway gateway("127.0.0.1", receiver.port(), "batch", {{"instance", "h1"}, {"zone", "b"}});
  const auto first = Counting("first_total");
  const auto second = Counting("second_total", 2.5);
  const Labels labels = {{"shard", "5"}, {"zone", "own"}};
  gateway.RegisterCollectable(first);
  gateway.RegisterCollectable(second, &labels);
  EXPECT_EQ(gateway.Push(), 200);
  EXPECT_EQ(gateway.PushAdd(), 200);
  EXPECT_THAT(receiver.lines(), ElementsAre("POST /metrics/job/batch/instance/h1/zone/b",
                                            "POST /metrics/job/batch/instance/h1/shard/5/zone/own",
                                            "PUT /metrics/job/batch/instance/h1/zone/b",
                                            "PUT /metrics/job/batch/instance/h1/shard/5/zone/own"));
  auto requests = receiver.requests();
  EXPECT_EQ(requests[0].body, "# TYPE first_total counter\nfirst_total{a=\"b\"} 1\n");
  EXPECT_EQ(requests[1].body, "# TYPE second_total counter\nsecond_total{a=\"b\"} 2.5\n");
  EXPECT_EQ(requests[0].headers["content-type"], "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_EQ(requests[0].headers.count("authorization"), 0u);
}

TEST(Gateway, DeletesTheGroupOfTheJobOrOfTheInstance) {
  PushReceiver receiver;
  Gateway gateway("127.0.0.1", receiver.port(), "batch", Gateway::GetInstanceLabel("h1"));
  EXPECT_EQ(gateway.Delete(), 202);
  EXPECT_EQ(gateway.DeleteForInstance(), 202);
  EXPECT_EQ(gateway.AsyncDelete().get(), 202);
  EXPECT_EQ(gateway.AsyncDeleteForInstance().get(), 202);
  EXPECT_THAT(receiver.lines(),
              ElementsAre("DELETE /metrics/job/batch",  //
                          "DELETE /metrics/job/batch/instance/h1", "DELETE /metrics/job/batch",
                          "DELETE /metrics/job/batch/instance/h1"));
}

TEST(Gateway, GivesNoInstanceLabelForNoName) {
  EXPECT_THAT(Gateway::GetInstanceLabel(""), IsEmpty());
  EXPECT_THAT(Gateway::GetInstanceLabel("h"), ElementsAre(std::make_pair("instance", "h")));
}

TEST(Gateway, WritesValuesSoThatAServerReadsThem) {
  PushReceiver receiver;
  Gateway gateway("http://127.0.0.1", receiver.port(), "a b/c", {{"e", ""}, {"p", "/x"}});
  const auto registry = Counting("c_total");
  gateway.RegisterCollectable(registry);
  EXPECT_EQ(gateway.Push(), 200);
  EXPECT_THAT(receiver.lines(),
              ElementsAre("POST /metrics/job@base64/YSBiL2M=/e@base64/=/p@base64/L3g="));
}

TEST(Gateway, WithNothingToPushSucceedsWithoutARequest) {
  PushReceiver receiver;
  Gateway gateway("127.0.0.1", receiver.port(), "batch");
  gateway.RegisterCollectable(Counting("gone_total"));  // gone at once
  EXPECT_EQ(gateway.Push(), 200);
  EXPECT_EQ(gateway.AsyncPushAdd().get(), 200);
  EXPECT_THAT(receiver.lines(), IsEmpty());
  const auto empty = std::make_shared<Registry>();
  gateway.RegisterCollectable(empty);
  EXPECT_EQ(gateway.PushAdd(), 200);
  EXPECT_THAT(receiver.requests().at(0).body, IsEmpty()) << "an empty page empties the group";
}

TEST(Gateway, GivesTheFirstFailureAndOfFuturesTheLast) {
  PushReceiver receiver;
  const auto registry = Counting("c_total");
  const Labels good = {{"then", "answer202"}};
  const Labels bad = {{"then", "answer400"}};
  const Labels worse = {{"then", "answer503"}};
  Gateway gateway("127.0.0.1", receiver.port(), "batch");
  for (const Labels* labels : {&good, &bad, &worse, &good}) {
    gateway.RegisterCollectable(registry, labels);
  }
  EXPECT_EQ(gateway.Push(), 400);
  EXPECT_EQ(receiver.requests().size(), 2u);
  EXPECT_EQ(gateway.AsyncPush().get(), 503);
  EXPECT_EQ(receiver.requests().size(), 6u) << "all are sent";
}

// As prometheus-cpp has it: what is no error of the client or the server is 200.
TEST(Gateway, TakesARedirectForASuccessAndDoesNotFollowIt) {
  PushReceiver receiver;
  Gateway gateway("127.0.0.1", receiver.port(), "answer301");
  const auto registry = Counting("c_total");
  gateway.RegisterCollectable(registry);
  EXPECT_EQ(gateway.Push(), 200);
  EXPECT_EQ(gateway.Delete(), 301);
  EXPECT_EQ(receiver.requests().size(), 2u);
}

TEST(Gateway, GivesLibcurlsNumberWhereThereIsNoAnswer) {
  std::string port;
  {
    PushReceiver receiver;
    port = receiver.port();
  }
  const auto registry = Counting("c_total");
  Gateway nobody("127.0.0.1", port, "batch");
  nobody.RegisterCollectable(registry);
  EXPECT_EQ(nobody.Push(), -7);
  EXPECT_EQ(nobody.AsyncPush().get(), -7);
  EXPECT_EQ(nobody.Delete(), -7);
  Gateway no_port("127.0.0.1", "no port", "batch");
  EXPECT_EQ(no_port.Delete(), -3);
  Gateway no_http("file:///etc", "1", "batch");
  EXPECT_LT(no_http.Delete(), 0);
}

TEST(Gateway, KeepsItsTimeout) {
  PushReceiver receiver;
  Gateway gateway("127.0.0.1", receiver.port(), "slow", {}, "", "", 1s);
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(gateway.Delete(), -28);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 1900ms);
}

TEST(Gateway, AuthenticatesAndSendsHeadersThatAreAdded) {
  PushReceiver receiver;
  Gateway gateway("127.0.0.1", receiver.port(), "batch", {}, "ann", "p: %");
  EXPECT_EQ(gateway.Delete(), 202);
  EXPECT_TRUE(gateway.AddHttpHeader("X-Team:  blue one "));
  EXPECT_TRUE(gateway.AddHttpHeader("X-Empty:"));
  for (const char* bad : {"", "no colon", ": x", "a b: x", "X: y\r\nZ: w"}) {
    EXPECT_FALSE(gateway.AddHttpHeader(bad)) << bad;
  }
  EXPECT_EQ(gateway.Delete(), 202);
  auto requests = receiver.requests();
  EXPECT_EQ(requests[0].headers["authorization"], "Basic YW5uOnA6ICU=");
  EXPECT_EQ(requests[0].headers.count("x-team"), 0u);
  EXPECT_EQ(requests[1].headers["authorization"], "Basic YW5uOnA6ICU=");
  EXPECT_EQ(requests[1].headers["x-team"], "blue one");
  EXPECT_EQ(requests[1].headers.count("x-empty"), 1u);
}

TEST(Gateway, PushesInTheBackgroundWhatWasThereWhenItWasAsked) {
  PushReceiver receiver;
  std::future<int> pushed;
  {
    Gateway gateway("127.0.0.1", receiver.port(), "slow");
    auto registry = std::make_shared<Registry>();
    Counter& counter = BuildCounter().Name("c_total").Register(*registry).Add({});
    counter.Increment(3);
    gateway.RegisterCollectable(registry);
    pushed = gateway.AsyncPush();
    counter.Increment(4);
  }  // the Gateway and the Registry end before the request does
  EXPECT_EQ(pushed.get(), 200);
  EXPECT_THAT(receiver.requests().at(0).body, HasSubstr("c_total 3\n"));
}

// Collectables that do what they should not.
class Unruly : public Collectable {
 public:
  explicit Unruly(std::function<void()> act) : act_(std::move(act)) {}
  std::vector<MetricFamily> Collect() const override {
    act_();
    return {};
  }

 private:
  const std::function<void()> act_;
};

TEST(Gateway, PushesOnWhereACollectableThrowsOrCallsItBack) {
  PushReceiver receiver;
  Gateway gateway("127.0.0.1", receiver.port(), "batch");
  const auto good = Counting("good_total");
  const auto throws = std::make_shared<Unruly>([] { throw std::runtime_error("collect"); });
  std::atomic<bool> called{false};
  const auto calls = std::make_shared<Unruly>([&] {
    if (called.exchange(true)) return;
    gateway.RegisterCollectable(good);
    EXPECT_EQ(gateway.Delete(), 202);
  });
  gateway.RegisterCollectable(throws);
  gateway.RegisterCollectable(calls);
  gateway.RegisterCollectable(good);
  EXPECT_EQ(gateway.Push(), 200);
  EXPECT_THAT(receiver.requests().back().body, HasSubstr("good_total"));
  EXPECT_TRUE(called);
}

// A program that makes its Registry anew: METRICS_BACKEND has both at the end, and a server refuses
// a page with a series that is there twice.
TEST(Gateway, BesideThePushgatewayBackendRepeatsNoSeries) {
  PushReceiver receiver;
  const std::pair<const char*, std::string> variables[] = {
      {"METRICS_BACKEND", "pushgateway"},
      {"METRICS_PUSHGATEWAY_URL", "http://127.0.0.1:" + receiver.port()},
      {"METRICS_PUSHGATEWAY_INTERVAL", "0"}};
  for (const auto& [name, value] : variables) setenv(name, value.c_str(), 1);
  {
    Gateway gateway("127.0.0.1", receiver.port(), "batch");
    for (int phase = 1; phase <= 3; ++phase) {
      const auto registry = Counting("phase_total", phase);
      BuildCounter()
          .Name("own_total")
          .Register(*registry)
          .Add({{"phase", std::to_string(phase)}})
          .Increment();
      gateway.RegisterCollectable(registry);
    }
  }
  for (const auto& [name, value] : variables) unsetenv(name);
  ASSERT_EQ(receiver.requests().size(), 1u);
  const std::string page = receiver.requests()[0].body;
  EXPECT_THAT(page, HasSubstr("# TYPE phase_total counter\nphase_total{a=\"b\"} 3\n"));
  EXPECT_EQ(page.find("phase_total{"), page.rfind("phase_total{"));
  for (const char* phase : {"1", "2", "3"}) {
    EXPECT_THAT(page, HasSubstr("own_total{phase=\"" + std::string(phase) + "\"} 1\n"));
  }
}

TEST(Gateway, IsUsedByManyThreads) {
  PushReceiver receiver;
  Gateway gateway("127.0.0.1", receiver.port(), "batch");
  const auto registry = Counting("c_total");
  gateway.RegisterCollectable(registry);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      for (int j = 0; j < 5; ++j) {
        const Labels labels = {{"n", std::to_string(i)}};
        const auto own = Counting("own_total");
        gateway.RegisterCollectable(own, &labels);
        EXPECT_EQ(gateway.Push(), 200);
        EXPECT_EQ(gateway.AsyncPushAdd().get(), 200);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_GE(receiver.requests().size(), 80u);
}

TEST(Gateway, OfAForkedChildMakesAConnectionOfItsOwn) {
  PushReceiver receiver;
  Gateway gateway("127.0.0.1", receiver.port(), "batch");
  EXPECT_EQ(gateway.Delete(), 202);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) _exit(gateway.Delete() == 202 ? 0 : 1);
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(gateway.Delete(), 202) << "the parent's connection is still its own";
}

}  // namespace
}  // namespace prometheus
