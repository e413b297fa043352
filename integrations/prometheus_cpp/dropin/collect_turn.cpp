#include "integrations/prometheus_cpp/dropin/collect_turn.h"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <unordered_map>

#include "integrations/prometheus_cpp/dropin/of_process.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr std::chrono::seconds kMostPatience(30);

}  // namespace

class CollectTurn::Turns {
 public:
  bool Take(const void* whom) {
    const auto self = std::this_thread::get_id();
    const auto give_up = std::chrono::steady_clock::now() + kMostPatience;
    std::unique_lock lock(mutex_);
    for (;;) {
      Turn& turn = turns_[whom];
      if (turn.depth == 0 || turn.thread == self) {
        turn.thread = self;
        ++turn.depth;
        return true;
      }
      if (ended_.wait_until(lock, give_up) == std::cv_status::timeout) return false;
    }
  }
  void GiveBack(const void* whom) {
    {
      const std::lock_guard lock(mutex_);
      const auto turn = turns_.find(whom);
      if (--turn->second.depth > 0) return;
      turns_.erase(turn);
    }
    ended_.notify_all();
  }

 private:
  struct Turn {
    std::thread::id thread;
    int depth = 0;
  };
  std::mutex mutex_;
  std::condition_variable ended_;
  std::unordered_map<const void*, Turn> turns_;
};

CollectTurn::CollectTurn(const void* whom) : whom_(whom), turns_(OfProcess<Turns>()) {
  taken_ = turns_.Take(whom);
}

CollectTurn::~CollectTurn() {
  if (taken_) turns_.GiveBack(whom_);
}

}  // namespace detail
POLYMETER_END_NAMESPACE
