// The table at the end of a build.
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "integrations/build/kind_totals.h"
#include "integrations/build/printed.h"
#include "polymeter/build.h"

POLYMETER_BEGIN_NAMESPACE
namespace {

using detail::build::Fixed;
using detail::build::PadLeft;
using detail::build::PadRight;
using detail::build::Printed;
using detail::build::PrintedBytes;
using detail::build::PrintedSeconds;

constexpr std::size_t kMostFailures = 20;

std::string Count(std::uint64_t n, std::string_view what) {
  return std::to_string(n) + " " + std::string(what) + (n == 1 ? "" : "s");
}

// "a.cpp.o (a.cpp)"
std::string NameOf(const BuildStep& step) {
  std::string name = Printed(step.name);
  if (!step.source.empty()) name += " (" + Printed(step.source) + ")";
  return name;
}

std::string HeadLine(const BuildSummary& build) {
  std::string line = Printed(build.tool) + ": " + Printed(build.result);
  if (build.signal) {
    line += " (signal " + std::to_string(*build.signal) + ")";
  } else if (build.exit_code && *build.exit_code != 0) {
    line += " (exit code " + std::to_string(*build.exit_code) + ")";
  }
  line += ", " + Count(build.steps.size(), "step") + " in " + PrintedSeconds(build.wall_seconds);
  if (!build.steps.empty()) line += ", " + Fixed(build.parallelism(), 2) + " at a time";
  return line + "\n";
}

std::string FactsLine(const BuildSummary& build) {
  std::vector<std::string> facts;
  if (build.critical_path_seconds) {
    facts.push_back("critical path " + PrintedSeconds(*build.critical_path_seconds) + " (" +
                    Count(build.critical_path.size(), "step") + ")");
  }
  if (build.cpu_user_seconds || build.cpu_system_seconds) {
    facts.push_back("CPU " + PrintedSeconds(build.cpu_user_seconds.value_or(0) +
                                            build.cpu_system_seconds.value_or(0)));
  }
  if (build.peak_rss_bytes) {
    facts.push_back("largest process " + PrintedBytes(static_cast<double>(*build.peak_rss_bytes)));
  }
  std::string line;
  for (const std::string& fact : facts) line += (line.empty() ? "  " : ", ") + fact;
  return line.empty() ? line : line + "\n";
}

std::string KindTable(const BuildSummary& build) {
  if (build.steps.empty()) return "";
  std::string text = "\n  kind          steps   cached   failed          time       longest\n";
  for (const auto& [kind, row] : detail::build::TotalsByKind(build)) {
    text += "  " + PadRight(Printed(kind), 12) + PadLeft(std::to_string(row.steps), 7) +
            PadLeft(std::to_string(row.cached), 9) + PadLeft(std::to_string(row.failed), 9) +
            PadLeft(PrintedSeconds(row.seconds), 14) +
            PadLeft(PrintedSeconds(row.longest_seconds), 14) + "\n";
  }
  return text;
}

std::string Failures(const BuildSummary& build) {
  std::string text;
  std::size_t shown = 0;
  for (const BuildStep& step : build.steps) {
    if (step.result != "failed") continue;
    if (shown == 0) text = "\n  failed\n";
    if (++shown <= kMostFailures) text += "    " + NameOf(step) + "\n";
  }
  if (shown > kMostFailures) text += "    and " + Count(shown - kMostFailures, "more step") + "\n";
  return text;
}

std::string Slowest(const BuildSummary& build) {
  std::string text;
  for (const BuildStep* const step : build.slowest_steps()) {
    if (text.empty()) text = "\n  slowest\n";
    text += "  " + PadLeft(PrintedSeconds(*step->seconds), 14) + "  " +
            PadRight(Printed(step->kind), 8) + " " + NameOf(*step) + "\n";
  }
  return text;
}

std::string Phases(const BuildSummary& build) {
  if (build.phase_units == 0) return "";
  return "\n  compilers (" + Count(build.phase_units, "unit") + "): frontend " +
         PrintedSeconds(build.phases.frontend_seconds) + " (sources " +
         PrintedSeconds(build.phases.source_seconds) + ", templates " +
         PrintedSeconds(build.phases.template_seconds) + "), backend " +
         PrintedSeconds(build.phases.backend_seconds) + "\n";
}

// "ccache: 38 direct_hit, 2 uncacheable (unsupported_compiler_option)"
std::string Caches(const BuildSummary& build) {
  std::map<std::string, std::string> lines;
  for (const BuildCacheRequests& one : build.cache) {
    std::string& line = lines[one.cache];
    line += (line.empty() ? "" : ", ") + std::to_string(one.requests) + " " + Printed(one.result);
    if (!one.reason.empty()) line += " (" + Printed(one.reason) + ")";
  }
  std::string text;
  for (const auto& [cache, line] : lines) text += "\n  " + Printed(cache) + ": " + line + "\n";
  return text;
}

std::string InputErrors(const BuildSummary& build) {
  std::string text;
  for (const BuildInputErrors& one : build.input_errors) {
    text +=
        "\n  not understood: " + std::to_string(one.errors) + " of " + Printed(one.input) + "\n";
  }
  return text;
}

}  // namespace

std::string FormatBuildTable(const BuildSummary& build) {
  return HeadLine(build) + FactsLine(build) + KindTable(build) + Failures(build) + Slowest(build) +
         Phases(build) + Caches(build) + InputErrors(build);
}

POLYMETER_END_NAMESPACE
