#include "sdk/src/text.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "polymeter/options.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

constexpr bool IsAlpha(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
constexpr bool IsDigit(char c) noexcept { return c >= '0' && c <= '9'; }

bool IsName(std::string_view name, bool colons) noexcept {
  if (name.empty() || IsDigit(name[0]) || name.substr(0, 2) == "__") return false;
  return std::all_of(name.begin(), name.end(),
                     [colons](char c) { return IsAlpha(c) || IsDigit(c) || (colons && c == ':'); });
}

constexpr std::string_view kUtf8Names = "UTF-8, not empty and without NUL";

bool IsUtf8Name(std::string_view name) noexcept {
  return !name.empty() && name.substr(0, 2) != "__" && name.find('\0') == std::string_view::npos &&
         IsUtf8(name);
}

// The length of the well-formed sequence at the start of `text`, or 0.
std::size_t SequenceLength(std::string_view text) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const std::uint8_t lead = byte(0);
  if (lead < 0x80) return 1;
  std::size_t length = 0;
  std::uint8_t low = 0x80;   // the second byte's range depends on the first: no overlong form,
  std::uint8_t high = 0xBF;  // no surrogate, nothing above U+10FFFF
  if (lead >= 0xC2 && lead <= 0xDF) {
    length = 2;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    length = 3;
    if (lead == 0xE0) low = 0xA0;
    if (lead == 0xED) high = 0x9F;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    length = 4;
    if (lead == 0xF0) low = 0x90;
    if (lead == 0xF4) high = 0x8F;
  }
  if (length == 0 || text.size() < length || byte(1) < low || byte(1) > high) return 0;
  for (std::size_t i = 2; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  return length;
}

}  // namespace

bool IsMetricName(std::string_view name) noexcept { return IsName(name, /*colons=*/true); }
bool IsLabelName(std::string_view name) noexcept { return IsName(name, /*colons=*/false); }

bool IsMetricName(std::string_view name, NameValidation names) noexcept {
  return names == NameValidation::kUtf8 ? IsUtf8Name(name) : IsMetricName(name);
}
bool IsLabelName(std::string_view name, NameValidation names) noexcept {
  return names == NameValidation::kUtf8 ? IsUtf8Name(name) : IsLabelName(name);
}
std::string_view AcceptedMetricNames(NameValidation names) noexcept {
  return names == NameValidation::kUtf8 ? kUtf8Names : "[a-zA-Z_:][a-zA-Z0-9_:]*";
}
std::string_view AcceptedLabelNames(NameValidation names) noexcept {
  return names == NameValidation::kUtf8 ? kUtf8Names : "[a-zA-Z_][a-zA-Z0-9_]*";
}
std::size_t LengthOfCodePoint(std::string_view text) noexcept { return SequenceLength(text); }

bool IsUtf8(std::string_view text) noexcept {
  while (!text.empty()) {
    const std::size_t length = SequenceLength(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string ToUtf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = SequenceLength(text);
    out += length == 0 ? kReplacement : text.substr(0, length);
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return out;
}

std::string Printable(std::string_view text) {
  constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F) {
      out += "\\x";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    } else {
      out += c;
    }
  }
  return ToUtf8(out);
}

std::string Quoted(std::string_view text) {
  constexpr std::size_t kMost = 80;
  return "'" + Printable(text.substr(0, kMost)) + (text.size() > kMost ? "...'" : "'");
}

std::string ShownName(std::string_view name) {
  return IsMetricName(name) ? std::string(name) : Quoted(name);
}

}  // namespace detail
POLYMETER_END_NAMESPACE
