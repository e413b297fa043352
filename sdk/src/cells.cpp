#include "sdk/src/cells.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <mutex>

#include "sdk/src/exemplar_slots.h"
#include "sdk/src/native_cell.h"
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

// Before the addition.
void MarkFallback(CellAddress slot) noexcept {
  std::atomic<std::uint32_t>& mark = HeaderOf(slot).fallbacks;
  if (mark.load(std::memory_order_relaxed) == 0) mark.store(1, std::memory_order_relaxed);
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

void ClearExemplars(RichHistogramCell& cell) noexcept {
  if (cell.exemplars == nullptr) return;
  const std::uint32_t slots = ExemplarSlotCount(*cell.plain.bounds);
  for (std::uint32_t i = 0; i < slots; ++i) {
    if (ExemplarSlot* const slot = ExemplarSlotAt(cell.exemplars, i)) ClearExemplar(*slot);
  }
}

CellAddress SumSlot(const HistogramCell& cell) noexcept {
  return cell.row + sizeof(std::uint64_t) * (cell.bounds->count + 1);
}

}  // namespace

// --- the out-of-line side of hot_path.h ------------------------------------------------------

void MarkDoubles(CellAddress cell) noexcept {
  HeaderOf(cell).doubles.store(1, std::memory_order_relaxed);
}
void CounterAddFallback(CellAddress slot, std::uint64_t n) noexcept {
  TakeDescriptorBack();
  MarkFallback(slot);
  Word(slot, FallbackLane()).fetch_add(n, std::memory_order_relaxed);
}
void SumAddFallback(CellAddress slot, double n) noexcept {
  TakeDescriptorBack();
  MarkFallback(slot);
  Real(slot, FallbackLane()).fetch_add(n, std::memory_order_relaxed);
}
// Counters with the bit keep exemplars.
void CounterAddOutOfLine(CellAddress cell, std::uint64_t n) noexcept {
  const CellAddress counter = cell & ~kOutOfLineBit;
  SlotAdd(counter, n);
  if (n != 0) KeepCounterExemplar(counter, static_cast<double>(n));
}
void CounterAddOutOfLine(CellAddress cell, double n) noexcept {
  const CellAddress counter = cell & ~kOutOfLineBit;
  CounterAdd(counter, n);
  if (n > 0) KeepCounterExemplar(counter, n);
}
bool ObserveWithoutExemplar(CellAddress cell, double value) noexcept {
  const CellAddress histogram = cell & ~kOutOfLineBit;
  const auto refuse = [cell] {
    RejectObservation(cell);
    return false;
  };
  if (value != value) return refuse();
  RichHistogramCell& rich = RichCellOf(cell);
  NativeCell* const native = NativeOf(rich);
  if (native != nullptr) {
    const NativeSet& set = *std::atomic_ref(rich.native_set).load(std::memory_order_acquire);
    const std::uint64_t zero = std::atomic_ref(rich.native_zero).load(std::memory_order_relaxed);
    if (!ObserveNative(*native, set, zero, value)) return refuse();
    // The series is gone, and that was counted. A cell that is being made anew must not get the
    // other half: it would have fewer exponential ones for ever.
    if (set.capacity == 0) return false;
    // Whoever has read the explicit buckets reads no fewer exponential ones.
    std::atomic_thread_fence(std::memory_order_release);
  }
  if (native != nullptr && rich.plain.bounds->count == 0) {
    SlotAddDouble(SumSlot(rich.plain), value);
  } else {
    HistogramObserve(histogram, value);
  }
  if (rich.tapped != 0) TapPush(histogram, value);
  return true;
}
void ObserveOutOfLine(CellAddress cell, double value) noexcept {
  if (!ObserveWithoutExemplar(cell, value)) return;
  RichHistogramCell& rich = RichCellOf(cell);
  if (rich.exemplars != nullptr) KeepHistogramExemplar(rich, value);
}

