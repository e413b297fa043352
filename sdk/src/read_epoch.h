// Tells when nobody can still read what was unlinked: look-ups mark their beginning and end, in
// per-CPU counters (the scheme of Linux' sleepable RCU, polled instead of waited for).
#pragma once

#include <atomic>
#include <cstdint>

#include "polymeter/hot_path.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// ThreadSanitizer knows no fences; the sequentially consistent adds around them are enough for it.
inline void FullFence() noexcept {
#if defined(__SANITIZE_THREAD__)
#elif defined(__has_feature)
#if !__has_feature(thread_sanitizer)
  std::atomic_thread_fence(std::memory_order_seq_cst);
#endif
#else
  std::atomic_thread_fence(std::memory_order_seq_cst);
#endif
}

class ReadEpoch {
 public:
  ReadEpoch() noexcept;
  ~ReadEpoch();
  ReadEpoch(const ReadEpoch&) = delete;
  ReadEpoch& operator=(const ReadEpoch&) = delete;

  // A reading section. Costs two uncontended adds; nests; never blocks.
  class Guard {
   public:
    explicit Guard(ReadEpoch& epoch) noexcept
        : Guard(epoch, epoch.slots_[epoch.phase_.load(std::memory_order_relaxed) & 1]) {}
    ~Guard() {
      std::atomic_signal_fence(std::memory_order_seq_cst);
      if (left_ != kNoopCell) Add(left_);
    }
    Guard(const Guard&) = delete;
    Guard& operator=(const Guard&) = delete;

   private:
    friend class ReadEpoch;
    struct Slots {
      CellAddress entered = kNoopCell;
      CellAddress left = kNoopCell;
    };
    Guard(const ReadEpoch& epoch, const Slots& slots) noexcept : left_(slots.left) {
      if (slots.entered != kNoopCell) Add(slots.entered);
      if (!epoch.asymmetric_) FullFence();
      // With membarrier the writer's side orders both; the compiler must still keep the order.
      std::atomic_signal_fence(std::memory_order_seq_cst);
    }
    static void Add(CellAddress slot) noexcept;
    const CellAddress left_;
  };

  // Under the writer's mutex: a number that Passed() reaches when every section that had begun
  // before this call has ended.
  std::uint64_t Mark() noexcept { return completed_ + 2; }
  // Under the writer's mutex: moves on as far as is possible without waiting.
  void Poll() noexcept;
  bool Passed(std::uint64_t mark) const noexcept { return completed_ >= mark; }

 private:
  bool Drained(const Guard::Slots& slots) const noexcept;

  char* chunk_ = nullptr;
  bool asymmetric_ = false;
  Guard::Slots slots_[2];
  std::atomic<std::uint32_t> phase_{0};
  bool flipped_ = false;         // within a grace period: the phase has been turned
  std::uint64_t completed_ = 0;  // grace periods
};

inline void ReadEpoch::Guard::Add(CellAddress slot) noexcept {
#if POLYMETER_RSEQ
  SlotAdd(slot, 1);
#else
  // Release for `left`, and for checkers that see no fence.
  std::atomic_ref<std::uint64_t>(*reinterpret_cast<std::uint64_t*>(slot))
      .fetch_add(1, std::memory_order_seq_cst);
#endif
}

}  // namespace detail
POLYMETER_END_NAMESPACE
