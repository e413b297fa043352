#include "sdk/src/summary_cell.h"

#include <time.h>

#include <array>
#include <cmath>
#include <memory>
#include <new>

#include "sdk/src/summary_store.h"
#include "sdk/src/summary_window.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr int kKeyShift = 48;
constexpr std::uint64_t kRowMask = (std::uint64_t{1} << kKeyShift) - 1;
// Few: a fork takes them all, and ThreadSanitizer follows no more than 64 locks of a thread.
constexpr std::size_t kWindowMutexes = 16;

enum BaseSlot : std::size_t { kSumSlot, kZeroSlot, kInfinitySlot, kMinusInfinitySlot };

CellAddress BaseOf(const SummaryCell& cell, BaseSlot slot) noexcept {
  return cell.base.load(std::memory_order_acquire) + sizeof(std::uint64_t) * slot;
}

OctaveKey KeyOf(std::uint64_t row) noexcept { return static_cast<OctaveKey>(row >> kKeyShift) - 1; }
CellAddress SlotOf(std::uint64_t row, std::uint32_t bucket) noexcept {
  return static_cast<CellAddress>(row & kRowMask) + sizeof(std::uint64_t) * bucket;
}

// Where the search for an octave begins. Those of one sign that are less than 64 apart do not meet.
std::uint32_t HomeOf(OctaveKey key) noexcept {
  return (key ^ (key / kNegative * (kMostOctaves / 2))) % kMostOctaves;
}

// The octave's row, or 0 when it has none; `end` is then where it would stand, or kMostOctaves when
// all places are taken.
std::uint64_t FindRow(const SummaryCell& cell, OctaveKey key, std::uint32_t* end) noexcept {
  for (std::uint32_t i = 0, at = HomeOf(key); i < kMostOctaves; ++i) {
    const std::uint64_t row = cell.rows[at].load(std::memory_order_acquire);
    *end = at;
    if (row == 0) return 0;
    if (KeyOf(row) == key) return row;
    at = (at + 1) % kMostOctaves;
  }
  *end = kMostOctaves;
  return 0;
}

// 0 when there is no memory, no place, or the series is gone.
__attribute__((noinline)) std::uint64_t MakeRow(SummaryCell& cell, OctaveKey key) noexcept {
  const std::lock_guard lock(GrowthMutex());
  std::uint32_t place = 0;
  const std::uint64_t known = FindRow(cell, key, &place);
  if (known != 0 || place == kMostOctaves || cell.owner == nullptr) return known;
  const CellAddress slots = cell.owner->NewRow();
  if (slots == kNoopCell) return 0;
  const std::uint64_t row = (std::uint64_t{key} + 1) << kKeyShift | slots;
  cell.rows[place].store(row, std::memory_order_release);
  return row;
}

// For an observation whose octave has no row and gets none: the end of the nearest one of the same
// sign, so that it is counted and stays on its side of the others.
__attribute__((noinline)) CellAddress NearestSlot(const SummaryCell& cell, OctaveKey key) noexcept {
  std::uint64_t nearest = 0;
  OctaveKey distance = kNegative;
  for (const auto& entry : cell.rows) {
    const std::uint64_t row = entry.load(std::memory_order_acquire);
    if (row == 0 || KeyOf(row) / kNegative != key / kNegative) continue;
    const OctaveKey apart = KeyOf(row) > key ? KeyOf(row) - key : key - KeyOf(row);
    if (apart >= distance) continue;
    nearest = row;
    distance = apart;
  }
  if (nearest == 0) return BaseOf(cell, kZeroSlot);
  return SlotOf(nearest, KeyOf(nearest) < key ? kBucketsOfOctave - 1 : 0);
}

CellAddress SlotFor(SummaryCell& cell, double value) noexcept {
  const OctaveKey key = OctaveOf(value);
  if (key % kNegative == 0) return BaseOf(cell, kZeroSlot);
  if (key % kNegative == kInfiniteExponent) {
    return BaseOf(cell, key < kNegative ? kInfinitySlot : kMinusInfinitySlot);
  }
  std::uint32_t place = 0;
  std::uint64_t row = FindRow(cell, key, &place);
  if (row == 0) row = place == kMostOctaves ? 0 : MakeRow(cell, key);
  return row != 0 ? SlotOf(row, BucketInOctave(value)) : NearestSlot(cell, key);
}

