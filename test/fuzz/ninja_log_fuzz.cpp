// libFuzzer: a .ninja_log, whole from the input or made of entries with some fields from it. Lines
// are all counted, edges have times that make sense, each is in one build, and a part that is read
// from a mark has what the whole has behind it.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "integrations/build/assemble.h"
#include "integrations/build/log_mark.h"

namespace {

using polymeter::detail::build::Build;
using polymeter::detail::build::BuildOf;
using polymeter::detail::build::LoggedBuild;
using polymeter::detail::build::LoggedEdge;
using polymeter::detail::build::LogSince;
using polymeter::detail::build::MarkLog;
using polymeter::detail::build::NinjaLog;
using polymeter::detail::build::ParseNinjaLog;
using polymeter::detail::build::ReadSince;
using polymeter::detail::build::SplitBuilds;
using polymeter::detail::build::Step;

void Require(bool holds) {
  if (!holds) std::abort();
}

void CheckLog(const NinjaLog& log) {
  Require(log.bad_lines <= log.lines);
  std::size_t outputs = 0;
  for (const LoggedEdge& edge : log.edges) {
    Require(edge.start_ms >= 0 && edge.end_ms >= edge.start_ms && edge.mtime_ns >= 0);
    Require(!edge.outputs.empty());
    outputs += edge.outputs.size();
  }
  Require(outputs == log.lines - log.bad_lines);
}

void CheckBuilds(const NinjaLog& log) {
  const std::vector<LoggedBuild> builds = SplitBuilds(log);
  std::vector<bool> seen(log.edges.size(), false);
  for (const LoggedBuild& build : builds) {
    Require(!build.edges.empty());
    std::int64_t end = 0;
    for (const std::size_t edge : build.edges) {
      Require(!seen.at(edge) && log.edges[edge].end_ms >= end);
      seen[edge] = true;
      end = log.edges[edge].end_ms;
    }
    Require(end == build.wall_ms);
  }
  for (const bool edge : seen) Require(edge);
  const Build build = BuildOf(log, builds, {});
  Require(build.steps.size() == log.edges.size());
  for (const Step& step : build.steps) {
    Require(*step.start_ms >= 0 && *step.end_ms >= *step.start_ms && *step.end_ms <= build.wall_ms);
  }
}

void Check(std::string_view text) {
  const NinjaLog whole = ParseNinjaLog(text);
  CheckLog(whole);
  CheckBuilds(whole);
  // Cut behind one of its lines.
  const std::size_t cut = text.find('\n', text.size() / 2);
  if (cut == std::string_view::npos) return;
  const std::string_view before = text.substr(0, cut + 1);
  const LogSince since = ReadSince(MarkLog(1, 2, before), 1, 2, text, 0);
  Require(!since.rewritten);
  CheckLog(since.log);
  const NinjaLog first = ParseNinjaLog(before);
  Require(first.lines + since.log.lines == whole.lines);
  Require(first.bad_lines + since.log.bad_lines == whole.bad_lines);
  CheckBuilds(ReadSince(MarkLog(1, 2, before), 1, 3, text, 1795226000000).log);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Check({reinterpret_cast<const char*>(data), size});
  if (size == 0) return 0;
  std::string text = "# ninja log v" + std::to_string(4 + data[0] % 5) + "\n";
  std::int64_t now = 1795226000000;
  for (std::size_t i = 1; i + 5 < size; i += 6) {
    now += data[i] * data[i + 1];
    const int start = data[i + 2];
    const int end = start + data[i + 3] * 16;
    // An mtime near its place, one from long ago, or none.
    const std::int64_t mtime = data[i + 4] < 200 ? now + data[i + 4] : data[i + 4] % 3 * 1000;
    std::string line = std::to_string(start) + "\t" + std::to_string(end) + "\t" +
                       std::to_string(mtime * 1000000) + "\tout" +
                       std::to_string(data[i + 5] % 20) + "\t" + std::to_string(data[i + 5]) + "\n";
    if (data[i + 5] > 240) line[data[i + 5] % line.size()] = static_cast<char>(data[i]);
    text += line;
  }
  Check(text);
  return 0;
}
