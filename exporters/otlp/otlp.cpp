#include "exporters/otlp/otlp.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

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

// The kinds that OTLP does not have go with their type as metadata.
std::vector<PortabilityNote> Portability(const FamilyDescription& family,
                                         const BackendOptions& options) {
  std::vector<PortabilityNote> notes;
  const auto add = [&](PortabilityEffect effect, std::string detail) {
    notes.push_back({{}, "otlp", effect, std::move(detail), /*avoidable=*/false});
  };
  if (!family.otel_name.empty() && family.otel_name != family.name) {
    add(PortabilityEffect::kRenamed, std::string(family.otel_name));
  }
  const bool explicit_ones =
      options.Choice("default_histogram_aggregation") == "explicit_bucket_histogram";
  if (family.native && family.explicit_buckets && explicit_ones) {
    add(PortabilityEffect::kNativeLost, "the explicit ones are sent");
  }
  return notes;
}

}  // namespace

const BackendInfo& OtlpBackendInfo() {
  static const BackendInfo kInfo{.name = "otlp",
                                 .options = OtlpOptionSpecs(),
                                 .make_encoder = MakeEncoder,
                                 .make = Make,
                                 .portability = Portability};
  return kInfo;
}

}  // namespace detail
POLYMETER_END_NAMESPACE
