// Reads JSON (RFC 8259) that somebody else wrote: calls back for every text, number and literal
// with the path to it, but not for null, which in protobuf's JSON is a field that is not there.
// Keeps nothing. For answers of receivers, which are small.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "polymeter/export.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// `path`: keys joined by '.'; elements of a list have their list's path. `value`: of a string, what
// it says; of anything else, as it is written.
using JsonVisitor = std::function<void(std::string_view path, std::string_view value)>;

// False: this is no JSON, or nested deeper than any sane answer. What came before has been visited.
bool ScanJson(std::string_view json, const JsonVisitor& visit);

}  // namespace detail
POLYMETER_END_NAMESPACE
