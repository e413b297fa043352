// The server against real sockets: what it answers, what it refuses, and what it leaves alone in
// the process that it is a guest of.
#include "exporters/common/transport/http_server.h"

#include <dirent.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netdb.h>
#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <fstream>
#include <memory>
#include <mutex>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "exporters/common/transport/listen_address.h"
#include "exporters/common/transport/raw_client_for_test.h"

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

Deadline In(milliseconds time) { return SteadyClock::now() + time; }

// Tells the request back, so that a test sees what the handler saw.
void Echo(const HttpRequest& request, HttpResponse& response) {
  std::string body(request.method);
  body.append(" [").append(request.path).append("] [").append(request.query).append("] ");
  body.append(request.Header("x-test"));
  response.Answer(request.path == "/known" ? 200 : 404, body);
}

class HttpServerTest : public ::testing::Test {
 protected:
  std::uint16_t Serve(HttpHandler handler, HttpServerOptions options = {}) {
    server_ = MakeHttpServer(options);
    const HttpStartResult result = server_->Start(std::move(handler));
    EXPECT_EQ(result.outcome, HttpStart::kStarted) << result.message;
    return PortOf(server_->endpoint());
  }
  std::unique_ptr<HttpServer> server_;
};

// --- answering ----------------------------------------------------------------------------------

TEST_F(HttpServerTest, GivesTheHandlerTheRequestAsItWasSent) {
  const std::uint16_t port = Serve(Echo);
  ASSERT_NE(port, 0);
  EXPECT_EQ(server_->endpoint(), "127.0.0.1:" + std::to_string(port));
  const RawAnswer known = Get(port, "/known?a=%20b&c", "X-TEST: yes\r\n");
  EXPECT_EQ(known.status, 200);
  EXPECT_TRUE(known.complete);
  EXPECT_EQ(known.body, "GET [/known] [a=%20b&c] yes");
  EXPECT_EQ(Get(port, "/%2e%2e/x").body, "GET [/%2e%2e/x] [] ");
  EXPECT_EQ(Get(port, "/a/../b/./c//d/").body, "GET [/a/../b/./c//d/] [] ");
}

