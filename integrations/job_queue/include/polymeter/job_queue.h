// Metrics of a job queue: what was submitted, how long it waited and ran, how it ended. C++17.
//
//   polymeter::JobQueueMetrics jobs(metrics, polymeter::JobQueueOptions::Whisper().Workers(4));
//   polymeter::Job job = jobs.Submit("base.en", "auto");   // travels with the job
//   job.Start();                                           // a worker took it
//   job.Relabel("language", "de");                         // what was detected
//   job.Complete();                                        // or Fail, Retry, Cancel
//
// Each job is one state machine, moved by compare-and-swap:
//
//   queued -> running -> completed
//     ^          |  \--> failed, cancelled, dead-lettered, lost
//     \--Retry---/
//   queued -> failed, cancelled, dead-lettered, lost
//
// Every other step (a second Complete, a Start after a Cancel) changes nothing, is counted in
// job_invalid_transitions_total{from,to} and gives false. Numbers of jobs are counted from the
// states when they are collected, never added up and down, so they cannot drift or turn negative:
//
//   submitted + restored = completed + failed + cancelled + dead-lettered + lost     (ended)
//                        + queue_size + jobs_scheduled + jobs_processing             (live)
//
// holds whenever no call is under way: over the whole queue and for each value of the first label
// (the other labels may change between submission and end, see Job::Relabel). Tally() checks it.
//
// Nothing here throws or blocks. A submission takes no lock and, once as many jobs were alive at
// the same time before, no memory; one job takes 64 bytes, which are kept for the next.
//
// A forked child's queue starts from zero. The jobs that came with its memory are the parent's:
// there they do nothing, as a Job without a job, and are not lost when they are dropped.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "polymeter/label_value.h"
#include "polymeter/metrics.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
class JobQueueState;
struct JobSlot;
}  // namespace detail

// Where a job is.
enum class JobState : std::uint8_t {
  kNone,  // no such job (any longer)
  kQueued,
  kRunning,
  kCompleted,
  kFailed,
  kCancelled,
  kDeadLettered,
  kLost,
};
// "none", "queued", ... "dead_lettered", "lost".
POLYMETER_EXPORT std::string_view LabelValue(JobState state) noexcept;

// How a JobQueueMetrics differs from the default.
class JobQueueOptions {
 public:
  // whisper_*: labels model and language with whisper's models and languages, audio seconds and
  // real time factor, durations from 1 s to 2 h; OpenTelemetry's names.
  POLYMETER_EXPORT static JobQueueOptions Whisper();

  // Before every family's name, with "_" between: "compress" gives compress_jobs_submitted_total.
  // Use one JobQueueMetrics for one prefix; a second one would give the same series again.
  JobQueueOptions& Prefix(std::string prefix) {
    prefix_ = std::move(prefix);
    return *this;
  }
  // Names of the jobs' labels, at most 4. The first one (whisper's model) is also the label
  // of the gauges, of the wait and of the audio, and stays with a job; the others may change.
  JobQueueOptions& Labels(std::vector<std::string> names) {
    labels_ = std::move(names);
    return *this;
  }
  // The values that `label` may have; every other is counted as "other" (and in
  // job_labels_folded_total). Without a list the first 64 different ones are kept. Replaces an
  // earlier list. `label` may also be "reason" (of Fail; without a list the first 32 are kept).
  JobQueueOptions& Allow(std::string label, std::vector<std::string> values) {
    allowed_.emplace_back(std::move(label), std::move(values));
    return *this;
  }
  // Queues that JobInfo::Queue may name; otherwise "default" alone. Others are "other".
  JobQueueOptions& Queues(std::vector<std::string> names) {
    queues_ = std::move(names);
    return *this;
  }
  // The size of the worker pool; without it there are no worker families.
  JobQueueOptions& Workers(std::int64_t workers) {
    workers_ = workers;
    return *this;
  }
  // A running job is lost when neither Start nor Renew was called for so long: its worker
  // crashed or hangs. Zero: no lease.
  JobQueueOptions& Lease(std::chrono::duration<double> lease) {
    lease_ = lease;
    return *this;
  }
  // audio_seconds_total and realtime_factor, from JobInfo::Audio and Job::SetAudio.
  JobQueueOptions& Audio(bool audio = true) {
    audio_ = audio;
    return *this;
  }
  // Durations go to OpenTelemetry as messaging.process.duration, whatever the prefix. For one queue
  // of a program: two would be one metric there.
  JobQueueOptions& OpenTelemetryNames(bool names = true) {
    otel_names_ = names;
    return *this;
  }
  // Durations keep exemplars: the trace that is current where a job leaves its worker (Complete,
  // Fail, Retry and so on). One whose lease ran out belongs to none.
  JobQueueOptions& Exemplars(bool exemplars = true) {
    exemplars_ = exemplars;
    return *this;
  }
  // Bounds in seconds. METRICS_BUCKETS and Options::Buckets win, by the family's name.
  JobQueueOptions& DurationBuckets(std::vector<double> bounds) {
    duration_buckets_ = std::move(bounds);
    return *this;
  }
  // The same of the time in the queue.
  JobQueueOptions& WaitBuckets(std::vector<double> bounds) {
    wait_buckets_ = std::move(bounds);
    return *this;
  }
  // The system's clocks unless given (tests). Called from every thread.
  JobQueueOptions& Clock(std::function<std::chrono::steady_clock::time_point()> clock) {
    clock_ = std::move(clock);
    return *this;
  }
  // The time of day; see Clock.
  JobQueueOptions& WallClock(std::function<std::chrono::system_clock::time_point()> clock) {
    wall_clock_ = std::move(clock);
    return *this;
  }

