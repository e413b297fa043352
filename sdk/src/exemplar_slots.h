// Where exemplars are kept: one slot for each counter of a family that keeps them, and one for
// each bucket of a histogram.
//
// A slot is a sequence lock of atomic words: a writer makes the sequence odd, writes and makes it
// even again; one that finds it odd gives up, because the exemplar that is being written is as new
// as its own. No lock, no allocation, no waiting: also in a signal handler. Slots lie in blocks
// (chunk_pool.h), where the labels of each have their place behind all slots, so that pages of
// labels that nobody gives cost nothing.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "polymeter/snapshot.h"
#include "sdk/src/chunk_pool.h"
#include "sdk/src/exemplar_labels.h"
#include "sdk/src/rich_cell.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

struct ExemplarSlot {
  std::atomic<std::uint64_t> sequence;  // odd: being written; 0: never
  std::atomic<std::uint64_t> unix_nanos;
  std::atomic<std::uint64_t> value;     // a double's bits
  std::atomic<std::uint64_t> trace[3];  // trace id and span id
  std::atomic<std::uint64_t> shape;     // flags, number of labels, bytes of text; 0: no exemplar
  std::uint64_t unused;
};
static_assert(sizeof(ExemplarSlot) == kExemplarSlotBytes);

// Those of one histogram, one after the other within one block.
struct ExemplarSlots {
  ExemplarSlot first;
};

// What a slot holds, copied.
struct StoredExemplar {
  double value = 0;
  std::int64_t unix_nanos = 0;
  TraceContext trace;
  PackedLabels labels;
};

// `labels`: null for none. The time is now, as of the system's last tick (some milliseconds).
void WriteExemplar(ExemplarSlot& slot, double value, const TraceContext& trace,
                   const PackedLabels* labels) noexcept;
// False when there is none, and when writers came in between again and again.
bool ReadExemplar(ExemplarSlot& slot, StoredExemplar& stored) noexcept;
// What was there is not read any more.
void ClearExemplar(ExemplarSlot& slot) noexcept;

// The slot of a counter whose chunk is of the kind kExemplarCounters; without kOutOfLineBit.
inline ExemplarSlot& ExemplarSlotOf(CellAddress counter) noexcept {
  const std::size_t index = (counter & (kLaneBytes - 1)) / sizeof(std::uint64_t);
  char* const blocks = ChunkOf(counter) + kLaneBytes * (LaneCount() + std::size_t{1});
  return *reinterpret_cast<ExemplarSlot*>(blocks +
                                          index / kExemplarSlotsOfBlock * kExemplarBlockBytes +
                                          index % kExemplarSlotsOfBlock * kExemplarSlotBytes);
}

// A histogram without explicit buckets keeps one exemplar for each of so many powers of two.
constexpr std::uint32_t kExemplarsWithoutBuckets = 16;
inline std::uint32_t ExemplarSlotCount(const HistogramBounds& bounds) noexcept {
  return bounds.count == 0 ? kExemplarsWithoutBuckets : bounds.count + 1;
}
// Which of its slots a value belongs to; not NaN.
std::uint32_t ExemplarSlotIndex(const HistogramBounds& bounds, double value) noexcept;
// The slot with this index; null when it lies outside the block, as a stale handle may compute it.
ExemplarSlot* ExemplarSlotAt(ExemplarSlots* slots, std::uint32_t index) noexcept;

// --- recording ---------------------------------------------------------------------------------

// What a cell's increment or observation was that has just been counted: kept with the calling
// thread's trace when the filter wants it. Without kOutOfLineBit.
void KeepCounterExemplar(CellAddress counter, double value) noexcept;
// Of a histogram that keeps none, and of NaN, nothing.
void KeepHistogramExemplar(RichHistogramCell& cell, double value) noexcept;

// All of ObserveOutOfLine but the exemplar (cells.cpp). False: refused.
bool ObserveWithoutExemplar(CellAddress cell, double value) noexcept;

}  // namespace detail
POLYMETER_END_NAMESPACE
