#include "exporters/common/transport/datagram.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "exporters/common/transport/transport_for_test.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

using namespace std::chrono_literals;
using testing::Soon;
using Outcome = SendResult::Outcome;
using SteadyClock = std::chrono::steady_clock;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A socket that receives.
class Receiver {
 public:
  Receiver() = default;
  Receiver(Receiver&& other) noexcept : socket_(std::exchange(other.socket_, -1)) {}
  ~Receiver() { Close(); }

  static Receiver Udp(const char* host = "127.0.0.1", std::uint16_t port = 0) {
    auto address = NumericAddress(host);
    address->SetPort(port);
    return Receiver(*address);
  }
  static Receiver Unix(const std::string& path) { return Receiver(*UnixAddress(path)); }

  bool ok() const { return socket_ >= 0; }
  int descriptor() const { return socket_; }
  void Close() {
    if (socket_ >= 0) close(socket_);
    socket_ = -1;
  }
  std::uint16_t port() const {
    sockaddr_storage storage{};
    socklen_t size = sizeof(storage);
    getsockname(socket_, reinterpret_cast<sockaddr*>(&storage), &size);
    return ntohs(storage.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(storage).sin6_port
                                               : reinterpret_cast<sockaddr_in&>(storage).sin_port);
  }
  // All that comes until nothing has come for `patience`.
  std::vector<std::string> Messages(std::chrono::milliseconds patience = 50ms) const {
    std::vector<std::string> messages;
    pollfd polled{socket_, POLLIN, 0};
    while (poll(&polled, 1, static_cast<int>(patience.count())) > 0) {
      char bytes[65536];
      const ssize_t size = recv(socket_, bytes, sizeof(bytes), 0);
      if (size < 0) break;
      messages.emplace_back(bytes, static_cast<std::size_t>(size));
    }
    return messages;
  }

 private:
  explicit Receiver(const SocketAddress& address)
      : socket_(socket(address.storage.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    if (bind(socket_, reinterpret_cast<const sockaddr*>(&address.storage), address.size) != 0) {
      Close();
    }
  }
  int socket_ = -1;
};

class DatagramTest : public ::testing::Test {
 protected:
  DatagramTest() {
    folder_ = ::testing::TempDir() + "polymeter-datagram-XXXXXX";
    EXPECT_NE(mkdtemp(folder_.data()), nullptr);
  }
  ~DatagramTest() override { std::filesystem::remove_all(folder_); }

  std::string Path(const std::string& name = "s.socket") const { return folder_ + "/" + name; }
  static std::unique_ptr<PushTransport> To(const std::string& url) {
    DatagramOptions options;
    options.target = *ParseDatagramUrl(url, 8125);
    return MakeDatagramTransport(std::move(options));
  }
  static std::unique_ptr<PushTransport> To(const Receiver& receiver) {
    return To("udp://127.0.0.1:" + std::to_string(receiver.port()));
  }
  // To a name that `resolve` knows.
  static std::unique_ptr<PushTransport> ToName(std::uint16_t port, HostResolver::Resolve resolve,
                                               std::chrono::milliseconds again = 60s) {
    DatagramOptions options;
    options.target = {"statsd.example", port, {}};
    options.resolve = std::move(resolve);
    options.resolve_again = again;
    return MakeDatagramTransport(std::move(options));
  }

