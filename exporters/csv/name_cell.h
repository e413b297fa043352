// The cell of a family's name. A legacy name stands as it is. Another one is quoted; where it holds
// what would break a row for somebody (a line break or another control character, a quote, ; or |)
// or begins with what a spreadsheet calculates with, the cell is the name as a JSON string, which
// is seen by the quote that it begins with.
#pragma once

#include <string_view>

#include "exporters/common/encoding/padded_text.h"
#include "polymeter/export.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

void AppendNameCell(encoding::TextBuffer& out, std::string_view name);

// Appends JSON as it stands within the quotes of a cell; ; and | are \u003b and \u007c where
// `defuse` asks for it.
void AppendJsonInCell(encoding::TextBuffer& out, std::string_view json, bool defuse);

}  // namespace detail
POLYMETER_END_NAMESPACE
