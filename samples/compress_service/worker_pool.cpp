// Where the compression's metrics are recorded.
#include "worker_pool.h"

#include <new>
#include <utility>

#include "gzip.h"

namespace compress_service {

WorkerPool::WorkerPool(const polymeter::Metrics& metrics, std::size_t workers,
                       std::size_t queue_capacity)
    : instruments_(metrics), queue_(queue_capacity, instruments_.queue_depth) {
  for (std::size_t i = 0; i < workers; ++i) threads_.emplace_back([this] { Work(); });
  instruments_.workers.Set(workers);
}

WorkerPool::~WorkerPool() {
  queue_.Close();
  for (std::thread& thread : threads_) thread.join();
  instruments_.workers.Set(0);
}

std::optional<std::future<WorkerPool::Outcome>> WorkerPool::Submit(std::string body, int level) {
  Job job{std::move(body), level, std::chrono::steady_clock::now(), {}};
  std::future<Outcome> outcome = job.outcome.get_future();
  if (!queue_.TryPush(std::move(job))) return std::nullopt;
  return outcome;
}

void WorkerPool::Work() {
  while (std::optional<Job> job = queue_.Pop()) {
    if (abandon_) {
      job->outcome.set_value({Failure::kAbandoned, {}});
      continue;
    }
    instruments_.queue_wait.Observe(std::chrono::steady_clock::now() - job->queued_at);
    // Counted before the promise is kept: whoever has the answer finds it on the next scrape.
    Outcome outcome = Compress(*job);
    job->outcome.set_value(std::move(outcome));
  }
}

WorkerPool::Outcome WorkerPool::Compress(const Job& job) try {
  const Held busy(instruments_.workers_busy);
  std::optional<std::string> gzip =
      instruments_.duration.With(job.level).Measure([&job] { return Gzip(job.body, job.level); });
  if (!gzip) return {Failure::kOutOfMemory, {}};
  instruments_.input_bytes.Increment(job.body.size());
  instruments_.output_bytes.Increment(gzip->size());
  instruments_.ratio.With(job.level).Observe(static_cast<double>(job.body.size()) /
                                             static_cast<double>(gzip->size()));
  return {Failure::kNone, *std::move(gzip)};
} catch (const std::bad_alloc&) {
  return {Failure::kOutOfMemory, {}};
}

}  // namespace compress_service
