// The service's work: a bounded queue of bodies, and the threads that compress them.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <future>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "instruments.h"
#include "queue.h"

namespace compress_service {

class WorkerPool {
 public:
  enum class Failure { kNone, kOutOfMemory, kAbandoned };
  struct Outcome {
    Failure failure = Failure::kNone;
    std::string gzip;
  };

  WorkerPool(const polymeter::Metrics& metrics, std::size_t workers, std::size_t queue_capacity);
  ~WorkerPool();

  // The future becomes ready in any case; nothing when the queue is full.
  std::optional<std::future<Outcome>> Submit(std::string body, int level);

  // From now on, jobs that still wait are abandoned instead of done.
  void Abandon() { abandon_ = true; }

 private:
  struct Job {
    std::string body;
    int level;
    std::chrono::steady_clock::time_point queued_at;
    std::promise<Outcome> outcome;
  };

  void Work();
  Outcome Compress(const Job& job);

  const CompressionInstruments instruments_;
  BoundedQueue<Job> queue_;
  std::atomic<bool> abandon_{false};
  std::vector<std::thread> threads_;
};

}  // namespace compress_service
