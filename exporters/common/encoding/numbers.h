// Numbers as text formats write them. Independent of the locale.
#pragma once

#include <bit>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "polymeter/export.h"

POLYMETER_BEGIN_NAMESPACE
namespace encoding {

constexpr std::size_t kMostDigits = 32;  // what any of these functions writes at most

namespace internal {

// The eight digits of `value` < 10^8, the first in the lowest byte: halves, quarters and eighths of
// it at once, in lanes of one word. x * 10486 >> 20 is x / 100 below 10^4, x * 103 >> 10 is
// x / 10 below 100.
constexpr std::uint64_t EightDigits(std::uint32_t value) noexcept {
  const std::uint64_t fours = value / 10000 | std::uint64_t{value % 10000} << 32;
  const std::uint64_t hundreds = fours * 10486 >> 20 & 0x0000007F0000007Fu;
  const std::uint64_t twos = hundreds | (fours - hundreds * 100) << 16;
  const std::uint64_t tens = twos * 103 >> 10 & 0x000F000F000F000Fu;
  return tens | (twos - tens * 10) << 8;
}
constexpr std::uint64_t kZeros = 0x3030303030303030u;

inline char* WriteEightDigits(char* to, std::uint32_t value) noexcept {
  const std::uint64_t text = EightDigits(value) | kZeros;
  std::memcpy(to, &text, 8);
  return to + 8;
}
// Without leading zeros.
inline char* WriteUpToEightDigits(char* to, std::uint32_t value) noexcept {
  const std::uint64_t digits = EightDigits(value);
  // The last digit is written even when it is 0.
  const int zeros = std::countr_zero(digits | std::uint64_t{1} << 56) / 8;
  const std::uint64_t text = (digits | kZeros) >> (zeros * 8);
  std::memcpy(to, &text, 8);
  return to + 8 - zeros;
}

}  // namespace internal

// As std::to_chars; without its loop, whose length depends on the number and is mispredicted on
// every other line of a page.
inline char* WriteInteger(char* to, std::uint64_t value) noexcept {
  if constexpr (std::endian::native != std::endian::little) {
    return std::to_chars(to, to + kMostDigits, value).ptr;
  }
  constexpr std::uint64_t kEight = 100000000u;
  if (value < kEight) return internal::WriteUpToEightDigits(to, static_cast<std::uint32_t>(value));
  const auto last = static_cast<std::uint32_t>(value % kEight);
  value /= kEight;
  if (value < kEight) {
    to = internal::WriteUpToEightDigits(to, static_cast<std::uint32_t>(value));
  } else {
    to = internal::WriteUpToEightDigits(to, static_cast<std::uint32_t>(value / kEight));
    to = internal::WriteEightDigits(to, static_cast<std::uint32_t>(value % kEight));
  }
  return internal::WriteEightDigits(to, last);
}

namespace internal {

// What most gauges hold: digits are all there is to write. Null when `value` is anything else;
// from 1e6 on the shortest form may have an exponent, and -0 has a sign.
inline char* WriteIfSmallWhole(char* to, double value) noexcept {
  if (!(std::fabs(value) < 1e6)) return nullptr;
  const auto whole = static_cast<std::int32_t>(value);
  if (static_cast<double>(whole) != value || (whole == 0 && std::signbit(value))) return nullptr;
  if (whole < 0) *to++ = '-';
  return WriteInteger(to, static_cast<std::uint64_t>(std::abs(whole)));
}

inline char* WriteAny(char* to, double value) noexcept {
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

}  // namespace internal

// Shortest form that reads back the same, in Go's %g layout (100000, 1e+06), which is Prometheus'
// canonical one: the overload of to_chars without a format would write 1e+05. NaN, +Inf, -Inf; and
// -0, which Go's own writer makes 0 and every reader keeps.
inline char* WriteDouble(char* to, double value) noexcept {
  char* const end = internal::WriteIfSmallWhole(to, value);
  return end != nullptr ? end : internal::WriteAny(to, value);
}

// The same, with ".0" where neither a point nor an exponent shows that it is a float
// (OpenMetrics 1.0, canonical numbers).
inline char* WriteFloat(char* to, double value) noexcept {
  char* end = internal::WriteIfSmallWhole(to, value);
  if (end == nullptr) {
    end = internal::WriteAny(to, value);
    for (const char* c = to; c != end; ++c) {
      if (*c == '.' || *c == 'e' || *c == 'N' || *c == 'I') return end;
    }
  }
  std::memcpy(end, ".0", 2);
  return end + 2;
}

// Unix seconds, with as many digits of the fraction as the nanoseconds have, and at least one.
inline char* WriteSeconds(char* to, std::uint64_t nanos) noexcept {
  constexpr std::uint64_t kSecond = 1000000000u;
  to = WriteInteger(to, nanos / kSecond);
  *to++ = '.';
  std::uint64_t fraction = nanos % kSecond;
  std::uint64_t unit = kSecond;
  do {
    unit /= 10;
    *to++ = static_cast<char>('0' + fraction / unit);
    fraction %= unit;
  } while (fraction != 0);
  return to;
}

}  // namespace encoding
POLYMETER_END_NAMESPACE
