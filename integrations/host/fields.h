// Cuts the text of /proc into lines, fields and numbers. Views into the text; nothing throws.
#pragma once

#include <charconv>
#include <cstddef>
#include <optional>
#include <string_view>

#include "integrations/common/proc_text.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace host {

// The text up to `separator`, which is taken off `rest` with it.
inline std::string_view NextPart(std::string_view& rest, char separator) {
  const std::string_view part = rest.substr(0, rest.find(separator));
  rest.remove_prefix(part.size() + (part.size() < rest.size() ? 1 : 0));
  return part;
}

// The next run of characters that are no blanks; empty at the end of the line.
inline std::string_view NextField(std::string_view& line) {
  line.remove_prefix(line.find_first_not_of(" \t") == std::string_view::npos
                         ? line.size()
                         : line.find_first_not_of(" \t"));
  const std::string_view field = line.substr(0, line.find_first_of(" \t"));
  line.remove_prefix(field.size());
  return field;
}

// Nothing unless the whole field is one number.
template <class Number>
std::optional<Number> NumberOf(std::string_view field) {
  Number number{};
  const char* const end = field.data() + field.size();
  const auto [stop, error] = std::from_chars(field.data(), end, number);
  if (error != std::errc() || stop != end) return std::nullopt;
  return number;
}

}  // namespace host
}  // namespace detail
POLYMETER_END_NAMESPACE
