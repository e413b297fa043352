// What an exemplar is in OTLP. The same for protobuf and JSON.
// opentelemetry-proto metrics/v1/metrics.proto, message Exemplar.
#pragma once

#include <cstdint>
#include <vector>

#include "polymeter/snapshot.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// Those that are sent with one point, in their order.
struct ExemplarList {
  std::vector<const Exemplar*> exemplars;
  // Of points that are integers themselves: so are the whole numbers among these.
  bool integers = false;
};

// Whether its value is sent as as_int.
bool IsInteger(const Exemplar& exemplar, bool integers) noexcept;
// Nanoseconds since 1970; 0: not known.
std::uint64_t TimeOf(const Exemplar& exemplar) noexcept;

}  // namespace detail
POLYMETER_END_NAMESPACE
