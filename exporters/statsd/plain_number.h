// Numbers without an exponent: some receivers take the digits up to the `e` for the number, or
// refuse the line.
#pragma once

#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "exporters/common/encoding/numbers.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

constexpr std::size_t kMostPlainDigits = 352;  // what WritePlain writes at most

// `value` * 10^shift in plain decimals: the shortest that read back as `value`, and exactly moved
// by `shift` (0 to 3), which a multiplication would not be. `value` is finite. -0 is 0: a sign
// would make a gauge relative.
inline char* WritePlain(char* to, double value, int shift = 0) noexcept {
  if (value < 0) *to++ = '-';
  value = std::fabs(value);
  constexpr double kExact = 9007199254740992.0;  // 2^53
  if (shift == 0 && value < kExact) {
    const auto whole = static_cast<std::uint64_t>(value);
    if (static_cast<double>(whole) == value) return encoding::WriteInteger(to, whole);
  }
  // d.ddddde-05
  char text[encoding::kMostDigits];
  char* const end =
      std::to_chars(text, text + sizeof(text), value, std::chars_format::scientific).ptr;
  char digits[encoding::kMostDigits] = {};
  int count = 0;
  const char* c = text;
  for (; *c != 'e'; ++c) {
    if (*c != '.') digits[count++] = *c;
  }
  while (count > 1 && digits[count - 1] == '0') --count;
  int exponent = 0;
  c += c[1] == '+' ? 2 : 1;  // from_chars takes no plus
  std::from_chars(c, end, exponent);
  if (digits[0] == '0') {
    *to++ = '0';
    return to;
  }
  const int point = exponent + shift + 1;  // digits before the point
  if (point <= 0) {
    *to++ = '0';
    *to++ = '.';
    std::memset(to, '0', static_cast<std::size_t>(-point));
    to += -point;
    std::memcpy(to, digits, static_cast<std::size_t>(count));
    return to + count;
  }
  for (int i = 0; i < count || i < point; ++i) {
    if (i == point) *to++ = '.';
    *to++ = i < count ? digits[i] : '0';
  }
  return to;
}

// The sample rate at which a receiver counts a value `weight` times: 1 / weight, but never so much
// that a receiver which takes the whole part of 1 / rate would count one less. Gives `weight` back
// exactly below 2^51.
inline double RateOf(std::uint64_t weight) noexcept {
  const auto wanted = static_cast<double>(weight);
  double rate = 1 / wanted;
  while (1 / rate < wanted) rate = std::nextafter(rate, 0.0);
  return rate;
}

}  // namespace detail
POLYMETER_END_NAMESPACE
