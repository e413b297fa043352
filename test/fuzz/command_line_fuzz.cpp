// libFuzzer: any words as the command line; what a build's steps and /proc say, too. Nothing may
// crash or hang, and what is taken must be what was given.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "integrations/cli/build_place.h"
#include "integrations/cli/commands.h"
#include "integrations/cli/config.h"
#include "integrations/cli/docgen_place.h"
#include "integrations/cli/process_tree.h"
#include "integrations/cli/step_log.h"

namespace {

using namespace polymeter::cli;

void Need(bool holds) {
  if (!holds) std::abort();
}

// Words between bytes below 8; some bytes stand for words of the table.
std::vector<std::string> WordsOf(std::string_view bytes) {
  std::vector<std::string_view> known{"--", "--help", "-h", "--version", "-", ""};
  for (const CommandRow& command : Commands()) {
    known.push_back(command.name);
    for (const OptionRow& option : command.options) known.push_back(option.name);
  }
  std::vector<std::string> words(1);
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 8) {
      words.emplace_back();
    } else if (byte >= 128) {
      words.back() += known[byte % known.size()];
    } else {
      words.back() += c;
    }
  }
  return words;
}

void CheckLine(const std::vector<std::string>& words) {
  const CommandLine line = ParseCommandLine(words, Commands());
  Need(line.error.empty() || (!line.help && !line.version));
  Need(line.command != nullptr || line.help || line.version || !line.error.empty());
  // The program is the end of the words, as it was.
  Need(line.program.size() <= words.size());
  for (std::size_t i = 0; i < line.program.size(); ++i) {
    Need(line.program[line.program.size() - 1 - i] == words[words.size() - 1 - i]);
  }
  for (const CommandLine::Option& option : line.options) {
    Need(option.row != nullptr);
    Need(!option.row->value.empty() || option.value.empty());
  }
  for (const char c : line.error) Need(static_cast<unsigned char>(c) >= ' ');
}

void CheckSteps(std::string_view bytes, const std::vector<std::string>& words) {
  static_cast<void>(ParseSteps(bytes));
  StepRecord record = DescribeStep(words);
  record.folder = bytes;
  record.end_us = 1;
  const StepLog log = ParseSteps(FormatStep(record));
  Need(log.bad_lines == 0 && log.steps.size() == 1);
  Need(log.steps[0].kind == record.kind);
  static_cast<void>(StepsOf(log, 0, bytes));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::vector<std::string> words = WordsOf(bytes);
  CheckLine(words);
  CheckSteps(bytes, words);
  static_cast<void>(PlaceOfBuild(words));
  static_cast<void>(DoxyfileOf(words));
  static_cast<void>(DocgenToolOf(words));
  static_cast<void>(ParseMillis(bytes));
  static_cast<void>(ParseTreeProcess(bytes));
  if (size % 16 == 0) {  // dear
    polymeter::StringPairs variables;
    for (std::size_t i = 0; i + 1 < words.size(); i += 2) {
      variables.emplace_back("METRICS_" + words[i], words[i + 1]);
    }
    variables.emplace_back("METRICS_BACKEND", words[0]);
    const ConfigReport report = DescribeConfig(polymeter::detail::Environment(variables), false);
    for (const char c : report.text) Need(c == '\n' || static_cast<unsigned char>(c) >= ' ');
  }
  return 0;
}
