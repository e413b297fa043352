#include "integrations/cli/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "integrations/cli/commands.h"
#include "integrations/cli/help.h"

namespace polymeter::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

CommandLine Parse(const std::vector<std::string>& words) {
  return ParseCommandLine(words, Commands());
}

TEST(CommandLine, LeavesEverythingBehindTheProgramToTheProgram) {
  const CommandLine line = Parse({"exec", "--quiet", "ls", "--quiet", "-l", "--", "--help"});
  EXPECT_EQ(line.error, "");
  EXPECT_FALSE(line.help);
  EXPECT_THAT(line.program, ElementsAre("ls", "--quiet", "-l", "--", "--help"));
}

TEST(CommandLine, TakesTheProgramBehindTwoDashesWhateverItIsCalled) {
  const CommandLine line = Parse({"exec", "--", "--odd", "x"});
  EXPECT_EQ(line.error, "");
  EXPECT_THAT(line.program, ElementsAre("--odd", "x"));
}

TEST(CommandLine, ReadsValuesInBothForms) {
  const CommandLine line =
      Parse({"build", "--report", "a.json", "--fail-on=wall>10%", "--fail-on", "cpu>1s", "ninja"});
  EXPECT_EQ(line.error, "");
  EXPECT_EQ(line.Value("--report"), "a.json");
  EXPECT_EQ(line.Value("--trace"), std::nullopt);
  EXPECT_THAT(line.Values("--fail-on"), ElementsAre("wall>10%", "cpu>1s"));
}

TEST(CommandLine, SaysWhatIsWrong) {
  EXPECT_THAT(Parse({}).error, HasSubstr("no command"));
  EXPECT_THAT(Parse({"biuld"}).error, HasSubstr("did you mean build?"));
  EXPECT_THAT(Parse({"exec"}).error, HasSubstr("program to run is missing"));
  EXPECT_THAT(Parse({"exec", ""}).error, HasSubstr("empty"));
  EXPECT_THAT(Parse({"exec", "--quite", "ls"}).error, HasSubstr("did you mean --quiet?"));
  EXPECT_THAT(Parse({"exec", "--quiet=1", "ls"}).error, HasSubstr("takes no value"));
  EXPECT_THAT(Parse({"exec", "--quiet", "--quiet", "ls"}).error, HasSubstr("twice"));
  EXPECT_THAT(Parse({"build", "--report"}).error, HasSubstr("needs a value"));
  EXPECT_THAT(Parse({"build", "--report", "--", "ninja"}).error, HasSubstr("needs a value"));
  EXPECT_THAT(Parse({"completion", "tcsh"}).error, HasSubstr("bash,zsh,fish"));
  EXPECT_THAT(Parse({"config", "x"}).error, HasSubstr("too much"));
  EXPECT_THAT(Parse({"--quiet", "exec"}).error, HasSubstr("after its name"));
}

TEST(CommandLine, ShowsNoControlCharacters) {
  EXPECT_EQ(Parse({"\x1b[31mred"}).error.find('\x1b'), std::string::npos);
}

TEST(CommandLine, PrefersHelpToComplaints) {
  EXPECT_TRUE(Parse({"exec", "--help"}).help);
  EXPECT_EQ(Parse({"exec", "--help"}).error, "");
  EXPECT_TRUE(Parse({"-h"}).help);
  EXPECT_TRUE(Parse({"--version"}).version);
}

TEST(CommandLine, ReadsTimes) {
  EXPECT_EQ(ParseMillis("5s"), 5000);
  EXPECT_EQ(ParseMillis("250ms"), 250);
  EXPECT_EQ(ParseMillis("0"), 0);
  EXPECT_EQ(ParseMillis("2h"), std::nullopt);
  EXPECT_EQ(ParseMillis("-1s"), std::nullopt);
  EXPECT_EQ(ParseMillis("soon"), std::nullopt);
}

TEST(Help, NamesEveryCommandAndEveryOption) {
  const std::string general = GeneralHelp(Commands());
  for (const CommandRow& command : Commands()) {
    EXPECT_THAT(general, HasSubstr(std::string(command.name)));
    const std::string help = HelpOf(command);
    for (const OptionRow& option : command.options) {
      EXPECT_THAT(help, HasSubstr(std::string(option.name))) << command.name;
      EXPECT_FALSE(option.help.empty()) << option.name;
    }
    EXPECT_TRUE(command.name == "help" || help.find("examples:") != std::string::npos)
        << command.name;
  }
}

}  // namespace
}  // namespace polymeter::cli
