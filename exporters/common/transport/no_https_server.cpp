// What a build without TLS has in the place of https_server.cpp: never plain HTTP where TLS was
// asked for.
#include "exporters/common/transport/https_server.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr const char* kNoTls =
    "TLS is asked for, and this build of polymeter has none (POLYMETER_WITH_TLS=OFF)";

class NoHttpsServer final : public HttpServer {
 public:
  HttpStartResult Start(HttpHandler) override { return {HttpStart::kImpossible, kNoTls}; }
  Status Stop(Deadline) noexcept override { return {}; }
  std::string endpoint() const override { return {}; }
};

}  // namespace

std::unique_ptr<HttpServer> MakeHttpsServer(const HttpServerOptions&) {
  return std::make_unique<NoHttpsServer>();
}

Status CheckTls(const TlsServerOptions&) { return Status::Error(kNoTls); }

}  // namespace detail
POLYMETER_END_NAMESPACE
