// Where jobs live: slots of one cache line, taken from and given back to a list without a lock,
// never freed before the queue is. Internal.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "integrations/common/forks.h"
#include "polymeter/job_queue.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

struct JobLabelSet;

// All that decides about a job, in one word: a compare-and-swap on it is a transition. The
// generation counts the jobs that the slot has had, so that a JobRef knows its own; the
// attempt counts retries, so that "running" of another attempt is another word.
struct JobWord {
  static constexpr int kAttemptShift = 4;
  static constexpr int kGenerationShift = 24;

  std::uint64_t bits;

  JobState state() const noexcept { return static_cast<JobState>(bits & 15); }
  std::uint64_t generation() const noexcept { return bits >> kGenerationShift; }
  JobWord In(JobState state) const noexcept {
    return {(bits & ~std::uint64_t{15}) | static_cast<std::uint64_t>(state)};
  }
  // The attempt wraps within its bits.
  JobWord NextAttempt(JobState state) const noexcept {
    constexpr std::uint64_t kMask = (std::uint64_t{1} << kGenerationShift) - 1;
    const std::uint64_t low = (bits + (std::uint64_t{1} << kAttemptShift)) & kMask;
    return JobWord{(bits & ~kMask) | low}.In(state);
  }
  JobWord NextGeneration() const noexcept { return {(generation() + 1) << kGenerationShift}; }
};

// Times are nanoseconds of the steady clock. Whoever wants to move the word reads them
// first: when the compare-and-swap succeeds, they were this attempt's.
struct alignas(64) JobSlot {
  std::atomic<std::uint64_t> word{0};
  std::atomic<std::int64_t> waits_since{0};  // submission, due time or retry
  std::atomic<std::int64_t> runs_since{0};
  std::atomic<std::int64_t> lease_end{0};
  std::atomic<const JobLabelSet*> labels{nullptr};
  std::atomic<double> audio_seconds{0};
  std::atomic<std::uint32_t> next_free{0};
  std::uint32_t index = 0;
  std::atomic<std::uint16_t> queue{0};
  std::atomic<std::uint32_t> forks{0};  // ForkCount() when the job came in

  // In a forked child, the jobs that came with its memory are the parent's.
  bool ours() const noexcept { return forks.load(std::memory_order_relaxed) == ForkCount(); }
};
static_assert(sizeof(JobSlot) == 64);

// Thread-safe. Grows by doubling; the memory stays for the next jobs.
class JobSlots {
 public:
  JobSlots() = default;
  ~JobSlots();
  JobSlots(const JobSlots&) = delete;
  JobSlots& operator=(const JobSlots&) = delete;

  // A slot in state kNone; null without memory.
  JobSlot* Take() noexcept;
  // Ends the slot's generation. Only by who took it, and in a state that nothing leads out of.
  void GiveBack(JobSlot& slot) noexcept;

  // Every slot there is, used or not.
  template <class Visit>
  void ForEach(Visit visit) const {
    for (std::size_t i = 0; i < kChunks; ++i) {
      JobSlot* const chunk = chunks_[i].load(std::memory_order_acquire);
      if (chunk == nullptr) return;
      for (std::size_t j = 0; j < SizeOf(i); ++j) visit(chunk[j]);
    }
  }

 private:
  static constexpr std::size_t kChunks = 22;  // 2^29 jobs
  static constexpr std::size_t kFirst = 256;
  static constexpr std::size_t SizeOf(std::size_t chunk) {
    return chunk == 0 ? kFirst : kFirst << (chunk - 1);
  }

  JobSlot& At(std::uint32_t index) const noexcept;
  void Push(JobSlot& first, JobSlot& last) noexcept;
  bool Grow() noexcept;

  // Of the free list: index + 1 (0: empty) and, above, a count that makes each head different.
  alignas(64) std::atomic<std::uint64_t> head_{0};
  alignas(64) std::atomic<JobSlot*> chunks_[kChunks] = {};
};

}  // namespace detail
POLYMETER_END_NAMESPACE
