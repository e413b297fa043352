#include "integrations/cli/completion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "integrations/cli/commands.h"
#include "integrations/cli/program_for_test.h"

namespace polymeter::cli {
namespace {

using testing::Ended;
using testing::Folder;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::Program;

std::string Write(const Folder& folder, const std::string& shell) {
  const std::string path = folder / ("completion." + shell);
  testing::WriteText(path, CompletionScript(shell, Commands()));
  return path;
}

Ended RunProgram(const std::vector<std::string>& command) {
  Program program(command);
  program.CloseInput();
  return program.Wait();
}

// What bash offers for these words, the last of which is being written.
std::string Offered(const std::string& script, const std::string& words, int current) {
  return RunProgram({"bash", "-c",
                     "source '" + script + "'; COMP_WORDS=(" + words +
                         "); COMP_CWORD=" + std::to_string(current) +
                         "; _polymeter; printf '%s ' \"${COMPREPLY[@]}\""})
      .output;
}

TEST(Completion, OfBashOffersCommandsOptionsAndWords) {
  POLYMETER_NEEDS("bash");
  const Folder folder;
  const std::string script = Write(folder, "bash");
  EXPECT_EQ(Offered(script, "polymeter b", 1), "build ");
  EXPECT_THAT(Offered(script, "polymeter ''", 1), HasSubstr("docgen"));
  EXPECT_EQ(Offered(script, "polymeter build --rep", 2), "--report ");
  EXPECT_EQ(Offered(script, "polymeter completion f", 2), "fish ");
  EXPECT_THAT(Offered(script, "polymeter exec -- ech", 3), HasSubstr("echo"));
  EXPECT_THAT(Offered(script, "polymeter exec -- --", 3), Not(HasSubstr("--quiet")));
}

TEST(Completion, OfZshIsZsh) {
  POLYMETER_NEEDS("zsh");
  const Folder folder;
  const Ended ended = RunProgram({"zsh", "-n", Write(folder, "zsh")});
  EXPECT_EQ(ended.code, 0) << ended.errors;
}

TEST(Completion, OfFishIsFish) {
  POLYMETER_NEEDS("fish");
  const Folder folder;
  const Ended ended = RunProgram({"fish", "-n", Write(folder, "fish")});
  EXPECT_EQ(ended.code, 0) << ended.errors;
  const Ended offered = RunProgram(
      {"fish", "-c", "source " + Write(folder, "fish") + "; complete -C 'polymeter bui'"});
  EXPECT_THAT(offered.output, HasSubstr("build"));
}

TEST(Completion, KnowsEveryOptionInEveryShell) {
  for (const char* const shell : {"bash", "zsh", "fish"}) {
    const std::string script = CompletionScript(shell, Commands());
    for (const CommandRow& command : Commands()) {
      EXPECT_THAT(script, HasSubstr(std::string(command.name))) << shell;
      for (const OptionRow& option : command.options) {
        EXPECT_THAT(script, HasSubstr(std::string(option.name.substr(2)))) << shell;
      }
    }
  }
  EXPECT_EQ(CompletionScript("tcsh", Commands()), "");
}

}  // namespace
}  // namespace polymeter::cli
