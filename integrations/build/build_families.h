// The families of builds. Internal.
#pragma once

#include <cstddef>

#include "integrations/common/family_row.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

enum BuildFamily : unsigned char {
  kBuildRuns,
  kBuildDuration,
  kBuildSteps,
  kBuildStepDuration,
  kBuildParallelism,
  kBuildCriticalPath,
  kBuildPeakRss,
  kBuildCacheRequests,
  kBuildCompilePhase,
  kBuildSlowestStep,
  kBuildInputErrors,
  kBuildLabelsFolded,
};

// OpenTelemetry's name: semantic conventions 1.44, CI/CD metrics (release candidate).
inline constexpr FamilyRow kBuildFamilies[] = {
    {MetricType::kCounter,
     "build_runs_total",
     "Runs of a build tool, by how they ended.",
     {},
     "tool,result",
     {},
     "result=cicd.pipeline.result"},
    {MetricType::kHistogram, "build_duration_seconds",
     "Time from the start of the build tool to its end.", "seconds", "tool,result",
     "cicd.pipeline.run.duration", "result=cicd.pipeline.result"},
    {MetricType::kCounter, "build_steps_total",
     "Commands that builds ran; cached where a compiler cache had the result.", "", "kind,result"},
    {MetricType::kHistogram, "build_step_duration_seconds",
     "Run time of single commands; those of failed ones are often not known.", "seconds",
     "kind,language"},
    {MetricType::kGauge, "build_parallelism_ratio",
     "Run time of the last build's commands over its own: how many ran at a time.", "ratio",
     "tool"},
    {MetricType::kGauge, "build_critical_path_seconds",
     "The longest chain of commands that waited for each other, in the last build.", "seconds",
     "tool"},
    {MetricType::kGauge, "build_peak_rss_bytes",
     "Memory of the largest single process of the last build.", "bytes", "tool"},
    {MetricType::kCounter, "build_cache_requests_total", "Requests to a compiler cache.", "",
     "cache,result"},
    {MetricType::kCounter, "build_compile_phase_seconds_total",
     "Compilers' time by phase; source and template are parts of frontend.", "seconds", "phase"},
    {MetricType::kGauge, "build_slowest_step_seconds",
     "Run times of the last build's slowest commands, rank 1 the slowest; their names are in the "
     "report.",
     "seconds", "rank"},
    {MetricType::kCounter, "build_input_errors_total",
     "What was read of builds and not understood: lines of logs, files, numbers.", "", "input"},
    {MetricType::kCounter, "build_labels_folded_total",
     "Label values that are not allowed and were counted as other.", "", "label"},
};
static_assert(std::size(kBuildFamilies) == kBuildLabelsFolded + 1);

inline constexpr std::size_t kBuildSlowestRanks = 10;

}  // namespace detail
POLYMETER_END_NAMESPACE
