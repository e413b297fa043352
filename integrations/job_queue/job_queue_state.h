// The state of a queue: its jobs, the steps they take, and what is counted on the way. Shared by
// the adapter, its jobs and the registry. Internal.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "integrations/job_queue/job_labels.h"
#include "integrations/job_queue/job_slots.h"
#include "polymeter/producer.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

class JobQueueState final : public Producer {
 public:
  JobQueueState(const Metrics& metrics, const JobQueueOptions& options);

  // Null without memory.
  JobSlot* Enter(bool restored, const JobInfo& info, const std::string_view* values,
                 std::size_t count) noexcept;
  bool Start(JobSlot& slot) noexcept;
  // Of the job that has the slot in this generation. `reason` for kFailed.
  bool End(JobSlot& slot, std::uint64_t generation, JobState to,
           std::string_view reason = {}) noexcept;
  bool Retry(JobSlot& slot, double delay_seconds) noexcept;
  bool Renew(JobSlot& slot) noexcept;
  // The word now: not running when the lease is over.
  JobWord Look(JobSlot& slot) noexcept;
  bool Relabel(JobSlot& slot, std::string_view label, std::string_view value) noexcept;
  void SetAudio(JobSlot& slot, double seconds) noexcept;
  // Its owner is gone.
  void Drop(JobSlot& slot) noexcept;

  void SetWorkers(std::int64_t workers) noexcept {
    workers_.store(workers < 0 ? 0 : workers, std::memory_order_relaxed);
  }
  JobTally Tally();
  void Collect(FamilySink& sink) override;

 private:
  using Nanos = std::int64_t;
  static constexpr std::int64_t kNoWorkers = -1;

  Nanos Now() const noexcept;
  // How many seconds `time` of the wall clock lies ahead; negative: in the past.
  double Ahead(std::chrono::system_clock::time_point time) const noexcept;
  // From nothing to ten years; what is not is counted.
  double Clamp(double seconds, const char* input) noexcept;
  Nanos WaitsSince(const JobInfo& info) noexcept;
  Nanos LeaseFrom(Nanos now) const noexcept;
  std::uint16_t QueueId(const JobInfo& info) noexcept;

  // Moves the word out of a live state and counts what that ends. False when somebody was
  // faster; `word` is then the new one.
  bool Leave(JobSlot& slot, JobWord& word, JobWord to, std::string_view reason) noexcept;
  bool LeaseIsOver(const JobSlot& slot, Nanos now) const noexcept;
  // A running job whose lease is over is lost, whoever finds out.
  void Expire(JobSlot& slot, JobWord word) noexcept;
  void CountEnd(const JobLabelSet& set, JobState to, std::string_view reason) noexcept;
  bool Refuse(JobState from, JobState to) noexcept;
  // visit(state, labels, waits_since, queue) for each live job of this process; expires leases.
  template <class Visit>
  void ForEachLive(Nanos now, Visit visit);
  // Of some counters of all label sets.
  template <class Counters>
  std::uint64_t Total(Counters counters) const;

  const JobQueueOptions options_;
  const JobFamilies families_;
  const double lease_seconds_;  // 0: none
  JobReports reports_;
  JobLabels labels_;
  JobValues queues_;
  const std::uint16_t default_queue_;  // the first of Queues()
  JobSlots slots_;
  std::atomic<std::int64_t> workers_{kNoWorkers};
};

}  // namespace detail
POLYMETER_END_NAMESPACE
