#include "sdk/src/cells.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <limits>
#include <memory>
#include <mutex>

#include "sdk/src/tap.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

// The lane of a thread whose adds are atomic. Where rseq is on, all lanes but 0 belong to CPUs
// (a plain add and an atomic one must never meet on a slot); without it threads are spread.
std::uint32_t FallbackLane() noexcept {
  if (LanesBelongToCpus()) return 0;
  static std::atomic<std::uint32_t> next{0};
  thread_local const std::uint32_t mine =
      next.fetch_add(1, std::memory_order_relaxed) % LaneCount();
  return mine;
}

// A section that was left for the fallback has published its descriptor, which may lie in a
// plug-in that is unloaded next.
void TakeDescriptorBack() noexcept {
#if POLYMETER_RSEQ
  __asm__ volatile("movq $0, %%fs:8(%0)" : : "r"(g_rseq_area.offset) : "memory");
#endif
}

void Reject(CellAddress slot) noexcept {
  ChunkHeader& header = HeaderOf(slot);
  if (header.rejected.fetch_add(1, std::memory_order_relaxed) == 0) {
    header.offender.store(slot, std::memory_order_relaxed);
  }
}

CellAddress SumSlot(const HistogramCell& cell) noexcept {
  return cell.row + sizeof(std::uint64_t) * (cell.bounds->count + 1);
}

}  // namespace

// --- the out-of-line side of hot_path.h ------------------------------------------------------

void CounterAddFallback(CellAddress cell, std::uint64_t n) noexcept {
  TakeDescriptorBack();
  Word(cell, FallbackLane()).fetch_add(n, std::memory_order_relaxed);
}
void CounterAddFallback(CellAddress cell, double n) noexcept {
  SumAddFallback(cell + kDoubleTwinOffset, n);
}
void SumAddFallback(CellAddress slot, double n) noexcept {
  TakeDescriptorBack();
  Real(slot, FallbackLane()).fetch_add(n, std::memory_order_relaxed);
}
// No cell has the bit yet but kNoopCell, which does not come here.
void CounterAddOutOfLine(CellAddress, std::uint64_t) noexcept {}
void CounterAddOutOfLine(CellAddress, double) noexcept {}
void ObserveOutOfLine(CellAddress cell, double value) noexcept {
  const CellAddress histogram = cell & ~kOutOfLineBit;
  const RichHistogramCell& rich = RichCellOf(cell);
  HistogramObserve(histogram, value);
  if (value != value) return;
  if (rich.tapped != 0) TapPush(histogram, value);
}

void RejectCounterAdd(CellAddress cell) noexcept {
  if ((cell & kOutOfLineBit) == 0) Reject(cell);
}
void RejectObservation(CellAddress cell) noexcept {
  if (cell == kNoopCell) return;
  Reject(reinterpret_cast<const HistogramCell*>(cell & ~kOutOfLineBit)->row);
}

double ReadCounter(CellAddress cell) noexcept {
  if ((cell & kOutOfLineBit) != 0) return 0;
  const CounterValue value = ReadCounterCell(cell, LaneCount());
  return static_cast<double>(value.whole) + value.part;
}
double ReadGauge(CellAddress cell) noexcept {
  if ((cell & kOutOfLineBit) != 0) return 0;
  return Real(cell, 0).load(std::memory_order_relaxed);
}
std::uint64_t ReadHistogramCount(CellAddress cell) noexcept {
  if (cell == kNoopCell) return 0;
  cell &= ~kOutOfLineBit;
  const auto& histogram = *reinterpret_cast<const HistogramCell*>(cell);
  std::uint64_t count = 0;
  for (std::uint32_t i = 0; i <= histogram.bounds->count; ++i) {
    count += SumWords(histogram.row + sizeof(std::uint64_t) * i, LaneCount());
  }
  return count;
}
double ReadHistogramSum(CellAddress cell) noexcept {
  if (cell == kNoopCell) return 0;
  cell &= ~kOutOfLineBit;
  return SumReals(SumSlot(*reinterpret_cast<const HistogramCell*>(cell)), LaneCount());
}

// --- reading ---------------------------------------------------------------------------------

