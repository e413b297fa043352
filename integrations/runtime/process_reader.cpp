#include "integrations/runtime/process_reader.h"

#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "integrations/common/dir_reader.h"
#include "integrations/common/file_reader.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

std::string ProcOf(const std::string& root) {
  return root + (!root.empty() && root.back() == '/' ? "proc/" : "/proc/");
}

double Seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

}  // namespace

bool ProcShowsOurNamespace(const std::string& root) {
  char target[32];
  const ssize_t size = readlink((ProcOf(root) + "self").c_str(), target, sizeof(target));
  return size > 0 && ParseCount({target, static_cast<std::size_t>(size)}) ==
                         static_cast<std::uint64_t>(getpid());
}

ProcessReader::ProcessReader(std::string root, pid_t pid)
    : root_(std::move(root)),
      own_(pid == 0 || pid == getpid()),
      asks_kernel_(own_ && root_ == "/"),
      folder_(ProcOf(root_) + (own_ ? "self" : std::to_string(pid))),
      stat_(folder_ + "/stat"),
      statm_(folder_ + "/statm"),
      io_(folder_ + "/io"),
      limits_(folder_ + "/limits"),
      fd_(folder_ + "/fd"),
      task_(folder_ + "/task"),
      tick_seconds_(1.0 / static_cast<double>(sysconf(_SC_CLK_TCK))),
      page_bytes_(static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE))),
      caller_(getpid()) {
  if (own_) return;
  // In a pid namespace that sees its parent's /proc, a child's number is somebody else's there.
  if (root_ == "/" && !ProcShowsOurNamespace(root_)) {
    gone_ = true;
    return;
  }
  std::optional<ProcessStat> stat;
  if (ReadFile(stat_, text_)) stat = ParseProcessStat(text_);
  if (stat) {
    start_ticks_ = stat->start_ticks;
  } else {
    gone_ = true;  // who it was meant to be will never be known
  }
}

ProcessReader::Identity ProcessReader::ReadStat(std::optional<ProcessStat>& stat) {
  const bool read = ReadFile(stat_, text_);
  const int error = errno;
  if (read) stat = ParseProcessStat(text_);
  if (own_) return Identity::kSame;
  if (!read) return error == ENOENT || error == ESRCH ? Identity::kGone : Identity::kUnknown;
  if (!stat) return Identity::kUnknown;
  return stat->start_ticks == start_ticks_ ? Identity::kSame : Identity::kGone;
}

bool ProcessReader::Read(ProcessSample& sample) {
  sample = {};
  if (gone_) return false;
  if (own_ && getpid() != caller_) ForgetAfterFork();

  std::optional<ProcessStat> stat;
  Identity identity = ReadStat(stat);
  if (identity == Identity::kSame) {
    if (stat) ReadCounters(*stat, sample);
    if (asks_kernel_) ReadOwnUsage(sample);
    ReadFiles(sample);
    ReadThreads(sample);
    // The process may have ended, and its pid have gone to another, between two files.
    if (!own_) identity = ReadStat(stat);
  }
  gone_ = identity == Identity::kGone;
  return identity == Identity::kSame;
}

void ProcessReader::ForgetAfterFork() {
  caller_ = getpid();
  start_ticks_.reset();
  start_time_.reset();
  sums_ = ThreadSums();
}

void ProcessReader::ReadCounters(const ProcessStat& stat, ProcessSample& sample) {
  sample.cpu_user_seconds = static_cast<double>(stat.user_ticks) * tick_seconds_;
  sample.cpu_system_seconds = static_cast<double>(stat.system_ticks) * tick_seconds_;
  sample.cpu_seconds = static_cast<double>(stat.user_ticks + stat.system_ticks) * tick_seconds_;
  sample.threads = stat.threads;
  sample.minor_faults = stat.minor_faults;
  sample.major_faults = stat.major_faults;
  sample.start_time_seconds = StartTime(stat.start_ticks);
}

