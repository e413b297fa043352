// Asks mounts for their numbers aside: statvfs on a dead network filesystem does not return, and
// nothing can interrupt it.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "polymeter/export.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace host {

struct MountNumbers {
  double size = 0;  // bytes
  double free = 0;
  double avail = 0;  // of them, for those who are not root
  double files = 0;
  double files_free = 0;
};

// False when the mount has none. May hang.
using AskMount = std::function<bool(const std::string& path, MountNumbers& numbers)>;

bool StatVfs(const std::string& path, MountNumbers& numbers);

// One thread asks one mount after the other; while a call does not come back, another thread goes
// on with the rest, up to `max_threads`. Threads end when all are asked, so that an idle pool has
// none. The destructor waits for nobody.
class StatPool {
 public:
  StatPool(AskMount ask, std::size_t max_threads);
  ~StatPool();
  StatPool(const StatPool&) = delete;
  StatPool& operator=(const StatPool&) = delete;

  struct Answers {
    std::map<std::string, MountNumbers> numbers;  // by path
    std::vector<std::string> hanging;             // since this time
  };
  // Returns at `deadline` at the latest. A path whose call from another time still hangs is not
  // asked. One caller at a time.
  Answers Ask(const std::vector<std::string>& paths,
              std::chrono::steady_clock::time_point deadline);

  // Calls that have not come back.
  std::size_t hanging() const;

 private:
  struct State;
  static void Work(const std::shared_ptr<State>& state);

  const std::size_t max_threads_;
  const std::shared_ptr<State> state_;  // shared with the threads
};

}  // namespace host
}  // namespace detail
POLYMETER_END_NAMESPACE
