// libFuzzer: ccache's statistics log and clang's report of processes, whole from the input or made
// of lines that the input chooses. Each line ends up somewhere: in a call, or counted.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "integrations/build/ccache_log.h"
#include "integrations/build/proc_stat_report.h"

namespace {

using polymeter::detail::build::CcacheCall;
using polymeter::detail::build::CcacheLog;
using polymeter::detail::build::ReadCcacheLog;
using polymeter::detail::build::ReadProcStatReport;

std::size_t LinesOf(std::string_view text) {
  std::size_t lines = 0;
  for (std::size_t at = 0; at < text.size(); ++lines) {
    at = text.find('\n', at);
    at = at == std::string_view::npos ? text.size() : at + 1;
  }
  return lines;
}

std::size_t HeadsOf(std::string_view text) {
  std::size_t heads = !text.empty() && text.front() == '#' ? 1 : 0;
  for (std::size_t i = 0; i + 1 < text.size(); ++i) heads += text[i] == '\n' && text[i + 1] == '#';
  return heads;
}

void CheckCcache(std::string_view text) {
  const CcacheLog log = ReadCcacheLog(text);
  if (log.calls.size() + log.undecided + log.dropped != HeadsOf(text)) std::abort();
  if (log.bad_lines + HeadsOf(text) > LinesOf(text)) std::abort();
  for (const CcacheCall& call : log.calls) {
    const std::string_view r = call.result;
    if (r != "direct_hit" && r != "preprocessed_hit" && r != "miss" && r != "uncacheable" &&
        r != "error") {
      std::abort();
    }
    if (call.reason.empty() != (r != "uncacheable" && r != "error")) std::abort();
    if (call.source.find('\n') != std::string::npos) std::abort();
  }
}

void CheckProcStat(std::string_view text) {
  const auto report = ReadProcStatReport(text);
  if (report.lines.size() + report.bad_lines + report.dropped != LinesOf(text)) std::abort();
  for (const auto& line : report.lines) {
    if (!(line.cpu_seconds >= 0) || !(line.user_seconds >= 0)) std::abort();
    if (line.peak_rss_bytes % 1024 != 0) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr const char* kPieces[] = {
      "# /p/a.cpp\n",
      "cache_miss\n",
      "direct_cache_hit\n",
      "preprocessed_cache_hit\n",
      "#\n",
      "internal_error\n",
      "unsupported_compiler_option\n",
      "\"clang\",",
      "\"a.o\",",
      "12,",
      "34\n",
      "\\",
      "\"",
      "\n",
      "# ",
      "x",
  };
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  CheckCcache(text);
  CheckProcStat(text);
  std::string made;
  for (std::size_t i = 0; i < size; ++i) {
    if (data[i] < 0xF0) {
      made += kPieces[data[i] & 15];
    } else {
      made += static_cast<char>(data[i]);
    }
  }
  CheckCcache(made);
  CheckProcStat(made);
  return 0;
}