  std::string folder_;
};

// --- addresses -------------------------------------------------------------------------------

TEST(DatagramUrl, IsUdpOrAUnixSocket) {
  const auto text = [](std::string_view url) {
    const auto target = ParseDatagramUrl(url, 8125);
    return target ? target->Text() : "";
  };
  EXPECT_EQ(text("udp://statsd.example"), "udp://statsd.example:8125");
  EXPECT_EQ(text("udp://10.0.0.1:9"), "udp://10.0.0.1:9");
  EXPECT_EQ(text("udp://[::1]:65535"), "udp://[::1]:65535");
  EXPECT_EQ(text("udp://[::1]"), "udp://[::1]:8125");
  EXPECT_EQ(text("unix:///run/a.socket"), "unix:///run/a.socket");
  EXPECT_EQ(text("unixgram:///run/a.socket"), "unix:///run/a.socket");
  for (const char* wrong :
       {"", "statsd.example", "udp://", "udp://:1", "udp://h:", "udp://h:0", "udp://h:65536",
        "udp://h:1x", "udp://h/x", "udp://u@h", "udp://[::1", "udp://[x]", "udp://[::1]x",
        "udp://::1", "tcp://h", "unix://", "unix://x", "unixstream:///x"}) {
    EXPECT_EQ(text(wrong), "") << wrong;
  }
  EXPECT_EQ(text("unix:///" + std::string(107, 'x')), "");
  EXPECT_NE(text("unix:///" + std::string(106, 'x')), "");
}

// --- UDP -------------------------------------------------------------------------------------

TEST_F(DatagramTest, SendsAMessageAsOneDatagram) {
  const Receiver receiver = Receiver::Udp();
  const auto transport = To(receiver);
  EXPECT_EQ(transport->endpoint(), "udp://127.0.0.1:" + std::to_string(receiver.port()));
  EXPECT_EQ(transport->Send("a:1|c\nb:2|c", Soon()).outcome, Outcome::kSent);
  EXPECT_EQ(transport->Send(std::string(65507, 'x'), Soon()).outcome, Outcome::kSent);
  EXPECT_THAT(receiver.Messages(), ElementsAre("a:1|c\nb:2|c", std::string(65507, 'x')));
}

TEST_F(DatagramTest, SendsToIpv6) {
  const Receiver receiver = Receiver::Udp("::1");
  if (!receiver.ok()) GTEST_SKIP() << "no IPv6 here";
  const auto transport = To("udp://[::1]:" + std::to_string(receiver.port()));
  EXPECT_EQ(transport->Send("a:1|c", Soon()).outcome, Outcome::kSent);
  EXPECT_THAT(receiver.Messages(), ElementsAre("a:1|c"));
}

TEST_F(DatagramTest, RejectsWhatNoDatagramHolds) {
  const Receiver receiver = Receiver::Udp();
  const auto transport = To(receiver);
  const SendResult result = transport->Send(std::string(65508, 'x'), Soon());
  EXPECT_EQ(result.outcome, Outcome::kRejected);
  EXPECT_EQ(result.reason, "too_large");
  EXPECT_EQ(transport->Send("a:1|c", Soon()).outcome, Outcome::kSent);
}

TEST_F(DatagramTest, TellsThatNobodyListensAndLosesNoMessageToTheRefusalOfAnEarlierOne) {
  Receiver receiver = Receiver::Udp();
  const std::uint16_t port = receiver.port();
  receiver.Close();
  const auto transport = To("udp://127.0.0.1:" + std::to_string(port));
  // The refusal of each comes with the next one, which is sent all the same.
  const Deadline until = Soon();
  SendResult result;
  do {
    result = transport->Send("lost:1|c", Soon());
    ASSERT_EQ(result.outcome, Outcome::kSent) << result.message;
    std::this_thread::sleep_for(5ms);
  } while (result.message.empty() && SteadyClock::now() < until);
  EXPECT_EQ(result.message,
            transport->endpoint() + ": refused an earlier datagram: nobody listens at the port?");
  Receiver again = Receiver::Udp("127.0.0.1", port);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(transport->Send("a:1|c", Soon()).outcome, Outcome::kSent);
  const SendResult heard = transport->Send("b:1|c", Soon());
  EXPECT_EQ(heard.outcome, Outcome::kSent);
  EXPECT_EQ(heard.message, "") << "somebody listens";
  EXPECT_THAT(again.Messages(), ElementsAre("a:1|c", "b:1|c"));
}

// A receiver with the system's default buffer that takes 100,000 lines a second, on the same
// machine: nothing but the sender itself slows the sender down.
TEST_F(DatagramTest, OverrunsNoReceiverThatKeepsUp) {
  const Receiver receiver = Receiver::Udp();
  const auto transport = To(receiver);
  constexpr int kMessages = 1000;
  std::atomic<int> received{0};
  std::thread reader([&] {
    pollfd polled{receiver.descriptor(), POLLIN, 0};
    char bytes[2048];
    while (poll(&polled, 1, 1000) > 0) {
      if (recv(receiver.descriptor(), bytes, sizeof(bytes), 0) < 0) break;
      if (++received == kMessages) break;
      const auto until = SteadyClock::now() + 250us;  // 35 lines
      while (SteadyClock::now() < until) {
      }
    }
  });
  const std::string message(1432, 'x');
  const Deadline begin = SteadyClock::now();
  for (int i = 0; i < kMessages; ++i) {
    ASSERT_EQ(transport->Send(message, begin + 60s).outcome, Outcome::kSent);
  }
  const auto took = SteadyClock::now() - begin;
  reader.join();
  // 1.4 MB at 1 MiB a second and half of what has been sent: 2 ln(1.68) seconds, less the burst.
  EXPECT_GE(took, 900ms);
  // All, but that a busy machine stops the reader for longer than its buffer lasts, several times
  // in a second perhaps. A sender that did not hold itself back would lose nine of ten.
  EXPECT_GE(received, kMessages / 3);
}

TEST_F(DatagramTest, DoesNotHoldBackWhenTheDeadlineIsNear) {
  const Receiver receiver = Receiver::Udp();
  const auto transport = To(receiver);
  const std::string message(1432, 'x');
  const Deadline begin = SteadyClock::now();
  for (int i = 0; i < 3000; ++i) {
    ASSERT_EQ(transport->Send(message, begin + 500ms).outcome, Outcome::kSent);
  }
  EXPECT_LT(SteadyClock::now() - begin, 500ms);
}

TEST_F(DatagramTest, ItsSocketsCloseOnExec) {
  const Receiver receiver = Receiver::Udp();
  const auto transport = To(receiver);
  ASSERT_EQ(transport->Send("a:1|c", Soon()).outcome, Outcome::kSent);
  int checked = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    const std::string target = std::filesystem::read_symlink(entry, gone).string();
    if (target.find("socket:") != 0 && target.find("[eventfd]") == std::string::npos) continue;
    const int descriptor = std::stoi(entry.path().filename().string());
    struct stat status {};
    if (fstat(descriptor, &status) != 0 || descriptor < 3) continue;
    sockaddr_storage peer{};
    socklen_t size = sizeof(peer);
    const bool ours = getpeername(descriptor, reinterpret_cast<sockaddr*>(&peer), &size) == 0 &&
                      peer.ss_family == AF_INET &&
                      ntohs(reinterpret_cast<sockaddr_in&>(peer).sin_port) == receiver.port();
    if (!ours) continue;
    ++checked;
    EXPECT_NE(fcntl(descriptor, F_GETFD) & FD_CLOEXEC, 0);
  }
  EXPECT_EQ(checked, 1);
}

