// Time as a backend sees it, so that tests can replace it (sdk/testing/manual_clock.h).
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>

#include "polymeter/backend.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// The system's clocks. Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual SystemTime Now() const { return std::chrono::system_clock::now(); }
  // What intervals and deadlines are measured with.
  virtual Deadline SteadyNow() const { return std::chrono::steady_clock::now(); }
  // Waits until `condition` is notified or SteadyNow() reaches `until`; may return early, as a
  // condition variable may. `lock` holds the mutex that guards what is waited for.
  virtual void WaitUntil(std::unique_lock<std::mutex>& lock, std::condition_variable& condition,
                         Deadline until) const {
    if (until == Deadline::max()) {
      condition.wait(lock);
    } else {
      condition.wait_until(lock, until);
    }
  }
};

// `from + wait`, or the last point of time there is: milliseconds::max() means "for ever".
inline Deadline Later(Deadline from, std::chrono::milliseconds wait) {
  using std::chrono::milliseconds;
  const auto left = std::chrono::duration_cast<milliseconds>(Deadline::max() - from);
  return wait < left ? from + std::max(wait, milliseconds(0)) : Deadline::max();
}

inline const Clock& SystemClock() {
  static const Clock* const kClock = new Clock;  // outlives what static destructors still stop
  return *kClock;
}

}  // namespace detail
POLYMETER_END_NAMESPACE
