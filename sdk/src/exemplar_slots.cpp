#include "sdk/src/exemplar_slots.h"

#include <time.h>

#include <bit>
#include <cstring>

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

using SlotWord = std::atomic<std::uint64_t>;

constexpr std::size_t kWordBytes = sizeof(std::uint64_t);
constexpr std::uint64_t kIsThere = std::uint64_t{1} << 63;
constexpr std::size_t kLengthsBytes = sizeof(PackedLabels::lengths);
static_assert(offsetof(PackedLabels, text) == kLengthsBytes);
static_assert(kLengthsBytes + sizeof(PackedLabels::text) <= kExemplarTextBytes);

SlotWord* TextOf(ExemplarSlot& slot) noexcept {
  const auto address = reinterpret_cast<std::uintptr_t>(&slot);
  const std::size_t index = (address & (kLaneBytes - 1)) / kExemplarSlotBytes;
  return reinterpret_cast<SlotWord*>(ChunkOf(address) + kLaneBytes + index * kExemplarTextBytes);
}

std::size_t TextWords(std::uint64_t bytes) noexcept {
  return (kLengthsBytes + bytes + kWordBytes - 1) / kWordBytes;
}

std::uint64_t CoarseUnixNanos() noexcept {
  timespec now{};
  clock_gettime(CLOCK_REALTIME_COARSE, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1000000000u +
         static_cast<std::uint64_t>(now.tv_nsec);
}

// Words are stored with release and loaded with acquire order: none is seen without the odd
// sequence before it, and the sequence is not looked at again before all have been read.
void Put(SlotWord& word, std::uint64_t value) noexcept {
  word.store(value, std::memory_order_release);
}
std::uint64_t Look(const SlotWord& word) noexcept { return word.load(std::memory_order_acquire); }

bool IsWhole(const PackedLabels& labels) noexcept {
  std::size_t bytes = 0;
  for (std::uint32_t i = 0; i < 2 * labels.count; ++i) bytes += labels.lengths[i];
  return bytes == labels.bytes;
}

// The odd sequence while it is the caller's; 0: somebody else is writing.
std::uint64_t Take(ExemplarSlot& slot) noexcept {
  std::uint64_t sequence = slot.sequence.load(std::memory_order_relaxed);
  if (sequence % 2 != 0) return 0;
  return slot.sequence.compare_exchange_strong(sequence, sequence + 1, std::memory_order_acq_rel,
                                               std::memory_order_relaxed)
             ? sequence + 1
             : 0;
}

}  // namespace

void WriteExemplar(ExemplarSlot& slot, double value, const TraceContext& trace,
                   const PackedLabels* labels) noexcept {
  const std::uint64_t unix_nanos = CoarseUnixNanos();
  const std::uint64_t taken = Take(slot);
  if (taken == 0) return;
  std::uint64_t ids[3];
  std::memcpy(ids, trace.trace_id.data(), 16);
  std::memcpy(ids + 2, trace.span_id.data(), 8);
  Put(slot.unix_nanos, unix_nanos);
  Put(slot.value, std::bit_cast<std::uint64_t>(value));
  for (int i = 0; i < 3; ++i) Put(slot.trace[i], ids[i]);
  std::uint64_t shape = kIsThere | trace.flags;
  if (labels != nullptr && labels->count != 0) {
    shape |= std::uint64_t{labels->count} << 8 | std::uint64_t{labels->bytes} << 16;
    SlotWord* const text = TextOf(slot);
    const char* from = reinterpret_cast<const char*>(labels);
    for (std::size_t i = 0; i < TextWords(labels->bytes); ++i, from += kWordBytes) {
      std::uint64_t word = 0;
      std::memcpy(&word, from, kWordBytes);
      Put(text[i], word);
    }
  }
  Put(slot.shape, shape);
  slot.sequence.store(taken + 1, std::memory_order_release);
}

bool ReadExemplar(ExemplarSlot& slot, StoredExemplar& stored) noexcept {
  constexpr int kTries = 8;
  for (int i = 0; i < kTries; ++i) {
    const std::uint64_t before = Look(slot.sequence);
    if (before == 0) return false;
    if (before % 2 != 0) continue;
    const std::uint64_t shape = Look(slot.shape);
    stored.unix_nanos = static_cast<std::int64_t>(Look(slot.unix_nanos));
    stored.value = std::bit_cast<double>(Look(slot.value));
    std::uint64_t ids[3];
    for (int k = 0; k < 3; ++k) ids[k] = Look(slot.trace[k]);
    std::memcpy(stored.trace.trace_id.data(), ids, 16);
    std::memcpy(stored.trace.span_id.data(), ids + 2, 8);
    stored.trace.flags = static_cast<std::uint8_t>(shape);
    stored.labels.count = static_cast<std::uint8_t>(shape >> 8);
    stored.labels.bytes = static_cast<std::uint16_t>(shape >> 16);
    if (stored.labels.count > kMostExemplarLabels ||
        stored.labels.bytes > sizeof(PackedLabels::text)) {
      return false;  // never written so
    }
    if (stored.labels.count != 0) {
      const SlotWord* const text = TextOf(slot);
      char* to = reinterpret_cast<char*>(&stored.labels);
      for (std::size_t k = 0; k < TextWords(stored.labels.bytes); ++k, to += kWordBytes) {
        const std::uint64_t word = Look(text[k]);
        std::memcpy(to, &word, kWordBytes);
      }
    }
    if (slot.sequence.load(std::memory_order_relaxed) != before) continue;
    // Two writers may have met where a stale one outlived the quarantine of the slot.
    return shape != 0 && IsWhole(stored.labels);
  }
  return false;
}

void ClearExemplar(ExemplarSlot& slot) noexcept {
  // A stale handle's writer may be in it: what that one writes is lost with its increments, or
  // counts for the new series as they do.
  constexpr int kTries = 64;
  if (slot.sequence.load(std::memory_order_relaxed) == 0) return;
  for (int i = 0; i < kTries; ++i) {
    const std::uint64_t taken = Take(slot);
    if (taken == 0) continue;
    Put(slot.shape, 0);
    slot.sequence.store(taken + 1, std::memory_order_release);
    return;
  }
}

std::uint32_t ExemplarSlotIndex(const HistogramBounds& bounds, double value) noexcept {
  if (bounds.count != 0) return BucketIndex(bounds, value);
  return static_cast<std::uint32_t>(std::bit_cast<std::uint64_t>(value) >> 52) %
         kExemplarsWithoutBuckets;
}

ExemplarSlot* ExemplarSlotAt(ExemplarSlots* slots, std::uint32_t index) noexcept {
  const auto begin = reinterpret_cast<std::uintptr_t>(slots);
  const std::uintptr_t address = begin + std::uintptr_t{index} * kExemplarSlotBytes;
  if (ChunkOf(address) != ChunkOf(begin)) return nullptr;
  return reinterpret_cast<ExemplarSlot*>(address);
}

}  // namespace detail
POLYMETER_END_NAMESPACE
