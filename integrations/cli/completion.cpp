#include "integrations/cli/completion.h"

#include <algorithm>
#include <cstdio>

#include "integrations/cli/commands.h"

namespace polymeter::cli {
namespace {

std::string Spaced(std::string_view list) {
  std::string text(list);
  std::replace(text.begin(), text.end(), ',', ' ');
  return text;
}

// Within single quotes of any of the three shells, and no end of an item for zsh.
std::string Quotable(std::string_view text) {
  std::string safe;
  for (const char c : text) {
    if (c == '\'' || c == '\\' || c == '[' || c == ']' || c == ':' || c == '`') {
      safe += c == ':' ? ',' : ' ';
    } else {
      safe += c;
    }
  }
  return safe;
}

bool TakesProgram(const CommandRow& command) {
  return command.takes == Takes::kProgram || command.takes == Takes::kOptionalProgram;
}

bool TakesPath(const OptionRow& option) { return option.value == "FILE" || option.value == "DIR"; }

std::string Bash(std::span<const CommandRow> commands) {
  std::string names;
  std::string options;
  std::string words;
  std::string programs;
  for (const CommandRow& command : commands) {
    const std::string name(command.name);
    names += (names.empty() ? "" : " ") + name;
    std::string all = "--help";
    for (const OptionRow& option : command.options) all += " " + std::string(option.name);
    options += "    " + name + ") options='" + all + "' ;;\n";
    if (command.takes == Takes::kWord) {
      words += "    " + name + ") words='" + Spaced(command.words) + "' ;;\n";
    }
    if (TakesProgram(command)) programs += (programs.empty() ? "" : "|") + name;
  }
  return "# bash completion of polymeter\n"
         "_polymeter() {\n"
         "  local current=${COMP_WORDS[COMP_CWORD]} command=${COMP_WORDS[1]} options= words= i\n"
         "  COMPREPLY=()\n"
         "  if [[ $COMP_CWORD -eq 1 ]]; then\n"
         "    mapfile -t COMPREPLY < <(compgen -W '" +
         names +
         " --help --version' -- \"$current\")\n"
         "    return\n"
         "  fi\n"
         "  case $command in\n" +
         options +
         "    *) return ;;\n"
         "  esac\n"
         "  case $command in\n" +
         words +
         "  esac\n"
         "  case $command in\n"
         "    " +
         programs +
         ")\n"
         "      # Behind -- everything is the program's own.\n"
         "      for ((i = 2; i < COMP_CWORD; i++)); do\n"
         "        if [[ ${COMP_WORDS[i]} == -- ]]; then\n"
         "          if [[ $(type -t _command_offset) == function ]]; then\n"
         "            _command_offset $((i + 1))\n"
         "          else\n"
         "            mapfile -t COMPREPLY < <(compgen -c -f -- \"$current\")\n"
         "          fi\n"
         "          return\n"
         "        fi\n"
         "      done\n"
         "      options+=' --'\n"
         "      ;;\n"
         "  esac\n"
         "  if [[ $current == -* ]]; then\n"
         "    mapfile -t COMPREPLY < <(compgen -W \"$options\" -- \"$current\")\n"
         "  elif [[ -n $words ]]; then\n"
         "    mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")\n"
         "  else\n"
         "    mapfile -t COMPREPLY < <(compgen -f -- \"$current\")\n"
         "  fi\n"
         "}\n"
         "complete -F _polymeter polymeter\n";
}

std::string Zsh(std::span<const CommandRow> commands) {
  std::string names;
  std::string cases;
  for (const CommandRow& command : commands) {
    const std::string name(command.name);
    names += "    '" + name + ":" + Quotable(command.summary) + "'\n";
    cases += "    " + name + ")\n      _arguments -S '--help[Explains the command]'";
    for (const OptionRow& option : command.options) {
      cases += " \\\n        '" + std::string(option.repeated ? "*" : "") +
               std::string(option.name) + "[" + Quotable(option.help) + "]";
      if (!option.value.empty()) {
        cases += ":" + std::string(option.value) + ":" + (TakesPath(option) ? "_files" : " ");
      }
      cases += "'";
    }
    if (command.takes == Takes::kWord) {
      cases += " \\\n        '1:word:(" + Spaced(command.words) + ")'";
    }
    if (TakesProgram(command)) cases += " \\\n        '*::program:_normal'";
    cases += "\n      ;;\n";
  }
  return "#compdef polymeter\n"
         "_polymeter() {\n"
         "  local -a commands\n"
         "  commands=(\n" +
         names +
         "  )\n"
         "  if ((CURRENT == 2)); then\n"
         "    _describe command commands\n"
         "    return\n"
         "  fi\n"
         "  local command=$words[2]\n"
         "  shift words\n"
         "  ((CURRENT--))\n"
         "  case $command in\n" +
         cases +
         "  esac\n"
         "}\n"
         "_polymeter \"$@\"\n";
}

std::string Fish(std::span<const CommandRow> commands) {
  std::string text = "# fish completion of polymeter\ncomplete -c polymeter -f\n";
  for (const CommandRow& command : commands) {
    const std::string name(command.name);
    text += "complete -c polymeter -n __fish_use_subcommand -a " + name + " -d '" +
            Quotable(command.summary) + "'\n";
    const std::string seen = "complete -c polymeter -n '__fish_seen_subcommand_from " + name + "'";
    text += seen + " -l help -d 'Explains the command'\n";
    for (const OptionRow& option : command.options) {
      text += seen + " -l " + std::string(option.name.substr(2)) +
              (option.value.empty() ? ""
               : TakesPath(option)  ? " -r -F"
                                    : " -x") +
              " -d '" + Quotable(option.help) + "'\n";
    }
    if (command.takes == Takes::kWord) text += seen + " -a '" + Spaced(command.words) + "'\n";
    if (TakesProgram(command)) text += seen + " -a '(__fish_complete_subcommand --fcs-skip=2)'\n";
  }
  return text;
}

}  // namespace

std::string CompletionScript(std::string_view shell, std::span<const CommandRow> commands) {
  if (shell == "bash") return Bash(commands);
  if (shell == "zsh") return Zsh(commands);
  if (shell == "fish") return Fish(commands);
  return {};
}

int RunCompletion(const CommandLine& line) {
  std::fputs(CompletionScript(line.word, Commands()).c_str(), stdout);
  return 0;
}

}  // namespace polymeter::cli
