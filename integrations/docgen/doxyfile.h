// What a Doxyfile says of a run's output. Pure. Internal.
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "polymeter/docgen.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

struct DoxygenOutputs {
  struct Format {
    bool on = false;
    std::string folder;  // relative to `folder`, or absolute
    std::string extension;
  };
  std::string folder;    // OUTPUT_DIRECTORY; empty: where doxygen ran
  std::string log_file;  // WARN_LOGFILE
  std::array<Format, kDocgenFormats> formats;
};

using VariableLookup = std::function<std::optional<std::string>(std::string_view name)>;
// The text of an included file (@INCLUDE), nothing when it cannot be read.
using IncludeReader = std::function<std::optional<std::string>(std::string_view path)>;

// Knows comments, quotes, `+=`, lines that end in a backslash, $(NAME), @INCLUDE (ten deep, a
// hundred tries in all) and @INCLUDE_PATH. What is not set has doxygen's default: HTML and LaTeX
// on, the others off. Lines that are none of these are passed over.
DoxygenOutputs ParseDoxyfile(std::string_view text, const VariableLookup& variable = {},
                             const IncludeReader& include = {});

}  // namespace detail
POLYMETER_END_NAMESPACE
