#include "integrations/host/filesystem.h"

#include <algorithm>
#include <map>
#include <utility>

#include "integrations/common/file_reader.h"
#include "integrations/host/host_families.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace host {
namespace {

constexpr std::size_t kThreads = 4;  // of a pool
constexpr std::size_t kMountInfoLimit = std::size_t{8} << 20;

bool IsLocal(const Mount& mount) {
  return mount.device.compare(0, 5, "/dev/") == 0 || mount.type == "tmpfs" ||
         mount.type == "ramfs" || mount.type == "overlay" || mount.type == "zfs";
}

}  // namespace

Filesystems::Filesystems(const FilesystemOptions& options)
    : options_(options), local_(options.ask, kThreads), remote_(options.ask, kThreads) {}

void Filesystems::Select(const std::string& text) {
  mounts_ = ParseMountInfo(text);
  StripRoot(mounts_, options_.root);
  RemoveRepeated(mounts_);
  const auto hidden = [this](const Mount& mount) {
    if (mount.point == "/" && options_.always_root) return false;
    if (!options_.points.Admits(mount.point)) return true;
    if (options_.types.Admits(mount.type)) return false;
    if (mount.point == "/" && mount.type == "overlay") {
      options_.say(LogLevel::kInfo,
                   "host: the filesystem at / is an overlay, as in a container, and left out; "
                   "HostOptions::AlwaysShowRootFilesystem() shows it");
    }
    return true;
  };
  mounts_.erase(std::remove_if(mounts_.begin(), mounts_.end(), hidden), mounts_.end());
}

bool Filesystems::Write(FamilySink& sink) {
  // PID 1 has the machine's mounts, where its files may be read.
  if (!ReadFile(options_.root + "/proc/1/mountinfo", text_, kMountInfoLimit) &&
      !ReadFile(options_.root + "/proc/self/mountinfo", text_, kMountInfoLimit)) {
    return false;
  }
  if (text_ != last_text_) {  // mounts change rarely, and patterns are slow
    Select(text_);
    std::swap(last_text_, text_);
  }
  std::vector<std::string> local;
  std::vector<std::string> remote;
  for (const Mount& mount : mounts_) (IsLocal(mount) ? local : remote).push_back(PathOf(mount));
  const auto begin = std::chrono::steady_clock::now();
  StatPool::Answers answers = local_.Ask(local, begin + options_.timeout / 2);
  StatPool::Answers others = remote_.Ask(remote, begin + options_.timeout);
  answers.numbers.merge(others.numbers);
  answers.hanging.insert(answers.hanging.end(), others.hanging.begin(), others.hanging.end());
  for (const std::string& path : answers.hanging) {
    options_.say(LogLevel::kWarning, "host: the filesystem at " + path +
                                         " does not answer within " +
                                         std::to_string(options_.timeout.count()) +
                                         " ms; it is not asked again before it does");
  }

  const auto each = [&](std::size_t row, auto value) {
    FamilyWriter family(sink, row);
    for (const Mount& mount : mounts_) {
      const auto found = answers.numbers.find(PathOf(mount));
      const MountNumbers* const numbers = found == answers.numbers.end() ? nullptr : &found->second;
      if (numbers == nullptr && row != kFilesystemDeviceError) continue;
      family.sink().Gauge(
          {{"device", mount.device}, {"fstype", mount.type}, {"mountpoint", mount.point}},
          value(mount, numbers));
    }
  };
  const auto number = [&](std::size_t row, double MountNumbers::*member) {
    each(row, [&](const Mount&, const MountNumbers* numbers) { return numbers->*member; });
  };
  each(kFilesystemDeviceError,
       [](const Mount&, const MountNumbers* numbers) { return numbers == nullptr ? 1.0 : 0.0; });
  number(kFilesystemSize, &MountNumbers::size);
  number(kFilesystemFree, &MountNumbers::free);
  number(kFilesystemAvail, &MountNumbers::avail);
  number(kFilesystemFiles, &MountNumbers::files);
  number(kFilesystemFilesFree, &MountNumbers::files_free);
  each(kFilesystemReadonly,
       [](const Mount& mount, const MountNumbers*) { return mount.read_only ? 1.0 : 0.0; });
  return true;
}

}  // namespace host
}  // namespace detail
POLYMETER_END_NAMESPACE
