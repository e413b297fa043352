// Requests out: OTLP over http/protobuf, http/json and gRPC. A gRPC call is one POST over HTTP/2.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "exporters/common/transport/http_client.h"
#include "polymeter/push_backend.h"
#include "sdk/src/clock.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

enum class OtlpProtocol : std::uint8_t { kHttpProtobuf, kHttpJson, kGrpc };

struct OtlpTransportOptions {
  OtlpProtocol protocol = OtlpProtocol::kHttpProtobuf;
  std::string url;                                           // of the request, path included
  std::vector<std::pair<std::string, std::string>> headers;  // besides the protocol's own
  bool gzip = false;
  std::string ca_file;
  std::string client_certificate;
  std::string client_key;
  std::string proxy;
};

class OtlpTransport final : public PushTransport {
 public:
  // `clock` must outlive this.
  OtlpTransport(const OtlpTransportOptions& options, const Clock& clock);

  SendResult Send(std::string_view message, Deadline deadline) override;
  void Interrupt() noexcept override { client_.Interrupt(); }
  std::string endpoint() const override { return endpoint_; }

 private:
  // What goes over the wire for `message`; valid until the next call.
  std::string_view Wrapped(std::string_view message);

  const OtlpProtocol protocol_;
  const bool gzip_;
  const std::string endpoint_;
  const Clock& clock_;
  HttpClient client_;
  std::string wrapped_;
};

}  // namespace detail
POLYMETER_END_NAMESPACE
