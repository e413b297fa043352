// What is due when for one executor, and what its heartbeats tell. No thread and no clock.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>

#include "polymeter/instruments.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// Thread-safe. Shared by the timer and the heartbeats that lie in the executor.
class ExecutorHeart {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Duration = std::chrono::steady_clock::duration;

  ExecutorHeart(Histogram lag, Counter stalls, Duration interval, Duration stall_after)
      : lag_(lag), stalls_(stalls), interval_(interval), stall_after_(stall_after) {}

  struct Step {
    bool post = false;  // a heartbeat, now
    Time next;          // when to call again
  };
  Step Advance(Time now);
  void Ran(Time now);
  // The heartbeat was destroyed without having run.
  void Dropped();
  // Nothing is observed any more.
  void Stop();

 private:
  void CountStall(Time now);

  const Histogram lag_;
  const Counter stalls_;
  const Duration interval_;
  const Duration stall_after_;

  std::mutex mutex_;
  bool stopped_ = false;
  bool waiting_ = false;  // a heartbeat lies in the executor
  bool stalled_ = false;  // and has been counted
  Time posted_{};
  Time due_{};  // the next one; at once at first
};

// The callable that is posted: tells the heart, once, that it ran or was dropped.
std::function<void()> MakeHeartbeat(std::shared_ptr<ExecutorHeart> heart);

}  // namespace detail
POLYMETER_END_NAMESPACE
