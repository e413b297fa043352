#include "integrations/build/unit_results.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstddef>
#include <limits>
#include <map>
#include <unordered_map>
#include <utility>
#include <vector>

#include "integrations/build/text.h"
#include "integrations/common/file_reader.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace build {
namespace {

constexpr std::size_t kLargestTrace = std::size_t{64} << 20;
constexpr std::size_t kMostTraceBytes = std::size_t{512} << 20;
constexpr std::int64_t kSlackMs = 100;

std::string_view PublicResult(BuildResult result) {
  switch (result) {
    case BuildResult::kOk:
      return "success";
    case BuildResult::kFailed:
      return "failure";
    case BuildResult::kInterrupted:
      return "cancellation";
  }
  return "failure";
}

double Seconds(std::int64_t ms) { return static_cast<double>(ms) / 1000; }

void AddErrors(BuildSummary& build, std::string_view input, std::uint64_t errors) {
  if (errors == 0) return;
  for (BuildInputErrors& one : build.input_errors) {
    if (one.input == input) {
      one.errors += errors;
      return;
    }
  }
  build.input_errors.push_back({std::string(input), errors});
}

// Without leading "./" and "../".
std::string_view Rest(std::string_view path) {
  for (;;) {
    if (StartsWith(path, "./")) {
      path.remove_prefix(2);
    } else if (StartsWith(path, "../")) {
      path.remove_prefix(3);
    } else {
      return path;
    }
  }
}

// Whether one path can be the other one written from another folder.
bool MayBeSame(std::string_view a, std::string_view b) {
  a = Rest(a);
  b = Rest(b);
  if (a.size() < b.size()) std::swap(a, b);
  if (b.empty() || b.front() == '/') return a == b;
  return EndsWith(a, b) && (a.size() == b.size() || a[a.size() - b.size() - 1] == '/');
}

using Indices = std::vector<std::size_t>;

// The compilations of a source: those that name it so, else those that may mean it.
Indices CompilationsOf(std::string_view source, const Indices& same_file_name,
                       const BuildSummary& build) {
  Indices exact;
  Indices possible;
  for (const std::size_t i : same_file_name) {
    if (build.steps[i].source == source) exact.push_back(i);
    if (MayBeSame(build.steps[i].source, source)) possible.push_back(i);
  }
  return exact.empty() ? possible : exact;
}

void MarkCached(Indices steps, std::size_t served, BuildSummary& build) {
  const auto seconds = [&](std::size_t i) {
    return build.steps[i].seconds.value_or(std::numeric_limits<double>::infinity());
  };
  std::stable_sort(steps.begin(), steps.end(),
                   [&](std::size_t a, std::size_t b) { return seconds(a) < seconds(b); });
  for (const std::size_t i : steps) {
    if (served == 0) return;
    if (build.steps[i].result != "ok") continue;
    build.steps[i].result = LabelValue(StepResult::kCached);
    --served;
  }
}

// Of those steps that a compiler ran for, by file name of the source.
std::unordered_map<std::string_view, Indices> Compilations(const BuildSummary& build) {
  std::unordered_map<std::string_view, Indices> steps;
  for (std::size_t i = 0; i < build.steps.size(); ++i) {
    const BuildStep& step = build.steps[i];
    if (step.kind == LabelValue(StepKind::kCompile) && !step.source.empty()) {
      steps[FileName(step.source)].push_back(i);
    }
  }
  return steps;
}

}  // namespace

BuildSummary SummaryOf(const Build& build) {
  BuildSummary summary;
  summary.tool = LabelValue(build.tool);
  summary.result = PublicResult(build.result);
  summary.exit_code = build.exit_code;
  summary.signal = build.signal;
  summary.begin_unix_ms = build.begin_ms;
  summary.wall_seconds = Seconds(build.wall_ms);
  summary.planned_steps = build.planned;
  summary.steps.reserve(build.steps.size());
  for (const Step& from : build.steps) {
    BuildStep& step = summary.steps.emplace_back();
    step.name = from.outputs.empty() ? std::string() : from.outputs.front();
    step.source = from.source;
    step.kind = LabelValue(from.kind);
    step.language = LabelValue(from.language);
    step.result = LabelValue(from.result);
    if (from.start_ms && from.end_ms) {
      step.begin_seconds = Seconds(*from.start_ms);
      step.seconds = Seconds(from.duration_ms());
    }
    step.peak_rss_bytes = from.peak_rss_bytes;
    if (from.peak_rss_bytes) {
      summary.peak_rss_bytes = std::max(summary.peak_rss_bytes.value_or(0), *from.peak_rss_bytes);
    }
  }
  return summary;
}

