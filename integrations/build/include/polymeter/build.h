// Builds: what one run of a build tool was, its report, its comparison with an earlier one and its
// metrics. C++17.
//
// `polymeter build -- ninja` fills a BuildSummary by watching a build tool that knows nothing of
// it; a tool that embeds this library fills one itself and gives it to BuildMetrics. Everything but
// BuildMetrics is a pure function: no I/O, no clock, thread-safe, and nothing here throws anything
// but std::bad_alloc. Times are seconds, sizes bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "polymeter/metrics.h"
#include "polymeter/status.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
struct BuildMetricsState;
}  // namespace detail

// Where compilers spent their time, as clang's -ftime-trace tells it. The last two are parts of the
// frontend (and templates partly of sources): never add up all four.
struct BuildPhases {
  double frontend_seconds = 0;  // parsing and semantic analysis
  double backend_seconds = 0;   // optimizing and generating code
  double source_seconds = 0;    // reading and parsing files
  double template_seconds = 0;  // instantiating templates
};

// One command of a build.
struct BuildStep {
  std::string name;                // its first output, as the tool writes it
  std::string source;              // empty: none, or not known
  std::string kind = "custom";     // compile, link, archive or custom
  std::string language = "other";  // c, cxx, objc, objcxx, cuda, hip, fortran, assembly, rust, ...
  std::string result = "ok";       // ok, failed, or cached: a compiler cache had it
  // Since the build's begin. Nothing where it is not known: ninja logs no times of a step that
  // failed.
  std::optional<double> begin_seconds;
  std::optional<double> seconds;                // how long it ran
  std::optional<std::uint64_t> peak_rss_bytes;  // of its largest process
};

// Requests to a compiler cache that ended alike.
struct BuildCacheRequests {
  std::string cache = "ccache";  // ccache, sccache, ...
  std::string result;            // direct_hit, preprocessed_hit, miss, uncacheable or error
  std::string reason;  // in the cache's own word, where it gives one: unsupported_compiler_option
  std::uint64_t requests = 0;  // how many
};

// Something that was read and not understood: lines of a log, a file that is not what it should be.
struct BuildInputErrors {
  std::string input;  // ninja_log, ninja_output, ninja_graph, compdb, time_trace, ccache_log, ...
  std::uint64_t errors = 0;  // how many
};

// One run of a build tool. Texts that name a kind, a tool or a result are the ones in the
// comments; BuildMetrics counts any other one as `other`.
struct BuildSummary {
  std::string tool = "other";        // ninja, make, cmake, ...
  std::vector<std::string> command;  // for the report
  // OpenTelemetry's words (cicd.pipeline.result): success, failure, cancellation (a signal ended
  // it) or error (the tool could not be run).
  std::string result = "success";
  std::optional<int> exit_code;                 // nothing when a signal ended the tool
  std::optional<int> signal;                    // that ended the tool
  std::optional<std::int64_t> begin_unix_ms;    // milliseconds since 1970
  double wall_seconds = 0;                      // from begin to end
  std::optional<double> cpu_user_seconds;       // of the tool and all that it ran
  std::optional<double> cpu_system_seconds;     // the same in the kernel
  std::optional<std::uint64_t> peak_rss_bytes;  // of the largest single process
  std::optional<std::uint64_t> planned_steps;   // that the tool meant to run at first
  std::vector<BuildStep> steps;                 // those that ran, in the order in which they ended
  // The chain of steps, each waiting for the one before, that takes longest.
  std::optional<double> critical_path_seconds;
  std::vector<std::string> critical_path;      // their names, first to last
  BuildPhases phases;                          // added up over
  std::uint64_t phase_units = 0;               // so many compilations
  std::vector<BuildCacheRequests> cache;       // of compiler caches
  std::vector<BuildInputErrors> input_errors;  // what was not understood

  // The steps' durations added up, failed ones only where they are known.
  POLYMETER_EXPORT double step_seconds() const noexcept;
  // How many steps ran at a time on average: step_seconds over wall_seconds, 0 without the latter.
  POLYMETER_EXPORT double parallelism() const noexcept;
  // Steps with the result `failed`.
  POLYMETER_EXPORT std::uint64_t failed_steps() const noexcept;
  // Requests served over those served and missed; nothing without any.
  POLYMETER_EXPORT std::optional<double> cache_hit_ratio() const noexcept;
  // The `most` steps that took longest, first the longest; equal ones by name.
  POLYMETER_EXPORT std::vector<const BuildStep*> slowest_steps(std::size_t most = 10) const;
};

// --- what is written -----------------------------------------------------------------------------

// build.json, version 1; the schema is in docs/adapters/build.md. UTF-8: what is not becomes
// U+FFFD.
POLYMETER_EXPORT std::string FormatBuildReport(const BuildSummary& build);
// Reads it back: all that the steps, totals and other fields of BuildSummary hold. An error for
// text that is no such report, names the field that is wrong, and for one of a newer version.
POLYMETER_EXPORT Result<BuildSummary> ParseBuildReport(std::string_view json);

// Chrome's trace format, for chrome://tracing and ui.perfetto.dev: one lane for each step that ran
// at the same time. Steps without times are marks at the end.
POLYMETER_EXPORT std::string FormatBuildTrace(const BuildSummary& build);

// For a person: totals, steps by kind, failures, the slowest steps. Ends in a newline; no escape
// sequences, and none that a file's name smuggles in.
POLYMETER_EXPORT std::string FormatBuildTable(const BuildSummary& build);

// --- comparison with an earlier build ------------------------------------------------------------

