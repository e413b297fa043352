#include "integrations/job_queue/job_slots.h"

#include <mutex>
#include <new>

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr std::uint64_t kOneMore = std::uint64_t{1} << 32;

std::uint64_t HeadAt(std::uint64_t old_head, std::uint32_t link) noexcept {
  return ((old_head + kOneMore) & ~(kOneMore - 1)) | link;
}

}  // namespace

JobSlots::~JobSlots() {
  for (auto& chunk : chunks_) delete[] chunk.load(std::memory_order_relaxed);
}

JobSlot& JobSlots::At(std::uint32_t index) const noexcept {
  // Chunk i > 0 begins at kFirst << (i - 1).
  std::size_t chunk = 0;
  std::size_t begin = 0;
  if (index >= kFirst) {
    chunk =
        32 - static_cast<std::size_t>(__builtin_clz(index / static_cast<std::uint32_t>(kFirst)));
    begin = kFirst << (chunk - 1);
  }
  return chunks_[chunk].load(std::memory_order_acquire)[index - begin];
}

JobSlot* JobSlots::Take() noexcept {
  std::uint64_t head = head_.load(std::memory_order_acquire);
  for (;;) {
    const auto link = static_cast<std::uint32_t>(head);
    if (link == 0) {
      if (!Grow()) return nullptr;
      head = head_.load(std::memory_order_acquire);
      continue;
    }
    // May be taken by another thread meanwhile: the head has changed then, and next is not used.
    JobSlot& slot = At(link - 1);
    const std::uint32_t next = slot.next_free.load(std::memory_order_relaxed);
    if (head_.compare_exchange_weak(head, HeadAt(head, next), std::memory_order_acq_rel,
                                    std::memory_order_acquire)) {
      return &slot;
    }
  }
}

void JobSlots::GiveBack(JobSlot& slot) noexcept {
  const JobWord word{slot.word.load(std::memory_order_relaxed)};
  slot.word.store(word.NextGeneration().bits, std::memory_order_release);
  Push(slot, slot);
}

void JobSlots::Push(JobSlot& first, JobSlot& last) noexcept {
  std::uint64_t head = head_.load(std::memory_order_relaxed);
  do {
    last.next_free.store(static_cast<std::uint32_t>(head), std::memory_order_relaxed);
  } while (!head_.compare_exchange_weak(head, HeadAt(head, first.index + 1),
                                        std::memory_order_acq_rel, std::memory_order_relaxed));
}

bool JobSlots::Grow() noexcept {
  const std::lock_guard lock(AddingMutex());
  // Another thread may have been first.
  if (static_cast<std::uint32_t>(head_.load(std::memory_order_acquire)) != 0) return true;
  std::size_t i = 0;
  while (i < kChunks && chunks_[i].load(std::memory_order_relaxed) != nullptr) ++i;
  if (i == kChunks) return false;
  const std::size_t size = SizeOf(i);
  auto* const chunk = new (std::nothrow) JobSlot[size];
  if (chunk == nullptr) return false;
  const std::size_t begin = i == 0 ? 0 : size;
  for (std::size_t j = 0; j < size; ++j) {
    chunk[j].index = static_cast<std::uint32_t>(begin + j);
    chunk[j].next_free.store(static_cast<std::uint32_t>(begin + j + 2), std::memory_order_relaxed);
  }
  chunks_[i].store(chunk, std::memory_order_release);
  Push(chunk[0], chunk[size - 1]);
  return true;
}

}  // namespace detail
POLYMETER_END_NAMESPACE
