#include "exporters/otlp/otlp.h"

#include <memory>
#include <utility>

#include "exporters/common/transport/http_client.h"
#include "exporters/otlp/otlp_encoder.h"
#include "exporters/otlp/otlp_options.h"
#include "exporters/otlp/otlp_transport.h"
#include "polymeter/push_backend.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

Result<std::unique_ptr<Encoder>> MakeEncoder(const BackendOptions& options) {
  return MakeOtlpEncoder(EncoderOptionsOf(options));
}

Result<std::unique_ptr<Backend>> Make(const BackendOptions& options, Outside& outside) {
  const Clock& clock = *outside.clock;
  PushBackend::Connect connect;
  if (outside.make_push_transport) {
    connect = [make = outside.make_push_transport] { return make("otlp"); };
  } else {
    OtlpTransportOptions transport = TransportOptionsOf(options);
    if (transport.protocol == OtlpProtocol::kGrpc && !HttpClient::SupportsHttp2()) {
      return Status::Error("the protocol grpc needs a libcurl that has HTTP/2");
    }
    connect = [transport = std::move(transport), &clock]() -> std::unique_ptr<PushTransport> {
      return std::make_unique<OtlpTransport>(transport, clock);
    };
  }
  std::shared_ptr<const Encoder> encoder = MakeOtlpEncoder(EncoderOptionsOf(options));
  return std::unique_ptr<Backend>(std::make_unique<PushBackend>(
      PushOptionsOf(options), std::move(encoder), std::move(connect), clock));
}

}  // namespace

const BackendInfo& OtlpBackendInfo() {
  static const BackendInfo kInfo{
      .name = "otlp", .options = OtlpOptionSpecs(), .make_encoder = MakeEncoder, .make = Make};
  return kInfo;
}

}  // namespace detail
POLYMETER_END_NAMESPACE
