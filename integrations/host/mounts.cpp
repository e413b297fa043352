#include "integrations/host/mounts.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

#include "integrations/common/proc_text.h"
#include "integrations/host/fields.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace host {
namespace {

bool HasOption(std::string_view options, std::string_view wanted) {
  while (!options.empty()) {
    if (NextPart(options, ',') == wanted) return true;
  }
  return false;
}

}  // namespace

std::vector<Mount> ParseMountInfo(std::string_view text) {
  // id parent major:minor root POINT OPTIONS [optional...] - TYPE DEVICE SUPER_OPTIONS
  constexpr int kFieldsBeforePoint = 4;
  std::vector<Mount> mounts;
  while (!text.empty()) {
    std::string_view line = NextLine(text);
    // One blank between fields, as the device may be an empty one.
    for (int i = 0; i < kFieldsBeforePoint; ++i) NextPart(line, ' ');
    Mount mount;
    mount.point = UnescapedField(NextPart(line, ' '));
    const std::string_view options = NextPart(line, ' ');
    bool separated = false;
    while (!line.empty() && !separated) separated = NextPart(line, ' ') == "-";
    mount.type = UnescapedField(NextPart(line, ' '));
    mount.device = UnescapedField(NextPart(line, ' '));
    // Without the last field, the line was cut.
    if (!separated || mount.point.empty() || mount.type.empty() || line.empty()) continue;
    mount.read_only = HasOption(options, "ro") || HasOption(line, "ro");
    mounts.push_back(std::move(mount));
  }
  return mounts;
}

void StripRoot(std::vector<Mount>& mounts, std::string_view root) {
  if (root.empty()) return;
  for (Mount& mount : mounts) {
    if (mount.point.compare(0, root.size(), root) != 0) continue;
    if (mount.point.size() == root.size()) {
      mount.point = "/";
    } else if (mount.point[root.size()] == '/') {
      mount.point.erase(0, root.size());
    }
  }
}

void RemoveRepeated(std::vector<Mount>& mounts) {
  std::set<std::tuple<std::string, std::string, std::string>> seen;
  mounts.erase(std::remove_if(mounts.begin(), mounts.end(),
                              [&](const Mount& mount) {
                                return !seen.emplace(mount.device, mount.point, mount.type).second;
                              }),
               mounts.end());
}

}  // namespace host
}  // namespace detail
POLYMETER_END_NAMESPACE
