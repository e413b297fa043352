// Which filesystems are mounted: /proc/<pid>/mountinfo.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "polymeter/export.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace host {

struct Mount {
  std::string device;  // as it is shown: "/dev/vda", "server:/export", "tmpfs"; may be empty
  std::string point;
  std::string type;
  bool read_only = false;  // the mount or its filesystem
};

// In the file's order, repeated ones too. Escapes (\040) are resolved. A torn line is left out.
std::vector<Mount> ParseMountInfo(std::string_view text);

// Takes `root` (without a slash at its end; may be empty) off the mount points that lie in it.
void StripRoot(std::vector<Mount>& mounts, std::string_view root);

// The same device is mounted at the same point again (/dev/shm): the first one counts.
void RemoveRepeated(std::vector<Mount>& mounts);

}  // namespace host
}  // namespace detail
POLYMETER_END_NAMESPACE
