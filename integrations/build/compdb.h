// compile_commands.json, and `ninja -t compdb`, which writes the same for all commands, once an
// input: with every rule of a large project that is far more than the graph (each link command,
// times its objects), so better ask it for the rules that compile. See
// https://clang.llvm.org/docs/JSONCompilationDatabase.html.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "integrations/build/build_model.h"
#include "polymeter/export.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace build {

struct CompileCommand {
  std::string directory;
  std::string output;            // as the entry says it, or from -o
  std::string source;            // the first input that looks like source code, else the first
  std::optional<StepKind> kind;  // by the command
};

class CompileDatabase {
 public:
  const std::vector<CompileCommand>& commands() const { return commands_; }  // one an output
  // By the output as written, or below the entry's directory.
  const CompileCommand* Find(std::string_view output) const;
  // False where the text is cut off or no JSON: what stands before that was read.
  bool complete() const { return complete_; }
  std::size_t bad_entries() const { return bad_entries_; }  // without a file, or without an output

 private:
  friend CompileDatabase ParseCompileDatabase(std::string_view json);
  void Add(CompileCommand command);

  std::vector<CompileCommand> commands_;
  std::unordered_map<std::string, std::size_t> index_;
  std::size_t bad_entries_ = 0;
  bool complete_ = false;
};

CompileDatabase ParseCompileDatabase(std::string_view json);

}  // namespace build
}  // namespace detail
POLYMETER_END_NAMESPACE
