// The service's work: a bounded queue of bodies, and the threads that compress them.
#pragma once

#include <atomic>
#include <cstddef>
#include <future>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <polymeter/trace_context.h>

#include "instruments.h"
#include "queue.h"

namespace compress_service {

class WorkerPool {
 public:
  enum class Failure { kNone, kOutOfMemory, kAbandoned };
  struct Outcome {
    Failure failure = Failure::kNone;
    std::string gzip;
    polymeter::TraceContext trace;  // for which the work was done
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
    std::promise<Outcome> outcome;
    polymeter::Job measured;
    polymeter::TraceContext trace;  // of the request
    bool abandoned;                 // not to be done: the service goes
  };

  void Work();
  Outcome Compress(const Job& job);

  const CompressionInstruments instruments_;
  const polymeter::JobQueueMetrics jobs_;
  std::atomic<bool> abandon_{false};
  BoundedQueue<Job> queue_;
  std::vector<std::thread> threads_;
};

}  // namespace compress_service
