// What a receiver's answer means for the message: accepted, to be sent again, or never. By the
// tables of the OTLP specification (https://opentelemetry.io/docs/specs/otlp/). Pure.
#pragma once

#include "exporters/common/transport/http_client.h"
#include "polymeter/push_backend.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// OTLP/HTTP. Again: no answer, 429, 502, 503, 504, after the Retry-After. Everything else that is
// no success is final ("http_400").
SendResult ClassifyHttp(const HttpResult& result, SystemTime now);

// OTLP/gRPC. Again: no answer, CANCELLED, DEADLINE_EXCEEDED, ABORTED, OUT_OF_RANGE, UNAVAILABLE,
// DATA_LOSS, and RESOURCE_EXHAUSTED where the receiver says when to come back. Everything else is
// final ("grpc_3").
SendResult ClassifyGrpc(const HttpResult& result, SystemTime now);

}  // namespace detail
POLYMETER_END_NAMESPACE
