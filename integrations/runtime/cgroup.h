// The limits of the control group that a process is in: version 1, 2, and the hybrid of both.
// https://docs.kernel.org/admin-guide/cgroup-v2.html, .../cgroup-v1/memory.html,
// proc_pid_mountinfo(5).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "polymeter/export.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// One reading. What could not be read, or is without limit, is missing and nothing else.
struct CgroupSample {
  std::optional<std::uint64_t> memory_limit_bytes;  // the lowest on the way up
  std::optional<std::uint64_t> memory_usage_bytes;
  std::optional<std::uint64_t> oom_kills;
  std::optional<double> cpu_limit_cores;  // the lowest on the way up
  std::optional<double> cpu_throttled_seconds;
};

// Where one controller's files of a process lie.
struct CgroupFolder {
  std::string path;           // of the group
  std::size_t mount_end = 0;  // path's first so many bytes are the mount point: no way further up
  bool v2 = false;

  bool operator==(const CgroupFolder&) const = default;
};
struct CgroupFolders {
  std::optional<CgroupFolder> memory;
  std::optional<CgroupFolder> cpu;
};
// From the texts of /proc/PID/cgroup and /proc/self/mountinfo. A controller that version 1
// has is found there, though `0::` names a group of version 2 as well.
CgroupFolders FindCgroup(std::string_view cgroup, std::string_view mountinfo);

// Values of single files; nothing where there is no limit.
std::optional<std::uint64_t> ParseMemoryLimit(std::string_view text);  // "max", v1's huge number
std::optional<double> ParseCpuMax(std::string_view text);              // v2: "50000 100000"
std::optional<double> CoresOfQuota(std::string_view quota_us, std::string_view period_us);  // v1

// Belongs to one thread.
class CgroupReader {
 public:
  // `root`: see ProcessReader; `process`: /proc/PID below it.
  CgroupReader(std::string root, const std::string& process);

  void Read(CgroupSample& sample);

 private:
  // The files of the group and of its visible ancestors.
  struct Files {
    std::vector<std::string> memory_limits;
    std::vector<std::string> cpu_limits;                          // v2
    std::vector<std::pair<std::string, std::string>> cpu_quotas;  // v1: quota and period
    std::string memory_usage;
    std::string oom_kills;
    std::string cpu_stat;
    bool cpu_v2 = false;
  };

  bool Locate();
  void ReadMemory(CgroupSample& sample);
  void ReadCpu(CgroupSample& sample);

  const std::string root_;
  const std::string cgroup_file_;
  const std::string mountinfo_file_;
  std::string located_;  // the text of cgroup_file_ that files_ was made from
  Files files_;
  std::string text_;
  std::string more_text_;
};

}  // namespace detail
POLYMETER_END_NAMESPACE