void AddCriticalPath(const CriticalPath& path, BuildSummary& build) {
  build.critical_path_seconds = Seconds(path.ms);
  build.critical_path.clear();
  for (const std::size_t i : path.steps) {
    if (i < build.steps.size()) build.critical_path.push_back(build.steps[i].name);
  }
}

void AddCcacheLog(const CcacheLog& log, BuildSummary& build) {
  std::map<std::pair<std::string_view, std::string_view>, std::uint64_t> requests;
  std::map<std::string_view, std::size_t> served;
  for (const CcacheCall& call : log.calls) {
    ++requests[{call.result, call.reason}];
    if (EndsWith(call.result, "_hit")) ++served[call.source];
  }
  for (const auto& [what, n] : requests) {
    build.cache.push_back({"ccache", std::string(what.first), std::string(what.second), n});
  }
  AddErrors(build, "ccache_log", log.bad_lines + log.undecided + log.dropped);

  const auto compilations = Compilations(build);
  for (const auto& [source, n] : served) {
    const auto at = compilations.find(FileName(source));
    if (at != compilations.end()) {
      MarkCached(CompilationsOf(source, at->second, build), n, build);
    }
  }
}

void AddProcStats(const ProcStatReport& report, BuildSummary& build) {
  std::unordered_map<std::string_view, std::uint64_t> peaks;
  for (const ProcStat& line : report.lines) peaks[line.output] = line.peak_rss_bytes;
  for (BuildStep& step : build.steps) {
    // What stands there of one that the cache served is an earlier compilation's.
    if (step.result == LabelValue(StepResult::kCached)) continue;
    const auto at = peaks.find(step.name);
    if (at == peaks.end()) continue;
    step.peak_rss_bytes = std::max(step.peak_rss_bytes.value_or(0), at->second);
    build.peak_rss_bytes = std::max(build.peak_rss_bytes.value_or(0), at->second);
  }
  AddErrors(build, "proc_stat_report", report.bad_lines + report.dropped);
}

std::string TimeTracePath(std::string_view object) {
  const std::size_t dot = FileName(object).rfind('.');
  if (dot != std::string_view::npos && dot > 0) {
    object = object.substr(0, object.size() - FileName(object).size() + dot);
  }
  return std::string(object) + ".json";
}

bool IsOfBuild(const TimeTrace& trace, const BuildSummary& build) {
  if (trace.begin_unix_us == 0 || !build.begin_unix_ms) return true;
  const double since =
      static_cast<double>(trace.begin_unix_us) / 1000 - static_cast<double>(*build.begin_unix_ms);
  return since >= -static_cast<double>(kSlackMs) &&
         since <= build.wall_seconds * 1000 + static_cast<double>(kSlackMs);
}

void AddTimeTrace(const TimeTrace& trace, BuildSummary& build) {
  AddErrors(build, "time_trace", trace.bad_events + (trace.complete ? 0 : 1));
  if (!trace.complete) return;
  build.phases.frontend_seconds += trace.phases.frontend_seconds;
  build.phases.backend_seconds += trace.phases.backend_seconds;
  build.phases.source_seconds += trace.phases.source_seconds;
  build.phases.template_seconds += trace.phases.template_seconds;
  ++build.phase_units;
}

void AddTimeTraces(const std::string& folder, BuildSummary& build) {
  std::string text;
  std::size_t bytes = 0;
  for (const BuildStep& step : build.steps) {
    // One that the cache served wrote none: what lies there is an earlier compilation's.
    if (step.kind != LabelValue(StepKind::kCompile) || step.result == "cached") continue;
    std::string path = TimeTracePath(step.name);
    if (path.front() != '/') path = folder + "/" + path;
    struct stat file {};
    if (stat(path.c_str(), &file) != 0 || !S_ISREG(file.st_mode)) continue;
    const std::int64_t written_ms = std::int64_t{file.st_mtim.tv_sec} * 1000;
    if (build.begin_unix_ms && written_ms + 1000 + kSlackMs < *build.begin_unix_ms) continue;
    const auto size = static_cast<std::size_t>(file.st_size);
    if (size > kLargestTrace || bytes + size > kMostTraceBytes) {
      AddErrors(build, "time_trace", 1);
      continue;
    }
    bytes += size;
    if (!ReadFile(path, text, kLargestTrace)) continue;
    const TimeTrace trace = ReadTimeTrace(text);
    // Anybody's .json may lie there.
    if (trace.events == 0 && !trace.complete) continue;
    if (IsOfBuild(trace, build)) AddTimeTrace(trace, build);
  }
}

}  // namespace build
}  // namespace detail
POLYMETER_END_NAMESPACE