  const std::string& prefix() const noexcept { return prefix_; }
  const std::vector<std::string>& labels() const noexcept { return labels_; }
  // The values that labels may have, by label.
  const std::vector<std::pair<std::string, std::vector<std::string>>>& allowed() const noexcept {
    return allowed_;
  }
  const std::vector<std::string>& queues() const noexcept { return queues_; }
  std::optional<std::int64_t> workers() const noexcept { return workers_; }
  std::chrono::duration<double> lease() const noexcept { return lease_; }
  bool audio() const noexcept { return audio_; }
  // Whether durations have OpenTelemetry's name.
  bool otel_names() const noexcept { return otel_names_; }
  bool exemplars() const noexcept { return exemplars_; }
  const std::vector<double>& duration_buckets() const noexcept { return duration_buckets_; }
  const std::vector<double>& wait_buckets() const noexcept { return wait_buckets_; }
  const std::function<std::chrono::steady_clock::time_point()>& clock() const noexcept {
    return clock_;
  }
  const std::function<std::chrono::system_clock::time_point()>& wall_clock() const noexcept {
    return wall_clock_;
  }

 private:
  std::string prefix_;
  std::vector<std::string> labels_;
  std::vector<std::pair<std::string, std::vector<std::string>>> allowed_;
  std::vector<std::string> queues_{"default"};
  std::optional<std::int64_t> workers_;
  std::chrono::duration<double> lease_{0};
  bool audio_ = false;
  bool otel_names_ = false;
  bool exemplars_ = false;
  std::vector<double> duration_buckets_{0.01, 0.05, 0.1, 0.5, 1,   2,    5,    10,
                                        30,   60,   120, 300, 600, 1800, 3600, 7200};
  std::vector<double> wait_buckets_{0.005, 0.01, 0.05, 0.1, 0.5, 1,   2,    5,
                                    10,    30,   60,   120, 300, 600, 1800, 3600};
  std::function<std::chrono::steady_clock::time_point()> clock_;
  std::function<std::chrono::system_clock::time_point()> wall_clock_;
};

// What is known of a job when it comes in, beside its labels. Texts are referred to.
//
// Durations may be anything: what is negative or NaN counts as zero and what is above ten years
// as ten years, each counted in job_inputs_clamped_total{input}.
class JobInfo {
 public:
  // The value of the label queue of oldest_job_age_seconds; the first of Queues() unless given.
  JobInfo& Queue(std::string_view name) {
    queue_ = name;
    return *this;
  }
  // Scheduled: not to be started before, and waits from then on.
  JobInfo& DueIn(std::chrono::duration<double> delay) {
    due_in_ = delay;
    return *this;
  }
  // The same as a time of day.
  JobInfo& DueAt(std::chrono::system_clock::time_point time) {
    due_at_ = time;
    return *this;
  }
  // When another host (or this one, before a restart) accepted the job. Inside one process leave
  // it out: wall clocks jump. A time in the future is taken as now and counted in
  // job_clock_skew_total.
  JobInfo& SubmittedAt(std::chrono::system_clock::time_point time) {
    submitted_at_ = time;
    return *this;
  }
  // The length of what is to be transcribed; see Job::SetAudio.
  JobInfo& Audio(std::chrono::duration<double> length) {
    audio_ = length;
    return *this;
  }

