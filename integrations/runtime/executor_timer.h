// The thread that posts an executor's heartbeats.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <thread>

#include "integrations/runtime/executor_heart.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

class ExecutorTimer {
 public:
  using Post = std::function<void(std::function<void()>)>;

  // Throws std::system_error when the system gives no thread.
  ExecutorTimer(std::shared_ptr<ExecutorHeart> heart, Post post);
  ExecutorTimer(const ExecutorTimer&) = delete;
  ExecutorTimer& operator=(const ExecutorTimer&) = delete;
  // A `post` that does not return is left behind after kPatience; what it needs, it shares.
  ~ExecutorTimer();

  static constexpr std::chrono::seconds kPatience{1};

 private:
  struct State;
  static void Run(State& state);

  std::shared_ptr<State> state_;
  std::thread thread_;
  pid_t started_in_;
};

}  // namespace detail
POLYMETER_END_NAMESPACE
