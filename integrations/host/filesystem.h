// Filesystems: what is mounted, and how full it is.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "integrations/host/mounts.h"
#include "integrations/host/name_filter.h"
#include "integrations/host/stat_pool.h"
#include "polymeter/backend.h"
#include "polymeter/producer.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace host {

using Say = std::function<void(LogLevel level, const std::string& message)>;

struct FilesystemOptions {
  std::string root;  // without a slash at its end
  NameFilter points;
  NameFilter types;
  bool always_root;
  std::chrono::milliseconds timeout;
  AskMount ask;
  Say say;
};

// Used by one thread at a time.
class Filesystems {
 public:
  explicit Filesystems(const FilesystemOptions& options);
  // False when it is not known what is mounted.
  bool Write(FamilySink& sink);

 private:
  void Select(const std::string& text);
  std::string PathOf(const Mount& mount) const { return options_.root + mount.point; }

  const FilesystemOptions& options_;
  // Two pools: however many network filesystems hang, those of this machine are asked.
  StatPool local_;
  StatPool remote_;
  std::string text_;
  std::string last_text_;      // that mounts_ was made of
  std::vector<Mount> mounts_;  // that are shown
};

}  // namespace host
}  // namespace detail
POLYMETER_END_NAMESPACE
