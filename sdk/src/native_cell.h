// Exponential buckets of one series: counting, and reading.
//
// A cell points at its current row set: a schema, and for either sign a row of slots in laned
// chunks, as all cells have, with the range of indexes that are in use. Slots of a row are used
// round and round from the index that came first, so a range grows at both ends without anything
// being moved. Where a value does not fit into the maximum, a set of a coarser schema becomes
// the current one; the older sets stay, whoever still holds them goes on counting there, and the
// reader adds all of them up in the current schema. So no observation is lost or counted twice, no
// reader and no writer that finds its bucket waits, and a cell has at most one set a schema.
//
// Everything here lives in a pool of the process (native_pool.h): an observation through a stale
// handle finds a cell, a set and a row, if another's.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "polymeter/hot_path.h"
#include "polymeter/snapshot.h"
#include "sdk/src/native_index.h"
#include "sdk/src/snapshot_data.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// With so few every double has its bucket at the coarsest schema.
constexpr std::uint32_t kFewestNativeBuckets = 160;
constexpr std::uint32_t kMostNativeBuckets = 1024;

struct NativeConfig {
  std::int32_t schema = 3;          // -4 to 8
  std::uint32_t max_buckets = 160;  // of either sign; kFewest- to kMostNativeBuckets
  double zero_threshold = 0;        // not negative, finite
};

// Indexes in use: `width` of them from `first` on. Packed, so that one load tells all.
struct NativeRange {
  std::int32_t first = 0;
  std::uint32_t width = 0;
  bool frozen = false;  // does not grow any more

  static NativeRange Of(std::uint64_t word) noexcept {
    const auto low = static_cast<std::uint32_t>(word);
    return {static_cast<std::int32_t>(word >> 32), low >> 1, (low & 1) != 0};
  }
  std::uint64_t word() const noexcept {
    return (std::uint64_t{static_cast<std::uint32_t>(first)} << 32) | (width << 1) |
           (frozen ? 1 : 0);
  }
  bool Has(std::int32_t index) const noexcept {
    return static_cast<std::uint32_t>(index) - static_cast<std::uint32_t>(first) < width;
  }
  NativeRange With(std::int32_t index) const noexcept;
  NativeRange Coarser(std::uint32_t steps) const noexcept;
};

// Rows and capacity are a set's for ever, whosever it is.
struct alignas(64) NativeSet {
  std::atomic<CellAddress> rows[2];      // of positive and negative values; 0: not made yet
  std::atomic<std::uint64_t> ranges[2];  // NativeRange
  std::atomic<std::int32_t> origins[2];  // the index in slot 0
  std::atomic<std::uint8_t> shift;       // kFinestSchema - schema
  std::uint16_t capacity;                // slots of a row
  std::uint32_t freed_at;                // pool
  std::atomic<NativeSet*> older;         // of finer schema
  NativeSet* next_free;                  // pool

  // The slot of an index that is in the range; 0 when the set has become another cell's meanwhile.
  CellAddress Slot(int sign, std::int32_t index) const noexcept {
    std::int32_t at = index - origins[sign].load(std::memory_order_relaxed);
    at += capacity & (at >> 31);  // no branch: on which side of its first value one falls is chance
    if (__builtin_expect(static_cast<std::uint32_t>(at) >= capacity, 0)) return 0;
    return rows[sign].load(std::memory_order_relaxed) +
           sizeof(std::uint64_t) * static_cast<std::size_t>(at);
  }
};
static_assert(sizeof(NativeSet) == 64);

struct alignas(64) NativeCell {
  CellAddress specials;             // kSpecials slots
  std::atomic<std::uint64_t> zero;  // bits of the zero threshold
  std::atomic<NativeSet*> current;  // never null
  NativeSet** copy;                 // where its owner wants it, too; may be null
  std::atomic<std::uint32_t> max_buckets;
  std::uint8_t first_shift;  // of the schema that was asked for
  NativeCell* next;          // its owner's, then the pool's

  enum : std::size_t { kZero, kInfinite, kNegativeInfinite, kLate, kSpecials };
  CellAddress special(std::size_t which) const noexcept {
    return specials + sizeof(std::uint64_t) * which;
  }
};
static_assert(sizeof(NativeCell) == 64);

// --- making and giving back; thread-safe --------------------------------------------------------

