// Backslash escapes of the Prometheus formats.
#pragma once

#include <string_view>

#include "exporters/common/encoding/padded_text.h"

POLYMETER_BEGIN_NAMESPACE
namespace encoding {

enum class Quotes : bool { kPlain, kEscaped };

// Appends `text` with \ and LF escaped, and " where asked for; what is not UTF-8 becomes U+FFFD.
POLYMETER_EXPORT void AppendEscaped(TextBuffer& out, std::string_view text, Quotes quotes);

}  // namespace encoding
POLYMETER_END_NAMESPACE
