// The options of backend `otlp`, and what its parts make of them.
// https://opentelemetry.io/docs/specs/otel/protocol/exporter/
#pragma once

#include <chrono>
#include <span>
#include <string>
#include <string_view>

#include "exporters/otlp/otlp_encoder.h"
#include "exporters/otlp/otlp_transport.h"
#include "polymeter/push_backend.h"
#include "sdk/src/option_spec.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

std::span<const OptionSpec> OtlpOptionSpecs();

OtlpProtocol ProtocolOf(const BackendOptions& options);
OtlpEncoderOptions EncoderOptionsOf(const BackendOptions& options);
OtlpTransportOptions TransportOptionsOf(const BackendOptions& options);
// Interval, timeout and temporality.
PushOptions PushOptionsOf(const BackendOptions& options);

// Where requests go. `source` says whose rules the endpoint follows: OTEL_EXPORTER_OTLP_ENDPOINT is
// a base that v1/metrics is appended to, OTEL_EXPORTER_OTLP_METRICS_ENDPOINT is used as it is, and
// ours gets /v1/metrics where it has no path. gRPC has a path of its own. Without a scheme: https,
// http where `insecure` says so.
std::string RequestUrl(std::string_view endpoint, std::string_view source, OtlpProtocol protocol,
                       bool insecure);

}  // namespace detail
POLYMETER_END_NAMESPACE