// --- names -----------------------------------------------------------------------------------

TEST_F(DatagramTest, ResolvesAName) {
  const Receiver receiver = Receiver::Udp();
  const auto transport = ToName(receiver.port(), [](const std::string& host) {
    EXPECT_EQ(host, "statsd.example");
    return HostResolver::Answer{NumericAddress("127.0.0.1"), {}};
  });
  EXPECT_EQ(transport->Send("a:1|c", Soon()).outcome, Outcome::kSent);
  EXPECT_THAT(receiver.Messages(), ElementsAre("a:1|c"));
}

TEST_F(DatagramTest, AsksAgainForANameThatHasNoAddressYet) {
  const Receiver receiver = Receiver::Udp();
  auto asked = std::make_shared<std::atomic<int>>(0);
  const auto transport = ToName(receiver.port(), [asked](const std::string&) {
    if (++*asked == 1) return HostResolver::Answer{std::nullopt, "not known"};
    return HostResolver::Answer{NumericAddress("127.0.0.1"), {}};
  });
  const SendResult first = transport->Send("a:1|c", Soon());
  EXPECT_EQ(first.outcome, Outcome::kRetry);
  EXPECT_THAT(first.message, HasSubstr("statsd.example"));
  EXPECT_EQ(transport->Send("a:1|c", Soon()).outcome, Outcome::kSent);
}

