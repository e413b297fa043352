// Where the compression's metrics are recorded.
#include "worker_pool.h"

#include <new>
#include <utility>

#include "gzip.h"

namespace compress_service {

WorkerPool::WorkerPool(const polymeter::Metrics& metrics, std::size_t workers,
                       std::size_t queue_capacity)
    : instruments_(metrics), jobs_(metrics, CompressionJobs(workers)), queue_(queue_capacity) {
  for (std::size_t i = 0; i < workers; ++i) threads_.emplace_back([this] { Work(); });
}

WorkerPool::~WorkerPool() {
  queue_.Close();
  for (std::thread& thread : threads_) thread.join();
  jobs_.SetWorkers(0);
}

std::optional<std::future<WorkerPool::Outcome>> WorkerPool::Submit(std::string body, int level) {
  std::promise<Outcome> promise;
  std::future<Outcome> outcome = promise.get_future();
  const bool taken = queue_.TryPush([&] {
    return Job{std::move(body),           level, std::move(promise), jobs_.Submit(level),
               polymeter::CurrentTrace(), false};
  });
  if (!taken) return std::nullopt;
  return outcome;
}

void WorkerPool::Work() {
  const auto take = [this](Job& job) {
    job.abandoned = abandon_;
    if (job.abandoned) {
      job.measured.Cancel();
    } else {
      job.measured.Start();
    }
  };
  while (std::optional<Job> job = queue_.Pop(take)) {
    const polymeter::TraceScope working_for(job->trace);
    if (job->abandoned) {
      job->outcome.set_value({Failure::kAbandoned, {}, {}});
      continue;
    }
    Outcome outcome = Compress(*job);
    // Counted before the promise is kept: whoever has the answer finds it on the next scrape.
    if (outcome.failure == Failure::kNone) {
      job->measured.Complete();
    } else {
      job->measured.Fail("out_of_memory");
    }
    job->outcome.set_value(std::move(outcome));
  }
}

WorkerPool::Outcome WorkerPool::Compress(const Job& job) try {
  std::optional<std::string> gzip = Gzip(job.body, job.level);
  if (!gzip) return {Failure::kOutOfMemory, {}, {}};
  instruments_.input_bytes.Increment(job.body.size());
  instruments_.output_bytes.Increment(gzip->size());
  instruments_.ratio.With(job.level).Observe(static_cast<double>(job.body.size()) /
                                             static_cast<double>(gzip->size()));
  return {Failure::kNone, *std::move(gzip), polymeter::CurrentTrace()};
} catch (const std::bad_alloc&) {
  return {Failure::kOutOfMemory, {}, {}};
}

}  // namespace compress_service
