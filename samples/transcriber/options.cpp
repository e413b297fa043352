// Options with a value each, and --help.
#include "options.h"

#include <charconv>
#include <string_view>

namespace transcriber {
namespace {

std::optional<std::size_t> NumberOf(std::string_view text, std::size_t low, std::size_t high) {
  std::size_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [parsed, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || parsed != end || number < low || number > high) return std::nullopt;
  return number;
}

// "127.0.0.1:8080" into its parts; false when it is none.
bool ParseAddress(std::string_view text, CommandLine& line) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return false;
  const std::optional<std::size_t> port = NumberOf(text.substr(colon + 1), 0, 65535);
  if (!port) return false;
  line.host = text.substr(0, colon);
  line.port = static_cast<int>(*port);
  return true;
}

bool ParseNumber(std::string_view text, std::size_t low, std::size_t high, std::size_t& number) {
  const std::optional<std::size_t> parsed = NumberOf(text, low, high);
  if (parsed) number = *parsed;
  return parsed.has_value();
}

bool ParseOption(std::string_view name, std::string_view value, CommandLine& line) {
  if (name == "--listen") return ParseAddress(value, line);
  if (name == "--workers") return ParseNumber(value, 1, 16, line.workers);
  if (name == "--queue") return ParseNumber(value, 1, 1024, line.queue);
  if (name == "--keep") return ParseNumber(value, 1, 100'000, line.keep);
  if (name == "--drain") {
    std::size_t seconds = 0;
    if (!ParseNumber(value, 0, 3600, seconds)) return false;
    line.drain = std::chrono::seconds(seconds);
    return true;
  }
  if (name == "--grammar") {
    line.grammar = value;
    return !value.empty();
  }
  if (name == "--model") {
    line.model = value;
    return !value.empty();
  }
  return false;
}

}  // namespace

const char* const kUsage =
    "usage: transcriber [--listen HOST:PORT] [--workers 1-16] [--queue 1-1024]\n"
    "                   [--keep JOBS] [--drain SECONDS] [--grammar FILE] [--model DIRECTORY]\n"
    "POST /jobs takes a WAV file (16 kHz, mono, 16 bits) and answers with a job's id;\n"
    "POST /jobs?grammar=1 expects what the grammar (JSGF) allows instead of free speech.\n"
    "GET /jobs/ID gives its state and text, DELETE /jobs/ID cancels it; GET /healthz says ok.\n"
    "METRICS_BACKEND=prometheus shows its metrics.\n";

std::optional<CommandLine> Parse(int argc, char** argv) {
  CommandLine line;
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (name == "--help") {
      line.help = true;
      return line;
    }
    if (++i == argc || !ParseOption(name, argv[i], line)) return std::nullopt;
  }
  return line;
}

}  // namespace transcriber
