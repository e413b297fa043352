// What the command of a documentation generator says. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace polymeter::cli {

// doxygen, sphinx or the program's own name.
std::string DocgenToolOf(const std::vector<std::string>& command);
// The Doxyfile that doxygen will read: its first word that is no option, else "Doxyfile".
std::string DoxyfileOf(const std::vector<std::string>& command);

// Without folders.
std::string_view ProgramName(std::string_view path);

}  // namespace polymeter::cli
