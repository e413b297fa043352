// Texts, numbers and times as JSON has them (RFC 8259). Independent of the locale.
#pragma once

#include <cstdint>
#include <string_view>

#include "exporters/common/encoding/numbers.h"
#include "exporters/common/encoding/padded_text.h"

POLYMETER_BEGIN_NAMESPACE
namespace encoding {

// Appends `text` as a JSON string, quotes included: always one line, always valid UTF-8 (what is
// not becomes U+FFFD). U+0085, U+2028 and U+2029 are escaped, too: some readers of lines end a
// line there.
void AppendJsonString(TextBuffer& out, std::string_view text);

constexpr std::uint64_t kMostExactInteger = std::uint64_t{1} << 53;
constexpr std::size_t kMostJsonNumber = kMostDigits + 2;

// A JSON number where every reader gets the very value, else a string of it: integers above 2^53
// are rounded by readers that know doubles only (JavaScript, jq).
inline char* WriteJsonInteger(char* to, std::uint64_t value) noexcept {
  if (value <= kMostExactInteger) return WriteInteger(to, value);
  *to = '"';
  to = WriteInteger(to + 1, value);
  *to = '"';
  return to + 1;
}
// The same: "NaN", "+Inf" and "-Inf" are strings; -0 is written -0.0, because readers take -0 for
// the integer, which has no sign.
inline char* WriteJsonDouble(char* to, double value) noexcept {
  if (!std::isfinite(value)) {
    *to = '"';
    to = WriteDouble(to + 1, value);
    *to = '"';
    return to + 1;
  }
  to = WriteDouble(to, value);
  if (value == 0 && std::signbit(value)) {
    std::memcpy(to, ".0", 2);
    to += 2;
  }
  return to;
}

// "2026-01-31T23:59:59.250Z" without quotes, cut to the millisecond (RFC 3339, UTC); 24 bytes for
// every year that has four digits.
constexpr std::size_t kMostRfc3339 = 32;
char* WriteRfc3339(char* to, std::int64_t unix_nanos) noexcept;

}  // namespace encoding
POLYMETER_END_NAMESPACE
