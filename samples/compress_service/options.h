// The command line.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>

namespace compress_service {

struct CommandLine {
  std::string listen = "127.0.0.1:8080";
  std::size_t workers = 2;
  std::size_t queue = 64;          // jobs that may wait
  std::chrono::seconds drain{10};  // how long a stop waits for the work that was taken
  bool help = false;
};

extern const char* const kUsage;

// Nothing for a line that it does not understand.
std::optional<CommandLine> Parse(int argc, char** argv);

}  // namespace compress_service
