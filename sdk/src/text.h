// Rules for names, and UTF-8. https://prometheus.io/docs/concepts/data_model/
#pragma once

#include <string>
#include <string_view>

#include "polymeter/export.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

POLYMETER_EXPORT bool IsMetricName(
    std::string_view name) noexcept;  // [a-zA-Z_:][a-zA-Z0-9_:]*, not "__..."
POLYMETER_EXPORT bool IsLabelName(
    std::string_view name) noexcept;  // [a-zA-Z_][a-zA-Z0-9_]*, not "__..."
POLYMETER_EXPORT bool IsUtf8(std::string_view text) noexcept;
// Every byte that is not part of a well-formed sequence (RFC 3629) becomes U+FFFD.
POLYMETER_EXPORT std::string ToUtf8(std::string_view text);
// For messages: control characters as \\x0a, what is not UTF-8 replaced.
POLYMETER_EXPORT std::string Printable(std::string_view text);
// The same in quotes, of at most 80 bytes.
POLYMETER_EXPORT std::string Quoted(std::string_view text);

}  // namespace detail
POLYMETER_END_NAMESPACE
