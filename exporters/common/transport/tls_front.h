// The TLS side of a server: takes connections, and passes what is in them to a plain server on
// loopback ("the hop"), which answers. civetweb as Debian 12 has it cannot do TLS itself.
//
// One thread serves all connections. It never blocks on one of them.
#pragma once

#include <sys/socket.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "exporters/common/transport/listen_address.h"
#include "exporters/common/transport/own_sockets.h"
#include "exporters/common/transport/tls_connection.h"
#include "exporters/common/transport/tls_context.h"
#include "polymeter/backend.h"
#include "polymeter/status.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

struct TlsFrontOptions {
  TlsRelayOptions relay;
  int max_connections = 64;  // accepted; more wait in the kernel
  TlsCertificates::Log log;  // certificates that could not be read anew; called by the thread
};

// Used by one thread at a time.
class TlsFront {
 public:
  TlsFront();
  ~TlsFront();  // as Stop, within a second
  TlsFront(const TlsFront&) = delete;
  TlsFront& operator=(const TlsFront&) = delete;

  // Listens. Returns 0 or an errno; once.
  int Listen(const ListenAddress& address, std::uint16_t port, int backlog);
  // Begins to serve. `certificates` are loaded.
  Status Start(TlsCertificates certificates, TlsFrontOptions options);
  // Takes no more connections and drops those whose request is not with the server yet.
  void BeginStop();
  // Ends what is left: answers that the server has written get `patience`.
  Status Stop(Deadline deadline, std::chrono::milliseconds patience);
  // In a forked child: the thread is the parent's.
  void Forget();
  std::uint16_t port() const;

 private:
  struct Shared;  // with the thread, which may outlive this when the application's log hangs
  static void Serve(Shared& shared);

  std::shared_ptr<Shared> shared_;
  std::unique_ptr<std::thread> thread_;
  std::unique_ptr<ClosedInChildren> accepted_closed_in_children_;
  std::unique_ptr<ClosedInChildren> hops_closed_in_children_;
};

}  // namespace detail
POLYMETER_END_NAMESPACE
