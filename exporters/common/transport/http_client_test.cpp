#include "exporters/common/transport/http_client.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netdb.h>
#include <sys/wait.h>

#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "exporters/common/transport/loopback_server_for_test.h"
#include "sdk/testing/manual_clock.h"

// --- a resolver that hangs ---------------------------------------------------------------------

namespace {

struct Resolver {
  std::mutex mutex;
  std::condition_variable go_on;
  bool released = false;
  int waiting = 0;
};
Resolver& BlockedResolver() {
  static auto* const kResolver = new Resolver;
  return *kResolver;
}

}  // namespace

// Stands before libc's, for libcurl, too: a name that ends in .blocked is not resolved until the
// test says so.
extern "C" __attribute__((visibility("default"))) int getaddrinfo(const char* node,
                                                                  const char* service,
                                                                  const addrinfo* hints,
                                                                  addrinfo** result) {
  const std::string_view name = node == nullptr ? "" : node;
  if (name.ends_with(".blocked")) {
    Resolver& resolver = BlockedResolver();
    std::unique_lock lock(resolver.mutex);
    ++resolver.waiting;
    resolver.go_on.wait(lock, [&] { return resolver.released; });
    return EAI_NONAME;
  }
  if (name.ends_with(".invalid")) return EAI_NONAME;  // without asking the network
  static const auto kReal =
      reinterpret_cast<decltype(&getaddrinfo)>(dlsym(RTLD_NEXT, "getaddrinfo"));
  return kReal(node, service, hints, result);
}

