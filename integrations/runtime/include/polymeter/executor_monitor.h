// Whether an executor (thread pool, event loop) still runs what it is given. C++17; link
// polymeter::runtime.
//
//   const polymeter::ExecutorMonitor monitor(
//       metrics, "workers", [&pool](std::function<void()> task) { pool.Post(std::move(task)); },
//       polymeter::ExecutorOptions().Depth([&pool] { return pool.QueueSize(); }));
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "polymeter/metrics.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
class ExecutorTimer;
}  // namespace detail

// Of an ExecutorMonitor.
class ExecutorOptions {
 public:
  // From one heartbeat to the next; at least 1 ms.
  ExecutorOptions& Interval(std::chrono::milliseconds interval) {
    interval_ = interval;
    return *this;
  }
  // A heartbeat that has not run after this is a stall.
  ExecutorOptions& StallAfter(std::chrono::milliseconds time) {
    stall_after_ = time;
    return *this;
  }
  // How many tasks wait now. Called once a snapshot on a thread of the library: it must be
  // thread-safe.
  ExecutorOptions& Depth(std::function<double()> depth) {
    depth_ = std::move(depth);
    return *this;
  }

  std::chrono::milliseconds interval() const noexcept { return interval_; }
  std::chrono::milliseconds stall_after() const noexcept { return stall_after_; }
  const std::function<double()>& depth() const noexcept { return depth_; }

 private:
  std::chrono::milliseconds interval_{1000};
  std::chrono::milliseconds stall_after_{1000};
  std::function<double()> depth_;
};

// Posts a heartbeat to the executor at an interval and measures how long it takes until it
// runs: executor_lag_seconds, executor_stalls_total and, with a Depth callback,
// executor_queue_depth, all with the label executor.
//
// At most one heartbeat waits in the executor. One that is late beyond StallAfter is one stall,
// counted when it becomes late, however long it then lasts; no further heartbeat is posted until
// it has run, and its whole lag is observed then. One that the executor destroys without running it
// (a pool that shuts down) is neither lag nor stall. A pool of several threads stalls when none of
// them is free.
//
// `post` takes a callable to the executor, from a thread of the monitor ("pm-executor", all signals
// blocked); it may throw (the heartbeat is then dropped) and may refuse the callable by
// destroying it. What is still queued when the monitor goes is harmless and may run at any time.
//
// Movable, thread-safe, throws nothing: when no thread can be started, one message. The destructor
// does not wait for the executor; it waits for a call of `post` (at most a second) and of `Depth`
// (at most the producers' time budget) that is running, so that the executor may be destroyed after
// it. Starts no thread and calls nothing when the Metrics does not record. In a forked child there
// are no heartbeats.
class [[nodiscard]] POLYMETER_EXPORT ExecutorMonitor {
 public:
  // Hands a task to the executor.
  using Post = std::function<void(std::function<void()>)>;

  ExecutorMonitor(const Metrics& metrics, std::string name, Post post,
                  const ExecutorOptions& options = {}) noexcept;
  ExecutorMonitor(ExecutorMonitor&&) noexcept;
  ExecutorMonitor& operator=(ExecutorMonitor&&) noexcept;
  ~ExecutorMonitor();

 private:
  std::unique_ptr<detail::ExecutorTimer> timer_;
  Attachment depth_;
};

POLYMETER_END_NAMESPACE