void LowerTo(std::atomic<double>& low, double value) noexcept {
  double seen = low.load(std::memory_order_relaxed);
  while (value < seen && !low.compare_exchange_weak(seen, value, std::memory_order_relaxed)) {
  }
}
void RaiseTo(std::atomic<double>& high, double value) noexcept {
  double seen = high.load(std::memory_order_relaxed);
  while (value > seen && !high.compare_exchange_weak(seen, value, std::memory_order_relaxed)) {
  }
}

Extremes TakeExtremes(SummaryCell& cell) noexcept {
  const Extremes none;
  return {cell.low.exchange(none.low, std::memory_order_relaxed),
          cell.high.exchange(none.high, std::memory_order_relaxed)};
}

// Gives the number of observations. `out` may hold what was read before.
std::uint64_t ReadBuckets(const SummaryCell& cell, std::uint32_t lanes,
                          SummaryCounts& out) noexcept {
  std::uint64_t total = 0;
  for (std::uint32_t i = 0; i < kMostOctaves; ++i) {
    const std::uint64_t row = cell.rows[i].load(std::memory_order_acquire);
    if (row == 0 && out.octaves[i] == 0) continue;
    out.octaves[i] = static_cast<std::uint16_t>(row >> kKeyShift);
    std::uint64_t* const counts = &out.counts[i * kBucketsOfOctave];
    std::fill_n(counts, kBucketsOfOctave, 0);
    for (std::uint32_t lane = 0; lane < lanes && row != 0; ++lane) {
      for (std::uint32_t bucket = 0; bucket < kBucketsOfOctave; ++bucket) {
        const std::uint64_t n = Word(SlotOf(row, bucket), lane).load(std::memory_order_relaxed);
        counts[bucket] += n;
        total += n;
      }
    }
  }
  constexpr BaseSlot kSlots[] = {kZeroSlot, kInfinitySlot, kMinusInfinitySlot};
  for (std::uint32_t i = 0; i < 3; ++i) {
    const std::uint64_t n = SumWords(BaseOf(cell, kSlots[i]), lanes);
    out.counts[kZeroBucket + i] = n;
    total += n;
  }
  return total;
}

// Under the window's mutex.
void CloseInterval(SummaryCell& cell, std::int64_t now, SummaryCounts& scratch) {
  const Extremes extremes = TakeExtremes(cell);
  ReadBuckets(cell, LaneCount(), scratch);
  try {
    cell.window->Rotate(now, scratch, extremes);
  } catch (...) {
    LowerTo(cell.low, extremes.low);
    RaiseTo(cell.high, extremes.high);
    throw;
  }
  cell.due.store(cell.window->due(), std::memory_order_relaxed);
}

// An observation is the first one after the running interval. The others wait: what they count must
// not become part of what has been.
__attribute__((noinline)) void EndInterval(SummaryCell& cell, std::int64_t now) noexcept {
  const std::lock_guard lock(WindowMutex(cell));
  if (cell.window == nullptr || now < cell.due.load(std::memory_order_relaxed)) return;
  try {
    const auto scratch = std::make_unique<SummaryCounts>();
    CloseInterval(cell, now, *scratch);
  } catch (...) {  // no memory: the next one tries again, but not at once
    cell.due.store(now + 1'000'000'000, std::memory_order_relaxed);
  }
}

}  // namespace

// --- recording -------------------------------------------------------------------------------