namespace polymeter {
namespace {

using namespace std::chrono_literals;
using detail::HttpClient;
using detail::HttpClientOptions;
using detail::HttpResult;
using testing::Always;
using ::testing::HasSubstr;
using testing::HttpAnswer;
using testing::LoopbackServer;
using ::testing::Not;
using Outcome = HttpResult::Outcome;

Deadline In(std::chrono::milliseconds time) { return std::chrono::steady_clock::now() + time; }

HttpClientOptions At(const std::string& url) {
  HttpClientOptions options;
  options.url = url;
  options.headers = {{"Content-Type", "application/x-protobuf"}};
  return options;
}

TEST(HttpClient, PostsTheBodyAndGivesTheAnswer) {
  std::optional<LoopbackServer::Request> seen;
  LoopbackServer server([&](LoopbackServer::Connection& connection) {
    seen = connection.ReadRequest();
    connection.Send(HttpAnswer(429, "busy", "Retry-After:  7 \r\nX-Odd:\r\n"));
  });
  HttpClientOptions options = At(server.url("/v1/metrics?a=b"));
  options.headers.emplace_back("Api-Key", "secret, with comma");
  options.headers.emplace_back("Empty", "");
  HttpClient client(options);
  const std::string body("zero \0 inside", 13);
  const HttpResult result = client.Post(body, In(10s));
  ASSERT_EQ(result.outcome, Outcome::kAnswered) << result.error;
  EXPECT_EQ(result.status, 429);
  EXPECT_EQ(result.body, "busy");
  EXPECT_EQ(result.Header("retry-after"), "7");
  EXPECT_EQ(result.Header("x-odd"), "");
  EXPECT_FALSE(result.http2);
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->line, "POST /v1/metrics?a=b HTTP/1.1");
  EXPECT_EQ(seen->body, body);
  EXPECT_EQ(seen->headers["content-type"], "application/x-protobuf");
  EXPECT_EQ(seen->headers["api-key"], "secret, with comma");
  EXPECT_EQ(seen->headers.count("empty"), 1u);
  EXPECT_EQ(seen->headers.count("expect"), 0u);
}

TEST(HttpClient, PostsNothingAndMegabytes) {
  LoopbackServer server([&](LoopbackServer::Connection& connection) {
    while (const auto request = connection.ReadRequest()) {
      connection.Send(HttpAnswer(200, std::to_string(request->body.size())));
    }
  });
  HttpClient client(At(server.url()));
  EXPECT_EQ(client.Post("", In(10s)).body, "0");
  EXPECT_EQ(client.Post(std::string(5 << 20, 'x'), In(20s)).body, "5242880");
}

// SO_KEEPALIVE of this process's connection to the port; -1 without one.
int KeepaliveOfConnectionTo(std::uint16_t port) {
  for (int descriptor = 3; descriptor < 1024; ++descriptor) {
    sockaddr_in peer{};
    socklen_t size = sizeof(peer);
    if (getpeername(descriptor, reinterpret_cast<sockaddr*>(&peer), &size) != 0 ||
        peer.sin_family != AF_INET || ntohs(peer.sin_port) != port) {
      continue;
    }
    int value = -1;
    size = sizeof(value);
    getsockopt(descriptor, SOL_SOCKET, SO_KEEPALIVE, &value, &size);
    return value;
  }
  return -1;
}

TEST(HttpClient, PutsAndDeletesAtOtherPathsOfItsServer) {
  std::mutex mutex;
  std::vector<LoopbackServer::Request> requests;
  LoopbackServer server([&](LoopbackServer::Connection& connection) {
    while (auto request = connection.ReadRequest()) {
      {
        const std::lock_guard lock(mutex);
        requests.push_back(std::move(*request));
      }
      if (!connection.Send(HttpAnswer(202))) return;
    }
  });
  HttpClientOptions options;
  options.url = server.url("");
  options.username = "ann";
  options.password = "p:%";
  options.headers = {{"X-Team", "blue"}};
  options.body_headers = {{"Content-Type", "text/plain"}, {"X-Empty", ""}};
  HttpClient client(options);
  using detail::HttpMethod;
  EXPECT_EQ(client.Request(HttpMethod::kPut, server.url("/a%2Fb"), "body", In(10s)).status, 202);
  EXPECT_EQ(client.Request(HttpMethod::kDelete, server.url("/c"), "not sent", In(10s)).status, 202);
  EXPECT_EQ(client.Request(HttpMethod::kPut, server.url("/d"), "", In(10s)).status, 202);
  EXPECT_EQ(client.Request(HttpMethod::kPost, server.url("/e"), "e", In(10s)).status, 202);
  EXPECT_EQ(server.connections(), 1);
  const std::lock_guard lock(mutex);
  ASSERT_EQ(requests.size(), 4u);
  EXPECT_EQ(requests[0].line, "PUT /a%2Fb HTTP/1.1");
  EXPECT_EQ(requests[0].body, "body");
  EXPECT_EQ(requests[1].line, "DELETE /c HTTP/1.1");
  EXPECT_EQ(requests[1].body, "");
  EXPECT_EQ(requests[2].line, "PUT /d HTTP/1.1");
  EXPECT_EQ(requests[2].headers["content-length"], "0");
  EXPECT_EQ(requests[3].line, "POST /e HTTP/1.1");
  EXPECT_EQ(requests[3].body, "e");
  for (auto& request : requests) {
    EXPECT_EQ(request.headers["x-team"], "blue");
    EXPECT_EQ(request.headers["authorization"], "Basic YW5uOnA6JQ==");
    const bool has_body = request.line[0] == 'P';
    EXPECT_EQ(request.headers["content-type"], has_body ? "text/plain" : "");
    EXPECT_EQ(request.headers.count("x-empty"), has_body ? 1u : 0u);
  }
}

TEST(HttpClient, NoticesThatAPeerIsGoneWhenItWouldWaitForEver) {
  LoopbackServer server(Always(HttpAnswer(200)));
  HttpClient client(At(server.url()));
  ASSERT_EQ(client.Post("x", Deadline::max()).status, 200);
  EXPECT_EQ(KeepaliveOfConnectionTo(server.port()), 1);
}

TEST(HttpClient, KeepsItsConnection) {
  LoopbackServer server(Always(HttpAnswer(200)));
  HttpClient client(At(server.url()));
  for (int i = 0; i < 5; ++i) ASSERT_EQ(client.Post("x", In(10s)).status, 200);
  EXPECT_EQ(server.connections(), 1);
}

TEST(HttpClient, MakesANewConnectionWhenTheServerClosedTheOldOne) {
  LoopbackServer server([](LoopbackServer::Connection& connection) {
    if (connection.ReadRequest()) connection.Send(HttpAnswer(200));
  });
  HttpClient client(At(server.url()));
  for (int i = 0; i < 3; ++i) {
    const HttpResult result = client.Post("x", In(10s));
    ASSERT_EQ(result.status, 200) << result.error;
    std::this_thread::sleep_for(20ms);
  }
  EXPECT_EQ(server.connections(), 3);
}

TEST(HttpClient, SaysThatNobodyListens) {
  std::string url;
  {
    LoopbackServer server(Always(""));
    url = server.url();
  }
  HttpClient client(At(url));
  const HttpResult result = client.Post("x", In(10s));
  EXPECT_EQ(result.outcome, Outcome::kFailed);
  EXPECT_THAT(result.error, HasSubstr("connect"));
}

TEST(HttpClient, SaysThatTheServerResets) {
  LoopbackServer server([](LoopbackServer::Connection& connection) {
    connection.ReadRequest();
    connection.Reset();
  });
  HttpClient client(At(server.url()));
  EXPECT_EQ(client.Post("x", In(10s)).outcome, Outcome::kFailed);
}

TEST(HttpClient, TakesNoAnswerThatIsCutShort) {
  LoopbackServer server([](LoopbackServer::Connection& connection) {
    connection.ReadRequest();
    connection.Send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
  });
  HttpClient client(At(server.url()));
  EXPECT_EQ(client.Post("x", In(10s)).outcome, Outcome::kFailed);
}

TEST(HttpClient, TakesNothingThatIsNotHttp) {
  for (const char* answer : {"SSH-2.0-OpenSSH_9.2\r\n", "\x16\x03\x01\x02", "HTTP/0.9\r\n\r\n"}) {
    LoopbackServer server([&](LoopbackServer::Connection& connection) {
      connection.ReadRequest();
      connection.Send(answer);
    });
    HttpClient client(At(server.url()));
    EXPECT_EQ(client.Post("x", In(10s)).outcome, Outcome::kFailed) << answer;
  }
}

TEST(HttpClient, KeepsTheDeadlineWithAServerThatNeverAnswers) {
  LoopbackServer server(
      [](LoopbackServer::Connection& connection) { connection.ReadUntilClosed(); });
  HttpClient client(At(server.url()));
  const auto begin = std::chrono::steady_clock::now();
  const HttpResult result = client.Post("x", In(200ms));
  EXPECT_EQ(result.outcome, Outcome::kTimedOut);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
  EXPECT_EQ(client.Post("x", In(-1s)).outcome, Outcome::kTimedOut) << "in the past";
}

TEST(HttpClient, KeepsTheDeadlineWithAServerThatDripsItsAnswer) {
  LoopbackServer server([](LoopbackServer::Connection& connection) {
    connection.ReadRequest();
    connection.Send("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
    while (connection.Send("x")) std::this_thread::sleep_for(5ms);
  });
  HttpClient client(At(server.url()));
  EXPECT_EQ(client.Post("x", In(200ms)).outcome, Outcome::kTimedOut);
}

TEST(HttpClient, KeepsADeadlineOfATestsClock) {
  LoopbackServer server(
      [](LoopbackServer::Connection& connection) { connection.ReadUntilClosed(); });
  const testing::SteppedClock clock;
  HttpClient client(At(server.url()));
  EXPECT_EQ(client.Post("x", clock.SteadyNow(), clock).outcome, Outcome::kTimedOut);
}

TEST(HttpClient, ComesBackWhenItIsInterrupted) {
  LoopbackServer server(
      [](LoopbackServer::Connection& connection) { connection.ReadUntilClosed(); });
  HttpClient client(At(server.url()));
  client.Interrupt();  // nothing is under way: no effect on the next one
  const auto begin = std::chrono::steady_clock::now();
  std::thread other([&] {
    std::this_thread::sleep_for(100ms);
    client.Interrupt();
  });
  const HttpResult result = client.Post("x", Deadline::max());
  other.join();
  EXPECT_EQ(result.outcome, Outcome::kInterrupted);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 50ms);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
}

TEST(HttpClient, NeverWaitsForAResolverThatHangs) {
  const auto begin = std::chrono::steady_clock::now();
  {
    HttpClient client(At("http://collector.blocked:4318/v1/metrics"));
    EXPECT_EQ(client.Post("x", In(200ms)).outcome, Outcome::kTimedOut);
    std::thread other([&] {
      std::this_thread::sleep_for(100ms);
      client.Interrupt();
    });
    EXPECT_EQ(client.Post("x", Deadline::max()).outcome, Outcome::kInterrupted);
    other.join();
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s) << "nor does the destructor";
  Resolver& resolver = BlockedResolver();
  const std::lock_guard lock(resolver.mutex);
  EXPECT_GE(resolver.waiting, 1) << "the resolver was not asked: this test shows nothing";
  resolver.released = true;
  resolver.go_on.notify_all();
}

TEST(HttpClient, SaysThatANameIsNotKnown) {
  HttpClient client(At("http://collector.invalid:4318/"));
  const HttpResult result = client.Post("x", In(10s));
  EXPECT_EQ(result.outcome, Outcome::kFailed);
  EXPECT_THAT(result.error, HasSubstr("resolve"));
}

TEST(HttpClient, ReadsNoMoreOfAnAnswerThanItMay) {
  for (const bool chunked : {false, true}) {
    LoopbackServer server([chunked](LoopbackServer::Connection& connection) {
      connection.ReadRequest();
      connection.Send(chunked ? "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                              : "HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n");
      const std::string piece(4096, 'x');
      while (connection.Send(chunked ? "1000\r\n" + piece + "\r\n" : piece)) {
      }
    });
    HttpClientOptions options = At(server.url());
    options.most_answer_bytes = 100000;
    HttpClient client(options);
    const HttpResult result = client.Post("x", In(10s));
    EXPECT_EQ(result.outcome, Outcome::kTooLarge) << result.error;
    EXPECT_LE(result.body.size(), 100000u);
    EXPECT_EQ(result.status, 200);
  }
}

TEST(HttpClient, KnowsTheStatusOfAnAnswerThatStalls) {
  for (const bool whole_head : {true, false}) {
    LoopbackServer server([whole_head](LoopbackServer::Connection& connection) {
      connection.ReadRequest();
      connection.Send("HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 50\r\n");
      if (whole_head) connection.Send("\r\nno");
      connection.ReadRequest();  // until the client goes
    });
    HttpClient client(At(server.url()));
    const HttpResult result = client.Post("x", In(500ms));
    EXPECT_EQ(result.outcome, Outcome::kTimedOut);
    EXPECT_EQ(result.status, whole_head ? 503 : 0);
    if (whole_head) {
      EXPECT_EQ(result.Header("retry-after"), "7");
    }
  }
}

TEST(HttpClient, ReadsNoHeadersWithoutEnd) {
  LoopbackServer server([](LoopbackServer::Connection& connection) {
    connection.ReadRequest();
    connection.Send("HTTP/1.1 200 OK\r\n");
    while (connection.Send("X: " + std::string(1000, 'x') + "\r\n")) {
    }
  });
  HttpClient client(At(server.url()));
  EXPECT_THAT(client.Post("x", In(10s)).outcome,
              ::testing::AnyOf(Outcome::kTooLarge, Outcome::kFailed));
}

TEST(HttpClient, GivesTheLastAnswersHeadersAndTrailers) {
  LoopbackServer server([](LoopbackServer::Connection& connection) {
    connection.ReadRequest();
    connection.Send(
        "HTTP/1.1 100 Continue\r\nX-First: 1\r\n\r\n"
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: Grpc-Status\r\n\r\n"
        "2\r\nok\r\n0\r\nGrpc-Status: 14\r\n\r\n");
  });
  HttpClient client(At(server.url()));
  const HttpResult result = client.Post("x", In(10s));
  ASSERT_EQ(result.outcome, Outcome::kAnswered) << result.error;
  EXPECT_EQ(result.body, "ok");
  EXPECT_EQ(result.Header("x-first"), "");
  EXPECT_EQ(result.Header("grpc-status"), "14");
}

TEST(HttpClient, FollowsNoRedirect) {
  LoopbackServer other(Always(HttpAnswer(200)));
  LoopbackServer server(Always(HttpAnswer(307, "", "Location: " + other.url() + "\r\n")));
  HttpClient client(At(server.url()));
  EXPECT_EQ(client.Post("x", In(10s)).status, 307);
  EXPECT_EQ(other.connections(), 0);
}

TEST(HttpClient, LeavesTheEnvironmentsProxyAlone) {
  LoopbackServer proxy(Always(HttpAnswer(502)));
  LoopbackServer server(Always(HttpAnswer(200)));
  setenv("http_proxy", proxy.url("").c_str(), 1);
  setenv("ALL_PROXY", proxy.url("").c_str(), 1);
  HttpClient direct(At(server.url()));
  EXPECT_EQ(direct.Post("x", In(10s)).status, 200);
  unsetenv("http_proxy");
  unsetenv("ALL_PROXY");
  EXPECT_EQ(proxy.connections(), 0);
  HttpClientOptions options = At(server.url());
  options.proxy = proxy.url("");
  setenv("no_proxy", "*", 1);
  HttpClient through(options);
  EXPECT_EQ(through.Post("x", In(10s)).status, 502) << "the one that was asked for";
  unsetenv("no_proxy");
}

TEST(HttpClient, SpeaksHttpOnly) {
  for (const char* url : {"file:///etc/passwd", "ftp://127.0.0.1/", "gopher://127.0.0.1:1/", ""}) {
    HttpClient client(At(url));
    const HttpResult result = client.Post("x", In(10s));
    EXPECT_EQ(result.outcome, Outcome::kFailed) << url;
    EXPECT_THAT(result.error, Not(::testing::IsEmpty()));
  }
}

TEST(HttpClient, SaysWhenTlsFails) {
  LoopbackServer server([](LoopbackServer::Connection& connection) {
    connection.Read(10);
    connection.Send("HTTP/1.1 400 Bad Request\r\n\r\n");
  });
  HttpClient client(At("https://127.0.0.1:" + std::to_string(server.port())));
  const HttpResult result = client.Post("x", In(10s));
  EXPECT_EQ(result.outcome, Outcome::kFailed);
  EXPECT_THAT(result.error, Not(::testing::IsEmpty()));
  HttpClientOptions options = At("https://127.0.0.1:" + std::to_string(server.port()));
  options.ca_file = "/no/such/file.pem";
  HttpClient no_file(options);
  EXPECT_THAT(no_file.Post("x", In(10s)).error, HasSubstr("/no/such/file.pem"));
}

// libcurl takes the scheme in any case: what TLS is to check must not depend on it.
TEST(HttpClient, ChecksTheServerWhateverTheCaseOfHttps) {
  LoopbackServer server([](LoopbackServer::Connection& connection) {
    connection.Read(10);
    connection.Send("no TLS");
  });
  for (const char* const scheme : {"https", "HTTPS", "hTTps"}) {
    HttpClientOptions options =
        At(std::string(scheme) + "://127.0.0.1:" + std::to_string(server.port()));
    options.ca_file = "/no/such/file.pem";
    HttpClient client(options);
    const HttpResult result = client.Post("x", In(10s));
    EXPECT_EQ(result.outcome, Outcome::kFailed);
    EXPECT_THAT(result.error, HasSubstr("/no/such/file.pem")) << scheme;
  }
}

TEST(HttpClient, ClosesItsConnectionsInWhatItsProcessExecutes) {
  LoopbackServer server(Always(HttpAnswer(200)));
  HttpClient client(At(server.url()));
  ASSERT_EQ(client.Post("x", In(10s)).status, 200);
  int open = 0;
  for (int fd = 3; fd < 256; ++fd) {
    sockaddr_in peer{};
    socklen_t size = sizeof(peer);
    if (getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) != 0) continue;
    if (peer.sin_family != AF_INET || ntohs(peer.sin_port) != server.port()) continue;
    ++open;
    EXPECT_NE(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0) << fd;
  }
  EXPECT_EQ(open, 1);
}

TEST(HttpClient, LeavesTheParentsConnectionAloneInAForkedChild) {
  LoopbackServer server(Always(HttpAnswer(200)));
  auto client = std::make_unique<HttpClient>(At(server.url()));
  ASSERT_EQ(client->Post("x", In(10s)).status, 200);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    client.reset();
    _exit(0);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(client->Post("x", In(10s)).status, 200);
  EXPECT_EQ(server.connections(), 1);
}

}  // namespace
}  // namespace polymeter
