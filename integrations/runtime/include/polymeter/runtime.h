// The process at run time: CPU, memory, threads, files; malloc; the control group. C++17; link
// polymeter::runtime. Executors are in polymeter/executor_monitor.h, CPU time of named parts of a
// program in polymeter/section_times.h.
//
//   auto metrics = polymeter::FromEnvironment("transcriber");
//   const polymeter::RuntimeMetrics runtime(metrics);
#pragma once

#include <sys/types.h>

#include <string>
#include <utility>

#include "polymeter/metrics.h"

POLYMETER_BEGIN_NAMESPACE

// Of RuntimeMetrics.
class RuntimeOptions {
 public:
  // Another process than the own one, by its number in /proc. It is the process that has the
  // number when RuntimeMetrics is made: one that gets it later is never taken for it (start times
  // differ). There is then no allocator_ family.
  RuntimeOptions& Pid(pid_t pid) {
    pid_ = pid;
    return *this;
  }
  // Where the system's files begin: tests with captures, a host's files mounted into a container.
  // With another root than "/" everything comes from files, nothing from the kernel directly.
  RuntimeOptions& Root(std::string root) {
    root_ = std::move(root);
    return *this;
  }
  // process_cpu_seconds_total with the label mode (user, system) instead of one series without.
  RuntimeOptions& CpuByMode(bool by_mode = true) {
    cpu_by_mode_ = by_mode;
    return *this;
  }
  // Labels of every series: needed to tell two processes in one Metrics apart.
  RuntimeOptions& Labels(StringPairs labels) {
    labels_ = std::move(labels);
    return *this;
  }

  pid_t pid() const noexcept { return pid_; }
  const std::string& root() const noexcept { return root_; }
  bool cpu_by_mode() const noexcept { return cpu_by_mode_; }
  const StringPairs& labels() const noexcept { return labels_; }

 private:
  pid_t pid_ = 0;
  std::string root_ = "/";
  bool cpu_by_mode_ = false;
  StringPairs labels_;
};

// Adds the process_, allocator_ and cgroup_ families (docs/adapters/runtime.md) while it lives.
// They are read once a snapshot, on a thread of the library; nothing runs in between, and
// nothing at all, no file is opened, when the Metrics does not record.
//
// What cannot be read is missing and costs nothing else: no series stands for "unknown" or "no
// limit". A process that is gone has no series from the next snapshot on. Sums over threads
// (process_run_delay_seconds_total; another process' context switches) keep the last seen
// value of a thread that ended, and so never step back; a thread that begins and ends between two
// snapshots is not in them.
//
// Thread-safe, movable, throws nothing (a pid that cannot be read: one message). Its destructor
// waits for a running reading, no longer than the producers' time budget.
//
// Sources: proc(5), getrusage(2), clock_gettime(2), mallinfo2(3), jemalloc(3), the kernel's
// cgroup-v1 and cgroup-v2 documents.
class [[nodiscard]] POLYMETER_EXPORT RuntimeMetrics {
 public:
  explicit RuntimeMetrics(const Metrics& metrics, const RuntimeOptions& options = {}) noexcept;

 private:
  Attachment attachment_;
};

POLYMETER_END_NAMESPACE
