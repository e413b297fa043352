// The command line.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>

namespace transcriber {

struct CommandLine {
  std::string host = "127.0.0.1";
  int port = 8080;  // 0 takes a free one
  std::size_t workers = 2;
  std::size_t queue = 32;          // jobs that may wait, each with its recording in memory
  std::size_t keep = 256;          // ended jobs that can still be asked for
  std::chrono::seconds drain{10};  // how long a stop waits for the jobs that were taken
  std::string grammar;             // a JSGF file, or empty
  std::string model = TRANSCRIBER_MODEL;
  bool help = false;
};

extern const char* const kUsage;

// Nothing for a line that it does not understand.
std::optional<CommandLine> Parse(int argc, char** argv);

}  // namespace transcriber
