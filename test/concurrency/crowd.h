// Threads by the dozen, and waiting for what they did: the tools of the concurrency tests.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <latch>
#include <thread>
#include <vector>

namespace crowd {

// Waits until `condition` holds. A test waits for progress, not for time: the limit is there only
// so that a failure ends. False when it was reached.
template <class Condition>
[[nodiscard]] bool WaitUntil(Condition condition,
                             std::chrono::seconds limit = std::chrono::seconds(60)) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

// Runs work(i) on `count` threads that begin together; returns when all have ended.
template <class Work>
void Together(int count, Work work) {
  std::latch ready(count);
  std::vector<std::jthread> threads;
  for (int i = 0; i < count; ++i) {
    threads.emplace_back([&, i] {
      ready.arrive_and_wait();
      work(i);
    });
  }
}

// `total` threads, each alive for one call of work(i), about `at_once` of them at any time.
template <class Work>
void ComeAndGo(int at_once, int total, Work work) {
  std::atomic<int> next{0};
  Together(at_once, [&](int) {
    for (int i = next++; i < total; i = next++) std::thread(work, i).join();
  });
}

// A thread that calls `step` over and over until it is told to stop. `steps` says how far it is.
class Loop {
 public:
  template <class Step>
  explicit Loop(Step step)
      : thread_([this, step = std::move(step)]() mutable {
          while (!stop_.load(std::memory_order_relaxed)) {
            step();
            steps_.fetch_add(1, std::memory_order_release);
          }
        }) {}
  ~Loop() { Stop(); }
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  void Stop() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
  }
  std::uint64_t steps() const { return steps_.load(std::memory_order_acquire); }

 private:
  std::atomic<bool> stop_{false};
  std::atomic<std::uint64_t> steps_{0};
  std::thread thread_;
};

}  // namespace crowd
