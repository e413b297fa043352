// The table of commands: what exists, its options, its words.
#pragma once

#include <span>

#include "integrations/cli/command_line.h"

namespace polymeter::cli {

std::span<const CommandRow> Commands();

// What each command does with a right command line; the result is the exit code.
int RunBuild(const CommandLine& line);
int RunLsp(const CommandLine& line);
int RunDocgen(const CommandLine& line);
int RunExec(const CommandLine& line);
int RunStep(const CommandLine& line);
int RunConfig(const CommandLine& line);
int RunCompletion(const CommandLine& line);
int RunHelp(const CommandLine& line);

// Exit codes of the command itself, as env(1) and timeout(1) have them: a wrapped program's own are
// passed on.
inline constexpr int kUsageError = 125;

}  // namespace polymeter::cli
