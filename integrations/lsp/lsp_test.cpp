#include "polymeter/lsp.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <malloc.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <string>

#include "integrations/common/fork_for_test.h"
#include "integrations/lsp/lsp_families.h"
#include "integrations/lsp/lsp_for_test.h"
#include "sdk/testing/log_capture.h"
#include "sdk/testing/sanitizer.h"
#include "sdk/testing/values.h"

namespace polymeter {
namespace {

using lsp_test::At;
using lsp_test::Framed;
using testing::FindFamily;
using testing::FindPoint;
using testing::LogCapture;
using testing::ValueOf;

using lsp_test::kClient;
using lsp_test::kServer;

Metrics RecordingMetrics(const LogCapture& log = {}) {
  return Metrics(Options().Consumer().Log(log.callback()));
}

// A sanitizer gives no memory back, and a static malloc keeps some.
std::size_t BytesInUse() {
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

TEST(LspMetrics, DoesNothingWhenNothingIsRecorded) {
  std::atomic<int> calls{0};
  const LspOptions options = LspOptions().Cpu([&]() -> std::optional<double> {
    ++calls;
    return 1;
  });
  const Metrics off;
  const LspMetrics lsp(off, options);
  LspSession session = lsp.Begin();
  session.Bytes(kClient, Framed(R"({"id":1,"method":"shutdown"})"), At(0));
  session.Forwarded(kClient, std::chrono::seconds(1));
  session.Eof(kClient);
  EXPECT_TRUE(session.InSync(kClient));
  session.End(LspExit::Code(0));
  const LspServerMetrics server(off, options);
  LspCall call = server.OnRequest("shutdown");
  call.Reply();
  server.OnNotification("exit");
  server.SetOpenDocuments(1);
  server.OnSessionEnd("x", LspEnd::kClean);
  EXPECT_EQ(calls, 0);
  LspSession().Bytes(kClient, "x", At(0));
}

TEST(LspMetrics, MakesTheFamiliesOfItsTable) {
  const Metrics metrics = RecordingMetrics();
  const LspMetrics lsp(
      metrics,
      LspOptions().Server("clangd").Cpu([] { return std::optional<double>(2.5); }).Memory([] {
        return std::optional<std::uint64_t>(4096);
      }));
  LspSession session = lsp.Begin();
  const auto send = [&](LspDirection direction, const std::string& body) {
    session.Bytes(direction, Framed(body), At(1));
  };
  send(kClient, R"({"id":0,"method":"initialize","params":{"clientInfo":{"name":"?"}}})");
  send(kServer, R"({"id":0,"result":{}})");
  send(kClient,
       R"({"method":"textDocument/didOpen","params":{"textDocument":{"uri":"u","version":1}}})");
  send(kClient,
       R"({"method":"textDocument/didChange","params":{"textDocument":{"uri":"u","version":2},)"
       R"("contentChanges":[{"text":""}]}})");
  send(kServer,
       R"({"method":"textDocument/publishDiagnostics","params":{"uri":"u","diagnostics":[]}})");
  send(kClient, R"({"method":"$/cancelRequest","params":{"id":0}})");
  send(kServer, R"({"id":77,"result":{}})");
  send(kServer, "junk");
  session.Forwarded(kServer, std::chrono::microseconds(20));
  const Snapshot live = metrics.TakeSnapshot();
  session.End(LspExit::Code(0));
  const Snapshot ended = metrics.TakeSnapshot();
  for (const detail::FamilyRow& row : detail::kLspFamilies) {
    const Snapshot& snapshot = row.name == "lsp_sessions_total" ? ended : live;
    const FamilyView* const family = FindFamily(snapshot, row.name);
    ASSERT_NE(family, nullptr) << row.name;
    EXPECT_EQ(family->type(), row.type) << row.name;
    EXPECT_EQ(family->help, row.help) << row.name;
    std::string labels;
    const auto first = [&](const auto& points) {
      if constexpr (requires { points.front().series; }) {
        if (points.empty()) {
          ADD_FAILURE() << row.name << " has no series";
          return;
        }
        VisitLabels(*family, points.front().series, [&](std::string_view name, std::string_view) {
          labels += (labels.empty() ? "" : ",") + std::string(name);
        });
      }
    };
    std::visit(first, family->points);
    EXPECT_EQ(labels, row.labels) << row.name;
  }
}

TEST(LspMetrics, ShowsWhatIsInFlight) {
  const Metrics metrics = RecordingMetrics();
  double now = 10;
  const LspMetrics lsp(metrics, LspOptions().Server("s").Clock([&] { return At(now); }));
  LspSession session = lsp.Begin();
  const auto in_flight = [&] {
    return ValueOf(metrics.TakeSnapshot(), "lsp_requests_in_flight", {{"server", "s"}});
  };
  const auto age = [&] {
    return ValueOf(metrics.TakeSnapshot(), "lsp_oldest_request_age_seconds", {{"server", "s"}});
  };
  EXPECT_EQ(in_flight(), 0);
  EXPECT_EQ(age(), 0);
  session.Bytes(kClient, Framed(R"({"id":1,"method":"textDocument/hover"})"), At(10));
  session.Bytes(kServer, Framed(R"({"id":9,"method":"window/showMessageRequest"})"), At(1));
  now = 12.5;
  EXPECT_EQ(in_flight(), 1);
  EXPECT_DOUBLE_EQ(*age(), 2.5);
  {
    LspSession second = lsp.Begin();
    second.Bytes(kClient, Framed(R"({"id":1,"method":"textDocument/hover"})"), At(2.5));
    EXPECT_EQ(in_flight(), 2);
    EXPECT_DOUBLE_EQ(*age(), 10);
  }
  EXPECT_EQ(in_flight(), 1);  // the second one was dropped
  EXPECT_EQ(ValueOf(metrics.TakeSnapshot(), "lsp_requests_total",
                    {{"server", "s"},
                     {"method", "textDocument/hover"},
                     {"direction", "client_to_server"},
                     {"outcome", "unanswered"}}),
            1);
  session.End(LspExit::Code(0));
  EXPECT_EQ(in_flight(), 0);
  EXPECT_EQ(age(), 0);
}

TEST(LspMetrics, KeepsWhatTheServerUsedAfterItsEnd) {
  const Metrics metrics = RecordingMetrics();
  double cpu = 1;
  bool readable = true;
  const LspMetrics lsp(metrics, LspOptions()
                                    .Server("s")
                                    .Cpu([&]() -> std::optional<double> {
                                      if (!readable) throw 1;
                                      return cpu;
                                    })
                                    .Memory([&]() -> std::optional<std::uint64_t> {
                                      if (!readable) return std::nullopt;
                                      return 8192;
                                    }));
  LspSession session = lsp.Begin();
  const auto used = [&] {
    return ValueOf(metrics.TakeSnapshot(), "lsp_server_cpu_seconds_total", {{"server", "s"}});
  };
  const auto memory = [&] {
    return ValueOf(metrics.TakeSnapshot(), "lsp_server_resident_memory_bytes", {{"server", "s"}});
  };
  EXPECT_EQ(used(), 1);
  EXPECT_EQ(memory(), 8192);
  cpu = 0.5;
  EXPECT_EQ(used(), 1);  // never steps back
  readable = false;
  EXPECT_EQ(used(), 1);
  EXPECT_EQ(memory(), std::nullopt);
  session.Bytes(kClient, Framed(R"({"id":1,"method":"shutdown"})"), At(0));
  readable = true;
  cpu = 3;
  session.End(LspExit::Code(0).CpuSeconds(2.25));
  EXPECT_EQ(used(), 2.25);
  EXPECT_EQ(memory(), std::nullopt);
}

// The counter stays where it was, but that is no reading: a request that ends later has no share.
TEST(LspMetrics, GivesNoCpuTimeToARequestWhenItCannotBeRead) {
  const Metrics metrics = RecordingMetrics();
  std::optional<double> cpu = 1;
  const LspMetrics lsp(metrics, LspOptions().Server("s").Cpu([&] { return cpu; }));
  LspSession session = lsp.Begin();
  session.Bytes(kClient, Framed(R"({"id":1,"method":"shutdown"})"), At(0));
  cpu = std::nullopt;
  session.Bytes(kServer, Framed(R"({"id":1,"result":null})"), At(1));
  const Snapshot snapshot = metrics.TakeSnapshot();
  EXPECT_EQ(FindPoint<HistogramPoint>(snapshot, "lsp_request_cpu_seconds",
                                      {{"method", "shutdown"}, {"attribution", "exclusive"}}),
            nullptr);
  EXPECT_EQ(ValueOf(snapshot, "lsp_server_cpu_seconds_total", {{"server", "s"}}), 1);
}

// One process may talk to several servers: what has no label for the server is their sum.
TEST(LspMetrics, SeveralAddUp) {
  const LogCapture log;
  const Metrics metrics = RecordingMetrics(log);
  const LspMetrics first(metrics, LspOptions().Server("a"));
  const LspMetrics second(metrics, LspOptions().Server("b"));
  const LspServerMetrics third(metrics, LspOptions().Server("b"));
  LspSession sessions[] = {first.Begin(), second.Begin()};
  for (LspSession& session : sessions) {
    session.Bytes(
        kClient,
        Framed(R"({"method":"textDocument/didOpen","params":{"textDocument":{"uri":"u"}}})"),
        At(0));
    session.Bytes(kServer,
                  Framed(R"({"method":"textDocument/publishDiagnostics","params":{"uri":"u",)"
                         R"("diagnostics":[{"severity":1}]}})"),
                  At(0));
    session.Bytes(kClient, Framed(R"({"id":1,"method":"textDocument/hover"})"), At(0));
  }
  third.SetOpenDocuments(5);
  third.SetDiagnostics(LspSeverity::kError, 7);
  LspCall call = third.OnRequest("textDocument/hover");
  Snapshot snapshot = metrics.TakeSnapshot();
  EXPECT_EQ(ValueOf(snapshot, "lsp_open_documents"), 7);
  EXPECT_EQ(ValueOf(snapshot, "lsp_diagnostics", {{"severity", "error"}}), 9);
  EXPECT_EQ(ValueOf(snapshot, "lsp_requests_in_flight", {{"server", "a"}}), 1);
  EXPECT_EQ(ValueOf(snapshot, "lsp_requests_in_flight", {{"server", "b"}}), 2);
  third.SetOpenDocuments(2);
  sessions[0].End(LspExit::Code(0));
  sessions[1] = LspSession();
  snapshot = metrics.TakeSnapshot();
  EXPECT_EQ(ValueOf(snapshot, "lsp_open_documents"), 2);
  EXPECT_EQ(ValueOf(snapshot, "lsp_diagnostics", {{"severity", "error"}}), 7);
  EXPECT_EQ(ValueOf(snapshot, "lsp_requests_in_flight", {{"server", "a"}}), 0);
  EXPECT_EQ(ValueOf(snapshot, "lsp_requests_in_flight", {{"server", "b"}}), 1);
}

TEST(LspMetrics, ReadsAProcess) {
  const pid_t child = fork();
  if (child == 0) {
    pause();
    _exit(0);
  }
  ASSERT_GT(child, 0);
  const LspOptions options = LspOptions().Process(child);
  const auto cpu = options.cpu()();
  const auto memory = options.memory()();
  kill(child, SIGKILL);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(cpu);
  EXPECT_GE(*cpu, 0);
  EXPECT_LT(*cpu, 60);
  ASSERT_TRUE(memory);
  EXPECT_GT(*memory, 10'000u);
  EXPECT_EQ(LspExit::FromWaitStatus(status).signal(), SIGKILL);
  EXPECT_EQ(LspExit::FromWaitStatus(3 << 8).code(), 3);
  EXPECT_EQ(LspExit::FromWaitStatus(3 << 8).signal(), 0);

  // The own process, while it works.
  const LspOptions own = LspOptions().Process(getpid());
  const double before = own.cpu()().value();
  const auto begin = std::chrono::steady_clock::now();
  while (own.cpu()().value() - before < 0.01 &&
         std::chrono::steady_clock::now() - begin < std::chrono::seconds(30)) {
  }
  EXPECT_GE(own.cpu()().value() - before, 0.01);
  for (const pid_t none : {0, -1, 0x7fffffff}) {
    EXPECT_EQ(LspOptions().Process(none).cpu()(), std::nullopt) << none;
    EXPECT_EQ(LspOptions().Process(none).memory()(), std::nullopt) << none;
  }
}

TEST(LspMetrics, SaysOnceThatAMessageIsNotAsItShouldBe) {
  const LogCapture log;
  const Metrics metrics = RecordingMetrics(log);
  const LspMetrics lsp(metrics);
  LspSession session = lsp.Begin();
  session.Bytes(kClient, "Content-Length: 0\r\n\r\n", At(0));
  session.Bytes(kClient, Framed("[]"), At(0));
  session.Bytes(kServer, "Content-Length: abc\r\n\r\n", At(0));
  EXPECT_EQ(log.Count("lsp"), 1);
  EXPECT_EQ(log.Count("zero_length"), 1);
}

TEST(LspMetrics, SessionsOutliveIt) {
  const Metrics metrics = RecordingMetrics();
  LspSession session;
  {
    const LspMetrics lsp(metrics, LspOptions().Server("s"));
    session = lsp.Begin();
  }
  session.Bytes(kClient, Framed(R"({"method":"exit"})"), At(0));
  session.End(LspExit::Code(1));
  EXPECT_EQ(ValueOf(metrics.TakeSnapshot(), "lsp_sessions_total",
                    {{"server", "s"}, {"client", "unknown"}, {"end", "no_shutdown"}}),
            1);
}

TEST(LspMetrics, KnowsWhetherItUnderstands) {
  const Metrics metrics = RecordingMetrics();
  const LspMetrics lsp(metrics);
  LspSession session = lsp.Begin();
  session.Bytes(kServer, std::string(10'000, 'x'), At(0));
  EXPECT_FALSE(session.InSync(kServer));
  EXPECT_TRUE(session.InSync(kClient));
  session.Bytes(kServer, Framed("{}"), At(0));
  EXPECT_TRUE(session.InSync(kServer));
}

// Long messages and a long session: what is kept does not grow with them.
POLYMETER_MALLOC_TEST(LspMetrics, UsesBoundedMemory) {
  const Metrics metrics = RecordingMetrics();
  const LspMetrics lsp(metrics, LspOptions().RequestLimit(100).DocumentLimit(100));
  LspSession session = lsp.Begin();
  std::uint64_t next = 0;
  const auto round = [&] {
    for (int i = 0; i < 3000; ++i, ++next) {
      const std::string n = std::to_string(next);
      session.Bytes(kClient, Framed(R"({"id":")" + n + R"(","method":"x/)" + n + "\"}"), At(1));
      session.Bytes(
          kClient,
          Framed(R"({"method":"textDocument/didOpen","params":{"textDocument":{"uri":"u)" + n +
                 R"(","version":1}}})"),
          At(1));
      session.Bytes(kClient,
                    Framed(R"({"method":"textDocument/didChange","params":{"textDocument":{)"
                           R"("uri":"u1","version":)" +
                           n + R"(},"contentChanges":[{"text":"x"}]}})"),
                    At(1));
      session.Bytes(kServer,
                    Framed(R"({"method":"textDocument/publishDiagnostics","params":{"uri":"d)" + n +
                           R"(","diagnostics":[{"severity":1}]}})"),
                    At(1));
      session.Bytes(kClient, Framed(R"({"method":"$/cancelRequest","params":{"id":")" + n + "\"}}"),
                    At(1));
    }
    // One of 20 MB each way, in pieces.
    const std::string piece(1 << 20, ' ');
    for (const LspDirection direction : {kClient, kServer}) {
      session.Bytes(direction, "Content-Length: " + std::to_string(20 * piece.size()) + "\r\n\r\n",
                    At(1));
      for (int i = 0; i < 20; ++i) session.Bytes(direction, piece, At(1));
    }
  };
  round();
  const std::size_t before = BytesInUse();
  round();
  EXPECT_LT(BytesInUse(), before + 100'000);
}

