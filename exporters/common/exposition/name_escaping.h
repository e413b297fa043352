// How names that are not [a-zA-Z_:][a-zA-Z0-9_:]* reach a reader of Prometheus' formats: quoted as
// they are, where it has said that it takes UTF-8, or escaped
// (https://prometheus.io/docs/instrumenting/escaping_schemes/).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "exporters/common/encoding/padded_text.h"
#include "polymeter/export.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// The values of the media type's parameter `escaping`.
enum class NameEscaping : std::uint8_t { kUnderscores, kDots, kValues, kAllowUtf8 };

// "underscores", "dots", "values", "allow-utf-8".
std::string_view ToString(NameEscaping escaping) noexcept;

// A name as a page writes it, without quotes. One that is valid without UTF-8 stays as it is in
// every scheme, as Prometheus' own libraries have it for a whole family; otherwise each code point
// that is not allowed at its place becomes '_' (underscores); "_dot_" or "__", and '_' becomes
// "__" (dots); '_', its code point in lower-case hex and '_', after the prefix "U__" (values).
std::string EscapedMetricName(std::string_view name, NameEscaping escaping);
// The same of a label, in which a colon is not allowed either. A label whose escaped name would
// begin with "__" has one '_' there: such names are Prometheus' own, and `__name__` would end the
// scrape.
std::string EscapedLabelName(std::string_view name, NameEscaping escaping);

// Whether a page may have the name without quotes.
bool IsPlainMetricName(std::string_view name) noexcept;
// A label's name as EscapedLabelName gives it, in quotes where it needs them.
void AppendLabelName(encoding::TextBuffer& out, std::string_view name);
// `"my.metric"`, with the escapes of label values.
std::string QuotedName(std::string_view name);

}  // namespace detail
POLYMETER_END_NAMESPACE
