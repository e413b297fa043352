// Rules for names, and UTF-8. https://prometheus.io/docs/concepts/data_model/
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "polymeter/export.h"

POLYMETER_BEGIN_NAMESPACE

enum class NameValidation : std::uint8_t;  // options.h

namespace detail {

POLYMETER_EXPORT bool IsMetricName(
    std::string_view name) noexcept;  // [a-zA-Z_:][a-zA-Z0-9_:]*, not "__..."
POLYMETER_EXPORT bool IsLabelName(
    std::string_view name) noexcept;  // [a-zA-Z_][a-zA-Z0-9_]*, not "__..."
// By either scheme. A name of UTF-8 is not empty, begins with no "__" and holds no NUL, which the
// lexers of Prometheus cannot read in a name.
POLYMETER_EXPORT bool IsMetricName(std::string_view name, NameValidation names) noexcept;
POLYMETER_EXPORT bool IsLabelName(std::string_view name, NameValidation names) noexcept;
// What a name may be, for messages: "[a-zA-Z_:][a-zA-Z0-9_:]*".
std::string_view AcceptedMetricNames(NameValidation names) noexcept;
std::string_view AcceptedLabelNames(NameValidation names) noexcept;
POLYMETER_EXPORT bool IsUtf8(std::string_view text) noexcept;
// The bytes of the well-formed sequence at the start of `text`, which is not empty; 0: there is
// none.
std::size_t LengthOfCodePoint(std::string_view text) noexcept;
// Every byte that is not part of a well-formed sequence (RFC 3629) becomes U+FFFD.
POLYMETER_EXPORT std::string ToUtf8(std::string_view text);
// For messages: control characters as \\x0a, what is not UTF-8 replaced.
POLYMETER_EXPORT std::string Printable(std::string_view text);
// The same in quotes, of at most 80 bytes.
POLYMETER_EXPORT std::string Quoted(std::string_view text);
// A name in a message: quoted where it could be taken for something else than a name.
POLYMETER_EXPORT std::string ShownName(std::string_view name);

}  // namespace detail
POLYMETER_END_NAMESPACE