TEST_F(DatagramTest, WaitsForNoResolverLongerThanTheDeadline) {
  auto release = std::make_shared<std::atomic<bool>>(false);
  const Receiver receiver = Receiver::Udp();
  {
    const auto transport = ToName(receiver.port(), [release](const std::string&) {
      while (!*release) std::this_thread::sleep_for(1ms);
      return HostResolver::Answer{NumericAddress("127.0.0.1"), {}};
    });
    const Deadline begin = SteadyClock::now();
    EXPECT_EQ(transport->Send("a:1|c", begin + 50ms).outcome, Outcome::kRetry);
    EXPECT_LT(SteadyClock::now() - begin, 1s);

    std::thread interrupter([&] {
      std::this_thread::sleep_for(50ms);
      transport->Interrupt();
    });
    EXPECT_EQ(transport->Send("a:1|c", begin + 60s).outcome, Outcome::kRetry);
    EXPECT_LT(SteadyClock::now() - begin, 3s);
    interrupter.join();
    // The transport ends while the question is open, and nobody waits.
  }
  *release = true;
}

TEST_F(DatagramTest, FollowsANameToItsNewAddressWithoutWaiting) {
  const Receiver old_receiver = Receiver::Udp("127.0.0.1");
  const Receiver new_receiver = Receiver::Udp("127.0.0.2", old_receiver.port());
  ASSERT_TRUE(new_receiver.ok());
  auto asked = std::make_shared<std::atomic<int>>(0);
  const auto transport = ToName(
      old_receiver.port(),
      [asked](const std::string&) {
        if (++*asked == 1) return HostResolver::Answer{NumericAddress("127.0.0.1"), {}};
        std::this_thread::sleep_for(50ms);
        return HostResolver::Answer{NumericAddress("127.0.0.2"), {}};
      },
      0ms);
  ASSERT_EQ(transport->Send("first", Soon()).outcome, Outcome::kSent);
  const Deadline begin = SteadyClock::now();
  ASSERT_EQ(transport->Send("second", Soon()).outcome, Outcome::kSent);
  EXPECT_LT(SteadyClock::now() - begin, 40ms);
  std::this_thread::sleep_for(200ms);
  ASSERT_EQ(transport->Send("third", Soon()).outcome, Outcome::kSent);
  EXPECT_THAT(old_receiver.Messages(), ElementsAre("first", "second"));
  EXPECT_THAT(new_receiver.Messages(), ElementsAre("third"));
}

TEST_F(DatagramTest, TheSystemsResolverKnowsWhatIsNoName) {
  const auto transport = To("udp://no-such-host.invalid:8125");
  const SendResult result = transport->Send("a:1|c", SteadyClock::now() + 3s);
  EXPECT_EQ(result.outcome, Outcome::kRetry);
  EXPECT_THAT(result.message, HasSubstr("no-such-host.invalid"));
}

// --- Unix sockets ----------------------------------------------------------------------------

TEST_F(DatagramTest, SendsToAUnixSocket) {
  const Receiver receiver = Receiver::Unix(Path());
  const auto transport = To("unix://" + Path());
  EXPECT_EQ(transport->endpoint(), "unix://" + Path());
  EXPECT_EQ(transport->Send("a:1|c", Soon()).outcome, Outcome::kSent);
  EXPECT_EQ(transport->Send(std::string(8192, 'x'), Soon()).outcome, Outcome::kSent);
  EXPECT_THAT(receiver.Messages(), ElementsAre("a:1|c", std::string(8192, 'x')));
}

TEST_F(DatagramTest, TriesAgainWhereThereIsNoUnixSocketYet) {
  const auto transport = To("unix://" + Path());
  const SendResult result = transport->Send("a:1|c", Soon());
  EXPECT_EQ(result.outcome, Outcome::kRetry);
  EXPECT_THAT(result.message, HasSubstr("unix://" + Path()));
  const Receiver receiver = Receiver::Unix(Path());
  EXPECT_EQ(transport->Send("a:1|c", Soon()).outcome, Outcome::kSent);
  EXPECT_THAT(receiver.Messages(), ElementsAre("a:1|c"));
}

