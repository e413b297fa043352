// Ways to end a program. Each ends in bounded time with its own exit code, and flushes where the
// language lets it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <ostream>
#include <string>

#include "test/lifetimes/http_get.h"
#include "test/lifetimes/process.h"

namespace {

using process::Child;
using process::Outcome;
using ::testing::HasSubstr;
using ::testing::Not;

struct Case {
  const char* how;
  int exit_code;
  bool flushes;
};

std::ostream& operator<<(std::ostream& out, const Case& c) { return out << c.how; }

Outcome RunProgram(const std::string& how, const std::string& backend) {
  return Child::Spawn({EXIT_PROGRAM, how, backend}).Wait();
}

// "ready 127.0.0.1:12345\n"
std::string EndpointOf(const std::string& output) {
  const std::size_t begin = output.find("ready ") + 6;
  return output.substr(begin, output.find('\n', begin) - begin);
}

class Exits : public ::testing::TestWithParam<Case> {};

TEST_P(Exits, WithTheRightCodeAndTheLastFlush) {
  const Outcome outcome = RunProgram(GetParam().how, "own");
  EXPECT_TRUE(outcome.in_time);
  EXPECT_EQ(outcome.exit_code, GetParam().exit_code) << "signal " << outcome.signal;
  if (GetParam().flushes) {
    EXPECT_EQ(outcome.output, "flushed 42\n");  // once
  } else {
    EXPECT_EQ(outcome.output, "");
  }
}

TEST_P(Exits, WithAServerRunning) {
  const Outcome outcome = RunProgram(GetParam().how, "prometheus");
  EXPECT_TRUE(outcome.in_time);
  EXPECT_EQ(outcome.exit_code, GetParam().exit_code) << "signal " << outcome.signal;
}

INSTANTIATE_TEST_SUITE_P(
    By, Exits,
    ::testing::Values(Case{"return", 3, true},
                      // An object on main's stack is not destroyed by these.
                      Case{"exit", 4, false}, Case{"exit_in_thread", 4, false},
                      Case{"quick_exit", 5, true}, Case{"quick_exit_unprepared", 5, false},
                      Case{"underscore_exit", 6, false}, Case{"static", 7, true},
                      Case{"static_users", 8, true}, Case{"static_users_exit", 8, true},
                      Case{"thread_local_users", 9, true}, Case{"busy_threads_return", 10, true},
                      Case{"busy_threads_static", 11, true}, Case{"exit_in_callback", 14, false}),
    [](const auto& test) { return std::string(test.param.how); });

TEST(ExitsOnSigterm, OfTheApplicationsHandlerFlush) {
  Child child = Child::Spawn({EXIT_PROGRAM, "term_handler", "own"});
  child.ReadUntil("ready");
  kill(child.pid(), SIGTERM);
  const Outcome outcome = child.Wait();
  EXPECT_TRUE(outcome.in_time);
  EXPECT_EQ(outcome.exit_code, 12) << "signal " << outcome.signal;
  EXPECT_THAT(outcome.output, HasSubstr("flushed 42\n"));
}

TEST(ExitsOnSigterm, OfAThreadThatWaitsForItFlush) {
  Child child = Child::Spawn({EXIT_PROGRAM, "term_sigwait_exit", "own"});
  child.ReadUntil("ready");
  kill(child.pid(), SIGTERM);
  const Outcome outcome = child.Wait();
  EXPECT_TRUE(outcome.in_time);
  EXPECT_EQ(outcome.exit_code, 13) << "signal " << outcome.signal;
  EXPECT_THAT(outcome.output, HasSubstr("flushed 42\n"));
}

TEST(ExitsOnSigterm, WithoutAHandlerEndAtOnceByTheSignal) {
  for (const char* backend : {"own", "prometheus"}) {
    Child child = Child::Spawn({EXIT_PROGRAM, "term_default", backend});
    child.ReadUntil("ready");
    kill(child.pid(), SIGTERM);
    const Outcome outcome = child.Wait();
    EXPECT_TRUE(outcome.in_time);
    EXPECT_EQ(outcome.signal, SIGTERM);
    EXPECT_THAT(outcome.output, Not(HasSubstr("flushed")));
  }
}

// A client that has sent half a request, and one that reads nothing, keep nobody from leaving.
TEST(ExitsOnSigterm, DoNotWaitForSlowClientsOfTheServer) {
  Child child = Child::Spawn({EXIT_PROGRAM, "term_handler", "prometheus"});
  const std::string endpoint = EndpointOf(child.ReadUntil("\n"));
  EXPECT_THAT(HttpGet(endpoint), HasSubstr("\njobs_total 42\n"));
  int clients[3];
  for (int& fd : clients) {
    fd = Connect(endpoint);
    ASSERT_GE(fd, 0);
    const std::string half = "GET /metrics HTTP/1.1\r\nHost: ";
    EXPECT_EQ(send(fd, half.data(), half.size(), MSG_NOSIGNAL), static_cast<ssize_t>(half.size()));
  }
  const auto asked = std::chrono::steady_clock::now();
  kill(child.pid(), SIGTERM);
  const Outcome outcome = child.Wait();
  const auto took = std::chrono::steady_clock::now() - asked;
  EXPECT_TRUE(outcome.in_time);
  EXPECT_EQ(outcome.exit_code, 12) << "signal " << outcome.signal;
  // The program's deadline is 3 s; the rest is for a loaded machine and sanitizers.
  EXPECT_LT(took, std::chrono::seconds(20));
  for (const int fd : clients) close(fd);
}

}  // namespace
