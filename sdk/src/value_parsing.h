// Texts of the environment as typed values. Every function is strict: what it does not
// understand entirely is no value. Independent of the locale.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "polymeter/options.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// Without spaces and tabs around it.
std::string_view Trimmed(std::string_view text) noexcept;
POLYMETER_EXPORT std::string LowerCase(std::string_view text);
// The pieces between `separator`, trimmed, empty ones left out.
POLYMETER_EXPORT std::vector<std::string> SplitList(std::string_view text, char separator = ',');

std::optional<bool> ParseBool(std::string_view text);  // true, false, 1, 0, yes, no, on, off
POLYMETER_EXPORT std::optional<std::int64_t> ParseInteger(std::string_view text);
std::optional<double> ParseNumber(std::string_view text);  // finite
// 250ms, 1.5s, 5m, 1h; 0 needs no unit, everything else does.
std::optional<std::chrono::milliseconds> ParseDuration(std::string_view text);
// %41 -> A. Nothing for an incomplete escape and for a result that is not UTF-8.
std::optional<std::string> PercentDecoded(std::string_view text);
// What ParsePairs takes as it is stays; the rest becomes %41.
std::string PercentEncoded(std::string_view text);
// k=v,k=v, both trimmed and percent-decoded (W3C Baggage without metadata). A piece without
// "=" or with an empty key makes the whole text no value, as OpenTelemetry has it.
std::optional<StringPairs> ParsePairs(std::string_view text);

}  // namespace detail
POLYMETER_END_NAMESPACE