TEST_F(DatagramTest, FindsTheReceiverThatReplacedADeadOne) {
  Receiver first = Receiver::Unix(Path());
  const auto transport = To("unix://" + Path());
  ASSERT_EQ(transport->Send("a:1|c", Soon()).outcome, Outcome::kSent);
  first.Close();
  EXPECT_EQ(transport->Send("b:1|c", Soon()).outcome, Outcome::kRetry) << "nobody is there";
  std::filesystem::remove(Path());
  const Receiver second = Receiver::Unix(Path());
  EXPECT_EQ(transport->Send("b:1|c", Soon()).outcome, Outcome::kSent);
  EXPECT_THAT(second.Messages(), ElementsAre("b:1|c"));
}

TEST_F(DatagramTest, FindsTheReceiverThatReplacedALivingOne) {
  const Receiver first = Receiver::Unix(Path());
  const auto transport = To("unix://" + Path());
  transport->BeginBatch();
  ASSERT_EQ(transport->Send("a:1|c", Soon()).outcome, Outcome::kSent);
  std::filesystem::rename(Path(), Path("old.socket"));
  const Receiver second = Receiver::Unix(Path());
  transport->BeginBatch();
  EXPECT_EQ(transport->Send("b:1|c", Soon()).outcome, Outcome::kSent);
  EXPECT_THAT(first.Messages(), ElementsAre("a:1|c"));
  EXPECT_THAT(second.Messages(), ElementsAre("b:1|c"));
}

TEST_F(DatagramTest, WaitsShortlyForAFullReceiverAndOnceInABatch) {
  const Receiver receiver = Receiver::Unix(Path());
  const auto transport = To("unix://" + Path());
  transport->BeginBatch();
  int sent = 0;
  SendResult result;
  while (sent < 10000) {
    result = transport->Send("a:1|c", Soon());
    if (result.outcome != Outcome::kSent) break;
    ++sent;
  }
  EXPECT_EQ(result.outcome, Outcome::kRejected);
  EXPECT_EQ(result.reason, "would_block");
  const Deadline begin = SteadyClock::now();
  for (int i = 0; i < 1000; ++i) {
    EXPECT_EQ(transport->Send("a:1|c", Soon()).reason, "would_block");
  }
  EXPECT_LT(SteadyClock::now() - begin, 500ms);
  EXPECT_EQ(receiver.Messages().size(), static_cast<std::size_t>(sent));
  EXPECT_EQ(transport->Send("b:1|c", Soon()).outcome, Outcome::kSent);
}

// It reads a datagram a millisecond. On a busy machine it may be away for longer than a message
// waits; then what is refused is said, and the next turn may show it.
TEST_F(DatagramTest, LosesNothingToAUnixReceiverThatIsSlow) {
  const Receiver receiver = Receiver::Unix(Path());
  const auto transport = To("unix://" + Path());
  constexpr int kMessages = 300;
  int sent = 0;
  for (int turn = 0; turn < 10 && sent != kMessages; ++turn) {
    std::atomic<bool> ended{false};
    int received = 0;
    std::thread reader([&] {
      pollfd polled{receiver.descriptor(), POLLIN, 0};
      char bytes[64];
      for (;;) {
        const bool last = ended;  // before: what is not there now never comes
        if (poll(&polled, 1, last ? 0 : 10) <= 0) {
          if (last) return;
          continue;
        }
        if (recv(receiver.descriptor(), bytes, sizeof(bytes), 0) < 0) return;
        ++received;
        std::this_thread::sleep_for(1ms);
      }
    });
    transport->BeginBatch();
    sent = 0;
    for (int i = 0; i < kMessages; ++i) {
      sent += transport->Send("a:1|c", Soon()).outcome == Outcome::kSent ? 1 : 0;
    }
    ended = true;
    reader.join();
    EXPECT_EQ(received, sent);
  }
  EXPECT_EQ(sent, kMessages);
}

TEST_F(DatagramTest, SaysThatAStreamSocketIsNone) {
  const int stream = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const auto address = UnixAddress(Path());
  ASSERT_EQ(bind(stream, reinterpret_cast<const sockaddr*>(&address->storage), address->size), 0);
  ASSERT_EQ(listen(stream, 1), 0);
  const SendResult result = To("unix://" + Path())->Send("a:1|c", Soon());
  close(stream);
  EXPECT_EQ(result.outcome, Outcome::kRetry);
  EXPECT_THAT(result.message, HasSubstr("stream"));
}

}  // namespace
}  // namespace detail
POLYMETER_END_NAMESPACE
