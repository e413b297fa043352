// Cuts a shell's command into words, as far as build commands need it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "polymeter/export.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace build {

// Takes the next word off the front, with the quotes and backslashes that it has; nothing at the
// end. Operators are words where blanks stand around them, as build systems write them.
inline std::optional<std::string_view> TakeShellWord(std::string_view& command) {
  const std::size_t begin = command.find_first_not_of(" \t\n");
  if (begin == std::string_view::npos) {
    command = {};
    return std::nullopt;
  }
  command.remove_prefix(begin);
  char quote = 0;
  std::size_t end = 0;
  for (; end < command.size(); ++end) {
    const char c = command[end];
    if (c == '\\' && quote != '\'') {
      if (end + 1 < command.size()) ++end;
    } else if (quote != 0) {
      if (c == quote) quote = 0;
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == ' ' || c == '\t' || c == '\n') {
      break;
    }
  }
  const std::string_view word = command.substr(0, end);
  command.remove_prefix(end);
  return word;
}

// A word as the program gets it.
inline std::string Unquote(std::string_view word) {
  std::string text;
  char quote = 0;
  for (std::size_t i = 0; i < word.size(); ++i) {
    const char c = word[i];
    // Between double quotes a backslash stands for itself unless it escapes.
    const bool escapes =
        i + 1 < word.size() && (quote == 0 || word[i + 1] == '"' || word[i + 1] == '\\' ||
                                word[i + 1] == '$' || word[i + 1] == '`');
    if (c == '\\' && quote != '\'' && escapes) {
      text += word[++i];
    } else if (quote == 0 && (c == '"' || c == '\'')) {
      quote = c;
    } else if (c == quote) {
      quote = 0;
    } else {
      text += c;
    }
  }
  return text;
}

}  // namespace build
}  // namespace detail
POLYMETER_END_NAMESPACE
