// What stands in a receiver's answer: messages in protobuf or JSON, header values. Pure; takes any
// bytes. https://opentelemetry.io/docs/specs/otlp/
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "polymeter/snapshot.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// ExportMetricsServiceResponse: how much of a request was refused all the same.
struct PartialSuccess {
  std::uint64_t rejected = 0;
  std::string message;
};
// Nothing: the bytes are no such message.
std::optional<PartialSuccess> ReadResponse(std::string_view protobuf);
std::optional<PartialSuccess> ReadJsonResponse(std::string_view json);

// google.rpc.Status: why a request was refused.
struct RpcStatus {
  std::string message;
  std::optional<std::chrono::milliseconds> retry_delay;  // of RetryInfo among its details
};
std::optional<RpcStatus> ReadStatus(std::string_view protobuf);
std::optional<RpcStatus> ReadJsonStatus(std::string_view json);

// %41 -> A; what is no such escape stays (grpc-message).
std::string DecodePercent(std::string_view text);

}  // namespace detail
POLYMETER_END_NAMESPACE
