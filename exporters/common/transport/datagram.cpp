#include "exporters/common/transport/datagram.h"

#include <poll.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

using std::chrono::milliseconds;
using SteadyClock = std::chrono::steady_clock;

constexpr milliseconds kMostResolving(5000);  // that one message waits
constexpr milliseconds kMostBlocked(100);     // that a full receiver is waited for
// A deadline so near is not spent on holding back.
constexpr milliseconds kHurry(1000);

std::string ErrorText(int error) {
  char text[128];
  return strerror_r(error, text, sizeof(text));  // GNU's: gives the text
}

// What may be sent now: bytes that come back with time, the faster the longer a batch is, so that
// the largest one still ends.
class Pace {
 public:
  Pace(std::size_t burst, std::size_t per_second)
      : burst_(static_cast<double>(burst)),
        per_second_(static_cast<double>(per_second)),
        left_(burst_) {}

  void BeginBatch() noexcept { batch_ = 0; }

  // How long to wait before so many bytes more.
  SteadyClock::duration Take(std::size_t bytes) {
    if (per_second_ <= 0) return {};
    const double rate = per_second_ + batch_ / 2;
    const auto now = SteadyClock::now();
    const double seconds = std::chrono::duration<double>(now - then_).count();
    left_ = std::min(burst_, left_ + seconds * rate);
    then_ = now;
    batch_ += static_cast<double>(bytes);
    left_ = std::max(left_ - static_cast<double>(bytes), -burst_);
    if (left_ >= 0) return {};
    return std::chrono::duration_cast<SteadyClock::duration>(
        std::chrono::duration<double>(-left_ / rate));
  }

 private:
  const double burst_;
  const double per_second_;
  double left_;
  double batch_ = 0;  // bytes since its beginning
  SteadyClock::time_point then_ = SteadyClock::now();
};

class DatagramTransport final : public PushTransport {
 public:
  explicit DatagramTransport(DatagramOptions options)
      : options_(std::move(options)),
        unix_(!options_.target.path.empty()),
        endpoint_(options_.target.Text()),
        resolver_(options_.target.host, options_.resolve),
        pace_(options_.burst_bytes, unix_ ? 0 : options_.bytes_per_second) {}
  ~DatagramTransport() override { Disconnect(); }

  std::string endpoint() const override { return endpoint_; }
  void Interrupt() noexcept override { interrupted_.Set(); }
  void BeginBatch() override {
    blocked_ = false;
    pace_.BeginBatch();
    if (unix_ && socket_ >= 0 && !IsSameFile()) Disconnect();
  }

  SendResult Send(std::string_view message, Deadline deadline) override {
    interrupted_.Clear();
    std::optional<SendResult> failed = Connect(deadline);
    if (failed) return *std::move(failed);
    const SteadyClock::duration pause = pace_.Take(message.size());
    if (pause.count() > 0 && SteadyClock::now() + pause + kHurry < deadline) {
      if (Wait(-1, 0, SteadyClock::now() + pause)) return Interrupted();
    }
    return SendNow(message, deadline);
  }

 private:
  // --- connecting ----------------------------------------------------------------------------

  std::optional<SendResult> Connect(Deadline deadline) {
    if (unix_) {
      if (socket_ >= 0) return std::nullopt;
      const auto address = UnixAddress(options_.target.path);
      if (!address) return SendResult::Rejected("io_error", endpoint_ + ": the path is too long");
      return Open(*address);
    }
    if (!address_) {
      address_ = NumericAddress(options_.target.host);
      needs_resolver_ = !address_;
    }
    if (needs_resolver_) {
      if (auto failed = Resolve(deadline)) return failed;
    }
    if (socket_ >= 0) return std::nullopt;
    address_->SetPort(options_.target.port);
    return Open(*address_);
  }

  // Without an address it waits for one; with one, a new one is asked for from time to time and
  // taken when it comes.
  std::optional<SendResult> Resolve(Deadline deadline) {
    if (!resolver_.asking() && (!address_ || SteadyClock::now() >= ask_again_)) {
      ask_again_ = SteadyClock::now() + options_.resolve_again;
      resolver_.Ask();
    }
    if (!address_) {
      const Deadline until = std::min(deadline, SteadyClock::now() + kMostResolving);
      if (Wait(resolver_.descriptor(), POLLIN, until)) return Interrupted();
    }
    std::optional<HostResolver::Answer> answer = resolver_.Take();
    if (!answer) {
      if (address_) return std::nullopt;
      return SendResult::Retry("no answer yet for the address of host " + options_.target.host);
    }
    if (!answer->address) {
      if (address_) return std::nullopt;  // the old one may still be right
      return SendResult::Retry("no address for host " + options_.target.host + ": " +
                               answer->error);
    }
    answer->address->SetPort(options_.target.port);
    if (!address_ || !(*address_ == *answer->address)) Disconnect();
    address_ = answer->address;
    return std::nullopt;
  }

  std::optional<SendResult> Open(const SocketAddress& address) {
    const int type = SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
    socket_ = socket(address.storage.ss_family, type, 0);
    if (socket_ < 0) return SendResult::Retry(endpoint_ + ": no socket: " + ErrorText(errno));
    if (connect(socket_, reinterpret_cast<const sockaddr*>(&address.storage), address.size) == 0) {
      if (unix_) KeepFile();
      return std::nullopt;
    }
    const int error = errno;
    Disconnect();
    if (error == EPROTOTYPE) {
      return SendResult::Retry(endpoint_ + ": a stream socket; this sends datagrams");
    }
    return SendResult::Retry(endpoint_ + ": " + ErrorText(error));
  }

