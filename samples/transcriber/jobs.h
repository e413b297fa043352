// The jobs: those that wait, those that run and, for a while, those that have ended.
#pragma once

#include <polymeter/job_queue.h>
#include <polymeter/polymeter.h>
#include <polymeter/trace_context.h>

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace transcriber {

using JobId = std::uint64_t;

// The adapter's words, but a state of the store's own: with no backend the adapter keeps none.
using polymeter::JobState;

// What a client may know of a job.
struct JobView {
  JobId id = 0;
  JobState state = JobState::kQueued;
  std::string text;               // completed: what was said
  std::string_view reason;        // failed: "bad_audio" and so on, a label
  std::string_view message;       // failed: for a person
  polymeter::TraceContext trace;  // of the request that brought it
};

// What a worker gets.
struct Task {
  JobId id = 0;
  std::string recording;  // as uploaded
  bool grammar = false;
  polymeter::TraceContext trace;
};

// How a task ended: with a text, or with a reason.
struct Outcome {
  std::string text;
  std::string_view reason = {};   // empty: it succeeded
  std::string_view message = {};  // for a person
};

struct JobLimits {
  std::size_t queue = 0;  // jobs that may wait
  std::size_t keep = 0;   // ended jobs that can still be asked for; the oldest goes first
};

// Thread-safe. Every step of a job is taken here and counted in the same breath, so that who sees
// a job completed finds it counted on the next scrape.
class JobStore {
 public:
  // `grammar_model` is the label of jobs with a grammar; empty when there is none.
  JobStore(const polymeter::Metrics& metrics, JobLimits limits, std::size_t workers,
           const std::string& grammar_model);

  // Its id; nothing when the queue is full or closed.
  std::optional<JobId> Submit(std::string recording, bool grammar);
  // Nothing when there never was such a job, or no longer is.
  std::optional<JobView> Find(JobId id) const;
  // The job as it was found: a queued or running one is cancelled now. The worker of a running
  // one goes on to the end of the recording, and its result is dropped.
  std::optional<JobView> Cancel(JobId id);

  // For workers: waits for a task; nothing once the store is closed.
  std::optional<Task> Take();
  void SetAudio(JobId id, double seconds);
  void Finish(JobId id, Outcome outcome);

  // Takes nothing more, and waits until everything has ended; false when that takes longer.
  bool Drain(std::chrono::milliseconds time);
  // Workers get nothing more, and what still waits is lost.
  void Close();

 private:
  struct Record {
    JobView view;
    polymeter::Job metrics;  // while it is live
    std::string recording;   // while it waits
    bool grammar = false;
  };
  using Records = std::map<JobId, Record>;

  // All under the mutex.
  void End(Record& record, JobState state);
  std::size_t Live() const { return records_.size() - ended_.size(); }

  const JobLimits limits_;
  const std::string grammar_model_;
  const polymeter::JobQueueMetrics metrics_;

  mutable std::mutex mutex_;
  std::condition_variable task_or_closed_;
  std::condition_variable idle_;
  Records records_;
  std::deque<JobId> waiting_;
  std::deque<JobId> ended_;  // the oldest first
  JobId last_id_ = 0;
  bool draining_ = false;
  bool closed_ = false;
};

}  // namespace transcriber