void RejectCounterAdd(CellAddress cell) noexcept {
  if (cell != kNoopCell) Reject(cell & ~kOutOfLineBit);
}
void RejectObservation(CellAddress cell) noexcept {
  if (cell == kNoopCell) return;
  Reject(reinterpret_cast<const HistogramCell*>(cell & ~kOutOfLineBit)->row);
}

double ReadCounter(CellAddress cell) noexcept {
  if (cell == kNoopCell) return 0;
  const CounterValue value = ReadCounterCell(cell & ~kOutOfLineBit, LaneCount());
  return static_cast<double>(value.whole) + value.part;
}
double ReadGauge(CellAddress cell) noexcept {
  if ((cell & kOutOfLineBit) != 0) return 0;
  return Real(cell, 0).load(std::memory_order_relaxed);
}
std::uint64_t ReadHistogramCount(CellAddress cell) noexcept {
  if (cell == kNoopCell) return 0;
  const auto& histogram = *reinterpret_cast<const HistogramCell*>(cell & ~kOutOfLineBit);
  if ((cell & kOutOfLineBit) != 0) {
    const NativeCell* const native = NativeOf(RichCellOf(cell));
    if (native != nullptr) return NativeCount(*native);
  }
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
  const std::uint32_t first = FirstLane(cell.row);
  const auto read_buckets = [&] {
    std::uint64_t count = 0;
    std::fill_n(buckets, slots, 0);
    for (std::uint32_t lane = first; lane < lanes; ++lane) {
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
    const double sum = SumReals(SumSlot(cell), lanes, first);
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
    SetExemplarFilter(exemplar_filter_);
    used_ = IsWiped(kind_) ? kChunkHeaderBytes : 0;
  }
  const auto address = reinterpret_cast<CellAddress>(chunks_.back()) + used_;
  used_ += bytes;
  return address;
}

std::size_t CellStore::SlotAllocator::bytes() const noexcept {
  if (chunks_.empty()) return 0;
  constexpr std::size_t kPage = 4096;
  // A laned chunk whose slots are in its first half has their twins in the other one.
  const std::size_t twins = usable_ == kDoubleTwinOffset ? 2 : 1;
  const bool laned = kind_ == ChunkKind::kLaned || kind_ == ChunkKind::kExemplarCounters;
  const std::size_t lanes = laned ? LaneCount() : 1;
  const std::size_t last = (used_ + kPage - 1) / kPage * kPage;
  return ((chunks_.size() - 1) * usable_ + last) * twins * lanes;
}

std::size_t CellStore::bytes() const noexcept {
  return counters_.bytes() + rows_.bytes() + gauges_.bytes() + records_.bytes() +
         rich_records_.bytes() + exemplar_counters_.bytes() + exemplar_slots_.bytes() +
         native_bytes_;
}

CellStore::~CellStore() {
  while (natives_ != nullptr) {
    NativeCell* const next = natives_->next;
    ReleaseNativeCell(natives_);
    natives_ = next;
  }
}

void CellStore::CountLate(MetricType type, RetiredCell& retired) noexcept {
  CounterValue now = retired.base;
  if (type == MetricType::kCounter) now = ReadCounterCell(retired.cell, LaneCount());
  if (type == MetricType::kHistogram) now.whole = ReadHistogramCount(retired.cell);
  late_increments_ += static_cast<double>(now.whole - retired.base.whole);
  late_increments_ += now.part - retired.base.part;
  retired.base = now;
}

void CellStore::CountLate(MetricType type, Quarantine& retired) noexcept {
  constexpr std::size_t kMostCells = 4096;
  const std::size_t size = retired.cells.size();
  for (std::size_t i = 0; i < std::min(size, kMostCells); ++i) {
    retired.next = retired.next + 1 < size ? retired.next + 1 : 0;
    CountLate(type, retired.cells[retired.next]);
  }
}

CellAddress CellStore::Reuse(MetricType type, Quarantine& retired) noexcept {
  if (retired.cells.size() <= quarantined_) return kNoopCell;
  CountLate(type, retired.cells.front());
  const CellAddress cell = retired.cells.front().cell;
  retired.cells.pop_front();
  if (retired.next != 0) --retired.next;
  return cell;
}

CellAddress CellStore::NewCounter(bool exemplars) {
  const CellAddress old =
      Reuse(MetricType::kCounter, exemplars ? retired_exemplar_counters_ : retired_counters_);
  if (old == kNoopCell) return (exemplars ? exemplar_counters_ : counters_).Allocate(1);
  if (exemplars) ClearExemplar(ExemplarSlotOf(old));
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
  CellAddress old = retired == retired_histograms_.end()
                        ? kNoopCell
                        : Reuse(MetricType::kHistogram, retired->second);
  if (old != kNoopCell) {
    old &= ~kOutOfLineBit;
    if (kind.native && !MakeNative(kind, old)) {
      RetireHistogram(kind, old);
      return kNoopCell;
    }
    const CellAddress row = reinterpret_cast<const HistogramCell*>(old)->row;
    for (std::uint32_t lane = 0; lane < LaneCount(); ++lane) {
      for (std::size_t i = 0; i < slots; ++i) {
        Word(row + sizeof(std::uint64_t) * i, lane).store(0, std::memory_order_relaxed);
      }
    }
    if (kind.exemplars) ClearExemplars(RichCellOf(old));
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
    std::atomic_ref(RichCellOf(record).native).store(nullptr, std::memory_order_relaxed);
    if (kind.native && !MakeNative(kind, record)) return kNoopCell;
    std::atomic_ref(RichCellOf(record).tapped).store(kind.tapped, std::memory_order_relaxed);
    std::atomic_ref(RichCellOf(record).exemplars)
        .store(kind.exemplars ? NewExemplarSlots(*kind.bounds) : nullptr,
               std::memory_order_relaxed);
  }
  auto* const cell = reinterpret_cast<HistogramCell*>(record);
  std::atomic_ref(cell->bounds).store(kind.bounds, std::memory_order_relaxed);
  std::atomic_ref(cell->row).store(row, std::memory_order_release);
  return record;
}

// A new cell, or the one that the record has had since its series was removed.
bool CellStore::MakeNative(const HistogramKind& kind, CellAddress record) {
  const NativeConfig config{kind.schema, kind.max_buckets, kind.zero_threshold};
  RichHistogramCell& rich = RichCellOf(record);
  const auto zero = std::bit_cast<std::uint64_t>(std::abs(kind.zero_threshold));
  std::atomic_ref(rich.native_zero).store(zero, std::memory_order_relaxed);
  if (rich.native != nullptr) return RenewNativeCell(*rich.native, config);
  NativeCell* const made = NewNativeCell(config);
  if (made == nullptr) return false;
  made->next = natives_;
  natives_ = made;
  native_bytes_ += NativeCellBytes(kind.max_buckets);
  KeepCurrentIn(*made, &rich.native_set);
  std::atomic_ref(rich.native).store(made, std::memory_order_release);
  return true;
}

void CellStore::Retire(MetricType type, CellAddress cell) {
  if (cell == kNoopCell) return;
  switch (type) {
    case MetricType::kCounter:
      RetireCounter(cell, /*exemplars=*/false);
      break;
    case MetricType::kHistogram:
      RetireHistogram({reinterpret_cast<const HistogramCell*>(cell)->bounds}, cell);
      break;
    default:
      retired_gauges_.cells.push_back({cell, {0, 0}});
  }
}

void CellStore::RetireHistogram(const HistogramKind& kind, CellAddress cell) {
  if (cell == kNoopCell) return;
  if (kind.native) RetireNativeCell(*RichCellOf(cell).native);
  if (kind.rich()) cell |= kOutOfLineBit;
  retired_histograms_[kind].cells.push_back({cell, {ReadHistogramCount(cell), 0}});
}

void CellStore::RetireCounter(CellAddress cell, bool exemplars) {
  if (cell == kNoopCell) return;
  (exemplars ? retired_exemplar_counters_ : retired_counters_)
      .cells.push_back({cell, ReadCounterCell(cell, LaneCount())});
}

double CellStore::RetiredIncrements() noexcept {
  CountLate(MetricType::kCounter, retired_counters_);
  CountLate(MetricType::kCounter, retired_exemplar_counters_);
  for (auto& [kind, retired] : retired_histograms_) CountLate(MetricType::kHistogram, retired);
  return late_increments_;
}

void CellStore::RestartInChild() noexcept {
  late_increments_ = 0;
  for (auto* const counters : {&retired_counters_, &retired_exemplar_counters_}) {
    for (RetiredCell& retired : counters->cells) retired.base = {0, 0};
  }
  SetExemplarFilter(exemplar_filter_);
  for (auto& [kind, quarantine] : retired_histograms_) {
    for (RetiredCell& retired : quarantine.cells) retired.base = {0, 0};
  }
}

std::uint64_t CellStore::Rejected(CellAddress* offender) const noexcept {
  std::uint64_t rejected = 0;
  *offender = 0;
  for (const SlotAllocator* const slots : {&counters_, &exemplar_counters_, &rows_}) {
    for (char* const chunk : slots->chunks()) {
      const ChunkHeader& header = *reinterpret_cast<const ChunkHeader*>(chunk);
      const std::uint64_t n = header.rejected.load(std::memory_order_relaxed);
      if (n != 0) *offender = header.offender.load(std::memory_order_relaxed);
      rejected += n;
    }
  }
  return rejected;
}

// --- exemplars -------------------------------------------------------------------------------

void CellStore::SlotAllocator::SetExemplarFilter(ExemplarFilter filter) noexcept {
  exemplar_filter_ = filter;
  if (kind_ != ChunkKind::kExemplarCounters && kind_ != ChunkKind::kExemplarBlock) return;
  for (char* const chunk : chunks_) {
    reinterpret_cast<ChunkHeader*>(chunk)->exemplar_filter.store(static_cast<std::uint64_t>(filter),
                                                                 std::memory_order_relaxed);
  }
}

void CellStore::SetExemplarFilter(ExemplarFilter filter) noexcept {
  exemplar_filter_ = filter;
  exemplar_counters_.SetExemplarFilter(filter);
  exemplar_slots_.SetExemplarFilter(filter);
}

ExemplarSlots* CellStore::NewExemplarSlots(const HistogramBounds& bounds) {
  static_assert(sizeof(ExemplarSlot) == kChunkHeaderBytes);  // slots lie aligned
  const std::size_t words = sizeof(ExemplarSlot) / sizeof(std::uint64_t);
  const CellAddress slots = exemplar_slots_.Allocate(words * ExemplarSlotCount(bounds));
  // Without memory for them the histogram counts all the same.
  return slots == kNoopCell ? nullptr : reinterpret_cast<ExemplarSlots*>(slots);
}

std::uint64_t CellStore::RefusedExemplarLabels(std::uintptr_t* offender) const noexcept {
  std::uint64_t refused = 0;
  *offender = 0;
  for (const SlotAllocator* const slots : {&exemplar_counters_, &exemplar_slots_}) {
    for (char* const chunk : slots->chunks()) {
      const ChunkHeader& header = *reinterpret_cast<const ChunkHeader*>(chunk);
      const std::uint64_t n = header.refused_labels.load(std::memory_order_relaxed);
      if (n != 0) *offender = header.labels_offender.load(std::memory_order_relaxed);
      refused += n;
    }
  }
  return refused;
}

}  // namespace detail
POLYMETER_END_NAMESPACE
