// Texts of --help. Pure.
#pragma once

#include <string>

#include "integrations/cli/command_line.h"

namespace polymeter::cli {

std::string GeneralHelp(std::span<const CommandRow> commands);
std::string HelpOf(const CommandRow& command);

}  // namespace polymeter::cli
