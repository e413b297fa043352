// One object of a class for the process, and another one for a forked child. Internal.
#pragma once

#include <sys/types.h>
#include <unistd.h>

#include <atomic>
#include <memory>

#include "polymeter/export.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// Never destroyed: static destructors use it. A child leaves its parent's alone, because a thread
// that it does not have may hold a lock there.
template <class Object>
Object& OfProcess() {
  struct Owned {
    const pid_t process = getpid();
    Object object{};
  };
  static std::atomic<Owned*> current{nullptr};
  Owned* known = current.load(std::memory_order_acquire);
  while (known == nullptr || known->process != getpid()) {
    auto made = std::make_unique<Owned>();
    if (current.compare_exchange_strong(known, made.get(), std::memory_order_acq_rel)) {
      // What the child no longer uses stays reachable, so that no leak is seen.
      static std::atomic<Owned*> left{nullptr};
      left.store(known, std::memory_order_relaxed);
      return made.release()->object;
    }
  }
  return known->object;
}

}  // namespace detail
POLYMETER_END_NAMESPACE
