#include "sdk/src/identity.h"

#include <sys/types.h>
#include <unistd.h>

#include <climits>
#include <cstddef>
#include <string_view>

POLYMETER_BEGIN_NAMESPACE
namespace detail {

std::string HostName() {
  char name[HOST_NAME_MAX + 1] = {};
  if (gethostname(name, sizeof(name) - 1) != 0) return {};
  return name;
}

std::string ExecutableName() {
  char path[PATH_MAX];
  const ssize_t length = readlink("/proc/self/exe", path, sizeof(path));
  if (length <= 0) return {};
  std::string_view name(path, static_cast<std::size_t>(length));
  name.remove_prefix(name.rfind('/') + 1);
  // What the kernel adds when the file has been replaced by an update meanwhile.
  constexpr std::string_view kDeleted = " (deleted)";
  if (name.size() > kDeleted.size() && name.substr(name.size() - kDeleted.size()) == kDeleted) {
    name.remove_suffix(kDeleted.size());
  }
  return std::string(name);
}

std::string UnknownService() {
  const std::string name = ExecutableName();
  return name.empty() ? "unknown_service" : "unknown_service:" + name;
}

}  // namespace detail
POLYMETER_END_NAMESPACE
