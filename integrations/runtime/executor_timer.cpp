#include "integrations/runtime/executor_timer.h"

#include <unistd.h>

#include <condition_variable>
#include <utility>

#include "sdk/src/threads.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

struct ExecutorTimer::State {
  const std::shared_ptr<ExecutorHeart> heart;
  const Post post;
  std::mutex mutex;
  std::condition_variable changed;
  bool stop = false;
  bool ended = false;
};

ExecutorTimer::ExecutorTimer(std::shared_ptr<ExecutorHeart> heart, Post post)
    : state_(new State{std::move(heart), std::move(post), {}, {}}), started_in_(getpid()) {
  thread_ = StartNamedThread("pm-executor", [state = state_] { Run(*state); });
}

void ExecutorTimer::Run(State& state) {
  std::unique_lock lock(state.mutex);
  while (!state.stop) {
    const ExecutorHeart::Step step = state.heart->Advance(std::chrono::steady_clock::now());
    if (!step.post) {
      state.changed.wait_until(lock, step.next);
      continue;
    }
    lock.unlock();
    try {
      state.post(MakeHeartbeat(state.heart));
    } catch (...) {
      // The executor takes nothing; the heartbeat has been dropped.
    }
    lock.lock();
  }
  state.ended = true;
  state.changed.notify_all();
}

ExecutorTimer::~ExecutorTimer() {
  if (getpid() != started_in_) {
    // A forked child: the thread is not here, and whether it held a lock is not known.
    thread_.detach();
    return;
  }
  bool ended = false;
  {
    std::unique_lock lock(state_->mutex);
    state_->stop = true;
    state_->changed.notify_all();
    ended = state_->changed.wait_for(lock, kPatience, [this] { return state_->ended; });
  }
  state_->heart->Stop();
  if (ended) {
    thread_.join();
  } else {
    thread_.detach();
  }
}

}  // namespace detail
POLYMETER_END_NAMESPACE
