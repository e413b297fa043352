// polymeter build
#include <fcntl.h>

#include <charconv>
#include <cstdio>
#include <string>

#include "integrations/cli/build_watch.h"
#include "integrations/cli/commands.h"
#include "integrations/cli/wrap.h"
#include "integrations/common/file_reader.h"
#include "polymeter/build.h"
#include "polymeter/polymeter.h"
#include "sdk/src/env.h"

namespace polymeter::cli {
namespace {

constexpr int kRegression = 3;
constexpr std::size_t kMaxReport = std::size_t{256} << 20;

// What the options ask for, checked before the build, so that it is not in vain.
struct BuildRequest {
  std::string error;
  std::optional<std::string> report;
  std::optional<std::string> trace;
  std::optional<BuildSummary> baseline;
  std::vector<std::string> limits;
  int regression_code = kRegression;
  bool quiet = false;
};

BuildRequest RequestOf(const CommandLine& line) {
  BuildRequest request;
  request.report = line.Value("--report");
  request.trace = line.Value("--trace");
  request.limits = line.Values("--fail-on");
  request.quiet = line.Has("--quiet");
  for (const std::string& limit : request.limits) {
    const Status status = CheckBuildLimit(limit);
    if (!status) request.error = "--fail-on: " + status.message();
  }
  if (const auto code = line.Value("--regression-code")) {
    const auto [end, error] =
        std::from_chars(code->data(), code->data() + code->size(), request.regression_code);
    if (error != std::errc() || end != code->data() + code->size() || request.regression_code < 0 ||
        request.regression_code > 255) {
      request.error = "--regression-code is not a number from 0 to 255";
    }
  }
  if (const auto path = line.Value("--baseline")) {
    std::string text;
    if (!detail::ReadFile(*path, text, kMaxReport)) {
      request.error = "--baseline: " + *path + " cannot be read";
    } else if (auto baseline = ParseBuildReport(text)) {
      request.baseline = std::move(baseline.value());
    } else {
      request.error = "--baseline: " + *path + ": " + baseline.message();
    }
  } else if (!request.limits.empty()) {
    request.error = "--fail-on needs a --baseline";
  }
  return request;
}

void WriteFile(const std::string& path, const std::string& text) {
  std::FILE* const file = std::fopen(path.c_str(), "we");
  if (file == nullptr) {
    Say(path + " cannot be written");
    return;
  }
  const bool written = std::fwrite(text.data(), 1, text.size(), file) == text.size();
  if (std::fclose(file) != 0 || !written) Say(path + " cannot be written");
}

// The exit code where the build's own is 0.
int Tell(const BuildRequest& request, const BuildSummary& summary, std::FILE* to) {
  if (request.report) WriteFile(*request.report, FormatBuildReport(summary));
  if (request.trace) WriteFile(*request.trace, FormatBuildTrace(summary));
  if (!request.quiet) std::fputs(FormatBuildTable(summary).c_str(), to);
  if (!request.baseline) return 0;
  const auto comparison = CompareBuilds(*request.baseline, summary, request.limits);
  if (!comparison) {
    Say(comparison.message());
    return request.regression_code;
  }
  std::fputs(FormatBuildComparison(comparison.value()).c_str(), to);
  return comparison.value().regressed() ? request.regression_code : 0;
}

int RunOldLog(const CommandLine& line, const BuildRequest& request, const std::string& path) {
  const OldBuild old = ReadOldLog(path);
  if (!old.build) {
    Say(old.error);
    return 1;
  }
  if (!request.quiet && old.builds > 1) {
    Say("the last of " + std::to_string(old.builds) + " builds in " + path);
  }
  const int result = Tell(request, *old.build, stdout);
  OwnMetrics metrics;
  if (metrics.recording()) BuildMetrics(metrics.get()).Observe(*old.build);
  metrics.Push(std::chrono::milliseconds(
      ParseMillis(line.Value("--push-timeout").value_or("5s")).value_or(5000)));
  return result;
}

}  // namespace

int RunBuild(const CommandLine& line) {
  BuildRequest request = RequestOf(line);
  const auto old = line.Value("--log");
  if (old.has_value() != line.program.empty()) {
    request.error = old ? "--log reads an old log: no program is run"
                        : "the program to run is missing: polymeter build [OPTIONS] -- PROGRAM";
  }
  if (!request.error.empty()) {
    Say(request.error);
    return kUsageError;
  }
  if (old) return RunOldLog(line, request, *old);

  BuildWatchOptions options;
  options.command = line.program;
  options.folder = line.Value("--folder").value_or("");
  options.proc_stats = line.Value("--proc-stats").value_or("");
  const detail::Environment environment = detail::Environment::OfProcess();
  if (const auto log = environment.Get("CCACHE_STATSLOG")) options.ccache_log = std::string(*log);
  BuildWatch watch(options);
  Wrap wrap(line);
  ChildPlan plan;
  plan.command = line.program;
  plan.environment = watch.environment();
  plan.own_files = watch.own_files();
  Tee tee(plan);
  wrap.Start(plan);
  tee.Start({[&](std::string_view bytes, TimePoint) { watch.Output(bytes); }, {}, {}},
            {[&](std::string_view bytes, TimePoint) { watch.Errors(bytes); }, {}, {}});
  LoopPlan loop;
  loop.from_child = tee.pumps();
  if (tee.terminal()) loop.resized = [&tee] { tee.Resize(); };
  wrap.Loop(loop);

  int result = 0;
  Wrap::Guarded([&] {
    const BuildSummary summary = watch.Finish(wrap.outcome());
    BuildMetrics(wrap.metrics()).Observe(summary);
    if (wrap.started()) result = Tell(request, summary, stderr);
  });
  watch.RemoveFiles();  // End may not return
  return wrap.End(result);
}

}  // namespace polymeter::cli
