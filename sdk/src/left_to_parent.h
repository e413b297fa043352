// What a forked child must not destroy, because a thread that it does not have may be in it.
#pragma once

#include <atomic>
#include <memory>
#include <utility>

#include "polymeter/export.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// Keeps `thing` as long as the process, where nobody who looks for leaks takes it for lost. Takes
// no lock, since a fork may have left it taken. Throws std::bad_alloc.
inline void LeaveToParent(std::shared_ptr<void> thing) {
  struct Kept {
    std::shared_ptr<void> thing;
    Kept* before;
  };
  static constinit std::atomic<Kept*> last{nullptr};
  auto* const kept = new Kept{std::move(thing), last.load(std::memory_order_relaxed)};
  while (!last.compare_exchange_weak(kept->before, kept, std::memory_order_release,
                                     std::memory_order_relaxed)) {
  }
}

}  // namespace detail
POLYMETER_END_NAMESPACE