// An hour of editing, a keystroke every 0.2 s: nothing is left over.
POLYMETER_MALLOC_TEST(LspMetrics, LeaksNothingInALongSession) {
  const Metrics metrics = RecordingMetrics();
  const LspMetrics lsp(metrics);
  LspSession session = lsp.Begin();
  session.Bytes(
      kClient,
      Framed(
          R"({"method":"textDocument/didOpen","params":{"textDocument":{"uri":"u","version":0}}})"),
      At(0));
  const auto edit = [&](int from, int to) {
    for (int i = from; i < to; ++i) {
      const std::string n = std::to_string(i);
      const double time = i * 0.2;
      session.Bytes(kClient,
                    Framed(R"({"method":"textDocument/didChange","params":{"textDocument":{)"
                           R"("uri":"u","version":)" +
                           n + R"(},"contentChanges":[{"range":{},"text":"x"}]}})"),
                    At(time));
      session.Bytes(kClient, Framed(R"({"id":)" + n + R"(,"method":"textDocument/completion"})"),
                    At(time));
      if (i % 3 == 0) {
        session.Bytes(kClient, Framed(R"({"method":"$/cancelRequest","params":{"id":)" + n + "}}"),
                      At(time));
      }
      session.Bytes(kServer, Framed(R"({"id":)" + n + R"(,"result":[]})"), At(time + 0.05));
      if (i % 5 == 0) {
        session.Bytes(kServer,
                      Framed(R"({"method":"textDocument/publishDiagnostics","params":{"uri":"u",)"
                             R"("diagnostics":[{"severity":2}],"version":)" +
                             n + "}}"),
                      At(time + 0.1));
      }
    }
  };
  edit(1, 2000);
  const std::size_t before = BytesInUse();
  edit(2000, 18'000);
  EXPECT_LT(BytesInUse(), before + 20'000);
  EXPECT_EQ(ValueOf(metrics.TakeSnapshot(), "lsp_requests_in_flight", {{"server", "other"}}), 0);
}

// --- a server that counts itself -----------------------------------------------------------------

TEST(LspServerMetrics, CountsRequests) {
  const Metrics metrics = RecordingMetrics();
  double now = 0;
  const LspServerMetrics lsp(
      metrics,
      LspOptions().Server("mine").AllowMethods({"mine/thing"}).Clock([&] { return At(now); }));
  {
    LspCall initialize = lsp.OnRequest("initialize");
    now = 1.5;
    initialize.Reply();
    initialize.Error(-1);  // the first end counts
  }
  LspCall hover = lsp.OnRequest("textDocument/hover");
  LspCall moved = std::move(hover);
  now = 2;
  Snapshot snapshot = metrics.TakeSnapshot();
  EXPECT_EQ(ValueOf(snapshot, "lsp_requests_in_flight", {{"server", "mine"}}), 1);
  EXPECT_DOUBLE_EQ(*ValueOf(snapshot, "lsp_oldest_request_age_seconds", {{"server", "mine"}}), 0.5);
  moved.Error(-32800);
  LspCall outgoing = lsp.OnRequest("workspace/configuration", kServer);
  EXPECT_EQ(ValueOf(metrics.TakeSnapshot(), "lsp_requests_in_flight", {{"server", "mine"}}), 0);
  outgoing.Error(-32801);
  lsp.OnRequest("mine/thing").Error(-32603);
  lsp.OnRequest("mine/other").Reply();
  { const LspCall dropped = lsp.OnRequest("shutdown"); }
  LspCall replaced = lsp.OnRequest("shutdown");
  replaced = LspCall();

  snapshot = metrics.TakeSnapshot();
  const auto requests = [&](const char* method, const char* direction, const char* outcome) {
    return ValueOf(
        snapshot, "lsp_requests_total",
        {{"server", "mine"}, {"method", method}, {"direction", direction}, {"outcome", outcome}});
  };
  EXPECT_EQ(requests("initialize", "client_to_server", "ok"), 1);
  EXPECT_EQ(requests("initialize", "client_to_server", "error"), std::nullopt);
  EXPECT_EQ(requests("textDocument/hover", "client_to_server", "cancelled"), 1);
  EXPECT_EQ(requests("workspace/configuration", "server_to_client", "content_modified"), 1);
  EXPECT_EQ(requests("mine/thing", "client_to_server", "error"), 1);
  EXPECT_EQ(requests("other", "client_to_server", "ok"), 1);
  EXPECT_EQ(requests("shutdown", "client_to_server", "unanswered"), 2);
  EXPECT_EQ(ValueOf(snapshot, "lsp_labels_folded_total", {{"label", "method"}}), 1);
  EXPECT_EQ(ValueOf(snapshot, "lsp_requests_in_flight", {{"server", "mine"}}), 0);
  const auto* const duration = FindPoint<HistogramPoint>(
      snapshot, "lsp_request_duration_seconds",
      {{"server", "mine"}, {"method", "textDocument/hover"}, {"direction", "client_to_server"}});
  ASSERT_NE(duration, nullptr);
  EXPECT_DOUBLE_EQ(duration->sum, 0.5);
  EXPECT_EQ(FindPoint<HistogramPoint>(
                snapshot, "lsp_request_duration_seconds",
                {{"server", "mine"}, {"method", "shutdown"}, {"direction", "client_to_server"}}),
            nullptr);
  EXPECT_DOUBLE_EQ(
      FindPoint<HistogramPoint>(snapshot, "lsp_initialize_duration_seconds", {{"server", "mine"}})
          ->sum,
      1.5);
}

TEST(LspServerMetrics, CountsTheRest) {
  const Metrics metrics = RecordingMetrics();
  const LspServerMetrics lsp(metrics, LspOptions().Server("mine"));
  lsp.OnNotification("textDocument/didSave");
  lsp.OnNotification("x", kServer);
  lsp.OnCancel(LspCancelEffect::kTooLate);
  lsp.OnChange(LspSync::kIncremental);
  lsp.OnDiagnosticLatency(std::chrono::milliseconds(250));
  lsp.SetOpenDocuments(3);
  lsp.SetDiagnostics(LspSeverity::kWarning, 7);
  lsp.OnSessionEnd("Visual Studio Code", LspEnd::kClean);
  lsp.OnSessionEnd("who knows", LspEnd::kEof);
  const Snapshot snapshot = metrics.TakeSnapshot();
  EXPECT_EQ(ValueOf(snapshot, "lsp_notifications_total",
                    {{"method", "textDocument/didSave"}, {"direction", "client_to_server"}}),
            1);
  EXPECT_EQ(ValueOf(snapshot, "lsp_notifications_total",
                    {{"method", "other"}, {"direction", "server_to_client"}}),
            1);
  EXPECT_EQ(ValueOf(snapshot, "lsp_cancellations_total", {{"effect", "too_late"}}), 1);
  EXPECT_EQ(ValueOf(snapshot, "lsp_document_changes_total", {{"sync", "incremental"}}), 1);
  EXPECT_DOUBLE_EQ(FindPoint<HistogramPoint>(snapshot, "lsp_diagnostic_latency_seconds")->sum,
                   0.25);
  EXPECT_EQ(ValueOf(snapshot, "lsp_open_documents"), 3);
  EXPECT_EQ(ValueOf(snapshot, "lsp_diagnostics", {{"severity", "warning"}}), 7);
  EXPECT_EQ(ValueOf(snapshot, "lsp_diagnostics", {{"severity", "error"}}), 0);
  EXPECT_EQ(ValueOf(snapshot, "lsp_sessions_total",
                    {{"server", "mine"}, {"client", "vscode"}, {"end", "clean"}}),
            1);
  EXPECT_EQ(ValueOf(snapshot, "lsp_sessions_total",
                    {{"server", "mine"}, {"client", "other"}, {"end", "eof"}}),
            1);
  EXPECT_EQ(ValueOf(snapshot, "lsp_labels_folded_total", {{"label", "client"}}), 1);
}

TEST(LspServerMetrics, CountsMoreCallsThanItKnowsTheAgeOf) {
  const Metrics metrics = RecordingMetrics();
  double now = 0;
  const LspServerMetrics lsp(metrics, LspOptions().Server("mine").Clock([&] { return At(now); }));
  std::vector<LspCall> calls;
  for (int i = 0; i < 1500; ++i) calls.push_back(lsp.OnRequest("textDocument/hover"));
  now = 3;
  Snapshot snapshot = metrics.TakeSnapshot();
  EXPECT_EQ(ValueOf(snapshot, "lsp_requests_in_flight", {{"server", "mine"}}), 1500);
  EXPECT_EQ(ValueOf(snapshot, "lsp_oldest_request_age_seconds", {{"server", "mine"}}), 3);
  for (LspCall& call : calls) call.Reply();
  snapshot = metrics.TakeSnapshot();
  EXPECT_EQ(ValueOf(snapshot, "lsp_requests_in_flight", {{"server", "mine"}}), 0);
  EXPECT_EQ(ValueOf(snapshot, "lsp_oldest_request_age_seconds", {{"server", "mine"}}), 0);
}

TEST(LspServerMetrics, AForkedChildStartsFromNothing) {
  const Metrics metrics = RecordingMetrics();
  const LspMetrics watched(metrics, LspOptions().Server("watched"));
  const LspServerMetrics lsp(metrics, LspOptions().Server("mine"));
  const std::string request = Framed(R"({"id":1,"method":"textDocument/hover"})");
  LspSession session = watched.Begin();
  session.Bytes(kClient, request, At(0));
  LspCall call = lsp.OnRequest("textDocument/hover");
  lsp.SetOpenDocuments(5);
  lsp.SetDiagnostics(LspSeverity::kError, 5);
  const auto value = [&](const char* family, const char* server) {
    return ValueOf(metrics.TakeSnapshot(), family, {{"server", server}});
  };
  const auto unanswered = [&](const char* server) {
    return ValueOf(metrics.TakeSnapshot(), "lsp_requests_total",
                   {{"server", server},
                    {"method", "textDocument/hover"},
                    {"direction", "client_to_server"},
                    {"outcome", "unanswered"}})
        .value_or(0);
  };
  EXPECT_TRUE(testing::PassesInAForkedChild([&] {
    EXPECT_EQ(value("lsp_oldest_request_age_seconds", "watched"), 0);
    EXPECT_EQ(value("lsp_oldest_request_age_seconds", "mine"), 0);
    LspCall own = lsp.OnRequest("textDocument/hover");
    lsp.SetOpenDocuments(2);
    call = LspCall();
    session.Bytes(kClient, request, At(1));
    session = LspSession();
    EXPECT_EQ(value("lsp_requests_in_flight", "watched"), 0);
    EXPECT_EQ(value("lsp_requests_in_flight", "mine"), 1);
    EXPECT_EQ(ValueOf(metrics.TakeSnapshot(), "lsp_open_documents"), 2);
    EXPECT_EQ(ValueOf(metrics.TakeSnapshot(), "lsp_diagnostics", {{"severity", "error"}}), 0);
    EXPECT_EQ(unanswered("watched"), 0);
    EXPECT_EQ(unanswered("mine"), 0);
    own = LspCall();
    EXPECT_EQ(value("lsp_requests_in_flight", "mine"), 0);
    EXPECT_EQ(unanswered("mine"), 1);
  }));
  EXPECT_EQ(value("lsp_requests_in_flight", "watched"), 1);
  EXPECT_EQ(value("lsp_requests_in_flight", "mine"), 1);
  EXPECT_EQ(ValueOf(metrics.TakeSnapshot(), "lsp_open_documents"), 5);
  call = LspCall();
  session = LspSession();
  EXPECT_EQ(value("lsp_requests_in_flight", "watched"), 0);
  EXPECT_EQ(unanswered("watched"), 1);
  EXPECT_EQ(unanswered("mine"), 1);
}

TEST(LspServerMetrics, CallsOutliveIt) {
  const Metrics metrics = RecordingMetrics();
  LspCall call;
  {
    const LspServerMetrics lsp(metrics, LspOptions().Server("mine"));
    call = lsp.OnRequest("textDocument/hover");
  }
  call.Reply();
  EXPECT_EQ(ValueOf(metrics.TakeSnapshot(), "lsp_requests_total",
                    {{"server", "mine"},
                     {"method", "textDocument/hover"},
                     {"direction", "client_to_server"},
                     {"outcome", "ok"}}),
            1);
}

}  // namespace
}  // namespace polymeter
