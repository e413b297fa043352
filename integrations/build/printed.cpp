#include "integrations/build/printed.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>
#include <system_error>

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace build {
namespace {

std::size_t Width(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

std::string Blanks(std::string_view text, std::size_t width) {
  const std::size_t has = Width(text);
  return std::string(has < width ? width - has : 0, ' ');
}

}  // namespace

std::string Fixed(double value, int digits) {
  if (!std::isfinite(value)) return "-";
  char text[400];  // the largest double has 309 digits
  const auto [end, error] =
      std::to_chars(std::begin(text), std::end(text), value, std::chars_format::fixed, digits);
  return error == std::errc() ? std::string(text, end) : "-";
}

std::string PrintedSeconds(double seconds) {
  if (!std::isfinite(seconds)) return "-";
  if (seconds < 0) return "-" + PrintedSeconds(-seconds);
  if (seconds < 0.9995) return Fixed(seconds * 1000, 0) + " ms";
  if (seconds < 119.995) return Fixed(seconds, 2) + " s";
  const double whole = std::round(seconds);
  if (whole < 7200) {
    return Fixed(std::floor(whole / 60), 0) + " min " + Fixed(std::fmod(whole, 60), 0) + " s";
  }
  const double minutes = std::round(seconds / 60);
  return Fixed(std::floor(minutes / 60), 0) + " h " + Fixed(std::fmod(minutes, 60), 0) + " min";
}

std::string PrintedBytes(double bytes) {
  constexpr std::string_view kUnits[] = {" B", " KiB", " MiB", " GiB", " TiB"};
  if (!std::isfinite(bytes)) return "-";
  std::size_t unit = 0;
  while (std::abs(bytes) >= 1024 && unit + 1 < std::size(kUnits)) {
    bytes /= 1024;
    ++unit;
  }
  return Fixed(bytes, unit == 0 ? 0 : 1).append(kUnits[unit]);
}

std::string PrintedChange(double before, double now) {
  if (before == now) return "0.0 %";
  if (before == 0) return "new";
  const double percent = (now - before) / std::abs(before) * 100;
  return (percent > 0 ? "+" : "") + Fixed(percent, 1) + " %";
}

std::string Printed(std::string_view name) {
  std::string text(name);
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c < 0x20 || c == 0x7F) text[i] = '?';
    // U+0080 to U+009F: terminals take them for escape sequences too.
    if (c == 0xC2 && i + 1 < text.size()) {
      const auto next = static_cast<unsigned char>(text[i + 1]);
      if (next >= 0x80 && next < 0xA0) text.replace(i, 2, "?");
    }
  }
  return text;
}

std::string PadLeft(std::string_view text, std::size_t width) {
  return Blanks(text, width).append(text);
}

std::string PadRight(std::string_view text, std::size_t width) {
  return std::string(text).append(Blanks(text, width));
}

}  // namespace build
}  // namespace detail
POLYMETER_END_NAMESPACE
