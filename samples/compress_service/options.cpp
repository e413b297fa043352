// Four options with a value each, and --help.
#include "options.h"

#include <charconv>
#include <string_view>

namespace compress_service {
namespace {

std::optional<std::size_t> NumberOf(std::string_view text, std::size_t low, std::size_t high) {
  std::size_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [parsed, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || parsed != end || number < low || number > high) return std::nullopt;
  return number;
}

}  // namespace

const char* const kUsage =
    "usage: compress_service [--listen HOST:PORT] [--workers 1-64] [--queue 1-256]\n"
    "                        [--drain SECONDS]\n"
    "POST /compress?level=1..9 answers the body as gzip; GET /healthz says ok.\n"
    "METRICS_BACKEND=prometheus shows its metrics.\n";

std::optional<CommandLine> Parse(int argc, char** argv) {
  CommandLine line;
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (name == "--help") {
      line.help = true;
      return line;
    }
    if (i + 1 == argc) return std::nullopt;
    const std::string_view value = argv[++i];
    std::optional<std::size_t> number = 1;
    if (name == "--listen" && value.find(':') != std::string_view::npos) {
      line.listen = value;
    } else if (name == "--workers" && (number = NumberOf(value, 1, 64))) {
      line.workers = *number;
    } else if (name == "--queue" && (number = NumberOf(value, 1, 256))) {
      line.queue = *number;
    } else if (name == "--drain" && (number = NumberOf(value, 0, 3600))) {
      line.drain = std::chrono::seconds(*number);
    } else {
      return std::nullopt;
    }
  }
  return line;
}

}  // namespace compress_service