std::int64_t SummaryClock() noexcept {
  timespec now{};
  // A tenth of what the exact one costs, and exact to the timer tick.
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

void ObserveSummary(SummaryCell& cell, double value, std::int64_t now) noexcept {
  if (__builtin_expect(now >= cell.due.load(std::memory_order_relaxed), 0)) EndInterval(cell, now);
  // Before it is counted: what a reader finds in the buckets lies between the extremes.
  if (value < cell.low.load(std::memory_order_relaxed)) LowerTo(cell.low, value);
  if (value > cell.high.load(std::memory_order_relaxed)) RaiseTo(cell.high, value);
  SlotAdd(SlotFor(cell, value), 1);
  SlotAddDouble(BaseOf(cell, kSumSlot), value);
}

void SummaryObserve(CellAddress address, double value) noexcept {
  if (address == kNoopCell) return;
  SummaryCell& cell = SummaryCellOf(address);
  if (__builtin_expect(value != value, 0)) {
    ChunkHeader& header = HeaderOf(BaseOf(cell, kSumSlot));
    if (header.rejected.fetch_add(1, std::memory_order_relaxed) == 0) {
      header.offender.store(BaseOf(cell, kSumSlot), std::memory_order_relaxed);
    }
    return;
  }
  ObserveSummary(cell, value, SummaryClock());
}

// --- reading ---------------------------------------------------------------------------------

std::uint64_t ReadSummaryCount(CellAddress address) noexcept {
  if (address == kNoopCell) return 0;
  const SummaryCell& cell = SummaryCellOf(address);
  const std::uint32_t lanes = LaneCount();
  std::uint64_t count = 0;
  for (const auto& entry : cell.rows) {
    const std::uint64_t row = entry.load(std::memory_order_acquire);
    for (std::uint32_t bucket = 0; bucket < kBucketsOfOctave && row != 0; ++bucket) {
      count += SumWords(SlotOf(row, bucket), lanes);
    }
  }
  for (const BaseSlot slot : {kZeroSlot, kInfinitySlot, kMinusInfinitySlot}) {
    count += SumWords(BaseOf(cell, slot), lanes);
  }
  return count;
}

double ReadSummarySum(CellAddress address) noexcept {
  if (address == kNoopCell) return 0;
  return SumReals(BaseOf(SummaryCellOf(address), kSumSlot), LaneCount());
}

SummaryReader::Totals SummaryReader::Read(SummaryCell& cell, const std::vector<double>& quantiles,
                                          Quantile* out, std::int64_t now) noexcept {
  // As ReadHistogramCell does: the sum belongs to the buckets but for a few observations.
  constexpr int kTries = 4;
  constexpr std::uint64_t kFew = 8;
  const std::lock_guard lock(WindowMutex(cell));
  if (cell.window != nullptr && now >= cell.due.load(std::memory_order_relaxed)) {
    try {
      CloseInterval(cell, now, counts_);
    } catch (...) {  // no memory: the window is longer for once
    }
  }
  Totals totals{ReadBuckets(cell, lanes_, counts_), 0};
  for (int i = 1;; ++i) {
    const std::uint64_t before = totals.count;
    totals.sum = SumReals(BaseOf(cell, kSumSlot), lanes_);
    totals.count = ReadBuckets(cell, lanes_, counts_);
    if (totals.count - before <= kFew || i == kTries) break;
  }
  Extremes extremes{cell.low.load(std::memory_order_relaxed),
                    cell.high.load(std::memory_order_relaxed)};
  if (cell.window != nullptr) cell.window->Select(now, counts_, extremes);
  QuantilesOf(counts_, extremes, quantiles, out);
  return totals;
}

void ClearSummarySlots(CellAddress slots, std::size_t count) noexcept {
  for (std::uint32_t lane = 0; lane < LaneCount(); ++lane) {
    for (std::size_t i = 0; i < count; ++i) {
      Word(slots + sizeof(std::uint64_t) * i, lane).store(0, std::memory_order_relaxed);
    }
  }
}

std::size_t TakeSummaryRows(SummaryCell& cell, CellAddress* taken) noexcept {
  std::size_t count = 0;
  for (auto& entry : cell.rows) {
    const std::uint64_t row = entry.exchange(0, std::memory_order_relaxed);
    if (row != 0) taken[count++] = SlotOf(row, 0);
  }
  return count;
}

// --- fork ------------------------------------------------------------------------------------

namespace {

std::array<std::mutex, kWindowMutexes>& WindowMutexes() noexcept {
  static auto* const kMutexes = new std::array<std::mutex, kWindowMutexes>;
  return *kMutexes;
}

}  // namespace

std::mutex& WindowMutex(const SummaryCell& cell) noexcept {
  return WindowMutexes()[reinterpret_cast<std::uintptr_t>(&cell) / sizeof(SummaryCell) %
                         kWindowMutexes];
}

std::mutex& GrowthMutex() noexcept {
  static auto* const kMutex = new std::mutex;
  return *kMutex;
}

void LockSummariesForFork() noexcept {
  for (std::mutex& mutex : WindowMutexes()) mutex.lock();
  GrowthMutex().lock();
}
void UnlockSummariesAfterFork() noexcept {
  GrowthMutex().unlock();
  for (std::mutex& mutex : WindowMutexes()) mutex.unlock();
}

void RestartSummaryInChild(SummaryCell& cell, std::int64_t now) noexcept {
  TakeExtremes(cell);
  if (cell.window == nullptr) return;
  cell.window->Restart(now);
  cell.due.store(cell.window->due(), std::memory_order_relaxed);
}

}  // namespace detail
POLYMETER_END_NAMESPACE
