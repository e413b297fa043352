#include "exporters/common/transport/datagram_address.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/eventfd.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <exception>
#include <utility>

#include "sdk/src/threads.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

bool TakePrefix(std::string_view& text, std::string_view prefix) {
  if (text.substr(0, prefix.size()) != prefix) return false;
  text.remove_prefix(prefix.size());
  return true;
}

HostResolver::Answer AskTheSystem(const std::string& host) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_DGRAM;
  addrinfo* all = nullptr;
  const int failed = getaddrinfo(host.c_str(), nullptr, &hints, &all);
  if (failed != 0) return {std::nullopt, gai_strerror(failed)};
  if (all == nullptr) return {std::nullopt, "no address"};
  const addrinfo* chosen = all;  // IPv4 where there is one: more receivers listen there
  for (const addrinfo* i = all; i != nullptr; i = i->ai_next) {
    if (i->ai_family == AF_INET) {
      chosen = i;
      break;
    }
  }
  SocketAddress address;
  std::memcpy(&address.storage, chosen->ai_addr, chosen->ai_addrlen);
  address.size = chosen->ai_addrlen;
  freeaddrinfo(all);
  return {address, {}};
}

}  // namespace

std::string DatagramTarget::Text() const {
  if (!path.empty()) return "unix://" + path;
  const bool ipv6 = host.find(':') != std::string::npos;
  return "udp://" + (ipv6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

std::optional<DatagramTarget> ParseDatagramUrl(std::string_view url, std::uint16_t default_port) {
  DatagramTarget target;
  if (TakePrefix(url, "unix://") || TakePrefix(url, "unixgram://")) {
    target.path = url;
    if (url.empty() || url.front() != '/' || !UnixAddress(target.path)) return std::nullopt;
    return target;
  }
  if (!TakePrefix(url, "udp://")) return std::nullopt;
  std::size_t end;  // of the host
  if (TakePrefix(url, "[")) {
    end = url.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    target.host = url.substr(0, end);
    in6_addr ignored{};
    if (inet_pton(AF_INET6, target.host.c_str(), &ignored) != 1) return std::nullopt;
    url.remove_prefix(end + 1);
  } else {
    end = url.find(':');
    target.host = url.substr(0, end);
    url.remove_prefix(target.host.size());
  }
  if (target.host.empty()) return std::nullopt;
  for (const char c : target.host) {
    if (c <= ' ' || c >= 0x7F || c == '/' || c == '@' || c == '?' || c == '#') return std::nullopt;
  }
  target.port = default_port;
  if (url.empty()) return target;
  if (!TakePrefix(url, ":")) return std::nullopt;
  const auto [rest, error] = std::from_chars(url.data(), url.data() + url.size(), target.port);
  if (error != std::errc() || rest != url.data() + url.size() || target.port == 0) {
    return std::nullopt;
  }
  return target;
}

void SocketAddress::SetPort(std::uint16_t port) noexcept {
  if (storage.ss_family == AF_INET6) {
    reinterpret_cast<sockaddr_in6&>(storage).sin6_port = htons(port);
  } else if (storage.ss_family == AF_INET) {
    reinterpret_cast<sockaddr_in&>(storage).sin_port = htons(port);
  }
}

bool SocketAddress::operator==(const SocketAddress& other) const noexcept {
  return size == other.size && std::memcmp(&storage, &other.storage, size) == 0;
}

std::optional<SocketAddress> NumericAddress(const std::string& host) {
  SocketAddress address;
  auto& in = reinterpret_cast<sockaddr_in&>(address.storage);
  if (inet_pton(AF_INET, host == "localhost" ? "127.0.0.1" : host.c_str(), &in.sin_addr) == 1) {
    in.sin_family = AF_INET;
    address.size = sizeof(in);
    return address;
  }
  auto& in6 = reinterpret_cast<sockaddr_in6&>(address.storage);
  if (inet_pton(AF_INET6, host.c_str(), &in6.sin6_addr) == 1) {
    in6.sin6_family = AF_INET6;
    address.size = sizeof(in6);
    return address;
  }
  return std::nullopt;
}

std::optional<SocketAddress> UnixAddress(const std::string& path) {
  SocketAddress address;
  auto& un = reinterpret_cast<sockaddr_un&>(address.storage);
  if (path.size() >= sizeof(un.sun_path) || path.find('\0') != std::string::npos) {
    return std::nullopt;
  }
  un.sun_family = AF_UNIX;
  std::memcpy(un.sun_path, path.c_str(), path.size() + 1);
  address.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
  return address;
}

// --- waiting ---------------------------------------------------------------------------------

Wakeup::Wakeup() noexcept : descriptor_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}

Wakeup::~Wakeup() {
  if (descriptor_ >= 0) close(descriptor_);
}

void Wakeup::Set() noexcept {
  if (descriptor_ < 0) return;
  const eventfd_t one = 1;
  static_cast<void>(eventfd_write(descriptor_, one));
}

void Wakeup::Clear() noexcept {
  if (descriptor_ < 0) return;
  eventfd_t ignored;
  static_cast<void>(eventfd_read(descriptor_, &ignored));
}

// --- resolving -------------------------------------------------------------------------------

struct HostResolver::Question {
  std::atomic<bool> answered{false};
  Answer answer;
  Wakeup there;
};

HostResolver::HostResolver(std::string host, Resolve resolve)
    : host_(std::move(host)), resolve_(resolve ? std::move(resolve) : AskTheSystem) {}

void HostResolver::Ask() {
  if (question_ != nullptr) return;
  auto question = std::make_shared<Question>();
  const auto ask = [question, host = host_, resolve = resolve_]() noexcept {
    try {
      question->answer = resolve(host);
    } catch (const std::exception& e) {  // no memory
      question->answer = {std::nullopt, e.what()};
    }
    question->answered.store(true, std::memory_order_release);
    question->there.Set();
  };
  StartNamedThread("pm-resolve", ask).detach();
  question_ = std::move(question);
}

int HostResolver::descriptor() const noexcept {
  return question_ == nullptr ? -1 : question_->there.descriptor();
}

std::optional<HostResolver::Answer> HostResolver::Take() {
  if (question_ == nullptr || !question_->answered.load(std::memory_order_acquire)) {
    return std::nullopt;
  }
  const std::shared_ptr<Question> question = std::exchange(question_, nullptr);
  return std::move(question->answer);
}

}  // namespace detail
POLYMETER_END_NAMESPACE
