// Reading exponential buckets while others count in them, and while their cell may become
// another's: what decides about array elements is read once.
#include "sdk/src/native_read.h"

#include <algorithm>
#include <new>

#include "sdk/src/cells.h"
#include "sdk/src/chunk_pool.h"
#include "sdk/src/native_cell.h"
#include "sdk/src/native_pool.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr std::size_t kMostNativeSets = kFinestSchema - kCoarsestSchema + 1;

void Trim(NativeBuckets* buckets, const NativeRange& range, const std::uint64_t* counts,
          Arena& arena) {
  std::uint32_t begin = 0;
  std::uint32_t end = range.width;
  while (begin != end && counts[begin] == 0) ++begin;
  while (end != begin && counts[end - 1] == 0) --end;
  if (begin == end) return;
  auto* const copy =
      static_cast<std::uint64_t*>(arena.Allocate(sizeof(std::uint64_t) * (end - begin)));
  std::copy(counts + begin, counts + end, copy);
  *buckets = {range.first + static_cast<std::int32_t>(begin), end - begin, copy};
}

}  // namespace

void NativeReader::AddSet(const NativeSet& set, const NativeRange* ranges, std::uint32_t steps,
                          std::uint32_t lanes) noexcept {
  for (int sign = 0; sign < 2; ++sign) {
    const NativeRange& range = ranges[sign];
    Side& side = sides_[sign];
    for (std::uint32_t lane = 0; lane < lanes; ++lane) {
      for (std::uint32_t i = 0; i < range.width; ++i) {
        const std::int32_t index = range.first + static_cast<std::int32_t>(i);
        const CellAddress slot = set.Slot(sign, index);
        const std::int32_t coarser = CoarserIndex(index, steps);
        if (slot == 0 || !side.range.Has(coarser)) continue;
        const std::uint64_t n = Word(slot, lane).load(std::memory_order_relaxed);
        side.counts[static_cast<std::size_t>(coarser - side.range.first)] += n;
        count_ += n;
      }
    }
  }
}

bool NativeReader::Read(const NativeCell& cell, std::uint32_t lanes) noexcept {
  const NativeSet* sets[kMostNativeSets];
  NativeRange ranges[kMostNativeSets][2];
  std::uint32_t shifts[kMostNativeSets];
  std::size_t count = 0;
  const NativeSet* set = cell.current.load(std::memory_order_acquire);
  if (set == NoNativeSet()) return false;
  for (; set != nullptr && count < kMostNativeSets;
       set = set->older.load(std::memory_order_acquire), ++count) {
    sets[count] = set;
    shifts[count] = set->shift.load(std::memory_order_relaxed);
    for (int s = 0; s < 2; ++s) {
      ranges[count][s] = NativeRange::Of(set->ranges[s].load(std::memory_order_acquire));
    }
  }

  schema_ = kFinestSchema - static_cast<std::int32_t>(shifts[0]);
  zero_threshold_ = std::bit_cast<double>(cell.zero.load(std::memory_order_relaxed));
  count_ = 0;
  for (int s = 0; s < 2; ++s) {
    sides_[s].range = ranges[0][s];
    sides_[s].range.width = std::min(sides_[s].range.width, kMostNativeBuckets);
    std::fill_n(sides_[s].counts.begin(), sides_[s].range.width, 0);
  }
  for (std::size_t i = 0; i < count; ++i) {
    if (shifts[i] > shifts[0]) continue;
    AddSet(*sets[i], ranges[i], shifts[0] - shifts[i], lanes);
  }
  for (std::size_t i = 0; i < NativeCell::kLate; ++i) {
    specials_[i] = SumWords(cell.special(i), lanes);
    count_ += specials_[i];
  }
  return true;
}

const NativeHistogram* NativeReader::Give(Arena& arena) const {
  auto* const histogram = new (arena.Allocate(sizeof(NativeHistogram))) NativeHistogram;
  histogram->schema = schema_;
  histogram->zero_threshold = zero_threshold_;
  histogram->zero_count = specials_[NativeCell::kZero];
  histogram->positive_infinite = specials_[NativeCell::kInfinite];
  histogram->negative_infinite = specials_[NativeCell::kNegativeInfinite];
  Trim(&histogram->positive, sides_[0].range, sides_[0].counts.data(), arena);
  Trim(&histogram->negative, sides_[1].range, sides_[1].counts.data(), arena);
  histogram->count = count_;
  return histogram;
}

const NativeHistogram* ReadNativeCell(const NativeCell& cell, std::uint32_t lanes, Arena& arena) {
  NativeReader reader;
  return reader.Read(cell, lanes) ? reader.Give(arena) : nullptr;
}

std::uint64_t NativeCount(const NativeCell& cell) noexcept {
  const std::uint32_t lanes = LaneCount();
  NativeReader reader;
  std::uint64_t count = 0;
  if (reader.Read(cell, lanes)) {
    count = reader.count();
  } else {
    for (std::size_t i = 0; i < NativeCell::kLate; ++i) count += SumWords(cell.special(i), lanes);
  }
  return count + SumWords(cell.special(NativeCell::kLate), lanes);
}

bool ReadNativePart(CellAddress histogram, std::uint32_t lanes, NativeReader& reader,
                    std::uint64_t* buckets, HistogramTotals* totals) noexcept {
  const RichHistogramCell& rich = RichCellOf(histogram);
  const NativeCell* const native = NativeOf(rich);
  if (native == nullptr) return false;
  if (rich.plain.bounds->count != 0) {
    std::atomic_thread_fence(std::memory_order_acquire);  // see ObserveOutOfLine
    return reader.Read(*native, lanes) && reader.count() >= totals->count;
  }
  // As ReadHistogramCell does it, and why.
  constexpr int kTries = 4;
  constexpr std::uint64_t kFew = 8;
  if (!reader.Read(*native, lanes)) return false;
  for (int i = 1;; ++i) {
    const std::uint64_t before = reader.count();
    const double sum = SumReals(rich.plain.row + sizeof(std::uint64_t), lanes);
    if (!reader.Read(*native, lanes)) return false;
    if (reader.count() < before) return false;  // removed meanwhile
    if (reader.count() - before > kFew && i != kTries) continue;
    *totals = {reader.count(), sum};
    buckets[0] = totals->count;
    return true;
  }
}

}  // namespace detail
POLYMETER_END_NAMESPACE
