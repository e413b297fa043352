#include "integrations/runtime/cgroup.h"

#include <algorithm>

#include "integrations/common/file_reader.h"
#include "integrations/common/proc_text.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

// Version 1 says "none" with the largest multiple of a page; no machine has half of that.
constexpr std::uint64_t kNoLimit = std::uint64_t{1} << 62;
// Groups nest this deep at most (cgroup.max.depth is "max" by default).
constexpr int kMostAncestors = 64;

bool ListHas(std::string_view list, std::string_view wanted) {
  while (!list.empty()) {
    const std::string_view item = list.substr(0, list.find(','));
    if (item == wanted) return true;
    list.remove_prefix(std::min(list.size(), item.size() + 1));
  }
  return false;
}

// The path of a controller's line ("4:memory:/a"), of version 2's ("0::/a") for an empty name.
std::optional<std::string_view> GroupOf(std::string_view cgroup, std::string_view controller) {
  while (!cgroup.empty()) {
    const std::string_view line = NextLine(cgroup);
    const std::size_t first = line.find(':');
    if (first == std::string_view::npos) continue;
    const std::size_t second = line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    const std::string_view controllers = line.substr(first + 1, second - first - 1);
    if (controller.empty() ? controllers.empty() : ListHas(controllers, controller)) {
      return line.substr(second + 1);
    }
  }
  return std::nullopt;
}

// The part of `group` below a mount that shows the hierarchy from `mount_root` on; nothing when
// that mount does not show the group.
std::optional<std::string_view> Below(std::string_view group, std::string_view mount_root) {
  if (group.substr(0, 3) == "/..") return std::nullopt;  // outside of what we may see
  if (mount_root != "/") {
    if (group.substr(0, mount_root.size()) != mount_root) return std::nullopt;
    group.remove_prefix(mount_root.size());
    if (!group.empty() && group[0] != '/') return std::nullopt;
  }
  return group == "/" ? std::string_view() : group;
}

// The folder of a group; a mount that does not show it stands for the group itself, as in a
// container that sees the host's path but only its own part of the tree.
std::optional<CgroupFolder> FolderOf(std::string_view group, std::string_view controller,
                                     std::string_view mountinfo) {
  const bool v2 = controller.empty();
  std::optional<CgroupFolder> fallback;
  while (!mountinfo.empty()) {
    const std::string_view line = NextLine(mountinfo);
    const std::size_t separator = line.find(" - ");
    if (separator == std::string_view::npos) continue;
    std::string_view right = line.substr(separator + 3);
    if (NextWord(right) != (v2 ? "cgroup2" : "cgroup")) continue;
    NextWord(right);  // the source
    if (!v2 && !ListHas(NextWord(right), controller)) continue;
    std::string_view left = line.substr(0, separator);
    for (int i = 0; i < 3; ++i) NextWord(left);
    const std::string mount_root = UnescapedField(NextWord(left));
    CgroupFolder folder{UnescapedField(NextWord(left)), 0, v2};
    folder.mount_end = folder.path.size();
    if (const auto below = Below(group, mount_root)) {
      folder.path += *below;
      return folder;
    }
    if (!fallback) fallback = folder;
  }
  return fallback;
}

std::optional<CgroupFolder> FolderOfController(std::string_view cgroup, std::string_view controller,
                                               std::string_view mountinfo) {
  if (const auto group = GroupOf(cgroup, controller)) {
    return FolderOf(*group, controller, mountinfo);
  }
  if (const auto group = GroupOf(cgroup, {})) return FolderOf(*group, {}, mountinfo);
  return std::nullopt;
}

// The folder and those above it up to the mount point.
std::vector<std::string> WithAncestors(const CgroupFolder& folder) {
  std::vector<std::string> folders{folder.path};
  for (int i = 0; i < kMostAncestors && folders.back().size() > folder.mount_end; ++i) {
    const std::string& last = folders.back();
    folders.push_back(last.substr(0, std::max(last.rfind('/'), folder.mount_end)));
  }
  return folders;
}

template <class T>
void KeepLower(std::optional<T>& lowest, const std::optional<T>& value) {
  if (value && (!lowest || *value < *lowest)) lowest = value;
}

}  // namespace

CgroupFolders FindCgroup(std::string_view cgroup, std::string_view mountinfo) {
  return {FolderOfController(cgroup, "memory", mountinfo),
          FolderOfController(cgroup, "cpu", mountinfo)};
}