std::optional<double> ProcessReader::StartTime(std::uint64_t start_ticks) {
  // Once: btime moves when the clock is set, and /proc/stat is long where there are many CPUs.
  if (start_time_ && start_ticks_ == start_ticks) return start_time_;
  std::string text;
  if (!ReadFile(ProcOf(root_) + "stat", text)) return std::nullopt;
  const std::optional<std::uint64_t> boot = ParseBootTime(text);
  if (!boot) return std::nullopt;
  start_ticks_ = start_ticks;
  start_time_ = static_cast<double>(*boot) + static_cast<double>(start_ticks) * tick_seconds_;
  return start_time_;
}

void ProcessReader::ReadOwnUsage(ProcessSample& sample) {
  timespec cpu;
  if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu) == 0) {
    sample.cpu_seconds = static_cast<double>(cpu.tv_sec) + static_cast<double>(cpu.tv_nsec) * 1e-9;
  }
  rusage usage;
  if (getrusage(RUSAGE_SELF, &usage) == 0) {
    sample.cpu_user_seconds = Seconds(usage.ru_utime);
    sample.cpu_system_seconds = Seconds(usage.ru_stime);
    sample.context_switches = ContextSwitches{static_cast<std::uint64_t>(usage.ru_nvcsw),
                                              static_cast<std::uint64_t>(usage.ru_nivcsw)};
  }
}

void ProcessReader::ReadFiles(ProcessSample& sample) {
  if (ReadFile(statm_, text_)) {
    if (const auto memory = ParseStatm(text_)) {
      sample.virtual_bytes = memory->virtual_pages * page_bytes_;
      sample.resident_bytes = memory->resident_pages * page_bytes_;
    }
  }
  if (ReadFile(io_, text_)) sample.io = ParseProcessIo(text_);
  if (ReadFile(limits_, text_)) sample.max_fds = ParseOpenFilesLimit(text_);
  std::uint64_t fds = 0;
  if (ForEachEntry(fd_, [&](std::string_view) { ++fds; })) {
    // The own list holds the descriptor that reads it, but for a captured one.
    sample.open_fds = asks_kernel_ && fds != 0 ? fds - 1 : fds;
  }
}

bool ProcessReader::ReadTaskFile(const char* name) {
  const std::size_t folder = task_path_.size();
  task_path_ += name;
  const bool read = ReadFile(task_path_, text_);
  task_path_.resize(folder);
  return read;
}

void ProcessReader::ReadThreads(ProcessSample& sample) {
  bool any_switches = false;
  bool any_delay = false;
  sums_.Begin();
  const bool listed = ForEachEntry(task_, [&](std::string_view name) {
    const std::optional<std::uint64_t> thread = ParseCount(name);
    if (!thread) return;
    sums_.Seen(*thread);
    task_path_.assign(task_).append("/").append(name);
    if (ReadTaskFile("/schedstat")) {
      if (const auto schedule = ParseSchedstat(text_)) {
        sums_.Set(*thread, ThreadSums::kRunDelay, schedule->delay_nanos);
        any_delay = true;
      }
    }
    if (asks_kernel_ || !ReadTaskFile("/status")) return;
    if (const auto switches = ParseContextSwitches(text_)) {
      sums_.Set(*thread, ThreadSums::kVoluntary, switches->voluntary);
      sums_.Set(*thread, ThreadSums::kInvoluntary, switches->involuntary);
      any_switches = true;
    }
  });
  if (!listed) return;
  sums_.End();
  if (any_delay) {
    sample.run_delay_seconds = static_cast<double>(sums_.total(ThreadSums::kRunDelay)) * 1e-9;
  }
  if (any_switches) {
    sample.context_switches =
        ContextSwitches{sums_.total(ThreadSums::kVoluntary), sums_.total(ThreadSums::kInvoluntary)};
  }
}

}  // namespace detail
POLYMETER_END_NAMESPACE