  void Disconnect() noexcept {
    if (socket_ >= 0) close(socket_);
    socket_ = -1;
  }

  void KeepFile() noexcept {
    if (stat(options_.target.path.c_str(), &file_) != 0) file_ = {};
  }
  // A receiver that starts anew makes a new file, and the old socket may go on to look well.
  bool IsSameFile() const noexcept {
    struct stat now {};
    return stat(options_.target.path.c_str(), &now) == 0 && now.st_dev == file_.st_dev &&
           now.st_ino == file_.st_ino && now.st_ctim.tv_sec == file_.st_ctim.tv_sec &&
           now.st_ctim.tv_nsec == file_.st_ctim.tv_nsec;
  }

  // --- sending -------------------------------------------------------------------------------

  SendResult SendNow(std::string_view message, Deadline deadline) {
    // One receiver that takes nothing is waited for once in a batch, not at every message.
    const Deadline until =
        blocked_ ? Deadline::min() : std::min(deadline, SteadyClock::now() + kMostBlocked);
    for (bool refused = false;;) {
      if (send(socket_, message.data(), message.size(), MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) {
        blocked_ = false;
        return SendResult::Sent(refused && !unix_ ? RefusedText() : std::string());
      }
      const int error = errno;
      if (error == EINTR) continue;
      if (error == EAGAIN || error == EWOULDBLOCK || error == ENOBUFS) {
        if (SteadyClock::now() >= until) {
          blocked_ = true;
          return SendResult::Rejected("would_block", endpoint_ + ": the receiver is full");
        }
        // ENOBUFS is no state that poll knows.
        const milliseconds pause(error == ENOBUFS ? 1 : 10);
        if (Wait(error == ENOBUFS ? -1 : socket_, POLLOUT,
                 std::min(until, SteadyClock::now() + pause))) {
          return Interrupted();
        }
        continue;
      }
      if (!refused && (error == ECONNREFUSED || error == ECONNRESET || error == ENOTCONN)) {
        // Over UDP that is the fate of an earlier datagram, and this one has not been sent. Over a
        // Unix socket the receiver is gone, and there may be a new one.
        refused = true;
        ask_again_ = std::min(ask_again_, SteadyClock::now() + milliseconds(1000));
        if (!unix_) continue;
        Disconnect();
        if (auto failed = Connect(deadline)) return *std::move(failed);
        continue;
      }
      return Failed(error, message.size());
    }
  }

  std::string RefusedText() const {
    return endpoint_ + ": refused an earlier datagram: nobody listens at the port?";
  }

  SendResult Failed(int error, std::size_t size) {
    std::string text = endpoint_ + ": " + ErrorText(error);
    switch (error) {
      case EMSGSIZE:
        return SendResult::Rejected("too_large", text + ": " + std::to_string(size) + " bytes");
      case ECONNREFUSED:
      case ECONNRESET:
      case ENOTCONN:
        if (!unix_) return SendResult::Rejected("refused", std::move(text));
        [[fallthrough]];
      case ENETUNREACH:
      case EHOSTUNREACH:
      case ENETDOWN:
      case EADDRNOTAVAIL:
      case ENOENT:
        Disconnect();
        return SendResult::Retry(std::move(text));
      default:
        Disconnect();
        return SendResult::Rejected("io_error", std::move(text));
    }
  }

  // --- waiting -------------------------------------------------------------------------------

  static SendResult Interrupted() { return SendResult::Retry("interrupted"); }

  // Until `descriptor` (-1: none) is ready or the time is come. True: interrupted.
  bool Wait(int descriptor, decltype(pollfd::events) events, Deadline until) const {
    for (;;) {
      const auto left = until - SteadyClock::now();
      if (left.count() <= 0) return false;
      pollfd polled[] = {{interrupted_.descriptor(), POLLIN, 0}, {descriptor, events, 0}};
      constexpr auto kLongest = std::chrono::hours(1);
      const auto nanos = std::chrono::duration_cast<std::chrono::nanoseconds>(
          std::min<Deadline::duration>(left, kLongest));
      const timespec time{static_cast<time_t>(nanos.count() / 1000000000),
                          static_cast<decltype(timespec::tv_nsec)>(nanos.count() % 1000000000)};
      const int ready = ppoll(polled, 2, &time, nullptr);
      if (ready < 0 && errno != EINTR) return false;
      if (ready > 0) return polled[0].revents != 0;
    }
  }

  const DatagramOptions options_;
  const bool unix_;
  const std::string endpoint_;
  HostResolver resolver_;
  Pace pace_;
  Wakeup interrupted_;
  int socket_ = -1;
  std::optional<SocketAddress> address_;
  bool needs_resolver_ = false;
  Deadline ask_again_{};
  struct stat file_ {};  // of the socket's path when it was opened
  bool blocked_ = false;
};

}  // namespace

std::unique_ptr<PushTransport> MakeDatagramTransport(DatagramOptions options) {
  return std::make_unique<DatagramTransport>(std::move(options));
}

}  // namespace detail
POLYMETER_END_NAMESPACE