std::optional<std::uint64_t> ParseMemoryLimit(std::string_view text) {
  const std::optional<std::uint64_t> limit = ParseCount(NextWord(text));  // not of "max"
  return limit && *limit < kNoLimit ? limit : std::nullopt;
}

std::optional<double> CoresOfQuota(std::string_view quota_us, std::string_view period_us) {
  const auto quota = ParseCount(NextWord(quota_us));  // not of "max" and "-1"
  const auto period = ParseCount(NextWord(period_us));
  if (!quota || !period || *period == 0) return std::nullopt;
  return static_cast<double>(*quota) / static_cast<double>(*period);
}

std::optional<double> ParseCpuMax(std::string_view text) {
  const std::string_view quota = NextWord(text);
  return CoresOfQuota(quota, text);
}

CgroupReader::CgroupReader(std::string root, const std::string& process)
    : root_(!root.empty() && root.back() == '/' ? root.substr(0, root.size() - 1) : root),
      cgroup_file_(process + "/cgroup"),
      mountinfo_file_(root_ + "/proc/self/mountinfo") {}

bool CgroupReader::Locate() {
  if (!ReadFile(cgroup_file_, text_)) return false;
  if (text_ == located_) return true;  // a process rarely moves; mountinfo is long
  if (!ReadFile(mountinfo_file_, more_text_)) return false;
  located_ = text_;
  files_ = Files();
  const CgroupFolders folders = FindCgroup(text_, more_text_);
  if (folders.memory) {
    const std::string group = root_ + folders.memory->path;
    const bool v2 = folders.memory->v2;
    for (const std::string& folder : WithAncestors(*folders.memory)) {
      files_.memory_limits.push_back(root_ + folder +
                                     (v2 ? "/memory.max" : "/memory.limit_in_bytes"));
    }
    files_.memory_usage = group + (v2 ? "/memory.current" : "/memory.usage_in_bytes");
    files_.oom_kills = group + (v2 ? "/memory.events" : "/memory.oom_control");
  }
  if (folders.cpu) {
    files_.cpu_v2 = folders.cpu->v2;
    files_.cpu_stat = root_ + folders.cpu->path + "/cpu.stat";
    for (const std::string& folder : WithAncestors(*folders.cpu)) {
      if (files_.cpu_v2) {
        files_.cpu_limits.push_back(root_ + folder + "/cpu.max");
      } else {
        files_.cpu_quotas.emplace_back(root_ + folder + "/cpu.cfs_quota_us",
                                       root_ + folder + "/cpu.cfs_period_us");
      }
    }
  }
  return true;
}

void CgroupReader::Read(CgroupSample& sample) {
  sample = {};
  if (!Locate()) return;
  ReadMemory(sample);
  ReadCpu(sample);
}

void CgroupReader::ReadMemory(CgroupSample& sample) {
  // The topmost group of version 2 has no such files.
  for (const std::string& file : files_.memory_limits) {
    if (ReadFile(file, text_)) KeepLower(sample.memory_limit_bytes, ParseMemoryLimit(text_));
  }
  if (files_.memory_usage.empty()) return;
  if (ReadFile(files_.memory_usage, text_)) {
    std::string_view usage = text_;
    sample.memory_usage_bytes = ParseCount(NextWord(usage));
  }
  if (ReadFile(files_.oom_kills, text_)) sample.oom_kills = NumberOfLine(text_, "oom_kill ");
}

void CgroupReader::ReadCpu(CgroupSample& sample) {
  for (const std::string& file : files_.cpu_limits) {
    if (ReadFile(file, text_)) KeepLower(sample.cpu_limit_cores, ParseCpuMax(text_));
  }
  for (const auto& [quota, period] : files_.cpu_quotas) {
    if (ReadFile(quota, text_) && ReadFile(period, more_text_)) {
      KeepLower(sample.cpu_limit_cores, CoresOfQuota(text_, more_text_));
    }
  }
  if (files_.cpu_stat.empty() || !ReadFile(files_.cpu_stat, text_)) return;
  const auto throttled =
      NumberOfLine(text_, files_.cpu_v2 ? "throttled_usec " : "throttled_time ");  // us, ns
  if (throttled) {
    sample.cpu_throttled_seconds = static_cast<double>(*throttled) * (files_.cpu_v2 ? 1e-6 : 1e-9);
  }
}

}  // namespace detail
POLYMETER_END_NAMESPACE
