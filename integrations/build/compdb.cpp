#include "integrations/build/compdb.h"

#include <functional>
#include <nlohmann/json.hpp>
#include <utility>

#include "integrations/build/shell_words.h"
#include "integrations/build/step_kind.h"
#include "integrations/build/text.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace build {
namespace {

struct Entry {
  std::string directory;
  std::string file;
  std::string output;
  std::string command;
  std::vector<std::string> arguments;
};

std::string OutputOf(const Entry& entry) {
  bool next = false;
  if (!entry.arguments.empty()) {
    for (const std::string& argument : entry.arguments) {
      if (next) return argument;
      next = argument == "-o";
    }
    return {};
  }
  std::string_view rest = entry.command;
  while (const auto word = TakeShellWord(rest)) {
    if (next) return Unquote(*word);
    next = *word == "-o";
  }
  return {};
}

// Called for each piece of the text in turn; keeps one entry at a time.
class CompdbReader : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit CompdbReader(std::function<void(Entry&)> add) : add_(std::move(add)) {}

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool string(string_t& value) override {
    if (depth_ == kInEntry) {
      if (key_ == "directory") entry_.directory = std::move(value);
      if (key_ == "file") entry_.file = std::move(value);
      if (key_ == "output") entry_.output = std::move(value);
      if (key_ == "command") entry_.command = std::move(value);
    } else if (depth_ == kInEntry + 1 && key_ == "arguments") {
      entry_.arguments.push_back(std::move(value));
    }
    return true;
  }
  bool start_object(std::size_t) override {
    if (++depth_ == kInEntry) entry_ = {};
    return true;
  }
  bool key(string_t& name) override {
    if (depth_ == kInEntry) key_ = name;
    return true;
  }
  bool end_object() override {
    if (depth_-- == kInEntry) add_(entry_);
    return true;
  }
  bool start_array(std::size_t) override {
    ++depth_;
    return true;
  }
  bool end_array() override {
    --depth_;
    return true;
  }
  bool parse_error(std::size_t, const std::string&, const nlohmann::json::exception&) override {
    return false;
  }

 private:
  static constexpr std::size_t kInEntry = 2;  // [ {

  std::function<void(Entry&)> add_;
  std::size_t depth_ = 0;
  std::string key_;
  Entry entry_;
};

}  // namespace

const CompileCommand* CompileDatabase::Find(std::string_view output) const {
  const auto found = index_.find(std::string(output));
  return found == index_.end() ? nullptr : &commands_[found->second];
}

void CompileDatabase::Add(CompileCommand command) {
  std::string whole = command.output;
  if (!command.directory.empty() && !StartsWith(whole, "/")) {
    whole = command.directory + "/" + whole;
  }
  const auto [found, is_new] = index_.emplace(whole, commands_.size());
  if (is_new) {
    index_.emplace(command.output, commands_.size());
    commands_.push_back(std::move(command));
    return;
  }
  // Once more, with another input.
  CompileCommand& known = commands_[found->second];
  if (LanguageOfSource(known.source) == Language::kOther &&
      LanguageOfSource(command.source) != Language::kOther) {
    known.source = std::move(command.source);
  }
}

CompileDatabase ParseCompileDatabase(std::string_view json) {
  CompileDatabase database;
  CompdbReader reader([&](Entry& entry) {
    if (entry.output.empty()) entry.output = OutputOf(entry);
    if (entry.output.empty() || entry.file.empty()) {
      ++database.bad_entries_;
      return;
    }
    CompileCommand command;
    command.kind =
        entry.arguments.empty() ? KindOfCommand(entry.command) : KindOfArguments(entry.arguments);
    command.directory = std::move(entry.directory);
    command.output = std::move(entry.output);
    command.source = std::move(entry.file);
    database.Add(std::move(command));
  });
  database.complete_ = nlohmann::json::sax_parse(json, &reader);
  return database;
}

}  // namespace build
}  // namespace detail
POLYMETER_END_NAMESPACE