TEST_F(HttpServerTest, StreamsLongBodies) {
  std::string body;
  for (int i = 0; i < 300'000; ++i) body += std::to_string(i) + '\n';
  const std::uint16_t port = Serve([&](const HttpRequest&, HttpResponse& response) {
    for (std::size_t at = 0; at < body.size(); at += 1000) {
      if (!response.Write(std::string_view(body).substr(at, 1000))) return;
    }
  });
  const RawAnswer answer = Get(port, "/");
  EXPECT_TRUE(answer.complete);
  EXPECT_TRUE(answer.chunked);
  EXPECT_EQ(answer.body, body);
  const RawAnswer old = Exchange(port, "GET / HTTP/1.0\r\n\r\n");
  EXPECT_TRUE(old.complete);
  EXPECT_FALSE(old.chunked);
  EXPECT_EQ(old.body, body);
}

TEST_F(HttpServerTest, AnswersHeadWithoutABody) {
  const std::uint16_t port = Serve(Echo);
  const RawAnswer answer = Exchange(port, "HEAD /known HTTP/1.1\r\nHost: x\r\n\r\n", /*head=*/true);
  EXPECT_EQ(answer.status, 200);
  EXPECT_TRUE(answer.complete);
}

TEST_F(HttpServerTest, ClosesTheConnectionAfterEachAnswer) {
  const std::uint16_t port = Serve(Echo);
  RawClient client(port);
  client.Send("GET /known HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\n\r\n");
  const RawAnswer answer = testing::ParseAnswer(client.ReadAll());
  EXPECT_TRUE(client.closed());
  EXPECT_TRUE(answer.complete);
  EXPECT_EQ(answer.Header("connection"), "close");
}

TEST_F(HttpServerTest, TurnsAnExceptionOfTheHandlerIntoA500) {
  const std::uint16_t port = Serve([](const HttpRequest& request, HttpResponse& response) {
    if (request.path == "/late") response.Write(std::string(200'000, 'x'));
    throw std::string("whatever");
  });
  const RawAnswer early = Get(port, "/early");
  EXPECT_EQ(early.status, 500);
  EXPECT_TRUE(early.complete);
  const RawAnswer late = Get(port, "/late");
  EXPECT_EQ(late.status, 200);
  EXPECT_FALSE(late.complete);
}

// --- limits --------------------------------------------------------------------------------------

TEST_F(HttpServerTest, TakesPathsUpToTheLimitOfTheHead) {
  const std::uint16_t port = Serve(Echo);
  const std::string path = "/" + std::string(16'000, 'p');
  EXPECT_EQ(Get(port, path).body, "GET [" + path + "] [] ");
  HttpServerOptions small;
  small.max_header_bytes = 2048;
  const std::uint16_t other = Serve(Echo, small);
  EXPECT_EQ(Get(other, "/known").status, 200);
  const RawAnswer answer = Get(other, "/" + std::string(3000, 'p'));
  EXPECT_TRUE(answer.status == 0 || (answer.status >= 400 && answer.status < 500));
}

TEST_F(HttpServerTest, GivesUpOnAClientThatDoesNotSendItsRequest) {
  HttpServerOptions options;
  options.request_timeout = milliseconds(300);
  const std::uint16_t port = Serve(Echo, options);
  RawClient silent(port);
  RawClient half(port);
  half.Send("GET /known HTTP/1.1\r\nHost:");
  const auto begin = SteadyClock::now();
  silent.ReadAll(seconds(10));
  half.ReadAll(seconds(10));
  EXPECT_TRUE(silent.closed());
  EXPECT_TRUE(half.closed());
  EXPECT_LT(SteadyClock::now() - begin, seconds(5));
}

// --- slow clients and stopping ------------------------------------------------------------------

constexpr std::size_t kMuch = 64u << 20;  // more than all the buffers on the way

void WriteMuch(const HttpRequest& request, HttpResponse& response) {
  if (request.path != "/much") return Echo(request, response);
  const std::string piece(1 << 20, 'm');
  for (std::size_t at = 0; at < kMuch; at += piece.size()) {
    if (!response.Write(piece)) return response.Fail(500, "");
  }
}

TEST_F(HttpServerTest, ServesOthersWhileClientsAreSlow) {
  HttpServerOptions options;
  options.threads = 4;
  const std::uint16_t port = Serve(WriteMuch, options);
  std::vector<std::unique_ptr<RawClient>> slow;
  for (int i = 0; i < 3; ++i) {
    slow.push_back(std::make_unique<RawClient>(port, 2048));
    slow.back()->Send("GET /much HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_FALSE(slow.back()->ReadSome(100).empty());
  }
  for (int i = 0; i < 20; ++i) {
    const auto begin = SteadyClock::now();
    EXPECT_EQ(Get(port, "/known").status, 200);
    EXPECT_LT(SteadyClock::now() - begin, seconds(2));
  }
}

TEST_F(HttpServerTest, DropsAClientThatTakesNothing) {
  HttpServerOptions options;
  options.threads = 1;
  options.request_timeout = milliseconds(300);
  const std::uint16_t port = Serve(WriteMuch, options);
  RawClient slow(port, 2048);
  slow.Send("GET /much HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_FALSE(slow.ReadSome(100).empty());
  const auto begin = SteadyClock::now();
  EXPECT_EQ(Get(port, "/known").status, 200);  // the only worker is free again
  EXPECT_LT(SteadyClock::now() - begin, seconds(8));
}

TEST_F(HttpServerTest, DropsAClientThatTakesALittleNowAndThen) {
  HttpServerOptions options;
  options.threads = 1;
  options.response_timeout = milliseconds(700);
  for (const char* const version : {"1.1", "1.0"}) {
    SCOPED_TRACE(version);
    const std::uint16_t port = Serve(WriteMuch, options);
    std::atomic<bool> end{false};
    std::thread trickle([&] {
      RawClient slow(port, 2048);
      slow.Send(std::string("GET /much HTTP/") + version + "\r\nHost: x\r\n\r\n");
      while (!end && !slow.ReadSome(3000).empty()) std::this_thread::sleep_for(milliseconds(20));
    });
    std::this_thread::sleep_for(milliseconds(100));
    const auto begin = SteadyClock::now();
    EXPECT_EQ(Get(port, "/known").status, 200);
    EXPECT_LT(SteadyClock::now() - begin, seconds(8));
    end = true;
    trickle.join();
  }
}

TEST_F(HttpServerTest, DoesNotWaitForTheRestOfABody) {
  HttpServerOptions options;
  options.threads = 1;
  const std::uint16_t port = Serve(Echo, options);
  for (const char* const framing : {"Content-Length: 999999999", "Transfer-Encoding: chunked"}) {
    SCOPED_TRACE(framing);
    RawClient client(port);
    client.Send(std::string("POST /known HTTP/1.1\r\nHost: x\r\n") + framing + "\r\n\r\n");
    std::atomic<bool> end{false};
    std::thread trickle([&] {
      while (!end) {
        client.Send("1");
        std::this_thread::sleep_for(milliseconds(20));
      }
    });
    const RawAnswer answer = testing::ParseAnswer(client.ReadAll(seconds(5)));
    EXPECT_EQ(answer.status, 200);
    EXPECT_TRUE(answer.complete);
    EXPECT_TRUE(client.closed());
    EXPECT_EQ(Get(port, "/known").status, 200);  // by the only worker
    end = true;
    trickle.join();
  }
}

TEST_F(HttpServerTest, StopsAtOnceWhenIdle) {
  Serve(Echo);
  const auto begin = SteadyClock::now();
  EXPECT_TRUE(server_->Stop(In(seconds(5))).ok());
  EXPECT_LT(SteadyClock::now() - begin, milliseconds(500));
  EXPECT_EQ(server_->endpoint(), "");
  EXPECT_TRUE(server_->Stop(In(seconds(5))).ok());
}

TEST_F(HttpServerTest, StopsWithinItsDeadlineWhateverTheClientsDo) {
  const std::uint16_t port = Serve(WriteMuch);
  RawClient silent(port);
  RawClient half(port);
  half.Send("GET /known HT");
  RawClient slow(port, 2048);
  slow.Send("GET /much HTTP/1.1\r\nHost: x\r\n\r\n");
  const std::string head = slow.ReadSome(100);
  EXPECT_FALSE(head.empty());
  const auto begin = SteadyClock::now();
  const Status status = server_->Stop(In(seconds(3)));
  EXPECT_TRUE(status.ok()) << status.message();
  EXPECT_LT(SteadyClock::now() - begin, seconds(3));
  EXPECT_FALSE(RawClient(port).connected());
  EXPECT_FALSE(testing::ParseAnswer(head + slow.ReadAll()).complete);
}

TEST_F(HttpServerTest, LetsARunningAnswerEndBeforeItStops) {
  std::mutex mutex;
  std::condition_variable changed;
  bool inside = false;
  const std::uint16_t port = Serve([&](const HttpRequest&, HttpResponse& response) {
    {
      const std::lock_guard lock(mutex);
      inside = true;
    }
    changed.notify_all();
    std::this_thread::sleep_for(milliseconds(200));
    response.Answer(200, "in time");
  });
  RawAnswer answer;
  std::thread client([&] { answer = Get(port, "/"); });
  {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return inside; });
  }
  EXPECT_TRUE(server_->Stop(In(seconds(5))).ok());
  client.join();
  EXPECT_TRUE(answer.complete);
  EXPECT_EQ(answer.body, "in time");
}

TEST_F(HttpServerTest, SaysWhenAHandlerDoesNotReturnInTime) {
  struct Gate {
    std::mutex mutex;
    std::condition_variable changed;
    bool inside = false;
    bool open = false;
    bool left = false;
  };
  const auto gate = std::make_shared<Gate>();
  const std::uint16_t port = Serve([gate](const HttpRequest&, HttpResponse&) {
    std::unique_lock lock(gate->mutex);
    gate->inside = true;
    gate->changed.notify_all();
    gate->changed.wait(lock, [&] { return gate->open; });
    gate->left = true;
    gate->changed.notify_all();
  });
  RawClient client(port);
  client.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  {
    std::unique_lock lock(gate->mutex);
    gate->changed.wait(lock, [&] { return gate->inside; });
  }
  const auto begin = SteadyClock::now();
  const Status status = server_->Stop(In(milliseconds(300)));
  EXPECT_FALSE(status.ok());
  EXPECT_LT(SteadyClock::now() - begin, seconds(1));
  server_.reset();  // nor does this wait
  EXPECT_LT(SteadyClock::now() - begin, seconds(1));
  std::unique_lock lock(gate->mutex);
  gate->open = true;
  gate->changed.notify_all();
  EXPECT_TRUE(gate->changed.wait_for(lock, seconds(5), [&] { return gate->left; }));
}

TEST_F(HttpServerTest, StopsUnderLoadWithoutHalfAnswers) {
  const std::uint16_t port = Serve(Echo);
  std::atomic<bool> end{false};
  std::atomic<int> answered{0};
  std::vector<std::thread> clients;
  for (int i = 0; i < 4; ++i) {
    clients.emplace_back([&] {
      while (!end) {
        RawClient client(port);
        if (!client.connected()) continue;
        client.Send("GET /known HTTP/1.1\r\nHost: x\r\n\r\n");
        const std::string bytes = client.ReadAll();
        if (bytes.empty()) continue;  // refused or cut off before an answer
        EXPECT_TRUE(testing::ParseAnswer(bytes).complete) << bytes;
        ++answered;
      }
    });
  }
  while (answered < 50) std::this_thread::sleep_for(milliseconds(1));
  EXPECT_TRUE(server_->Stop(In(seconds(5))).ok());
  end = true;
  for (std::thread& client : clients) client.join();
}

// --- starting -----------------------------------------------------------------------------------

TEST_F(HttpServerTest, SaysThatAPortIsBusyAndTakesItOnceItIsFree) {
  HttpServerOptions options;
  options.port = Serve(Echo);
  const auto other = MakeHttpServer(options);
  ::testing::internal::CaptureStderr();
  ::testing::internal::CaptureStdout();
  const HttpStartResult busy = other->Start(Echo);
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
  EXPECT_EQ(::testing::internal::GetCapturedStdout(), "");
  EXPECT_EQ(busy.outcome, HttpStart::kBusy);
  EXPECT_NE(busy.message.find(server_->endpoint()), std::string::npos) << busy.message;
  EXPECT_EQ(other->endpoint(), "");
  ASSERT_TRUE(server_->Stop(In(seconds(5))).ok());
  EXPECT_EQ(other->Start(Echo).outcome, HttpStart::kStarted);
  EXPECT_EQ(PortOf(other->endpoint()), options.port);
  EXPECT_EQ(Get(options.port, "/known").status, 200);
}

TEST_F(HttpServerTest, SaysWhatCannotBeListenedAt) {
  HttpServerOptions options;
  options.host = "203.0.113.1";  // of no machine
  EXPECT_EQ(MakeHttpServer(options)->Start(Echo).outcome, HttpStart::kFailed);
  options.host = "no such host";
  const HttpStartResult nowhere = MakeHttpServer(options)->Start(Echo);
  // On a machine that no name server answers it may be one that is not known yet.
  addrinfo* none = nullptr;
  const bool may_heal = MayHeal(getaddrinfo("no such host", nullptr, nullptr, &none));
  EXPECT_EQ(nowhere.outcome, may_heal ? HttpStart::kFailed : HttpStart::kImpossible);
  EXPECT_NE(nowhere.message.find("no such host"), std::string::npos);
}

TEST(ListenAddress, MayComeWhereTheResolverFailedButNotWhereItSaidNo) {
  for (const int error : {EAI_AGAIN, EAI_MEMORY, EAI_SYSTEM}) EXPECT_TRUE(MayHeal(error)) << error;
  for (const int error : {EAI_NONAME, EAI_FAIL, EAI_FAMILY}) EXPECT_FALSE(MayHeal(error)) << error;
}

TEST_F(HttpServerTest, ListensAtNamesAndAtEveryAddress) {
  HttpServerOptions options;
  options.host = "localhost";
  EXPECT_EQ(Get(Serve(Echo, options), "/known").status, 200);
  EXPECT_EQ(server_->endpoint().substr(0, 10), "127.0.0.1:");
  options.host = "0.0.0.0";
  EXPECT_EQ(Get(Serve(Echo, options), "/known").status, 200);
  const auto begin = SteadyClock::now();
  EXPECT_TRUE(server_->Stop(In(seconds(5))).ok());
  EXPECT_LT(SteadyClock::now() - begin, seconds(1));
}

TEST_F(HttpServerTest, ListensAtAnIpv6AddressOrSaysThatItCannot) {
  HttpServerOptions options;
  options.host = "::1";
  server_ = MakeHttpServer(options);
  const HttpStartResult result = server_->Start(Echo);
  if (result.outcome == HttpStart::kStarted) {
    EXPECT_EQ(server_->endpoint().substr(0, 6), "[::1]:");
  } else {
    EXPECT_NE(result.message.find("::1"), std::string::npos) << result.message;
  }
}

// --- a guest in the process ---------------------------------------------------------------------

void OnSigpipe(int) {}

TEST_F(HttpServerTest, LeavesTheDispositionOfSigpipeAndTheSignalMaskAlone) {
  for (void (*const handler)(int) : {SIG_DFL, &OnSigpipe, SIG_IGN}) {
    signal(SIGPIPE, handler);
    sigset_t before;
    pthread_sigmask(SIG_SETMASK, nullptr, &before);
    const std::uint16_t port = Serve(Echo);
    EXPECT_EQ(Get(port, "/known").status, 200);
    struct sigaction now {};
    sigaction(SIGPIPE, nullptr, &now);
    EXPECT_EQ(now.sa_handler, handler);
    sigset_t after;
    pthread_sigmask(SIG_SETMASK, nullptr, &after);
    for (int i = 1; i < NSIG; ++i) EXPECT_EQ(sigismember(&before, i), sigismember(&after, i));
    EXPECT_TRUE(server_->Stop(In(seconds(5))).ok());
    sigaction(SIGPIPE, nullptr, &now);
    EXPECT_EQ(now.sa_handler, handler);
  }
  signal(SIGPIPE, SIG_DFL);
}

TEST_F(HttpServerTest, SurvivesAClientThatLeavesWithSigpipeAtItsDefault) {
  signal(SIGPIPE, SIG_DFL);
  const std::uint16_t port = Serve(WriteMuch);
  for (int i = 0; i < 10; ++i) {
    RawClient client(port);
    client.Send("GET /much HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_FALSE(client.ReadSome(100).empty());
  }
  EXPECT_EQ(Get(port, "/known").status, 200);
}

struct ThreadStatus {
  std::string name;
  unsigned long long blocked = 0;
};

std::vector<ThreadStatus> Threads() {
  std::vector<ThreadStatus> threads;
  DIR* const tasks = opendir("/proc/self/task");
  while (const dirent* const entry = readdir(tasks)) {
    if (entry->d_name[0] == '.') continue;
    std::ifstream file(std::string("/proc/self/task/") + entry->d_name + "/status");
    ThreadStatus thread;
    for (std::string line; std::getline(file, line);) {
      if (line.starts_with("Name:\t")) thread.name = line.substr(6);
      if (line.starts_with("SigBlk:\t")) thread.blocked = std::stoull(line.substr(8), nullptr, 16);
    }
    threads.push_back(thread);
  }
  closedir(tasks);
  return threads;
}

TEST_F(HttpServerTest, NamesItsThreadsAndBlocksEverySignalInThem) {
  const auto count = [] {
    const std::vector<ThreadStatus> threads = Threads();
    return std::count_if(threads.begin(), threads.end(),
                         [](const ThreadStatus& t) { return t.name == "pm-http"; });
  };
  EXPECT_EQ(count(), 0);
  HttpServerOptions options;
  options.threads = 3;
  const std::uint16_t port = Serve(Echo, options);
  EXPECT_EQ(Get(port, "/known").status, 200);
  EXPECT_EQ(count(), 4);  // and the one that accepts
  for (const ThreadStatus& thread : Threads()) {
    if (thread.name != "pm-http") continue;
    for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGPIPE, SIGPROF, SIGCHLD}) {
      EXPECT_TRUE((thread.blocked >> (signal - 1)) & 1) << signal;
    }
  }
  EXPECT_TRUE(server_->Stop(In(seconds(5))).ok());
  EXPECT_EQ(count(), 0);
}

std::set<std::string> Descriptors() {
  std::set<std::string> all;
  DIR* const directory = opendir("/proc/self/fd");
  while (const dirent* const entry = readdir(directory)) {
    if (entry->d_name[0] != '.' && std::stoi(entry->d_name) != dirfd(directory)) {
      all.insert(entry->d_name);
    }
  }
  closedir(directory);
  return all;
}

TEST_F(HttpServerTest, OpensOnlyDescriptorsThatCloseOnExec) {
  const std::set<std::string> before = Descriptors();
  const std::uint16_t port = Serve(WriteMuch);
  RawClient slow(port, 2048);
  slow.Send("GET /much HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_FALSE(slow.ReadSome(100).empty());
  int found = 0;
  for (const std::string& descriptor : Descriptors()) {
    if (before.count(descriptor) != 0) continue;
    std::ifstream file("/proc/self/fdinfo/" + descriptor);
    for (std::string line; std::getline(file, line);) {
      if (!line.starts_with("flags:")) continue;
      EXPECT_TRUE(std::stoul(line.substr(6), nullptr, 8) & O_CLOEXEC) << descriptor;
      ++found;
    }
  }
  EXPECT_EQ(found, 3);  // the listener, both ends of the connection
}

TEST_F(HttpServerTest, LeavesNoDescriptorBehindHoweverOftenItIsStartedAndStopped) {
  Serve(Echo);
  server_.reset();
  const std::set<std::string> before = Descriptors();
  for (int i = 0; i < 50; ++i) {
    HttpServerOptions options;
    options.threads = 1;
    const std::uint16_t port = Serve(Echo, options);
    EXPECT_EQ(Get(port, "/known").status, 200);
    // One is in the hands of the worker, the others are queued while it stops.
    std::vector<std::unique_ptr<RawClient>> waiting;
    for (int c = 0; c < 5; ++c) waiting.push_back(std::make_unique<RawClient>(port));
    EXPECT_TRUE(server_->Stop(In(seconds(5))).ok());
  }
  EXPECT_EQ(Descriptors(), before);
}

TEST_F(HttpServerTest, IsOnlyForgottenInAForkedChild) {
  const std::uint16_t port = Serve(Echo);
  const pid_t child = fork();
  if (child == 0) {
    const auto begin = SteadyClock::now();
    const bool ok = server_->Stop(In(seconds(5))).ok() && server_->endpoint().empty();
    server_.reset();
    _exit(ok && SteadyClock::now() - begin < seconds(1) ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(Get(port, "/known").status, 200);  // the parent's goes on
}

int SocketsAtPort(std::uint16_t port) {
  int count = 0;
  for (const std::string& descriptor : Descriptors()) {
    sockaddr_in local{};
    socklen_t size = sizeof(local);
    if (getsockname(std::stoi(descriptor), reinterpret_cast<sockaddr*>(&local), &size) == 0 &&
        local.sin_family == AF_INET && ntohs(local.sin_port) == port) {
      ++count;
    }
  }
  return count;
}

// With a copy of the listening socket it would keep the port from whoever comes next.
TEST_F(HttpServerTest, LeavesNoSocketToAForkedChild) {
  const std::uint16_t port = Serve(WriteMuch);
  RawClient slow(port, 2048);
  slow.Send("GET /much HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_FALSE(slow.ReadSome(100).empty());
  EXPECT_EQ(SocketsAtPort(port), 2);  // the listening one and the connection
  const pid_t child = fork();
  if (child == 0) _exit(SocketsAtPort(port));
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(Get(port, "/known").status, 200);  // the parent's goes on
  EXPECT_FALSE(slow.ReadSome(100).empty());
}

}  // namespace
}  // namespace detail
POLYMETER_END_NAMESPACE
