// A server that counts itself on many threads, and sessions that are watched while others collect:
// in the end the numbers add up.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "polymeter/lsp.h"
#include "sdk/testing/values.h"

namespace polymeter {
namespace {

using testing::ValueOf;

constexpr int kThreads = 4;
constexpr int kRounds = 3000;

Metrics Quiet() {
  return Metrics(Options().Consumer().Log([](LogLevel, std::string_view) {}));
}

std::string Framed(const std::string& body) {
  return "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

TEST(LspRaces, CallsOfManyThreadsAddUp) {
  const Metrics metrics = Quiet();
  const LspServerMetrics lsp(metrics, LspOptions().Server("s"));
  std::atomic<bool> done{false};
  std::jthread collector([&] {
    while (!done) {
      const Snapshot snapshot = metrics.TakeSnapshot();
      const auto in_flight = ValueOf(snapshot, "lsp_requests_in_flight", {{"server", "s"}});
      EXPECT_GE(in_flight.value_or(0), 0);
      EXPECT_LE(in_flight.value_or(0), kThreads * 8);
    }
  });
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        std::vector<LspCall> calls(8);
        for (int i = 0; i < kRounds; ++i) {
          LspCall& call = calls[static_cast<std::size_t>(i) % calls.size()];
          call.Reply();
          call = lsp.OnRequest("textDocument/hover");
          lsp.SetOpenDocuments(i);
          if (i % 100 == t) lsp.OnNotification("textDocument/didChange");
        }
        for (LspCall& call : calls) call.Reply();
      });
    }
  }
  done = true;
  collector.join();
  const Snapshot snapshot = metrics.TakeSnapshot();
  EXPECT_EQ(ValueOf(snapshot, "lsp_requests_total",
                    {{"server", "s"},
                     {"method", "textDocument/hover"},
                     {"direction", "client_to_server"},
                     {"outcome", "ok"}}),
            kThreads * kRounds);
  EXPECT_EQ(ValueOf(snapshot, "lsp_requests_in_flight", {{"server", "s"}}), 0);
  EXPECT_EQ(ValueOf(snapshot, "lsp_oldest_request_age_seconds", {{"server", "s"}}), 0);
}

TEST(LspRaces, SessionsAreCollectedWhileTheyRun) {
  const Metrics metrics = Quiet();
  std::atomic<int> cpu{0};
  const LspMetrics lsp(metrics, LspOptions()
                                    .Server("s")
                                    .Cpu([&]() -> std::optional<double> { return ++cpu; })
                                    .Memory([]() -> std::optional<std::uint64_t> { return 1; }));
  std::atomic<bool> done{false};
  std::jthread collector([&] {
    double last = 0;
    while (!done) {
      const Snapshot snapshot = metrics.TakeSnapshot();
      const double now =
          ValueOf(snapshot, "lsp_server_cpu_seconds_total", {{"server", "s"}}).value_or(last);
      EXPECT_GE(now, last);
      last = now;
    }
  });
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&] {
        for (int s = 0; s < 20; ++s) {
          LspSession session = lsp.Begin();
          for (int i = 0; i < 50; ++i) {
            const std::string n = std::to_string(i);
            const LspTime now = std::chrono::steady_clock::now();
            session.Bytes(LspDirection::kClientToServer,
                          Framed(R"({"id":)" + n + R"(,"method":"textDocument/hover"})"), now);
            session.Bytes(LspDirection::kServerToClient,
                          Framed(R"({"id":)" + n + R"(,"result":1})"), now);
          }
          session.Bytes(LspDirection::kClientToServer, "Content-Length: 0\r\n\r\n",
                        std::chrono::steady_clock::now());
          session.Eof(LspDirection::kClientToServer);
          session.End(LspExit::Code(1));
        }
      });
    }
  }
  done = true;
  collector.join();
  const Snapshot snapshot = metrics.TakeSnapshot();
  EXPECT_EQ(ValueOf(snapshot, "lsp_requests_total",
                    {{"server", "s"},
                     {"method", "textDocument/hover"},
                     {"direction", "client_to_server"},
                     {"outcome", "ok"}}),
            kThreads * 20 * 50);
  EXPECT_EQ(ValueOf(snapshot, "lsp_sessions_total",
                    {{"server", "s"}, {"client", "unknown"}, {"end", "eof"}}),
            kThreads * 20);
  EXPECT_EQ(ValueOf(snapshot, "lsp_proxy_frame_errors_total", {{"kind", "zero_length"}}),
            kThreads * 20);
  EXPECT_EQ(ValueOf(snapshot, "lsp_requests_in_flight", {{"server", "s"}}), 0);
}

}  // namespace
}  // namespace polymeter
