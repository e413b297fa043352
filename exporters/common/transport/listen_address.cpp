#include "exporters/common/transport/listen_address.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <system_error>
#include <utility>

#include "exporters/common/transport/datagram_address.h"
#include "sdk/src/threads.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

void ListenAddress::SetPort(std::uint16_t port) {
  if (storage.ss_family == AF_INET6) {
    reinterpret_cast<sockaddr_in6&>(storage).sin6_port = htons(port);
  } else {
    reinterpret_cast<sockaddr_in&>(storage).sin_port = htons(port);
  }
}

std::string ListenAddress::Text(std::uint16_t port) const {
  char text[INET6_ADDRSTRLEN] = {};
  if (storage.ss_family == AF_INET6) {
    const auto& in6 = reinterpret_cast<const sockaddr_in6&>(storage);
    inet_ntop(AF_INET6, &in6.sin6_addr, text, sizeof(text));
    return "[" + std::string(text) + "]:" + std::to_string(port);
  }
  const auto& in = reinterpret_cast<const sockaddr_in&>(storage);
  inet_ntop(AF_INET, &in.sin_addr, text, sizeof(text));
  return std::string(text) + ":" + std::to_string(port);
}

FoundAddress FindListenAddress(const std::string& host, bool ipv6) {
  FoundAddress found;
  in6_addr ignored{};
  if (!ipv6 && inet_pton(AF_INET6, host.c_str(), &ignored) == 1) {
    found.error = host + " is an IPv6 address, and this build of civetweb has no IPv6";
    return found;
  }
  addrinfo hints{};
  hints.ai_family = ipv6 ? AF_UNSPEC : AF_INET;
  hints.ai_socktype = SOCK_STREAM;
  const std::string name = host == "localhost" ? "127.0.0.1" : host;
  addrinfo* all = nullptr;
  const int failed = getaddrinfo(name.c_str(), nullptr, &hints, &all);
  if (failed != 0) {
    found.error = "no address for host '" + host + "': " + gai_strerror(failed);
    found.may_heal = MayHeal(failed);
    return found;
  }
  const addrinfo* chosen = all;
  for (const addrinfo* i = all; i != nullptr; i = i->ai_next) {
    if (i->ai_family == AF_INET) {
      chosen = i;
      break;
    }
  }
  std::memcpy(&found.address.storage, chosen->ai_addr, chosen->ai_addrlen);
  found.address.size = chosen->ai_addrlen;
  freeaddrinfo(all);
  return found;
}

ListenHost::ListenHost(std::string host, bool ipv6, Finder finder)
    : host_(std::move(host)), ipv6_(ipv6), finder_(std::move(finder)) {}

FoundAddress ListenHost::Find() {
  if (NumericAddress(host_)) return finder_(host_, ipv6_);
  if (!asked_.valid()) {
    std::packaged_task<FoundAddress()> ask(
        [host = host_, ipv6 = ipv6_, finder = finder_] { return finder(host, ipv6); });
    asked_ = ask.get_future();
    try {
      StartNamedThread("pm-resolve", std::move(ask)).detach();
    } catch (const std::system_error& e) {
      asked_ = {};
      return {{}, "no thread to look for host '" + host_ + "': " + e.what(), true};
    }
  }
  if (asked_.wait_for(std::chrono::seconds(1)) != std::future_status::ready) {
    return {{}, "no address for host '" + host_ + "': no name server has answered yet", true};
  }
  return std::exchange(asked_, {}).get();
}

bool MayHeal(int getaddrinfo_error) noexcept {
  return getaddrinfo_error == EAI_AGAIN || getaddrinfo_error == EAI_MEMORY ||
         getaddrinfo_error == EAI_SYSTEM;
}

int ListenError(ListenAddress address, std::uint16_t port) noexcept {
  address.SetPort(port);
  const int descriptor = socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return errno;
  const int on = 1;
  setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  int why = 0;
  if (bind(descriptor, reinterpret_cast<const sockaddr*>(&address.storage), address.size) != 0 ||
      listen(descriptor, 1) != 0) {
    why = errno;
  }
  close(descriptor);
  return why;
}

}  // namespace detail
POLYMETER_END_NAMESPACE
