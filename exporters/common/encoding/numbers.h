// Numbers as text formats write them. Independent of the locale.
#pragma once

#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "polymeter/export.h"

POLYMETER_BEGIN_NAMESPACE
namespace encoding {

constexpr std::size_t kMostDigits = 32;  // what either function writes at most

inline char* WriteInteger(char* to, std::uint64_t value) noexcept {
  return std::to_chars(to, to + kMostDigits, value).ptr;
}

// Shortest form that reads back the same, in Go's %g layout (100000, 1e+06), which is Prometheus'
// canonical one: the overload of to_chars without a format would write 1e+05. NaN, +Inf, -Inf.
inline char* WriteDouble(char* to, double value) noexcept {
  if (std::isnan(value)) {
    std::memcpy(to, "NaN", 3);
    return to + 3;
  }
  if (std::isinf(value)) {
    std::memcpy(to, value > 0 ? "+Inf" : "-Inf", 4);
    return to + 4;
  }
  return std::to_chars(to, to + kMostDigits, value, std::chars_format::general).ptr;
}

// The same, with ".0" where neither a point nor an exponent shows that it is a float
// (OpenMetrics 1.0, canonical numbers).
inline char* WriteFloat(char* to, double value) noexcept {
  char* const end = WriteDouble(to, value);
  for (const char* c = to; c != end; ++c) {
    if (*c == '.' || *c == 'e' || *c == 'N' || *c == 'I') return end;
  }
  std::memcpy(end, ".0", 2);
  return end + 2;
}

}  // namespace encoding
POLYMETER_END_NAMESPACE