  const std::optional<std::string_view>& queue() const noexcept { return queue_; }
  const std::optional<std::chrono::duration<double>>& due_in() const noexcept { return due_in_; }
  const std::optional<std::chrono::system_clock::time_point>& due_at() const noexcept {
    return due_at_;
  }
  const std::optional<std::chrono::system_clock::time_point>& submitted_at() const noexcept {
    return submitted_at_;
  }
  const std::optional<std::chrono::duration<double>>& audio() const noexcept { return audio_; }

 private:
  std::optional<std::string_view> queue_;
  std::optional<std::chrono::duration<double>> due_in_;
  std::optional<std::chrono::system_clock::time_point> due_at_;
  std::optional<std::chrono::system_clock::time_point> submitted_at_;
  std::optional<std::chrono::duration<double>> audio_;
};

// A way to end a job from elsewhere (a cancel request) while its Job is with a worker.
// Copyable, thread-safe. When the Job is gone, its state is kNone and every step invalid (counted
// with from="none"). Without a job all steps do nothing and give true, as Job's do.
class POLYMETER_EXPORT JobRef {
 public:
  JobRef() noexcept = default;

  // As Job::Complete.
  bool Complete() const noexcept;
  // As Job::Fail.
  bool Fail(std::string_view reason) const noexcept;
  // As Job::Cancel.
  bool Cancel() const noexcept;
  // As Job::DeadLetter.
  bool DeadLetter() const noexcept;
  // Where the job is; kNone without one.
  JobState state() const noexcept;
  // Whether it is of a job.
  explicit operator bool() const noexcept { return queue_ != nullptr; }

 private:
  friend class Job;
  std::shared_ptr<detail::JobQueueState> queue_;
  detail::JobSlot* slot_ = nullptr;
  std::uint64_t generation_ = 0;
};

// A job that was submitted, for as long as somebody is responsible for it: dropped in a live
// state, the job is lost. It may outlive its JobQueueMetrics and the Metrics.
//
// Move-only. The members that are const may be called by several threads at the same time; of
// two that want to end the job, one wins. They give false when the step was not possible.
// A Job without a job (default-constructed, moved from, or of a Metrics that records nothing) does
// nothing and gives true: whether a job may be cancelled is the application's to know.
class [[nodiscard]] POLYMETER_EXPORT Job {
 public:
  Job() noexcept = default;
  Job(Job&& other) noexcept
      : queue_(std::move(other.queue_)), slot_(std::exchange(other.slot_, nullptr)) {}
  Job& operator=(Job&& other) noexcept {
    if (this != &other) {
      Drop();
      queue_ = std::move(other.queue_);
      slot_ = std::exchange(other.slot_, nullptr);
    }
    return *this;
  }
  ~Job() { Drop(); }

  // A worker takes it: the wait is observed (zero for a scheduled job taken early).
  bool Start() const noexcept;
  // Ends, with the duration since Start where it was running.
  bool Complete() const noexcept;
  // Ends as failed. `reason` is a word of a small set: it becomes a label.
  bool Fail(std::string_view reason) const noexcept;
  // Ends as cancelled.
  bool Cancel() const noexcept;
  // Ends as given up: nobody tries it again.
  bool DeadLetter() const noexcept;
  // Running -> queued: a new wait begins, now or when the delay is over. The attempt's duration is
  // observed with outcome="retried"; the job itself is not submitted again and ends once.
  bool Retry(std::chrono::duration<double> delay = std::chrono::duration<double>(0)) const noexcept;
  // The worker is alive: the lease begins anew. False when the job is not running (any longer).
  bool Renew() const noexcept;

  // Counts what comes from now on under another value of a label that became known later
  // (language: `auto` at submission, the detected one at the end). False, and nothing
  // changes, for the first label, for an unknown name and when the job has ended.
  bool Relabel(std::string_view label, const LabelText& value) const noexcept;
  // The length of the audio, counted and related to the duration when the job completes. Bad
  // values (see JobInfo) are counted as clamped; zero is not known.
  void SetAudio(std::chrono::duration<double> length) const noexcept;

