// HttpServer over TLS. In a build without TLS one that does not start.
#pragma once

#include <memory>

#include "exporters/common/transport/http_server.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// A TLS front at the options' address, and a plain server on a port of loopback that only the front
// knows how to use: requests from anywhere else are answered 403 there, because client certificates
// are checked in the front alone. `options.tls` is set.
std::unique_ptr<HttpServer> MakeHttpsServer(const HttpServerOptions& options);

}  // namespace detail
POLYMETER_END_NAMESPACE
