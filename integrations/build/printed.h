// Numbers and names as a person reads them. Independent of the locale.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "polymeter/export.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace build {

// With so many digits behind the point; "-" for what is not finite.
std::string Fixed(double value, int digits);
std::string PrintedSeconds(double seconds);  // "12 ms", "3.45 s", "12 min 34 s"
std::string PrintedBytes(double bytes);      // "640 B", "124.7 MiB"
// "+12.3 %"; "new" where there was nothing before
std::string PrintedChange(double before, double now);

// A name for a terminal: control characters, and so escape sequences, become '?'.
std::string Printed(std::string_view name);

// Columns to the width of the texts, in code points.
std::string PadLeft(std::string_view text, std::size_t width);
std::string PadRight(std::string_view text, std::size_t width);

}  // namespace build
}  // namespace detail
POLYMETER_END_NAMESPACE
