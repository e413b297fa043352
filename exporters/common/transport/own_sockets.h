// Finds this process's sockets by the address that they are bound to, to end what a library that
// hides its descriptors waits for.
#pragma once

#include <sys/socket.h>
#include <sys/types.h>

#include <vector>

#include "polymeter/export.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

struct OwnSocket {
  int descriptor;
  ino_t inode;  // tells whether the descriptor is still this socket
  bool operator==(const OwnSocket&) const = default;
};

// Shuts down the listening TCP socket bound to `address` and every connection that it accepted:
// who waits in poll, read or write on one of them wakes up. Closes none. Returns the connections.
// It works on duplicates of descriptors, so a descriptor that another thread closes and the system
// gives out anew meanwhile is never touched. Needs /proc; without it nothing happens.
std::vector<OwnSocket> ShutDownSocketsAt(const sockaddr_storage& address);

// Closes those that are still open under the same descriptor: for a library that has ended and
// forgot them.
void CloseForgotten(const std::vector<OwnSocket>& sockets);

// While it lives, a child that this process forks closes its copies of the listening TCP socket
// bound to `address` and of the connections that it accepted: else the address would stay in use
// for as long as the child lives. This process's own stay as they are. Needs /proc, too.
class ClosedInChildren {
 public:
  enum class End {
    kOwn,
    kPeer,  // the address is that of the connections' other ends: closes what is connected to it
  };
  explicit ClosedInChildren(const sockaddr_storage& address, End end = End::kOwn);
  ~ClosedInChildren();
  ClosedInChildren(const ClosedInChildren&) = delete;
  ClosedInChildren& operator=(const ClosedInChildren&) = delete;

 private:
  struct All;
  static void CloseAll() noexcept;  // in the child

  const sockaddr_storage address_;
  const End end_;
};

}  // namespace detail
POLYMETER_END_NAMESPACE
