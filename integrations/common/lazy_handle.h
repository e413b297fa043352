// A handle that is looked up when it is first needed, so that a series exists only where
// something was recorded. Internal.
#pragma once

#include <atomic>

#include "polymeter/instruments.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

template <class Handle>
class LazyHandle {
 public:
  // `make` gives the same handle every time, so that it does not matter who stores it.
  template <class Make>
  Handle Get(const Make& make) const noexcept {
    Handle handle = handle_.load(std::memory_order_acquire);
    if (!handle) {
      handle = make();
      handle_.store(handle, std::memory_order_release);
    }
    return handle;
  }
  // A no-op one where none was needed yet.
  Handle Peek() const noexcept { return handle_.load(std::memory_order_acquire); }

 private:
  mutable std::atomic<Handle> handle_{Handle()};
};

}  // namespace detail
POLYMETER_END_NAMESPACE
