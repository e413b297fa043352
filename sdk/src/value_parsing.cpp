#include "sdk/src/value_parsing.h"

#include <charconv>
#include <cmath>
#include <cstddef>
#include <utility>

#include "sdk/src/text.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

template <class T>
std::optional<T> FromChars(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

int HexDigit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::string_view Trimmed(std::string_view text) noexcept {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

std::string LowerCase(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

std::vector<std::string> SplitList(std::string_view text, char separator) {
  std::vector<std::string> pieces;
  while (true) {
    const std::size_t end = text.find(separator);
    const std::string_view piece = Trimmed(text.substr(0, end));
    if (!piece.empty()) pieces.emplace_back(piece);
    if (end == std::string_view::npos) return pieces;
    text.remove_prefix(end + 1);
  }
}

std::optional<bool> ParseBool(std::string_view text) {
  const std::string lower = LowerCase(Trimmed(text));
  if (lower == "true" || lower == "1" || lower == "yes" || lower == "on") return true;
  if (lower == "false" || lower == "0" || lower == "no" || lower == "off") return false;
  return std::nullopt;
}

std::optional<std::int64_t> ParseInteger(std::string_view text) {
  return FromChars<std::int64_t>(Trimmed(text));
}

std::optional<double> ParseNumber(std::string_view text) {
  const auto value = FromChars<double>(Trimmed(text));
  if (!value || !std::isfinite(*value)) return std::nullopt;
  return value;
}

std::optional<std::chrono::milliseconds> ParseDuration(std::string_view text) {
  text = Trimmed(text);
  const std::size_t unit_at = text.find_first_not_of("0123456789.");
  const auto number = ParseNumber(text.substr(0, unit_at));
  if (!number) return std::nullopt;
  double factor = 0;
  if (unit_at == std::string_view::npos) {
    if (*number != 0) return std::nullopt;  // 10 of what?
  } else {
    const std::string_view unit = Trimmed(text.substr(unit_at));
    if (unit == "ms")
      factor = 1;
    else if (unit == "s")
      factor = 1e3;
    else if (unit == "m" || unit == "min")
      factor = 60e3;
    else if (unit == "h")
      factor = 3600e3;
    else if (unit == "d")
      factor = 24 * 3600e3;
    else
      return std::nullopt;
  }
  const double milliseconds = std::round(*number * factor);
  // At most a hundred years, so that adding it to a time overflows nowhere; and no part of a
  // millisecond, which would be lost (1.005 * 1000 is not quite 1005, hence the tolerance).
  if (milliseconds > 3.2e12 || std::abs(milliseconds - *number * factor) > 1e-3) {
    return std::nullopt;
  }
  return std::chrono::milliseconds(static_cast<std::int64_t>(milliseconds));
}

std::optional<std::string> PercentDecoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (text.size() - i < 3) return std::nullopt;
    const int high = HexDigit(text[i + 1]);
    const int low = HexDigit(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  if (!IsUtf8(out)) return std::nullopt;
  return out;
}

std::string PercentEncoded(std::string_view text) {
  constexpr std::string_view kTaken = ",;=%\"\\";
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= ' ' || byte == 0x7F || kTaken.find(c) != std::string_view::npos) {
      out += '%';
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    } else {
      out += c;
    }
  }
  return out;
}

std::optional<StringPairs> ParsePairs(std::string_view text) {
  StringPairs pairs;
  for (const std::string& piece : SplitList(text)) {
    const std::size_t equals = piece.find('=');
    if (equals == std::string::npos) return std::nullopt;
    const std::string_view view(piece);
    auto key = PercentDecoded(Trimmed(view.substr(0, equals)));
    auto value = PercentDecoded(Trimmed(view.substr(equals + 1)));
    if (!key || key->empty() || !value) return std::nullopt;
    pairs.emplace_back(std::move(*key), std::move(*value));
  }
  return pairs;
}

}  // namespace detail
POLYMETER_END_NAMESPACE