// Null when there is no memory. `next` is the caller's until ReleaseNativeCell.
POLYMETER_EXPORT NativeCell* NewNativeCell(const NativeConfig& config) noexcept;
// Its series is gone: observations only count in NativeCount, from what it is then on, and make
// nothing. Its sets become others' after a while, for whoever is about to count in them.
POLYMETER_EXPORT void RetireNativeCell(NativeCell& cell) noexcept;
// Makes a retired cell a new one. False: there is no memory, and it stays retired.
POLYMETER_EXPORT bool RenewNativeCell(NativeCell& cell, const NativeConfig& config) noexcept;
// Has the cell keep its current set in `*copy` as well, until it is released.
void KeepCurrentIn(NativeCell& cell, NativeSet** copy) noexcept;
// Nobody but stale handles knows it any more.
POLYMETER_EXPORT void ReleaseNativeCell(NativeCell* cell) noexcept;
// In a forked child, whose slots are zero: with the schema that was asked for again.
void RestartNativeCell(NativeCell& cell) noexcept;

// --- counting -----------------------------------------------------------------------------------

// What is in no bucket of the current set. May take a lock, and memory.
POLYMETER_EXPORT bool ObserveNativeOutside(NativeCell& cell, std::uint64_t bits) noexcept;

// What a cell takes, untouched lanes included: itself, and one set with one row.
std::size_t NativeCellBytes(std::uint32_t max_buckets) noexcept;

// Anything but NaN. False: it could not be counted, because there is no memory or because a signal
// handler interrupted ObserveNativeOutside in a call of it that needed memory as well.
// `set` and `zero` are the cell's, or were a moment ago.
__attribute__((always_inline)) inline bool ObserveNative(NativeCell& cell, const NativeSet& set,
                                                         std::uint64_t zero,
                                                         double value) noexcept {
  const auto bits = std::bit_cast<std::uint64_t>(value);
  const std::uint64_t magnitude = bits & ~kSignBit;
  if (__builtin_expect(magnitude > zero && magnitude < kInfinityBits, 1)) {
    const auto sign = static_cast<int>(bits >> 63);
    const std::int32_t index =
        CoarserIndex(FinestIndex(magnitude), set.shift.load(std::memory_order_relaxed));
    const auto range = NativeRange::Of(set.ranges[sign].load(std::memory_order_acquire));
    if (__builtin_expect(range.Has(index), 1)) {
      const CellAddress slot = set.Slot(sign, index);
      if (__builtin_expect(slot != 0, 1)) {
        SlotAdd(slot, 1);
        return true;
      }
    }
  }
  return ObserveNativeOutside(cell, bits);
}
inline bool ObserveNative(NativeCell& cell, double value) noexcept {
  return ObserveNative(cell, *cell.current.load(std::memory_order_acquire),
                       cell.zero.load(std::memory_order_relaxed), value);
}

// --- reading ------------------------------------------------------------------------------------

// What a cell holds. 17 KB: for a stack, once a snapshot. Never waits for writers.
class POLYMETER_EXPORT NativeReader {
 public:
  // Reads all. False: the cell is retired. `lanes`: LaneCount().
  bool Read(const NativeCell& cell, std::uint32_t lanes) noexcept;
  // Of what was read.
  std::uint64_t count() const noexcept { return count_; }
  // What was read, copied into `arena`. Throws std::bad_alloc.
  const NativeHistogram* Give(Arena& arena) const;

 private:
  struct Side {
    NativeRange range;
    std::array<std::uint64_t, kMostNativeBuckets> counts;
  };
  void AddSet(const NativeSet& set, const NativeRange* ranges, std::uint32_t steps,
              std::uint32_t lanes) noexcept;

  std::int32_t schema_ = 0;
  double zero_threshold_ = 0;
  std::uint64_t specials_[NativeCell::kSpecials] = {};
  std::uint64_t count_ = 0;
  Side sides_[2];
};

// Both steps of a NativeReader. Null: the cell is retired.
POLYMETER_EXPORT const NativeHistogram* ReadNativeCell(const NativeCell& cell, std::uint32_t lanes,
                                                       Arena& arena);
// All observations, also those that came after it was retired.
POLYMETER_EXPORT std::uint64_t NativeCount(const NativeCell& cell) noexcept;

}  // namespace detail
POLYMETER_END_NAMESPACE
