// Completion scripts of shells, from the table of commands. Pure.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "integrations/cli/command_line.h"

namespace polymeter::cli {

// `shell`: bash, zsh or fish; else empty.
std::string CompletionScript(std::string_view shell, std::span<const CommandRow> commands);

}  // namespace polymeter::cli
