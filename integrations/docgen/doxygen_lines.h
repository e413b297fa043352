// Single lines of what doxygen says. Pure functions. Internal.
#pragma once

#include <optional>
#include <string_view>

#include "polymeter/docgen.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

struct WarningLine {
  DocgenWarning kind = DocgenWarning::kOther;
  // Place and text without the word `warning` or `error`, so that both say the same.
  std::string_view place;  // "src/a.h:9", or empty
  std::string_view text;
};

// A line that begins a warning: "FILE:LINE: warning: TEXT", "warning: TEXT", the same with
// `error:`, also where WARN_FORMAT puts other things around the place.
std::optional<WarningLine> ParseWarningLine(std::string_view line);

// Whether a line that begins no warning goes on with the one before it.
bool ContinuesWarning(std::string_view line);

DocgenWarning KindOfWarning(std::string_view text);

// "Spent 0.069568 seconds in Parsing files", which `-d time` gives at the end.
struct PhaseLine {
  std::optional<DocgenPhase> phase;  // nothing: one that is not known
  double seconds = 0;
};
std::optional<PhaseLine> ParsePhaseLine(std::string_view line);

}  // namespace detail
POLYMETER_END_NAMESPACE
