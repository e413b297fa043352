// A small HTTP/1.1 server for a few routes. Knows nothing of metrics.
//
// One handler answers every request. It never serves files: no document root exists, and no
// request reaches civetweb's own file, directory, CGI, WebDAV, authorization or WebSocket code.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "exporters/common/transport/http_response.h"
#include "exporters/common/transport/tls_server_options.h"
#include "polymeter/backend.h"
#include "polymeter/status.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// Views: valid while the handler runs.
struct POLYMETER_EXPORT HttpRequest {
  std::string_view method;  // as it was sent: "GET"
  std::string_view path;    // as it was sent, neither decoded nor cleaned, without the query
  std::string_view query;   // what follows the '?', not decoded
  std::vector<std::pair<std::string_view, std::string_view>> headers;

  // The first header of that name, in any case; empty when there is none.
  std::string_view Header(std::string_view name) const noexcept;
  // All of that name: several lines are one list (RFC 9110, 5.3).
  std::string HeaderList(std::string_view name) const;
};

struct HttpServerOptions {
  std::string host = "127.0.0.1";  // an address or a name; 0.0.0.0 and :: are every address
  std::uint16_t port = 0;          // 0: any free one
  int threads = 4;                 // workers; a slow client holds one
  int max_connections = 64;        // accepted and waiting for a worker; more wait in the kernel
  std::size_t max_header_bytes = 16 * 1024;  // request line and headers
  // For the whole head of a request, and for each time that a client takes nothing of the answer.
  std::chrono::milliseconds request_timeout{5000};
  // For a whole answer, however steadily the client reads.
  std::chrono::milliseconds response_timeout{60000};
  // Asked for, nothing is ever served without it.
  std::optional<TlsServerOptions> tls;
  // What goes wrong while it serves: new certificates that cannot be used. Called by a thread of
  // the server, under no lock; may stop it.
  std::function<void(std::string_view message)> log;
  // Further options of civetweb, name and value, none of which may make it serve files: for
  // programs that were written for it.
  std::vector<std::pair<std::string, std::string>> civetweb = {};
};

enum class HttpStart : std::uint8_t {
  kStarted,
  kBusy,        // another listener has the port
  kFailed,      // may heal: no such address on this machine yet, no answer of a name server
  kImpossible,  // never heals: no such address, no IPv6 in this build of civetweb, no use for a
                // certificate
};

struct HttpStartResult {
  HttpStart outcome = HttpStart::kStarted;
  std::string message;  // why not
};

// Called by several threads at once. What it throws becomes a 500, or, when a part of the body
// is out, a connection without its regular end.
using HttpHandler = std::function<void(const HttpRequest& request, HttpResponse& response)>;

// All members are thread-safe.
class HttpServer {
 public:
  virtual ~HttpServer() = default;
  // May be tried again until it has started. Leaves signal masks and dispositions as they were.
  virtual HttpStartResult Start(HttpHandler handler) = 0;
  // Lets running answers end for a moment, then cuts them off; the handler is not called any more
  // after a success. After an error a worker is still in the handler: what it refers to must live
  // on, so it should share the ownership. A second call does nothing.
  virtual Status Stop(Deadline deadline) noexcept = 0;
  // "127.0.0.1:9464", "[::1]:9464": where it listens; empty when it does not.
  virtual std::string endpoint() const = 0;
};

// The real one, over civetweb; with `tls` behind a front of our own. Its destructor stops it within
// a second. In a forked child it is only forgotten: the parent goes on serving.
POLYMETER_EXPORT std::unique_ptr<HttpServer> MakeHttpServer(const HttpServerOptions& options);

}  // namespace detail
POLYMETER_END_NAMESPACE
