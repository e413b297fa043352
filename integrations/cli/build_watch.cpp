#include "integrations/cli/build_watch.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>

#include "integrations/build/assemble.h"
#include "integrations/build/builds.h"
#include "integrations/build/ccache_log.h"
#include "integrations/build/critical_path.h"
#include "integrations/build/proc_stat_report.h"
#include "integrations/build/unit_results.h"
#include "integrations/cli/docgen_place.h"
#include "integrations/cli/helper.h"
#include "integrations/cli/step_log.h"
#include "integrations/common/file_reader.h"
#include "integrations/common/proc_text.h"

namespace polymeter::cli {
namespace {

namespace build = detail::build;

constexpr std::size_t kMaxLog = std::size_t{512} << 20;
constexpr std::size_t kMaxGraph = std::size_t{256} << 20;
constexpr std::chrono::seconds kGraphTimeout{20};
constexpr const char* kCcacheVariable = "CCACHE_STATSLOG";

std::int64_t UnixMicros() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// An empty file that nobody else reads; empty where there can be none.
std::string OwnFile(const char* what) {
  std::error_code error;
  const std::filesystem::path folder = std::filesystem::temp_directory_path(error);
  if (error) return {};
  std::string path = (folder / (std::string("polymeter_") + what + "_XXXXXX")).string();
  const Fd file(mkostemp(path.data(), O_CLOEXEC));
  return file ? path : std::string();
}

std::uint64_t SizeOf(const std::string& path) {
  struct stat status {};
  return stat(path.c_str(), &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
}

void AddErrors(BuildSummary& summary, std::string input, std::uint64_t errors) {
  if (errors != 0) summary.input_errors.push_back({std::move(input), errors});
}

// Whether one of two paths may be the other from another folder.
bool EndsLike(std::string_view a, std::string_view b) {
  if (a.size() < b.size()) std::swap(a, b);
  return !b.empty() && a.substr(a.size() - b.size()) == b &&
         (a.size() == b.size() || a[a.size() - b.size() - 1] == '/');
}

}  // namespace

BuildWatch::BuildWatch(const BuildWatchOptions& options)
    : options_(options), place_(PlaceOfBuild(options.command)) {
  folder_ = options.folder.empty() ? place_.folder : options.folder;
  if (options.ccache_log) {
    ccache_log_ = *options.ccache_log;
    ccache_log_size_ = SizeOf(ccache_log_);
  } else {
    ccache_log_ = OwnFile("ccache");
    Give(kCcacheVariable, ccache_log_);
  }
  step_log_ = OwnFile("steps");
  Give(kStepsVariable, step_log_);
  MarkNinjaLog();
  began_us_ = UnixMicros();
}

void BuildWatch::Give(const char* variable, const std::string& file) {
  if (file.empty()) return;
  environment_.emplace_back(variable, file);
  own_files_.push_back(file);
}

void BuildWatch::RemoveFiles() {
  for (const std::string& file : own_files_) unlink(file.c_str());
  own_files_.clear();
}

void BuildWatch::MarkNinjaLog() {
  struct stat status {};
  std::string text;
  if (stat(LogPath().c_str(), &status) != 0 || !detail::ReadFile(LogPath(), text, kMaxLog)) return;
  mark_ = build::MarkLog(status.st_dev, status.st_ino, text);
}

std::vector<std::string> BuildWatch::GraphCommand() const {
  std::string ninja = place_.tool == "ninja" ? place_.program : std::string("ninja");
  std::string cache;
  if (place_.tool == "cmake" && detail::ReadFile(folder_ + "/CMakeCache.txt", cache)) {
    const auto made = detail::ValueOfLine(cache, "CMAKE_MAKE_PROGRAM:FILEPATH=");
    // To make(1), -t is another order: it touches what is to be built.
    if (made && PlaceOfBuild({std::string(*made)}).tool == "ninja") ninja = *made;
  }
  std::vector<std::string> command{ninja, "-C", folder_};
  std::string file = place_.file;
  if (!place_.config.empty()) {  // CMake's "Ninja Multi-Config" has a file for each
    const std::string of_config = "build-" + place_.config + ".ninja";
    if (access((folder_ + "/" + of_config).c_str(), R_OK) == 0) file = of_config;
  }
  if (!file.empty()) command.insert(command.end(), {"-f", file});
  command.insert(command.end(), {"-t", "graph"});
  command.insert(command.end(), place_.targets.begin(), place_.targets.end());
  return command;
}

void BuildWatch::ReadNinja(BuildSummary& summary) {
  output_.Finish();
  errors_.Finish();
  const build::BuildOutput printed = build::Join(output_.result(), errors_.result());
  build::LogSince since;
  struct stat status {};
  std::string text;
  const bool has_log =
      stat(LogPath().c_str(), &status) == 0 && detail::ReadFile(LogPath(), text, kMaxLog);
  if (has_log) {
    since = build::ReadSince(mark_, status.st_dev, status.st_ino, text, began_us_ / 1000);
  }
  text = {};
  // Nothing ran: nothing to name.
  const bool any = !since.log.edges.empty() || !printed.failed.empty();
  build::NinjaGraph graph;
  build::CompileDatabase commands;
  bool cut_off = false;
  if (any && has_log) {
    if (const auto dot = OutputOf(GraphCommand(), kGraphTimeout, kMaxGraph)) {
      graph = build::ParseNinjaGraph(*dot);
    }
  }
  if (any && graph.edges().empty() &&
      detail::ReadFile(folder_ + "/compile_commands.json", text, kMaxGraph)) {
    commands = build::ParseCompileDatabase(text);
    cut_off = !commands.complete();
  }
  const build::StepNames names{graph.edges().empty() ? nullptr : &graph,
                               commands.commands().empty() ? nullptr : &commands};
  build::Build made;
  if (has_log && !since.log.edges.empty()) {
    made = build::BuildOf(since.log, build::SplitBuilds(since.log), names);
  }
  const bool logged = !made.steps.empty();
  build::AddOutput(made, printed, names);
  summary = build::SummaryOf(made);
  if (logged && !graph.edges().empty()) {
    build::AddCriticalPath(build::FindCriticalPath(made.steps, graph), summary);
  }
  AddErrors(summary, "ninja_log", since.log.bad_lines);
  AddErrors(summary, "ninja_output", printed.failed_count - printed.failed.size());
  AddErrors(summary, "ninja_graph", graph.bad_lines());
  AddErrors(summary, "compdb", commands.bad_entries() + (cut_off ? 1 : 0));
  // The build began when its command did, which may be a while before its ninja.
  const std::int64_t began_ms = began_us_ / 1000;
  const double later =
      summary.begin_unix_ms
          ? std::max(0.0, static_cast<double>(*summary.begin_unix_ms - began_ms) / 1000)
          : 0;
  for (BuildStep& step : summary.steps) {
    if (step.begin_seconds) *step.begin_seconds += later;
  }
  summary.begin_unix_ms = began_ms;
}

void BuildWatch::AddSteps(BuildSummary& summary) const {
  std::string text;
  if (step_log_.empty() || !detail::ReadFile(step_log_, text, kMaxLog) || text.empty()) return;
  const StepLog log = ParseSteps(text);
  AddErrors(summary, "steps", log.bad_lines);
  const bool logged = std::any_of(summary.steps.begin(), summary.steps.end(),
                                  [](const BuildStep& step) { return step.seconds.has_value(); });
  if (logged) {
    // Ninja has told the steps; the launcher knows their memory.
    build::ProcStatReport report;
    for (const StepRecord& record : log.steps) {
      report.lines.push_back({record.kind, record.output, 0, 0, record.peak_rss_bytes});
    }
    build::AddProcStats(report, summary);
    return;
  }
  std::error_code error;
  const std::string folder = std::filesystem::canonical(folder_, error).string();
  std::vector<BuildStep> steps = StepsOf(log, began_us_, folder);
  // Of the failures that the tool printed, those that no step told.
  for (BuildStep& printed : summary.steps) {
    const bool told = std::any_of(steps.begin(), steps.end(), [&](const BuildStep& step) {
      return step.result == "failed" && EndsLike(step.name, printed.name);
    });
    if (!told) steps.push_back(std::move(printed));
  }
  summary.steps = std::move(steps);
}

void BuildWatch::AddCcache(BuildSummary& summary) const {
  std::string text;
  if (ccache_log_.empty() || !detail::ReadFile(ccache_log_, text, kMaxLog)) return;
  if (text.size() < ccache_log_size_) return;  // somebody has begun it anew
  const std::string_view fresh = std::string_view(text).substr(ccache_log_size_);
  if (!fresh.empty()) build::AddCcacheLog(build::ReadCcacheLog(fresh), summary);
}

BuildSummary BuildWatch::Finish(const Outcome& outcome) {
  BuildSummary summary;
  ReadNinja(summary);
  AddSteps(summary);
  if (place_.tool != "other") summary.tool = place_.tool;
  summary.command = options_.command;
  summary.wall_seconds = std::chrono::duration<double>(outcome.duration()).count();
  if (!outcome.started) {
    summary.result = "error";
  } else if (outcome.signal() != 0) {
    summary.result = "cancellation";
    summary.signal = outcome.signal();
  } else {
    if (summary.result != "cancellation") {
      summary.result = outcome.succeeded() ? "success" : "failure";
    }
    summary.exit_code = outcome.code();
  }
  if (outcome.usage) {
    const auto seconds = [](const timeval& time) {
      return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
    };
    summary.cpu_user_seconds = seconds(outcome.usage->ru_utime);
    summary.cpu_system_seconds = seconds(outcome.usage->ru_stime);
  }
  AddCcache(summary);
  std::string text;
  if (!options_.proc_stats.empty() && detail::ReadFile(options_.proc_stats, text, kMaxLog)) {
    build::AddProcStats(build::ReadProcStatReport(text), summary);
  }
  build::AddTimeTraces(folder_, summary);
  if (outcome.usage) {
    summary.peak_rss_bytes = std::max(summary.peak_rss_bytes.value_or(0), outcome.peak_rss_bytes());
  }
  return summary;
}

namespace {

// What CMake's files let ninja do before it builds: looking for new sources, writing build.ninja
// anew. It stands in the log as a run of its own.
bool OnlyPrepares(const build::NinjaLog& log, const build::LoggedBuild& run) {
  return std::all_of(run.edges.begin(), run.edges.end(), [&](std::size_t edge) {
    const std::string_view output = log.edges[edge].outputs.front();
    return output.ends_with("cmake.verify_globs") || output.ends_with("build.ninja");
  });
}

}  // namespace

OldBuild ReadOldLog(const std::string& path) {
  OldBuild old;
  std::string text;
  if (!detail::ReadFile(path, text, kMaxLog)) {
    old.error = path + " cannot be read";
    return old;
  }
  const build::NinjaLog log = build::ParseNinjaLog(text);
  if (log.version == 0) {
    old.error = path + " is no .ninja_log";
    return old;
  }
  const std::vector<build::LoggedBuild> runs = build::SplitBuilds(log);
  if (runs.empty()) {
    old.error = path + " holds no build";
    return old;
  }
  const build::LoggedBuild* last = &runs.back();
  for (const build::LoggedBuild& run : runs) {
    if (OnlyPrepares(log, run)) continue;
    last = &run;
    ++old.builds;
  }
  old.build = build::SummaryOf(build::BuildOf(log, {*last}, {}));
  AddErrors(*old.build, "ninja_log", log.bad_lines);
  return old;
}

}  // namespace polymeter::cli
