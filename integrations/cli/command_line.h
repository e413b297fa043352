// Reads the words of the command line by the table of commands. Pure. Of its own, because the same
// table also makes the help and three shells' completion, because everything behind the first word
// that is no option is the wrapped program's own, and because nothing here may throw or print;
// what a library would then still do is a hundred lines.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace polymeter::cli {

struct OptionRow {
  std::string_view name;   // "--report"
  std::string_view value;  // "FILE": what help calls its value; empty: it has none
  std::string_view help;
  bool repeated = false;  // may be given several times
};

enum class Takes {
  kNothing,
  kProgram,          // -- PROGRAM ARGUMENTS
  kOptionalProgram,  // the same, but some option replaces it
  kWord,             // one word, one of `words`
};

struct CommandRow {
  std::string_view name;
  std::string_view summary;  // one line
  std::string_view details;  // paragraphs
  std::span<const OptionRow> options;
  Takes takes = Takes::kNothing;
  std::string_view words = {};  // of kWord, comma-separated
  bool word_is_optional = false;
  std::string_view examples = {};  // lines
};

struct CommandLine {
  const CommandRow* command = nullptr;  // null: none was named
  bool help = false;
  bool version = false;
  struct Option {
    const OptionRow* row;
    std::string value;
  };
  std::vector<Option> options;
  std::vector<std::string> program;  // the wrapped program and its arguments
  std::string word;
  std::string error;  // not empty: what is wrong, in words

  bool Has(std::string_view option) const;
  std::optional<std::string> Value(std::string_view option) const;  // the last one given
  std::vector<std::string> Values(std::string_view option) const;
};

// `words` without the program's own name. `--help` and `-h` win over whatever else is wrong.
CommandLine ParseCommandLine(std::span<const std::string> words,
                             std::span<const CommandRow> commands);

// "10s", "250ms", "5m" of an option; nothing for anything else, or above an hour.
std::optional<long> ParseMillis(std::string_view text);

// The pieces between commas.
std::vector<std::string_view> Pieces(std::string_view list);

}  // namespace polymeter::cli
