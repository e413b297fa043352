#include "integrations/cli/help.h"

#include <algorithm>
#include <cstdio>

#include "integrations/cli/commands.h"
#include "integrations/cli/own_metrics.h"

namespace polymeter::cli {
namespace {

std::string Padded(std::string text, std::size_t width) {
  text.resize(std::max(width, text.size()), ' ');
  return text;
}

std::string Usage(const CommandRow& command) {
  std::string usage = "polymeter " + std::string(command.name);
  if (!command.options.empty()) usage += " [OPTIONS]";
  switch (command.takes) {
    case Takes::kProgram:
      return usage + " [--] PROGRAM [ARGUMENTS]";
    case Takes::kOptionalProgram:
      return usage + " [--] [PROGRAM [ARGUMENTS]]";
    case Takes::kWord: {
      std::string words(command.words);
      std::replace(words.begin(), words.end(), ',', '|');
      return usage + (command.word_is_optional ? " [" + words + "]" : " " + words);
    }
    case Takes::kNothing:
      break;
  }
  return usage;
}

}  // namespace

std::string GeneralHelp(std::span<const CommandRow> commands) {
  std::string text =
      "usage: polymeter COMMAND [OPTIONS] [-- PROGRAM [ARGUMENTS]]\n\n"
      "Metrics of builds, language servers, documentation and other programs, which need no\n"
      "change. They go where METRICS_BACKEND says.\n\ncommands:\n";
  std::size_t width = 0;
  for (const CommandRow& command : commands) width = std::max(width, command.name.size());
  for (const CommandRow& command : commands) {
    text +=
        "  " + Padded(std::string(command.name), width + 2) + std::string(command.summary) + "\n";
  }
  return text +
         "\nexamples:\n"
         "  polymeter build -- ninja -C build\n"
         "  METRICS_BACKEND=otlp polymeter exec -- ./nightly-import\n"
         "  polymeter config\n\n"
         "`polymeter COMMAND --help` says more; `polymeter --version` the version.\n";
}

std::string HelpOf(const CommandRow& command) {
  std::string text = "usage: " + Usage(command) + "\n\n" + std::string(command.summary) + ".\n";
  if (!command.details.empty()) text += "\n" + std::string(command.details) + "\n";
  if (!command.options.empty()) {
    text += "\noptions:\n";
    std::size_t width = 0;
    const auto left = [](const OptionRow& option) {
      return std::string(option.name) + (option.value.empty() ? "" : " ") +
             std::string(option.value);
    };
    for (const OptionRow& option : command.options) width = std::max(width, left(option).size());
    for (const OptionRow& option : command.options) {
      text += "  " + Padded(left(option), width + 2) + std::string(option.help) +
              (option.repeated ? " (may be repeated)" : "") + "\n";
    }
  }
  if (!command.examples.empty()) {
    text += "\nexamples:\n";
    std::string_view rest = command.examples;
    while (!rest.empty()) {
      const std::string_view line = rest.substr(0, rest.find('\n'));
      text += "  " + std::string(line) + "\n";
      rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    }
  }
  return text;
}

int RunHelp(const CommandLine& line) {
  std::string text = GeneralHelp(Commands());
  for (const CommandRow& command : Commands()) {
    if (command.name == line.word) text = HelpOf(command);
  }
  std::fputs(text.c_str(), stdout);
  return 0;
}

}  // namespace polymeter::cli
