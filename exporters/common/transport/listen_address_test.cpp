// Where a server listens: names that take long, and addresses that need no name server.
#include "exporters/common/transport/listen_address.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <thread>

namespace polymeter::detail {
namespace {

// A name server that answers when it is told to.
struct NameServer {
  std::promise<void> answer;
  std::shared_future<void> answered = answer.get_future().share();
  std::atomic<int> questions{0};
};

TEST(ListenHost, GoesOnWithoutTheAnswerOfASlowNameServerAndTakesItLater) {
  const auto server = std::make_shared<NameServer>();
  ListenHost host("metrics.example", false, [server](const std::string&, bool ipv6) {
    ++server->questions;
    server->answered.wait();
    return FindListenAddress("127.0.0.7", ipv6);
  });
  for (int i = 0; i < 2; ++i) {
    const FoundAddress found = host.Find();  // returns, although nobody answers
    EXPECT_EQ(found.error,
              "no address for host 'metrics.example': no name server has answered yet");
    EXPECT_TRUE(found.may_heal);
  }
  server->answer.set_value();
  FoundAddress found = host.Find();
  while (!found.error.empty()) found = host.Find();
  EXPECT_EQ(found.address.Text(80), "127.0.0.7:80");
  EXPECT_EQ(server->questions, 1);
}

TEST(ListenHost, MayEndWhileAQuestionIsOpen) {
  const auto server = std::make_shared<NameServer>();
  std::promise<void> ended;
  {
    ListenHost host("metrics.example", false, [server, &ended](const std::string&, bool) {
      server->answered.wait();
      ended.set_value();
      return FoundAddress();
    });
    EXPECT_TRUE(host.Find().may_heal);
  }
  server->answer.set_value();
  ended.get_future().wait();
}

TEST(ListenHost, GivesWhatTheResolverSays) {
  ListenHost host("metrics.example", false, [](const std::string& name, bool) {
    return FoundAddress{{}, "no " + name, false};
  });
  for (int i = 0; i < 2; ++i) {
    const FoundAddress found = host.Find();
    EXPECT_EQ(found.error, "no metrics.example");
    EXPECT_FALSE(found.may_heal);
  }
}

TEST(ListenHost, NeedsNoThreadForNumbersAndLocalhost) {
  for (const char* const name : {"127.0.0.1", "::1", "localhost"}) {
    std::thread::id asker;
    ListenHost host(name, true, [&](const std::string& asked, bool ipv6) {
      asker = std::this_thread::get_id();
      return FindListenAddress(asked, ipv6);
    });
    EXPECT_EQ(host.Find().error, "");
    EXPECT_EQ(asker, std::this_thread::get_id()) << name;
  }
}

}  // namespace
}  // namespace polymeter::detail
