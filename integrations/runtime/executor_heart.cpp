#include "integrations/runtime/executor_heart.h"

#include <algorithm>
#include <utility>

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

class Heartbeat {
 public:
  explicit Heartbeat(std::shared_ptr<ExecutorHeart> heart) : heart_(std::move(heart)) {}
  Heartbeat(const Heartbeat&) = delete;
  Heartbeat& operator=(const Heartbeat&) = delete;
  ~Heartbeat() {
    if (!ran_.load(std::memory_order_relaxed)) heart_->Dropped();
  }
  void Run() {
    if (!ran_.exchange(true)) heart_->Ran(std::chrono::steady_clock::now());
  }

 private:
  const std::shared_ptr<ExecutorHeart> heart_;
  std::atomic<bool> ran_{false};
};

}  // namespace

ExecutorHeart::Step ExecutorHeart::Advance(Time now) {
  const std::lock_guard lock(mutex_);
  if (waiting_) CountStall(now);
  if (!waiting_ && now >= due_) {
    waiting_ = true;
    stalled_ = false;
    posted_ = now;
    // Heartbeats that could not be posted meanwhile are not made up for.
    due_ = now + interval_;
    return {true, now};
  }
  // While one waits, looks again at the interval, and when it becomes late.
  Time next = due_ > now ? due_ : now + interval_;
  if (waiting_ && !stalled_) next = std::min(next, posted_ + stall_after_);
  return {false, next};
}

void ExecutorHeart::CountStall(Time now) {
  if (stalled_ || now - posted_ < stall_after_) return;
  stalled_ = true;
  stalls_.Increment();
}

void ExecutorHeart::Ran(Time now) {
  const std::lock_guard lock(mutex_);
  if (stopped_ || !waiting_) return;
  CountStall(now);  // in case the timer has not noticed it yet
  lag_.Observe(now - posted_);
  waiting_ = false;
}

void ExecutorHeart::Dropped() {
  const std::lock_guard lock(mutex_);
  waiting_ = false;
}

void ExecutorHeart::Stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
}

std::function<void()> MakeHeartbeat(std::shared_ptr<ExecutorHeart> heart) {
  // A std::function is copied at will; the copies share one heartbeat.
  return [beat = std::make_shared<Heartbeat>(std::move(heart))] { beat->Run(); };
}

}  // namespace detail
POLYMETER_END_NAMESPACE
