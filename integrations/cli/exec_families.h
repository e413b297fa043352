// The families of `polymeter exec`, beside the process_ families of the runtime adapter, which are
// sums over the program and everything that it started.
#pragma once

#include "integrations/common/family_row.h"

namespace polymeter::detail {

enum ExecFamily { kExecRuns, kExecDuration, kExecProcesses, kExecPeakRss };

inline constexpr FamilyRow kExecFamilies[] = {
    {MetricType::kCounter, "exec_runs_total",
     "Programs that ended: ok, failed (an exit code), "
     "signal, not_started.",
     "", "result"},
    {MetricType::kHistogram, "exec_duration_seconds", "How long a program ran.", "seconds"},
    {MetricType::kGauge, "exec_processes", "Processes of the program now.", "", "", "", "", true},
    {MetricType::kGauge, "exec_peak_rss_bytes",
     "Most memory in RAM that one process of the program had; known at its end.", "bytes"},
};

inline constexpr double kExecDurationBounds[] = {0.01, 0.1, 1,   5,    10,   30,
                                                 60,   300, 900, 3600, 14400};

}  // namespace polymeter::detail
