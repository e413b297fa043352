// Serves what Collectables hold to Prometheus. The interface of prometheus-cpp's Exposer; the
// server and the pages are polymeter's. C++14.
//
// What is registered here leaves through the backends of METRICS_BACKEND, too. Unset, nothing is
// different from an Exposer alone.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "polymeter/export.h"
#include "prometheus/collectable.h"

class CivetServer;      // civetweb's
struct CivetCallbacks;  // civetweb's

namespace prometheus {

namespace detail {
class ExposerServer;
}  // namespace detail

// Thread-safe. Everything may also be called from within a Collect() or an authorization function.
//
// A page (text 0.0.4; METRICS_PROMETHEUS_FORMATS=text,openmetrics adds OpenMetrics 1.0) is at its
// URI and, as with civetweb, at what is below it or begins with it, where no other page is. The
// path is compared as it was sent, not decoded. GET and HEAD are answered, compressed where the
// client takes gzip. Each page has its own exposer_transferred_bytes_total (bytes of bodies),
// exposer_scrapes_total and exposer_request_latencies (microseconds), without the request that is
// being answered.
class POLYMETER_EXPORT Exposer {
 public:
  // Listens at `bind_address`: "8080" (every IPv4 address), "127.0.0.1:8080", "[::1]:8080", "+8080"
  // (IPv4 and IPv6), several separated by commas; port 0 is any free one. So many requests at an
  // address are answered at once.
  //
  // Throws CivetException (a std::runtime_error) where it cannot listen, or for an address or
  // number of threads that it does not understand; std::invalid_argument for a port with TLS or
  // redirection
  // ("8443s", "8080r"), and for problems in the environment where METRICS_STRICT=true.
  //
  // With `callbacks` the server is civetweb's own, as with the third constructor.
  explicit Exposer(const std::string& bind_address, std::size_t num_threads = 2,
                   const CivetCallbacks* callbacks = nullptr);

  // civetweb's options: name, value, name, value. Throws CivetException as above, and for an
  // unknown name or an odd number of texts; std::invalid_argument for those that make civetweb
  // serve files, run programs or speak TLS (document_root, cgi_*, ssl_* and their like).
  explicit Exposer(std::vector<std::string> options, const CivetCallbacks* callbacks = nullptr);

  // Adds its pages to a server that the program runs with civetweb's CivetServer, and takes them
  // off at its end. What that server does otherwise is its owner's matter; it lives at least
  // as long as this. Throws std::invalid_argument for null.
  explicit Exposer(std::shared_ptr<CivetServer> server);

  // Gives the port back, and waits for Collect() and authorization functions that run, unless it is
  // called by one of them.
  ~Exposer();

  Exposer(const Exposer&) = delete;
  Exposer(Exposer&&) = delete;
  Exposer& operator=(const Exposer&) = delete;
  Exposer& operator=(Exposer&&) = delete;

  // Shows a Collectable at `uri` until it is gone or removed. Registered twice it is there once.
  void RegisterCollectable(const std::weak_ptr<Collectable>& collectable,
                           const std::string& uri = std::string("/metrics"));

  // Whoever asks for `uri`, and for what is below it, must send a user and password (RFC 7617) for
  // which `authCB` returns true. The last function given for a URI counts. It may be called by
  // several threads at once; what it throws refuses the request with a 500.
  void RegisterAuth(std::function<bool(const std::string&, const std::string&)> authCB,
                    const std::string& realm = "Prometheus-cpp Exporter",
                    const std::string& uri = std::string("/metrics"));

  // Takes it off `uri`. Unknown ones do no harm.
  void RemoveCollectable(const std::weak_ptr<Collectable>& collectable,
                         const std::string& uri = std::string("/metrics"));

  // The ports, in the order of the addresses.
  std::vector<int> GetListeningPorts() const;

 private:
  std::unique_ptr<detail::ExposerServer> server_;
};

}  // namespace prometheus
