// A real civetweb server, driven by sockets.
#include "polymeter/http_civetweb.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

#include "integrations/http/raw_client_for_test.h"
#include "polymeter/tracing.h"

// civetweb's workers write their Date headers with gmtime, which is not thread-safe.
extern "C" [[gnu::visibility("default")]] const char* __tsan_default_suppressions();
extern "C" const char* __tsan_default_suppressions() { return "race:gmtime"; }

namespace polymeter {
namespace {

using testing::Ask;
using testing::RawClient;
using testing::Request;
using testing::Soon;

constexpr std::string_view kTraceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
constexpr std::string_view kTraceHeader =
    "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n";

std::atomic<int> g_begins{0};
std::atomic<int> g_ends{0};
std::atomic<bool> g_stopping{false};

int Answer(mg_connection* connection, std::string_view body) {
  mg_send_http_ok(connection, "text/plain", static_cast<long long>(body.size()));
  CivetwebWrite(connection, body.data(), body.size());
  return 200;
}

int GetJob(mg_connection* connection, void* data) {
  return Answer(connection, static_cast<const char*>(data));
}
int Upload(mg_connection* connection, void*) {
  char buffer[100];
  while (mg_read(connection, buffer, sizeof(buffer)) > 0) {
  }
  mg_printf(connection, "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n");
  HttpRequestScope::Current()->ResponseBytes(0);
  return 202;
}
int Throws(mg_connection*, void*) { throw std::runtime_error("handler"); }
int SaysNothing(mg_connection* connection, void*) {
  mg_printf(connection, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  return 1;
}
int SaysOtherwise(mg_connection* connection, void*) {
  mg_printf(connection, "HTTP/1.1 206 Partial\r\nContent-Length: 0\r\n\r\n");
  HttpRequestScope::Current()->Status(206);
  return 1;
}
int ShowTrace(mg_connection* connection, void*) {
  return Answer(connection, FormatTraceparent(CurrentTrace()));
}
int Chunks(mg_connection* connection, void*) {
  mg_printf(connection, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (int i = 0; i < 3; ++i) {
    mg_send_chunk(connection, "chunk\n", 6);
    HttpRequestScope::Current()->AddResponseBytes(6);
  }
  mg_send_chunk(connection, "", 0);
  return 200;
}
int WriteUntilTheClientGoes(mg_connection* connection) {
  mg_printf(connection, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
  while (!g_stopping && CivetwebWrite(connection, "more\n", 5) > 0) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return 200;
}
int Endless(mg_connection* connection, void*) { return WriteUntilTheClientGoes(connection); }
int Events(mg_connection* connection, void*) {
  HttpRequestScope::Current()->Streaming();
  return WriteUntilTheClientGoes(connection);
}
int ShowUserData(mg_connection* connection, void*) {
  return Answer(connection, *static_cast<std::string*>(CivetwebMiddleware::UserData(connection)));
}

// One for all tests: civetweb takes two seconds to stop.
struct Server {
  Server() {
    mg_init_library(0);
    mg_callbacks callbacks{};
    callbacks.begin_request = [](mg_connection* connection) {
      ++g_begins;
      if (std::string_view(mg_get_request_info(connection)->local_uri) != "/forbidden") return 0;
      mg_send_http_error(connection, 403, "%s", "no");
      return 403;
    };
    callbacks.end_request = [](const mg_connection*, int) { ++g_ends; };
    middleware_.Install(callbacks);
    const char* options[] = {"listening_ports",
                             "127.0.0.1:0",
                             "num_threads",
                             "6",
                             "enable_keep_alive",
                             "yes",
                             "keep_alive_timeout_ms",
                             "5000",
                             "request_timeout_ms",
                             "10000",
                             "tcp_nodelay",
                             "1",
                             nullptr};
    context_ = mg_start(&callbacks, &middleware_, options);
    if (context_ == nullptr) return;
    mg_server_port port{};
    mg_get_server_ports(context_, 1, &port);
    port_ = port.port;
    static char job[] = "the job";
    middleware_.Handle(context_, "/jobs/*$", "/jobs/{id}", &GetJob, job);
    middleware_.Handle(context_, "/upload$", "/upload", &Upload);
    middleware_.Handle(context_, "/throws$", "/throws", &Throws);
    middleware_.Handle(context_, "/nothing$", "/nothing", &SaysNothing);
    middleware_.Handle(context_, "/otherwise$", "/otherwise", &SaysOtherwise);
    middleware_.Handle(context_, "/trace$", "/trace", &ShowTrace);
    middleware_.Handle(context_, "/chunks$", "/chunks", &Chunks);
    middleware_.Handle(context_, "/endless$", "/endless", &Endless);
    middleware_.Handle(context_, "/events$", "/events", &Events);
    middleware_.Handle(context_, "/user$", "/user", &ShowUserData);
    mg_set_websocket_handler(
        context_, "/socket", [](const mg_connection*, void*) { return 0; },
        [](mg_connection* connection, void*) {
          HttpRequestScope::Current()->Route("/socket").Upgrade();
          mg_websocket_write(connection, MG_WEBSOCKET_OPCODE_TEXT, "hello", 5);
        },
        [](mg_connection*, int, char*, std::size_t, void*) { return 1; },
        [](const mg_connection*, void*) {}, nullptr);
  }
  ~Server() {
    if (context_ != nullptr) mg_stop(context_);
    mg_exit_library();
  }

  const Metrics metrics_{Options().Consumer()};
  HttpServerMetrics http_{metrics_};
  std::string user_data_ = "the user data";
  CivetwebMiddleware middleware_{http_, &user_data_};
  mg_context* context_ = nullptr;
  int port_ = 0;
};
std::unique_ptr<Server> g_server;

class CivetwebTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { g_server = std::make_unique<Server>(); }
  static void TearDownTestSuite() { g_server.reset(); }

  void SetUp() override {
    ASSERT_NE(g_server->context_, nullptr);
    g_begins = 0;
    g_ends = 0;
    g_stopping = false;
  }
  void TearDown() override {
    g_stopping = true;
    EXPECT_TRUE(Soon([this] { return numbers_.InFlight() == 0; }));
    EXPECT_TRUE(Soon([] { return g_begins == g_ends; }));
  }

  const testing::HttpNumbers numbers_{g_server->metrics_};
  const int port_ = g_server->port_;
};

TEST_F(CivetwebTest, CountsARequestUnderItsTemplate) {
  EXPECT_NE(Ask(port_, "GET", "/jobs/17").find("the job"), std::string::npos);
  EXPECT_NE(Ask(port_, "GET", "/jobs/18?verbose=1").find("the job"), std::string::npos);
  EXPECT_TRUE(numbers_.Become(2, "GET", "/jobs/{id}", "200"));
  EXPECT_EQ(numbers_.Observed("http_request_duration_seconds", "GET", "/jobs/{id}", "200").first,
            2);
  EXPECT_EQ(numbers_.Observed("http_response_size_bytes", "GET", "/jobs/{id}", "200"),
            std::pair(2.0, 14.0));
  EXPECT_EQ(numbers_.Observed("http_request_size_bytes", "GET", "/jobs/{id}", "200"),
            std::pair(2.0, 0.0));
}

TEST_F(CivetwebTest, CountsTheBytesOfAnUpload) {
  Ask(port_, "POST", "/upload", {}, "0123456789");
  EXPECT_TRUE(numbers_.Become(1, "POST", "/upload", "202"));
  EXPECT_EQ(numbers_.Observed("http_request_size_bytes", "POST", "/upload", "202").second, 10);
}

TEST_F(CivetwebTest, CountsWhatNoHandlerMatchesAsUnmatched) {
  EXPECT_NE(Ask(port_, "GET", "/nowhere").find(" 404 "), std::string::npos);
  EXPECT_NE(Ask(port_, "GET", "/nowhere/17").find(" 404 "), std::string::npos);
  EXPECT_TRUE(numbers_.Become(2, "GET", "_unmatched", "404"));
}

TEST_F(CivetwebTest, AnswersAnExceptionWith500AndGoesOn) {
  EXPECT_NE(Ask(port_, "GET", "/throws").find(" 500 "), std::string::npos);
  EXPECT_TRUE(numbers_.Become(1, "GET", "/throws", "500"));
  EXPECT_NE(Ask(port_, "GET", "/jobs/1").find("the job"), std::string::npos);
}

TEST_F(CivetwebTest, TakesTheStatusFromTheHandlerWhereCivetwebHasNone) {
  Ask(port_, "GET", "/nothing");
  Ask(port_, "GET", "/otherwise");
  EXPECT_TRUE(numbers_.Become(1, "GET", "/nothing", "other"));
  EXPECT_TRUE(numbers_.Become(1, "GET", "/otherwise", "206"));
}

TEST_F(CivetwebTest, CountsAHead) {
  Ask(port_, "HEAD", "/jobs/17");
  EXPECT_TRUE(numbers_.Become(1, "HEAD", "/jobs/{id}", "200"));
}

TEST_F(CivetwebTest, CountsEachRequestOfAConnection) {
  RawClient client(port_);
  for (int i = 0; i < 50; ++i) {
    client.Send(Request("GET", "/jobs/" + std::to_string(i)));
    EXPECT_NE(client.ReadUntil("the job").find("200 OK"), std::string::npos);
  }
  EXPECT_TRUE(numbers_.Become(50, "GET", "/jobs/{id}", "200"));
}

TEST_F(CivetwebTest, NeverSeesAMethodThatCivetwebRefuses) {
  EXPECT_NE(Ask(port_, "BREW", "/jobs/17").find(" 400 "), std::string::npos);
  Ask(port_, "GET", "/jobs/17");
  EXPECT_TRUE(numbers_.Become(1, "GET", "/jobs/{id}", "200"));
  EXPECT_EQ(numbers_.AllRequests(), 1);
}

TEST_F(CivetwebTest, ShowsTheTraceToTheHandlerAndToNoOther) {
  EXPECT_NE(Ask(port_, "GET", "/trace", kTraceHeader).find(kTraceparent), std::string::npos);
  EXPECT_EQ(Ask(port_, "GET", "/trace").find("00-"), std::string::npos);
  EXPECT_EQ(Ask(port_, "GET", "/trace", std::string(kTraceHeader) + std::string(kTraceHeader))
                .find("00-"),
            std::string::npos);
  EXPECT_TRUE(numbers_.Become(3, "GET", "/trace", "200"));
  EXPECT_EQ(numbers_.Traceparents("valid"), 1);
  EXPECT_EQ(numbers_.Traceparents("invalid"), 1);
}

TEST_F(CivetwebTest, CountsAChunkedResponseOnce) {
  EXPECT_NE(Ask(port_, "GET", "/chunks").find("chunk"), std::string::npos);
  EXPECT_TRUE(numbers_.Become(1, "GET", "/chunks", "200"));
  EXPECT_EQ(numbers_.Observed("http_response_size_bytes", "GET", "/chunks", "200").second, 18);
  EXPECT_EQ(numbers_.Aborted("GET", "/chunks"), 0);
}

TEST_F(CivetwebTest, CountsAClientThatHangsUpInMidResponse) {
  RawClient client(port_);
  client.Send(Request("GET", "/endless"));
  EXPECT_NE(client.ReadUntil("more").find("200 OK"), std::string::npos);
  EXPECT_EQ(numbers_.InFlight(), 1);
  client.HangUp();
  EXPECT_TRUE(numbers_.Become(1, "GET", "/endless", "200"));
  EXPECT_EQ(numbers_.Aborted("GET", "/endless"), 1);
}

TEST_F(CivetwebTest, CountsAStreamApart) {
  RawClient client(port_);
  client.Send(Request("GET", "/events"));
  client.ReadUntil("more");
  EXPECT_EQ(numbers_.StreamsOpen("/events", "stream"), 1);
  EXPECT_EQ(numbers_.InFlight(), 0);
  client.HangUp();
  EXPECT_TRUE(numbers_.Become(1, "GET", "/events", "200"));
  EXPECT_EQ(numbers_.StreamsOpen("/events", "stream"), 0);
  EXPECT_EQ(numbers_.Observed("http_request_duration_seconds", "GET", "/events", "200").first, 0);
}

TEST_F(CivetwebTest, CountsAWebSocketAsAnUpgradedConnection) {
  RawClient client(port_);
  client.Send(Request("GET", "/socket",
                      "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"));
  EXPECT_NE(client.ReadUntil("hello").find(" 101 "), std::string::npos);
  EXPECT_TRUE(Soon([&] { return numbers_.StreamsOpen("/socket", "upgrade") == 1; }));
  EXPECT_EQ(numbers_.InFlight(), 0);
  client.HangUp();
  EXPECT_TRUE(numbers_.Become(1, "GET", "/socket", "101"));
  EXPECT_EQ(numbers_.StreamsOpen("/socket", "upgrade"), 0);
  EXPECT_EQ(numbers_.Observed("http_request_duration_seconds", "GET", "/socket", "101").first, 0);
}

TEST_F(CivetwebTest, CallsTheApplicationsOwnCallbacks) {
  EXPECT_NE(Ask(port_, "GET", "/forbidden").find(" 403 "), std::string::npos);
  EXPECT_NE(Ask(port_, "GET", "/user").find("the user data"), std::string::npos);
  EXPECT_TRUE(numbers_.Become(1, "GET", "_unmatched", "403"));
  EXPECT_TRUE(Soon([] { return g_begins == 2 && g_ends == 2; }));
}

TEST_F(CivetwebTest, CountsManyConnectionsAtOnce) {
  std::vector<std::thread> clients;
  for (int c = 0; c < 4; ++c) {
    clients.emplace_back([this] {
      for (int i = 0; i < 25; ++i) Ask(port_, "GET", "/jobs/" + std::to_string(i), kTraceHeader);
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_TRUE(numbers_.Become(100, "GET", "/jobs/{id}", "200"));
  EXPECT_EQ(numbers_.AllRequests(), 100);
}

}  // namespace
}  // namespace polymeter
