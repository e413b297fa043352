// The families of this adapter. OpenTelemetry's names and attributes are those of its semantic
// conventions 1.44.
#pragma once

#include <cstddef>
#include <iterator>
#include <string_view>

#include "integrations/common/family_row.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

inline constexpr FamilyRow kRuntimeFamilies[] = {
    {MetricType::kCounter, "process_cpu_seconds_total", "CPU time of the process.", "seconds",
     "mode", "process.cpu.time", "mode=cpu.mode"},
    {MetricType::kGauge, "process_resident_memory_bytes", "Memory in RAM.", "bytes", "",
     "process.memory.usage", "", true},
    {MetricType::kGauge, "process_virtual_memory_bytes", "Address space in use.", "bytes", "",
     "process.memory.virtual", "", true},
    {MetricType::kGauge, "process_open_fds", "Open file descriptors.", "", "",
     "process.unix.file_descriptor.count", "", true},
    {MetricType::kGauge, "process_max_fds", "Soft limit of open file descriptors."},
    {MetricType::kGauge, "process_threads", "Threads.", "", "", "process.thread.count", "", true},
    {MetricType::kGauge, "process_start_time_seconds", "Start time, in Unix seconds.", "seconds"},
    {MetricType::kCounter, "process_context_switches_total",
     "Context switches: voluntary (it waited) and involuntary (it was preempted).", "", "type",
     "process.context_switches", "type=process.context_switch.type"},
    {MetricType::kCounter, "process_page_faults_total",
     "Page faults: minor (no disk) and major (read from disk).", "", "type",
     "process.paging.faults", "type=system.paging.fault.type"},
    {MetricType::kCounter, "process_disk_io_bytes_total",
     "Bytes read from and written to storage: what the page cache serves is not in it.", "bytes",
     "direction", "process.disk.io", "direction=disk.io.direction"},
    {MetricType::kCounter, "process_run_delay_seconds_total",
     "Time that threads were ready to run but waited for a CPU.", "seconds"},
    {MetricType::kGauge, "allocator_allocated_bytes", "Memory that malloc has handed out.", "bytes",
     "allocator", "", "", true},
    {MetricType::kGauge, "allocator_free_bytes",
     "Memory that malloc has taken from the system and not handed out.", "bytes", "allocator", "",
     "", true},
    {MetricType::kGauge, "cgroup_memory_limit_bytes",
     "Lowest memory limit of the control group and those above it.", "bytes"},
    {MetricType::kGauge, "cgroup_memory_usage_bytes", "Memory in use by the control group.",
     "bytes", "", "container.memory.usage", "", true},
    {MetricType::kGauge, "cgroup_cpu_limit_cores",
     "Lowest CPU limit of the control group and those above it, in CPUs."},
    {MetricType::kCounter, "cgroup_cpu_throttled_seconds_total",
     "Time that the control group was kept from running by its CPU limit.", "seconds"},
    {MetricType::kCounter, "cgroup_oom_kills_total",
     "Processes of the control group killed for want of memory."},
    {MetricType::kHistogram, "executor_lag_seconds",
     "Time from posting a heartbeat to an executor until it ran.", "seconds", "executor"},
    {MetricType::kGauge, "executor_queue_depth", "Tasks that wait in an executor.", "", "executor",
     "", "", true},
    {MetricType::kCounter, "executor_stalls_total",
     "Heartbeats that did not run within the time allowed.", "", "executor"},
    {MetricType::kCounter, "section_cpu_seconds_total", "CPU time of threads in a section.",
     "seconds", "section"},
    {MetricType::kCounter, "section_wall_seconds_total", "Time that threads spent in a section.",
     "seconds", "section"},
    {MetricType::kCounter, "section_runs_total", "Runs of a section that ended.", "", "section"},
    {MetricType::kCounter, "section_refused_total",
     "Runs of a section not measured, as they ended on another thread than they began on.", "",
     "section"},
};
inline constexpr std::size_t kRuntimeFamilyCount = std::size(kRuntimeFamilies);

// A row by name; one that is not there does not compile.
consteval std::size_t RuntimeRow(std::string_view name) {
  std::size_t i = 0;
  while (kRuntimeFamilies[i].name != name) ++i;
  return i;
}

// Executors react within microseconds when idle and stall for minutes at worst.
inline constexpr double kExecutorLagBounds[] = {0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05,
                                                0.1,    0.5,    1,     5,     10,   60};

}  // namespace detail
POLYMETER_END_NAMESPACE
