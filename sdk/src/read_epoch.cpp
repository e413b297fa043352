#include "sdk/src/read_epoch.h"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sdk/src/chunk_pool.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

long Membarrier(int command) noexcept { return syscall(SYS_membarrier, command, 0, 0); }

bool RegisterMembarrier() noexcept {
  static const bool registered = Membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) == 0;
  return registered;
}

std::uint64_t Sum(CellAddress slot) noexcept {
  std::uint64_t sum = 0;
  for (std::uint32_t lane = 0; lane < LaneCount(); ++lane) {
    sum += std::atomic_ref<std::uint64_t>(
               *reinterpret_cast<std::uint64_t*>(slot + (std::uintptr_t{lane} << kLaneShift)))
               .load(std::memory_order_acquire);
  }
  return sum;
}

}  // namespace

ReadEpoch::ReadEpoch() noexcept
    : chunk_(ChunkPool::Instance().Acquire(ChunkKind::kLaned)),
      asymmetric_(POLYMETER_RSEQ != 0 && RegisterMembarrier()) {
  if (chunk_ == nullptr) return;  // no memory: sections are not marked, nothing is ever freed
  const auto base = reinterpret_cast<CellAddress>(chunk_) + kChunkHeaderBytes;
  slots_[0] = {base, base + 8};
  slots_[1] = {base + 16, base + 24};
}

ReadEpoch::~ReadEpoch() {
  if (chunk_ != nullptr) ChunkPool::Instance().Release(ChunkKind::kLaned, chunk_);
}

bool ReadEpoch::Drained(const Guard::Slots& slots) const noexcept {
  // Ends first: a section that ends between the two sums is then seen as begun as well.
  const std::uint64_t left = Sum(slots.left);
  if (asymmetric_) {
    if (Membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED) != 0) return false;
  } else {
    FullFence();
  }
  return Sum(slots.entered) == left;
}

void ReadEpoch::Poll() noexcept {
  if (chunk_ == nullptr) return;
  // A section may have read the phase long before it marks its beginning; so a grace period first
  // sees stragglers of the other phase off, turns, and then waits for this one.
  if (!flipped_) {
    const std::uint32_t phase = phase_.load(std::memory_order_relaxed) & 1;
    if (!Drained(slots_[phase ^ 1])) return;
    phase_.store(phase ^ 1, std::memory_order_relaxed);
    flipped_ = true;
  }
  const std::uint32_t old = (phase_.load(std::memory_order_relaxed) & 1) ^ 1;
  if (!Drained(slots_[old])) return;
  flipped_ = false;
  ++completed_;
}

}  // namespace detail
POLYMETER_END_NAMESPACE