HistogramTotals ReadHistogramCell(const HistogramCell& cell, std::uint32_t lanes,
                                  std::uint64_t* buckets) noexcept {
  // `_sum` and the buckets are two slots: whoever reads between the two adds of an observation,
  // or while others observe, sees them apart. Reading the row again until few came in between
  // bounds the distance; it converges unless a reader is preempted each time.
  constexpr int kTries = 4;
  constexpr std::uint64_t kFew = 8;
  const std::uint32_t slots = cell.bounds->count + 1;
  const auto read_buckets = [&] {
    std::uint64_t count = 0;
    std::fill_n(buckets, slots, 0);
    for (std::uint32_t lane = 0; lane < lanes; ++lane) {
      for (std::uint32_t i = 0; i < slots; ++i) {
        const std::uint64_t n =
            Word(cell.row + sizeof(std::uint64_t) * i, lane).load(std::memory_order_relaxed);
        buckets[i] += n;
        count += n;
      }
    }
    return count;
  };
  std::uint64_t before = read_buckets();
  for (int i = 1;; ++i) {
    const double sum = SumReals(SumSlot(cell), lanes);
    const std::uint64_t after = read_buckets();
    if (after - before <= kFew || i == kTries) return {after, sum};
    before = after;
  }
}

namespace {
std::mutex& BoundsMutex() noexcept {
  static auto* const kMutex = new std::mutex;
  return *kMutex;
}
}  // namespace

void LockBoundsForFork() noexcept { BoundsMutex().lock(); }
void UnlockBoundsAfterFork() noexcept { BoundsMutex().unlock(); }

const HistogramBounds* InternBounds(const std::vector<double>& bounds) {
  static auto* const kKnown = new std::map<std::vector<double>, const HistogramBounds*>;
  const std::lock_guard lock(BoundsMutex());
  const auto known = kKnown->find(bounds);
  if (known != kKnown->end()) return known->second;
  const std::size_t padded = (bounds.size() + 3) / 4 * 4;
  auto* const values = new double[padded + 4];
  std::fill_n(std::copy(bounds.begin(), bounds.end(), values), padded + 4 - bounds.size(),
              std::numeric_limits<double>::infinity());
  const auto* const made = new HistogramBounds{static_cast<std::uint32_t>(bounds.size()),
                                               static_cast<std::uint32_t>(padded), values};
  kKnown->emplace(bounds, made);
  return made;
}

// --- making and giving back ------------------------------------------------------------------

CellStore::SlotAllocator::~SlotAllocator() {
  for (char* const chunk : chunks_) ChunkPool::Instance().Release(kind_, chunk);
}

CellAddress CellStore::SlotAllocator::Allocate(std::size_t slots) {
  const std::size_t bytes = slots * sizeof(std::uint64_t);
  if (bytes > usable_ - kChunkHeaderBytes) return kNoopCell;  // would reach into the next lane
  if (chunks_.empty() || used_ + bytes > usable_) {
    char* const chunk = ChunkPool::Instance().Acquire(kind_);
    if (chunk == nullptr) return kNoopCell;
    chunks_.push_back(chunk);
    used_ = IsWiped(kind_) ? kChunkHeaderBytes : 0;
  }
  const auto address = reinterpret_cast<CellAddress>(chunks_.back()) + used_;
  used_ += bytes;
  return address;
}

CellStore::~CellStore() = default;

double CellStore::LateIncrements(MetricType type, const RetiredCell& retired) noexcept {
  switch (type) {
    case MetricType::kCounter: {
      const CounterValue now = ReadCounterCell(retired.cell, LaneCount());
      return static_cast<double>(now.whole - retired.base.whole) + (now.part - retired.base.part);
    }
    case MetricType::kHistogram:
      return static_cast<double>(ReadHistogramCount(retired.cell) - retired.base.whole);
    default:
      return 0;
  }
}

CellAddress CellStore::Reuse(MetricType type, std::deque<RetiredCell>& retired) noexcept {
  if (retired.size() <= quarantined_) return kNoopCell;
  reused_increments_ += LateIncrements(type, retired.front());
  const CellAddress cell = retired.front().cell;
  retired.pop_front();
  return cell;
}

CellAddress CellStore::NewCounter() {
  const CellAddress old = Reuse(MetricType::kCounter, retired_counters_);
  if (old == kNoopCell) return counters_.Allocate(1);
  for (std::uint32_t lane = 0; lane < LaneCount(); ++lane) {
    Word(old, lane).store(0, std::memory_order_relaxed);
    Real(old + kDoubleTwinOffset, lane).store(0, std::memory_order_relaxed);
  }
  return old;
}