// A limit is MEASURE>AMOUNT or MEASURE<AMOUNT, and says what is a regression:
//
//   wall>10%        more than 10 % above the baseline     parallelism<10%   more than 10 % below
//   wall>+30s       more than 30 s above the baseline     cache_hits<-0.05  more than 0.05 below
//   wall>300s       more than 300 s, whatever it was      cache_hits<0.8    less than 0.8
//
// Measures: wall, cpu, work (all steps' time), critical_path, slowest (the longest step),
// parallelism, peak_rss, steps, failed, cache_hits (0 to 1), step and step:compile, step:link,
// step:archive, step:custom (the time of those steps that both builds ran, whatever else they did),
// phase:frontend, phase:backend, phase:source, phase:template (the mean of a unit). Units: ms, s,
// min, h; B, KiB, MiB, GiB, kB, MB, GB; none is seconds, bytes or a plain number.
//
// Whether `limit` is one: to be asked before a build, so that it is not in vain.
POLYMETER_EXPORT Status CheckBuildLimit(std::string_view limit);

// What a limit says.
enum class BuildVerdict : std::uint8_t {
  kKept,
  kExceeded,
  kUnknown,  // one of the builds does not have the measure
};

// A limit and the two values that it compares.
struct BuildLimitResult {
  std::string limit;                              // as it was given
  BuildVerdict verdict = BuildVerdict::kUnknown;  // what it says
  std::optional<double> before;                   // in the earlier build
  std::optional<double> now;                      // in this one
};

// A measure of both builds, as a limit may name it.
struct BuildChange {
  std::string measure;  // as a limit may name it
  std::string unit;     // "s", "B" or empty
  double before = 0;    // in the earlier build
  double now = 0;       // in this one
};

// A step that both builds ran.
struct BuildStepChange {
  std::string name;   // of the step
  std::string kind;   // of the step
  double before = 0;  // seconds
  double now = 0;     // seconds
};

// Two builds beside each other.
struct BuildComparison {
  std::vector<BuildChange> changes;      // every measure that both have
  std::vector<BuildLimitResult> limits;  // in the order given
  // Steps that ran in both and went through (by name; not one that a cache served in only one of
  // them), and those of one alone. Builds that did different work say little about each other.
  std::uint64_t common_steps = 0;
  std::uint64_t steps_only_before = 0;  // see common_steps
  std::uint64_t steps_only_now = 0;     // see common_steps
  std::vector<BuildStepChange> slower;  // at most 10, first the one that lost most time

  // Whether a limit is exceeded: the build should fail. An unknown one does not count.
  POLYMETER_EXPORT bool regressed() const noexcept;
};

// An error when one of `limits` is none.
POLYMETER_EXPORT Result<BuildComparison> CompareBuilds(const BuildSummary& before,
                                                       const BuildSummary& now,
                                                       const std::vector<std::string>& limits);
// For a person, as FormatBuildTable.
POLYMETER_EXPORT std::string FormatBuildComparison(const BuildComparison& comparison);

// --- metrics -------------------------------------------------------------------------------------

// Of BuildMetrics.
class BuildMetricsOptions {
 public:
  // Allowed values of the labels tool, language and cache beside those that are known.
  BuildMetricsOptions& Tools(std::vector<std::string> names) {
    tools_ = std::move(names);
    return *this;
  }
  // See Tools.
  BuildMetricsOptions& Languages(std::vector<std::string> names) {
    languages_ = std::move(names);
    return *this;
  }
  // See Tools.
  BuildMetricsOptions& Caches(std::vector<std::string> names) {
    caches_ = std::move(names);
    return *this;
  }
  // Bounds in seconds. METRICS_BUCKETS and Options::Buckets win, by the family's name.
  BuildMetricsOptions& DurationBuckets(std::vector<double> bounds) {
    duration_buckets_ = std::move(bounds);
    return *this;
  }
  // The same of a step's duration.
  BuildMetricsOptions& StepBuckets(std::vector<double> bounds) {
    step_buckets_ = std::move(bounds);
    return *this;
  }

  const std::vector<std::string>& tools() const noexcept { return tools_; }
  const std::vector<std::string>& languages() const noexcept { return languages_; }
  const std::vector<std::string>& caches() const noexcept { return caches_; }
  const std::vector<double>& duration_buckets() const noexcept { return duration_buckets_; }
  const std::vector<double>& step_buckets() const noexcept { return step_buckets_; }

 private:
  std::vector<std::string> tools_;
  std::vector<std::string> languages_;
  std::vector<std::string> caches_;
  std::vector<double> duration_buckets_{0.1, 0.5, 1,   5,   10,   30,   60,
                                        120, 300, 600, 900, 1800, 3600, 7200};
  std::vector<double> step_buckets_{0.01, 0.05, 0.1, 0.25, 0.5, 1,   2.5, 5,
                                    10,   20,   30,  60,   120, 300, 600};
};

// The adapter: the families build_* of docs/adapters/build.md in `metrics`. No label ever holds a
// file's name. On a Metrics that does not record it does nothing. Copies share their state;
// thread-safe.
//
// A build tool is short-lived: call Metrics::Flush or Shutdown after the last Observe, so that a
// push backend has sent it.
class POLYMETER_EXPORT BuildMetrics {
 public:
  explicit BuildMetrics(const Metrics& metrics,
                        const BuildMetricsOptions& options = BuildMetricsOptions());

  // A build ended. Counters and histograms go on; gauges are those of the tool's last build, and
  // build_slowest_step_seconds those of the last build of any tool. Numbers that cannot be
  // (negative, NaN, infinite) are left out and counted in
  // build_input_errors_total{input="summary"}.
  void Observe(const BuildSummary& build) const noexcept;

 private:
  std::shared_ptr<detail::BuildMetricsState> state_;  // null: nothing is recorded
};

POLYMETER_END_NAMESPACE
