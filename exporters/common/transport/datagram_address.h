// Where datagrams go: what somebody writes, and how a host's name becomes an address without
// anybody waiting for a name server.
#pragma once

#include <sys/socket.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "polymeter/export.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

struct DatagramTarget {
  std::string host;  // a name, an IPv4 or an IPv6 address (without brackets)
  std::uint16_t port = 0;
  std::string path;  // of a Unix socket; then host and port mean nothing

  // "udp://127.0.0.1:8125", "unix:///run/statsd.socket"
  std::string Text() const;
};

// udp://host[:port], unix:///path, unixgram:///path. Nothing for anything else.
std::optional<DatagramTarget> ParseDatagramUrl(std::string_view url, std::uint16_t default_port);

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;

  void SetPort(std::uint16_t port) noexcept;
  bool operator==(const SocketAddress& other) const noexcept;
};

// An address that needs no name server: a number, or localhost (127.0.0.1).
std::optional<SocketAddress> NumericAddress(const std::string& host);
// The address of a socket file; nothing when the path is longer than the system takes.
std::optional<SocketAddress> UnixAddress(const std::string& path);

// An eventfd: what another thread can end a poll with.
class Wakeup {
 public:
  Wakeup() noexcept;
  ~Wakeup();
  Wakeup(const Wakeup&) = delete;
  Wakeup& operator=(const Wakeup&) = delete;

  void Set() noexcept;
  void Clear() noexcept;
  int descriptor() const noexcept { return descriptor_; }  // readable once set

 private:
  const int descriptor_;  // -1 when there was none to be had: polls run into their time-out
};

// Asks the system's resolver, which may take minutes, in a thread of its own that nobody waits for.
// One question at a time. Used by one thread; safe to destroy at any time, in a forked child too.
class HostResolver {
 public:
  struct Answer {
    std::optional<SocketAddress> address;  // without port
    std::string error;                     // of an address that is not there
  };
  // Tests answer in the resolver's place.
  using Resolve = std::function<Answer(const std::string& host)>;

  explicit HostResolver(std::string host, Resolve resolve = nullptr);

  // Begins to ask unless a question is open.
  void Ask();
  bool asking() const noexcept { return question_ != nullptr; }
  // Readable once the answer is there.
  int descriptor() const noexcept;
  // The answer to the open question, once.
  std::optional<Answer> Take();

 private:
  struct Question;
  const std::string host_;
  const Resolve resolve_;
  std::shared_ptr<Question> question_;  // with the thread
};

}  // namespace detail
POLYMETER_END_NAMESPACE
