// What /proc (and for the own process the kernel directly) says of one process.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "integrations/common/proc_text.h"
#include "integrations/runtime/thread_sums.h"
#include "polymeter/export.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// One reading. What could not be read is missing and nothing else.
struct ProcessSample {
  std::optional<double> cpu_seconds;
  std::optional<double> cpu_user_seconds;
  std::optional<double> cpu_system_seconds;
  std::optional<std::uint64_t> resident_bytes;
  std::optional<std::uint64_t> virtual_bytes;
  std::optional<std::uint64_t> open_fds;
  std::optional<std::uint64_t> max_fds;
  std::optional<std::uint64_t> threads;
  std::optional<double> start_time_seconds;  // Unix time
  std::optional<ContextSwitches> context_switches;
  std::optional<std::uint64_t> minor_faults;
  std::optional<std::uint64_t> major_faults;
  std::optional<ProcessIo> io;
  std::optional<double> run_delay_seconds;
};

// Belongs to one thread, but may be made on another.
class ProcessReader {
 public:
  // `root` is where the system's files begin ("/"). Pid 0, or the caller's own: the own process,
  // through /proc/self, which is right in a pid namespace without a /proc of its own too; with root
  // "/" the kernel is asked directly where it can be (clock, getrusage). Another pid is
  // the process that has it now.
  ProcessReader(std::string root, pid_t pid);

  // False when there is nothing to say: the process is gone, or another one has its pid, and then
  // for ever; or it cannot be told this time (no file descriptors left).
  bool Read(ProcessSample& sample);

  bool own() const { return own_; }
  bool gone() const { return gone_; }
  // /proc/self or /proc/PID below the root.
  const std::string& folder() const { return folder_; }

 private:
  enum class Identity { kSame, kUnknown, kGone };

  Identity ReadStat(std::optional<ProcessStat>& stat);
  void ReadOwnUsage(ProcessSample& sample);
  void ReadCounters(const ProcessStat& stat, ProcessSample& sample);
  void ReadFiles(ProcessSample& sample);
  void ReadThreads(ProcessSample& sample);
  std::optional<double> StartTime(std::uint64_t start_ticks);
  bool ReadTaskFile(const char* name);
  void ForgetAfterFork();

  const std::string root_;
  const bool own_;
  const bool asks_kernel_;
  const std::string folder_;
  const std::string stat_, statm_, io_, limits_, fd_, task_;  // paths
  const double tick_seconds_;
  const std::uint64_t page_bytes_;

  pid_t caller_;
  bool gone_ = false;
  std::optional<std::uint64_t> start_ticks_;  // whose start time is known
  std::optional<double> start_time_;
  ThreadSums sums_;
  std::string task_path_;  // reused
  std::string text_;
};

// Whether the numbers in root/proc are those of the caller's pid namespace.
bool ProcShowsOurNamespace(const std::string& root);

}  // namespace detail
POLYMETER_END_NAMESPACE
