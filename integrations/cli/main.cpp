// The `polymeter` command.
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "integrations/cli/commands.h"
#include "integrations/cli/help.h"
#include "integrations/cli/own_metrics.h"
#include "integrations/cli/streams.h"
#include "integrations/cli/version.h"

namespace polymeter::cli {
namespace {

struct Runner {
  std::string_view name;
  int (*run)(const CommandLine& line);
};
constexpr Runner kRunners[] = {
    {"build", RunBuild}, {"lsp", RunLsp},       {"docgen", RunDocgen},         {"exec", RunExec},
    {"step", RunStep},   {"config", RunConfig}, {"completion", RunCompletion}, {"help", RunHelp},
};

int Run(const std::vector<std::string>& words) {
  const CommandLine line = ParseCommandLine(words, Commands());
  if (line.version) {
    std::printf("polymeter %s\n", kVersion);
    return 0;
  }
  if (line.help) {
    std::fputs(
        line.command == nullptr ? GeneralHelp(Commands()).c_str() : HelpOf(*line.command).c_str(),
        stdout);
    return 0;
  }
  if (const auto time = line.Value("--push-timeout");
      line.error.empty() && time && !ParseMillis(*time)) {
    Say("--push-timeout=" + *time + " is not a time up to an hour, as in 5s or 500ms");
    return kUsageError;
  }
  if (!line.error.empty()) {
    Say(line.error + "\n`polymeter" +
        (line.command == nullptr ? "" : " " + std::string(line.command->name)) +
        " --help` tells more");
    return kUsageError;
  }
  for (const Runner& runner : kRunners) {
    if (runner.name == line.command->name) return runner.run(line);
  }
  return kUsageError;
}

}  // namespace
}  // namespace polymeter::cli

int main(int argc, char** argv) {
  try {
    polymeter::cli::OpenMissingStreams();
    return polymeter::cli::Run({argv + (argc > 0 ? 1 : 0), argv + argc});
  } catch (const std::exception& e) {
    polymeter::cli::Say(e.what());
    return polymeter::cli::kUsageError;
  }
}
