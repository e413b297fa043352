#include "sdk/src/native_cell.h"

#include <algorithm>

#include "sdk/src/chunk_pool.h"
#include "sdk/src/native_pool.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

NativeRange NativeRange::With(std::int32_t index) const noexcept {
  if (width == 0) return {index, 1, frozen};
  const std::int32_t low = std::min(first, index);
  const std::int32_t high = std::max(first + static_cast<std::int32_t>(width) - 1, index);
  return {low, static_cast<std::uint32_t>(high - low) + 1, frozen};
}

NativeRange NativeRange::Coarser(std::uint32_t steps) const noexcept {
  if (width == 0) return {};
  const std::int32_t last = first + static_cast<std::int32_t>(width) - 1;
  return NativeRange{}.With(CoarserIndex(first, steps)).With(CoarserIndex(last, steps));
}

namespace {

constexpr std::uint32_t kCoarsestShift = kFinestSchema - kCoarsestSchema;

std::uint32_t MostIn(const NativeCell& cell, const NativeSet& set) noexcept {
  return std::min<std::uint32_t>(cell.max_buckets.load(std::memory_order_relaxed), set.capacity);
}

bool HasRow(NativePool& pool, NativeSet& set, int sign) noexcept {
  if (set.rows[sign].load(std::memory_order_relaxed) != 0) return true;
  const CellAddress row = pool.NewRow(set.capacity);
  set.rows[sign].store(row, std::memory_order_release);
  return row != 0;
}

void Begin(NativeSet& set, int sign, const NativeRange& range) noexcept {
  set.origins[sign].store(range.first, std::memory_order_relaxed);
  set.ranges[sign].store(range.word(), std::memory_order_release);
}

// Under a Hold.
void Publish(NativeCell& cell, NativeSet* set) noexcept {
  cell.current.store(set, std::memory_order_release);
  if (cell.copy != nullptr) std::atomic_ref(*cell.copy).store(set, std::memory_order_release);
}

// Makes the coarser set, in which the value has a bucket, the current one.
bool Coarsen(NativePool& pool, NativeCell& cell, NativeSet& set, int sign,
             std::int32_t finest) noexcept {
  constexpr std::uint64_t kFrozen = 1;
  // From here on the ranges that the new set begins with hold all that older sets count.
  NativeRange held[2];
  for (int s = 0; s < 2; ++s) {
    held[s] = NativeRange::Of(set.ranges[s].fetch_or(kFrozen, std::memory_order_acq_rel));
  }
  const std::uint32_t most = MostIn(cell, set);
  const std::uint32_t shift = set.shift.load(std::memory_order_relaxed);
  NativeSet* made = nullptr;
  for (std::uint32_t steps = 1; shift + steps <= kCoarsestShift; ++steps) {
    NativeRange wanted[2] = {held[0].Coarser(steps), held[1].Coarser(steps)};
    wanted[sign] = wanted[sign].With(CoarserIndex(finest, shift + steps));
    if (wanted[sign].width > most) continue;
    made = pool.NewSet(cell.max_buckets.load(std::memory_order_relaxed), shift + steps);
    if (made == nullptr) break;
    if ((wanted[0].width != 0 && !HasRow(pool, *made, 0)) ||
        (wanted[1].width != 0 && !HasRow(pool, *made, 1))) {
      pool.FreeSet(made);
      made = nullptr;
      break;
    }
    for (int s = 0; s < 2; ++s) {
      if (wanted[s].width != 0) Begin(*made, s, wanted[s]);
    }
    break;
  }
  if (made == nullptr) {
    for (auto& range : set.ranges) range.fetch_and(~kFrozen, std::memory_order_relaxed);
    return false;
  }
  made->older.store(&set, std::memory_order_relaxed);
  Publish(cell, made);
  return true;
}

// False: there is no way to count the value. Otherwise it is worth another look.
bool Grow(NativeCell& cell, NativeSet& set, int sign, std::int32_t finest) noexcept {
  const NativePool::Hold hold;
  if (!hold.held()) return false;
  if (cell.current.load(std::memory_order_relaxed) != &set) return true;
  NativePool& pool = NativePool::Instance();
  const auto range = NativeRange::Of(set.ranges[sign].load(std::memory_order_relaxed));
  const std::int32_t index = CoarserIndex(finest, set.shift.load(std::memory_order_relaxed));
  if (range.width == 0) {
    if (!HasRow(pool, set, sign)) return false;
    Begin(set, sign, {index, 1});
    return true;
  }
  if (range.With(index).width <= MostIn(cell, set)) return true;
  return Coarsen(pool, cell, set, sign, finest);
}

// Under a Hold.
bool Prepare(NativePool& pool, NativeCell& cell, const NativeConfig& config) noexcept {
  const auto shift = static_cast<std::uint8_t>(kFinestSchema - config.schema);
  NativeSet* const set = pool.NewSet(config.max_buckets, shift);
  if (set == nullptr) return false;
  cell.zero.store(std::bit_cast<std::uint64_t>(config.zero_threshold) & ~kSignBit,
                  std::memory_order_relaxed);
  cell.max_buckets.store(config.max_buckets, std::memory_order_relaxed);
  cell.first_shift = shift;
  Publish(cell, set);
  return true;
}

void Retire(NativePool& pool, NativeCell& cell) noexcept {
  NativeSet* set = cell.current.load(std::memory_order_relaxed);
  Publish(cell, NoNativeSet());
  while (set != nullptr && set != NoNativeSet()) {
    NativeSet* const older = set->older.load(std::memory_order_relaxed);
    pool.FreeSet(set);
    set = older;
  }
}

}  // namespace