CellAddress CellStore::NewGauge() {
  const CellAddress old = Reuse(MetricType::kGauge, retired_gauges_);
  if (old == kNoopCell) return gauges_.Allocate(1);
  Real(old, 0).store(0, std::memory_order_relaxed);
  return old;
}

CellAddress CellStore::NewHistogram(const HistogramKind& kind) {
  const std::size_t slots = std::size_t{kind.bounds->count} + 2;
  const auto retired = retired_histograms_.find(kind);
  const CellAddress old = retired == retired_histograms_.end()
                              ? kNoopCell
                              : Reuse(MetricType::kHistogram, retired->second);
  if (old != kNoopCell) {
    const CellAddress row = reinterpret_cast<const HistogramCell*>(old)->row;
    for (std::uint32_t lane = 0; lane < LaneCount(); ++lane) {
      for (std::size_t i = 0; i < slots; ++i) {
        Word(row + sizeof(std::uint64_t) * i, lane).store(0, std::memory_order_relaxed);
      }
    }
    return old;
  }
  static_assert(sizeof(HistogramCell) == 2 * sizeof(std::uint64_t));
  const CellAddress row = rows_.Allocate(slots);
  if (row == kNoopCell) return kNoopCell;
  const CellAddress record =
      kind.rich() ? rich_records_.Allocate(sizeof(RichHistogramCell) / sizeof(std::uint64_t))
                  : records_.Allocate(2);
  if (record == kNoopCell) return kNoopCell;
  // A stale handle may read this record while it is made anew: every word stays valid at any time.
  if (kind.rich()) {
    std::atomic_ref(RichCellOf(record).tapped).store(kind.tapped, std::memory_order_relaxed);
  }
  auto* const cell = reinterpret_cast<HistogramCell*>(record);
  std::atomic_ref(cell->bounds).store(kind.bounds, std::memory_order_relaxed);
  std::atomic_ref(cell->row).store(row, std::memory_order_release);
  return record;
}

void CellStore::Retire(MetricType type, CellAddress cell) {
  if (cell == kNoopCell) return;
  switch (type) {
    case MetricType::kCounter:
      retired_counters_.push_back({cell, ReadCounterCell(cell, LaneCount())});
      break;
    case MetricType::kHistogram:
      RetireHistogram({reinterpret_cast<const HistogramCell*>(cell)->bounds}, cell);
      break;
    default:
      retired_gauges_.push_back({cell, {0, 0}});
  }
}

void CellStore::RetireHistogram(const HistogramKind& kind, CellAddress cell) {
  if (cell == kNoopCell) return;
  retired_histograms_[kind].push_back({cell, {ReadHistogramCount(cell), 0}});
}

double CellStore::RetiredIncrements() const noexcept {
  double increments = reused_increments_;
  for (const RetiredCell& retired : retired_counters_) {
    increments += LateIncrements(MetricType::kCounter, retired);
  }
  for (const auto& [kind, cells] : retired_histograms_) {
    for (const RetiredCell& retired : cells) {
      increments += LateIncrements(MetricType::kHistogram, retired);
    }
  }
  return increments;
}

void CellStore::RestartInChild() noexcept {
  reused_increments_ = 0;
  for (RetiredCell& retired : retired_counters_) retired.base = {0, 0};
  for (auto& [kind, cells] : retired_histograms_) {
    for (RetiredCell& retired : cells) retired.base = {0, 0};
  }
}

std::uint64_t CellStore::Rejected(CellAddress* offender) const noexcept {
  std::uint64_t rejected = 0;
  *offender = 0;
  for (const SlotAllocator* const slots : {&counters_, &rows_}) {
    for (char* const chunk : slots->chunks()) {
      const ChunkHeader& header = *reinterpret_cast<const ChunkHeader*>(chunk);
      const std::uint64_t n = header.rejected.load(std::memory_order_relaxed);
      if (n != 0) *offender = header.offender.load(std::memory_order_relaxed);
      rejected += n;
    }
  }
  return rejected;
}

}  // namespace detail
POLYMETER_END_NAMESPACE
