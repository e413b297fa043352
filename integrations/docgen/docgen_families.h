// The families of documentation generators. Internal.
#pragma once

#include "integrations/common/family_row.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

enum DocgenFamily {
  kDocgenRuns,
  kDocgenDuration,
  kDocgenPhase,
  kDocgenWarnings,
  kDocgenRepeated,
  kDocgenPages,
  kDocgenRatio,
  kDocgenFolded,
};

inline constexpr FamilyRow kDocgenFamilies[] = {
    {MetricType::kCounter, "docgen_runs_total", "Runs of a documentation generator.", "",
     "tool,result"},
    {MetricType::kHistogram, "docgen_duration_seconds", "How long a run took.", "seconds"},
    {MetricType::kGauge, "docgen_phase_seconds",
     "Time of each phase of the last run; doxygen tells it with -d time.", "seconds", "phase"},
    {MetricType::kGauge, "docgen_warnings",
     "Warnings of the last run, each once however many outputs repeat it.", "", "kind"},
    {MetricType::kGauge, "docgen_warnings_repeated",
     "Warnings of the last run that were said again, as doxygen does for each output."},
    {MetricType::kGauge, "docgen_pages", "Pages that the last run wrote.", "", "format"},
    {MetricType::kGauge, "docgen_documented_ratio",
     "Documented classes, members and the like over all of them, from doxygen's XML.", "ratio"},
    {MetricType::kCounter, "docgen_labels_folded_total",
     "Label values that are not allowed and were counted as other.", "", "label"},
};

// From a header's page to the documentation of an operating system.
inline constexpr double kDocgenDurationBounds[] = {0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 3600};

}  // namespace detail
POLYMETER_END_NAMESPACE