bool ObserveNativeOutside(NativeCell& cell, std::uint64_t bits) noexcept {
  const std::uint64_t magnitude = bits & ~kSignBit;
  const int sign = static_cast<int>(bits >> 63);
  if (magnitude <= cell.zero.load(std::memory_order_relaxed)) {
    SlotAdd(cell.special(NativeCell::kZero), 1);
    return true;
  }
  if (magnitude >= kInfinityBits) {
    SlotAdd(cell.special(NativeCell::kInfinite + static_cast<std::size_t>(sign)), 1);
    return true;
  }
  const std::int32_t finest = FinestIndex(magnitude);
  for (;;) {
    NativeSet* const set = cell.current.load(std::memory_order_acquire);
    if (set == NoNativeSet()) {
      SlotAdd(cell.special(NativeCell::kLate), 1);
      return true;
    }
    const std::int32_t index = CoarserIndex(finest, set->shift.load(std::memory_order_relaxed));
    std::uint64_t word = set->ranges[sign].load(std::memory_order_acquire);
    const auto range = NativeRange::Of(word);
    if (range.Has(index)) {
      const CellAddress slot = set->Slot(sign, index);
      if (slot == 0) continue;  // another cell's by now, and so no longer the current one
      SlotAdd(slot, 1);
      return true;
    }
    const NativeRange grown = range.With(index);
    if (range.width != 0 && !range.frozen && grown.width <= MostIn(cell, *set)) {
      set->ranges[sign].compare_exchange_weak(word, grown.word(), std::memory_order_acq_rel,
                                              std::memory_order_relaxed);
    } else if (!Grow(cell, *set, sign, finest)) {
      return false;
    }
  }
}

std::size_t NativeCellBytes(std::uint32_t max_buckets) noexcept {
  return sizeof(NativeCell) + sizeof(NativeSet) +
         sizeof(std::uint64_t) * (NativeCell::kSpecials + max_buckets) * LaneCount();
}

NativeCell* NewNativeCell(const NativeConfig& config) noexcept {
  const NativePool::Hold hold;
  if (!hold.held()) return nullptr;
  NativePool& pool = NativePool::Instance();
  NativeCell* const cell = pool.NewCell();
  if (cell == nullptr || Prepare(pool, *cell, config)) return cell;
  pool.FreeCell(cell);
  return nullptr;
}

void RetireNativeCell(NativeCell& cell) noexcept {
  const NativePool::Hold hold;
  if (hold.held()) Retire(NativePool::Instance(), cell);
}

bool RenewNativeCell(NativeCell& cell, const NativeConfig& config) noexcept {
  const NativePool::Hold hold;
  if (!hold.held()) return false;
  NativePool& pool = NativePool::Instance();
  Retire(pool, cell);
  NativePool::Clear(cell);
  return Prepare(pool, cell, config);
}

void KeepCurrentIn(NativeCell& cell, NativeSet** copy) noexcept {
  const NativePool::Hold hold;
  cell.copy = copy;
  std::atomic_ref(*copy).store(cell.current.load(std::memory_order_relaxed),
                               std::memory_order_release);
}

void ReleaseNativeCell(NativeCell* cell) noexcept {
  const NativePool::Hold hold;
  if (!hold.held() || cell == nullptr) return;
  NativePool& pool = NativePool::Instance();
  Retire(pool, *cell);
  cell->copy = nullptr;
  pool.FreeCell(cell);
}

void RestartNativeCell(NativeCell& cell) noexcept {
  const NativePool::Hold hold;
  NativeSet* const set = cell.current.load(std::memory_order_relaxed);
  if (!hold.held() || set == NoNativeSet()) return;
  NativeSet* older = set->older.load(std::memory_order_relaxed);
  while (older != nullptr) {
    NativeSet* const next = older->older.load(std::memory_order_relaxed);
    NativePool::Instance().FreeSet(older);
    older = next;
  }
  NativePool::Reset(*set, cell.first_shift);
}

}  // namespace detail
POLYMETER_END_NAMESPACE
