#include "integrations/cli/docgen_place.h"

namespace polymeter::cli {

std::string_view ProgramName(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

std::string DocgenToolOf(const std::vector<std::string>& command) {
  if (command.empty()) return {};
  const std::string_view name = ProgramName(command[0]);
  if (name.substr(0, 7) == "doxygen") return "doxygen";
  if (name.substr(0, 6) == "sphinx") return "sphinx";
  return std::string(name);
}

std::string DoxyfileOf(const std::vector<std::string>& command) {
  for (std::size_t i = 1; i < command.size(); ++i) {
    const std::string& word = command[i];
    if (word == "-") return word;
    if (word == "-d" || word == "-f") {  // with a word of their own
      ++i;
    } else if (word.empty() || word[0] != '-') {
      return word;
    }
  }
  return "Doxyfile";
}

}  // namespace polymeter::cli
