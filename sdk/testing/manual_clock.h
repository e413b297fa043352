// Time that a test moves by hand, with the steady clock of intervals and deadlines. (The clock of
// Options().Clock() alone is testing::ManualClock of polymeter/testing.h.)
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

#include "sdk/src/clock.h"

POLYMETER_BEGIN_NAMESPACE
namespace testing {

// Thread-safe. Begins at 2026-01-01T00:00:00Z and, as deadlines also reach code that knows only the
// real clock, at the real steady time.
class SteppedClock : public detail::Clock {
 public:
  SystemTime Now() const override {
    const std::lock_guard lock(mutex_);
    return SystemTime(std::chrono::seconds(1767225600)) +
           std::chrono::duration_cast<SystemTime::duration>(passed_);
  }
  Deadline SteadyNow() const override {
    const std::lock_guard lock(mutex_);
    return steady_begin_ + passed_;
  }
  void WaitUntil(std::unique_lock<std::mutex>& lock, std::condition_variable& condition,
                 Deadline until) const override {
    // Returns early, as waiting may: the caller looks again and so notices an Advance.
    if (SteadyNow() >= until) return;
    condition.wait_for(lock, std::chrono::milliseconds(1));
  }

  void Advance(Deadline::duration by) {
    const std::lock_guard lock(mutex_);
    passed_ += by;
  }

 private:
  const Deadline steady_begin_ = std::chrono::steady_clock::now();
  mutable std::mutex mutex_;
  Deadline::duration passed_{};
};

}  // namespace testing
POLYMETER_END_NAMESPACE
