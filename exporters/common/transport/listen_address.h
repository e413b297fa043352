// Where a server listens: from a host's name to a socket address, and why one cannot be had.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <functional>
#include <future>
#include <string>

#include "polymeter/export.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

struct ListenAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;

  void SetPort(std::uint16_t port);
  // "127.0.0.1:80", "[::1]:80"
  std::string Text(std::uint16_t port) const;
};

struct FoundAddress {
  ListenAddress address;
  std::string error;      // why there is none; empty when there is one
  bool may_heal = false;  // of an error
};

// The address of a host, IPv4 where it has one. May ask a resolver, but not for localhost and
// numeric addresses.
FoundAddress FindListenAddress(const std::string& host, bool ipv6);

// The address of one host, found without waiting long for a name server: that is asked in a thread
// of its own, which nobody waits for. Used by one thread at a time; may end at any time, in a
// forked child too.
class ListenHost {
 public:
  // Tests find in the resolver's place.
  using Finder = std::function<FoundAddress(const std::string& host, bool ipv6)>;

  ListenHost(std::string host, bool ipv6, Finder finder = FindListenAddress);

  // Takes a second at most. Without an answer by then it is an error that may heal, and the next
  // call looks for the same answer.
  FoundAddress Find();

 private:
  const std::string host_;
  const bool ipv6_;
  const Finder finder_;
  std::future<FoundAddress> asked_;  // invalid: no question is open
};

// Whether what getaddrinfo failed with may go away: no name server answered, no memory, no
// descriptors.
bool MayHeal(int getaddrinfo_error) noexcept;

// The errno with which listening there fails; 0 when it would succeed.
int ListenError(ListenAddress address, std::uint16_t port) noexcept;

}  // namespace detail
POLYMETER_END_NAMESPACE