  JobState state() const noexcept;  // kNone without a job
  // For those who may end it from elsewhere.
  JobRef ref() const noexcept;
  // Whether it has a job.
  explicit operator bool() const noexcept { return slot_ != nullptr; }

 private:
  friend class JobQueueMetrics;
  Job(std::shared_ptr<detail::JobQueueState> queue, detail::JobSlot* slot) noexcept
      : queue_(std::move(queue)), slot_(slot) {}
  void Drop() noexcept {
    if (slot_ != nullptr) DropSlot();
  }
  void DropSlot() noexcept;

  std::shared_ptr<detail::JobQueueState> queue_;
  detail::JobSlot* slot_ = nullptr;
};

// The numbers of a queue at one moment, from its counters and from the states of its jobs.
struct JobTally {
  std::uint64_t submitted = 0;      // by Submit
  std::uint64_t restored = 0;       // by Restore
  std::uint64_t completed = 0;      // ended well
  std::uint64_t failed = 0;         // ended by Fail
  std::uint64_t cancelled = 0;      // ended by Cancel
  std::uint64_t dead_lettered = 0;  // ended by DeadLetter
  std::uint64_t lost = 0;           // dropped in a live state
  std::uint64_t queued = 0;         // waiting, and due
  std::uint64_t scheduled = 0;      // not yet due
  std::uint64_t running = 0;        // with a worker

  // Jobs that came.
  std::uint64_t accepted() const noexcept { return submitted + restored; }
  // Jobs that ended, however.
  std::uint64_t ended() const noexcept {
    return completed + failed + cancelled + dead_lettered + lost;
  }
  // Jobs that have not ended.
  std::uint64_t live() const noexcept { return queued + scheduled + running; }
  // Whether every job that came has ended or lives: true at rest.
  bool balanced() const noexcept { return accepted() == ended() + live(); }
};

// The adapter: makes the families of polymeter's docs/adapters/job_queue.md in `metrics`. On a
// Metrics that does not record it does nothing, and its jobs are empty. Thread-safe.
class POLYMETER_EXPORT JobQueueMetrics {
 public:
  explicit JobQueueMetrics(const Metrics& metrics,
                           const JobQueueOptions& options = JobQueueOptions());
  JobQueueMetrics(JobQueueMetrics&&) noexcept;
  JobQueueMetrics& operator=(JobQueueMetrics&&) noexcept;
  ~JobQueueMetrics();

  // A job comes in. One value for each of JobQueueOptions::Labels, in their order; a value that is
  // missing is "other". Without memory for it the job is not counted (and the Job empty).
  template <class... Values>
  Job Submit(const Values&... values) const noexcept {
    return Submit(JobInfo(), values...);
  }
  template <class... Values>
  Job Submit(const JobInfo& info, const Values&... values) const noexcept {
    return Call(kSubmitted, info, LabelText(values)...);
  }
  // A job that the application's store still had at start-up: queued, and waiting since
  // SubmittedAt. Counted in jobs_restored_total, not as a new submission.
  template <class... Values>
  Job Restore(const JobInfo& info, const Values&... values) const noexcept {
    return Call(kRestored, info, LabelText(values)...);
  }

  // Negative is zero.
  void SetWorkers(std::int64_t workers) const noexcept;

  // Balanced at any time when no other call is under way; while others run it may be ahead by what
  // they are counting: never less than ended() + live(). Expires leases first. Reads every
  // job and allocates (without memory all is zero): for tests and checks.
  JobTally Tally() const noexcept;

 private:
  enum Entry : bool { kSubmitted, kRestored };
  template <class... Texts>
  Job Call(Entry entry, const JobInfo& info, const Texts&... texts) const noexcept {
    if (queue_ == nullptr) return Job();
    const std::string_view values[] = {texts.text()..., std::string_view()};
    return Enter(entry, info, values, sizeof...(Texts));
  }
  Job Enter(Entry entry, const JobInfo& info, const std::string_view* values,
            std::size_t count) const noexcept;

  std::shared_ptr<detail::JobQueueState> queue_;  // null: nothing is recorded
  Attachment attachment_;
};

POLYMETER_END_NAMESPACE
