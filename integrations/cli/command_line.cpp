#include "integrations/cli/command_line.h"

#include <algorithm>

#include "sdk/src/near_miss.h"
#include "sdk/src/value_parsing.h"

namespace polymeter::cli {
namespace {

std::string Quoted(std::string_view word) {
  constexpr std::size_t kMost = 80;
  std::string text = "'";
  for (const char c : word.substr(0, kMost)) {
    text += static_cast<unsigned char>(c) < ' ' || c == 0x7F ? '?' : c;
  }
  return text + (word.size() > kMost ? "...'" : "'");
}

std::string DidYouMean(std::string_view word, const std::vector<std::string>& known) {
  const std::string_view near = detail::NearMiss(word, known);
  return near.empty() ? std::string() : "; did you mean " + std::string(near) + "?";
}

bool IsOption(std::string_view word) { return word.size() > 1 && word[0] == '-'; }

class Parser {
 public:
  Parser(std::span<const std::string> words, std::span<const CommandRow> commands)
      : words_(words), commands_(commands) {}

  CommandLine Run() {
    FindCommand();
    if (line_.command != nullptr) ReadCommand();
    if (line_.help || line_.version) line_.error.clear();
    return std::move(line_);
  }

 private:
  void Fail(std::string error) {
    if (line_.error.empty()) line_.error = std::move(error);
  }

  void FindCommand() {
    for (; at_ < words_.size(); ++at_) {
      const std::string& word = words_[at_];
      if (word == "--help" || word == "-h") {
        line_.help = true;
      } else if (word == "--version") {
        line_.version = true;
      } else if (IsOption(word)) {
        Fail(Quoted(word) + " is not an option here; options of a command come after its name");
      } else {
        break;
      }
    }
    if (at_ == words_.size()) {
      if (!line_.help && !line_.version) Fail("no command is given");
      return;
    }
    const std::string& name = words_[at_++];
    std::vector<std::string> names;
    for (const CommandRow& row : commands_) {
      if (row.name == name) line_.command = &row;
      names.emplace_back(row.name);
    }
    if (line_.command == nullptr) {
      Fail(Quoted(name) + " is not a command" + DidYouMean(name, names));
    }
  }

  void ReadCommand() {
    const CommandRow& command = *line_.command;
    bool ended = false;  // by "--"
    while (at_ < words_.size() && !ended) {
      const std::string& word = words_[at_];
      if (word == "--") {
        ended = true;
        ++at_;
      } else if (word == "--help" || word == "-h") {
        line_.help = true;
        ++at_;
      } else if (IsOption(word)) {
        ReadOption();
      } else {
        break;
      }
    }
    switch (command.takes) {
      case Takes::kProgram:
      case Takes::kOptionalProgram:
        line_.program.assign(words_.begin() + static_cast<std::ptrdiff_t>(at_), words_.end());
        at_ = words_.size();
        if (line_.program.empty() && command.takes == Takes::kProgram) {
          Fail("the program to run is missing: polymeter " + std::string(command.name) +
               " [OPTIONS] -- PROGRAM [ARGUMENTS]");
        }
        if (!line_.program.empty() && line_.program.front().empty()) {
          Fail("the program to run has an empty name");
        }
        break;
      case Takes::kWord:
        ReadWord();
        break;
      case Takes::kNothing:
        break;
    }
    if (at_ < words_.size()) Fail(Quoted(words_[at_]) + " is too much");
  }

  void ReadWord() {
    const CommandRow& command = *line_.command;
    if (at_ == words_.size()) {
      if (!command.word_is_optional) {
        Fail("one of these is missing: " + std::string(command.words));
      }
      return;
    }
    line_.word = words_[at_++];
    const auto known = Pieces(command.words);
    if (std::find(known.begin(), known.end(), line_.word) == known.end()) {
      Fail(Quoted(line_.word) + " is none of " + std::string(command.words) +
           DidYouMean(line_.word, {known.begin(), known.end()}));
    }
  }

  void ReadOption() {
    const std::string_view word = words_[at_++];
    const std::size_t equals = word.find('=');
    const std::string_view name = word.substr(0, equals);
    const OptionRow* found = nullptr;
    std::vector<std::string> names;
    for (const OptionRow& row : line_.command->options) {
      if (row.name == name) found = &row;
      names.emplace_back(row.name);
    }
    if (found == nullptr) {
      Fail(Quoted(name) + " is not an option of polymeter " + std::string(line_.command->name) +
           DidYouMean(name, names));
      return;
    }
    CommandLine::Option option{found, {}};
    if (found->value.empty()) {
      if (equals != std::string_view::npos) Fail(std::string(name) + " takes no value");
    } else if (equals != std::string_view::npos) {
      option.value = word.substr(equals + 1);
    } else if (at_ < words_.size() && words_[at_] != "--") {
      option.value = words_[at_++];
    } else {
      Fail(std::string(name) + " needs a value: " + std::string(found->value));
      return;
    }
    if (!found->repeated && line_.Has(name)) Fail(std::string(name) + " is given twice");
    line_.options.push_back(std::move(option));
  }

  std::span<const std::string> words_;
  std::span<const CommandRow> commands_;
  std::size_t at_ = 0;
  CommandLine line_;
};

}  // namespace

bool CommandLine::Has(std::string_view option) const {
  return std::any_of(options.begin(), options.end(),
                     [&](const Option& one) { return one.row->name == option; });
}

std::optional<std::string> CommandLine::Value(std::string_view option) const {
  std::optional<std::string> value;
  for (const Option& one : options) {
    if (one.row->name == option) value = one.value;
  }
  return value;
}

std::vector<std::string> CommandLine::Values(std::string_view option) const {
  std::vector<std::string> values;
  for (const Option& one : options) {
    if (one.row->name == option) values.push_back(one.value);
  }
  return values;
}

CommandLine ParseCommandLine(std::span<const std::string> words,
                             std::span<const CommandRow> commands) {
  return Parser(words, commands).Run();
}

std::optional<long> ParseMillis(std::string_view text) {
  constexpr std::chrono::milliseconds kMost = std::chrono::hours(1);
  const auto duration = detail::ParseDuration(text);
  if (!duration || *duration < std::chrono::milliseconds(0) || *duration > kMost) {
    return std::nullopt;
  }
  return static_cast<long>(duration->count());
}

std::vector<std::string_view> Pieces(std::string_view list) {
  std::vector<std::string_view> pieces;
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    pieces.push_back(list.substr(0, comma));
    list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
  }
  return pieces;
}

}  // namespace polymeter::cli
