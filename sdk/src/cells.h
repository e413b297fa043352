// The cells of one registry: making, reading, and giving back their slots.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <vector>

#include "polymeter/options.h"
#include "polymeter/snapshot.h"
#include "sdk/src/chunk_pool.h"
#include "sdk/src/rich_cell.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

struct CounterValue {
  std::uint64_t whole;
  double part;
};

inline std::atomic_ref<std::uint64_t> Word(CellAddress slot, std::uint32_t lane) noexcept {
  return std::atomic_ref<std::uint64_t>(
      *reinterpret_cast<std::uint64_t*>(slot + (std::uintptr_t{lane} << kLaneShift)));
}
inline std::atomic_ref<double> Real(CellAddress slot, std::uint32_t lane) noexcept {
  return std::atomic_ref<double>(
      *reinterpret_cast<double*>(slot + (std::uintptr_t{lane} << kLaneShift)));
}
// Of the lanes from `first` to before `lanes`.
inline std::uint64_t SumWords(CellAddress slot, std::uint32_t lanes,
                              std::uint32_t first = 0) noexcept {
  std::uint64_t sum = 0;
  for (std::uint32_t lane = first; lane < lanes; ++lane) {
    sum += Word(slot, lane).load(std::memory_order_relaxed);
  }
  return sum;
}
inline double SumReals(CellAddress slot, std::uint32_t lanes, std::uint32_t first = 0) noexcept {
  double sum = 0;
  for (std::uint32_t lane = first; lane < lanes; ++lane) {
    sum += Real(slot, lane).load(std::memory_order_relaxed);
  }
  return sum;
}

// `lanes`: LaneCount(), asked for once a snapshot.
inline CounterValue ReadCounterCell(CellAddress cell, std::uint32_t lanes) noexcept {
  const std::uint32_t first = FirstLane(cell);
  const bool doubles = HeaderOf(cell).doubles.load(std::memory_order_relaxed) != 0;
  return {SumWords(cell, lanes, first),
          doubles ? SumReals(cell + kDoubleTwinOffset, lanes, first) : 0.0};
}
// Writes bounds->count + 1 buckets to `buckets`, gives their sum and the sum of the observations.
// Reads again, a few times at most, when many observations came between the two.
struct HistogramTotals {
  std::uint64_t count;
  double sum;
};
POLYMETER_EXPORT HistogramTotals ReadHistogramCell(const HistogramCell& cell, std::uint32_t lanes,
                                                   std::uint64_t* buckets) noexcept;

// The one copy of these bounds in the process. `bounds` must be ascending and finite.
POLYMETER_EXPORT const HistogramBounds* InternBounds(const std::vector<double>& bounds);
void LockBoundsForFork() noexcept;
void UnlockBoundsAfterFork() noexcept;

// Not thread-safe: used under the registry's mutex.
class POLYMETER_EXPORT CellStore {
 public:
  static constexpr std::size_t kQuarantinedCells = std::size_t{1} << 20;

  // A retired cell is used anew after so many later removals of its kind.
  explicit CellStore(std::size_t quarantined = kQuarantinedCells) : quarantined_(quarantined) {}
  ~CellStore();
  CellStore(const CellStore&) = delete;
  CellStore& operator=(const CellStore&) = delete;

  // kNoopCell when there is no memory.
  // `exemplars`: in a chunk that has a slot for an exemplar of each (exemplar_slots.h).
  CellAddress NewCounter(bool exemplars = false);
  CellAddress NewGauge();
  // Without kOutOfLineBit; a RichHistogramCell if the kind is rich.
  CellAddress NewHistogram(const HistogramKind& kind);
  CellAddress NewHistogram(const HistogramBounds* bounds) {
    return NewHistogram(HistogramKind{bounds});
  }

  // The series is gone: increments to the cell no longer count. The slot stays in quarantine first.
  void Retire(MetricType type, CellAddress cell);
  void RetireHistogram(const HistogramKind& kind, CellAddress cell);
  void RetireCounter(CellAddress cell, bool exemplars);
  // Increments and observations that retired counters and histograms got since they were retired.
  // Looks at some thousands of cells of a kind each time, in turn: at a million it would hold up
  // who makes a series meanwhile.
  double RetiredIncrements() noexcept;

  // In a forked child: every cell is zero.
  void RestartInChild() noexcept;

  // What the cells take, untouched lanes included, but for what grows beside them: rows of native
  // histograms for the other sign and their sets after a scale-down, the exemplars of counters and
  // the labels of those of histograms.
  std::size_t bytes() const noexcept;

  // Refused increments and observations since the start, and the cell of one of them (0: none).
  std::uint64_t Rejected(CellAddress* offender) const noexcept;

  // Which exemplars are kept. To be called before there are cells.
  void SetExemplarFilter(ExemplarFilter filter) noexcept;
  // Labels of exemplars that were left out since the start, and the counter or the ExemplarSlots of
  // one of them (0: none).
  std::uint64_t RefusedExemplarLabels(std::uintptr_t* offender) const noexcept;

 private:
  struct RetiredCell {
    CellAddress cell;   // of a rich histogram with kOutOfLineBit
    CounterValue base;  // what it held when it was retired or looked at since
  };
  struct Quarantine {
    std::deque<RetiredCell> cells;  // the longest retired first
    std::size_t next = 0;           // to be looked at
  };
  // Hands out consecutive slots of chunks of one kind.
  class POLYMETER_EXPORT SlotAllocator {
   public:
    SlotAllocator(ChunkKind kind, std::size_t usable) : kind_(kind), usable_(usable) {}
    ~SlotAllocator();
    CellAddress Allocate(std::size_t slots);
    const std::vector<char*>& chunks() const noexcept { return chunks_; }
    // Of kinds with exemplars: written into every chunk, which a fork wipes.
    void SetExemplarFilter(ExemplarFilter filter) noexcept;
    std::size_t bytes() const noexcept;

   private:
    ChunkKind kind_;
    std::size_t usable_;  // bytes of a lane
    std::vector<char*> chunks_;
    std::size_t used_ = 0;
    ExemplarFilter exemplar_filter_ = ExemplarFilter::kAlwaysOff;
  };

  bool MakeNative(const HistogramKind& kind, CellAddress record);
  // Null when there is no memory.
  ExemplarSlots* NewExemplarSlots(const HistogramBounds& bounds);
  // Adds what a cell got since its base was taken, and takes it again.
  void CountLate(MetricType type, RetiredCell& retired) noexcept;
  void CountLate(MetricType type, Quarantine& retired) noexcept;
  CellAddress Reuse(MetricType type, Quarantine& retired) noexcept;

  const std::size_t quarantined_;
  SlotAllocator counters_{ChunkKind::kLaned, kDoubleTwinOffset};  // the other half: doubles
  SlotAllocator rows_{ChunkKind::kLaned, kLaneBytes};
  SlotAllocator gauges_{ChunkKind::kPlain, kLaneBytes};
  SlotAllocator records_{ChunkKind::kRecords, kLaneBytes};
  SlotAllocator rich_records_{ChunkKind::kRichRecords, kLaneBytes};
  SlotAllocator exemplar_counters_{ChunkKind::kExemplarCounters, kDoubleTwinOffset};
  SlotAllocator exemplar_slots_{ChunkKind::kExemplarBlock, kLaneBytes};
  ExemplarFilter exemplar_filter_ = ExemplarFilter::kAlwaysOff;
  Quarantine retired_counters_;
  Quarantine retired_exemplar_counters_;
  Quarantine retired_gauges_;
  std::map<HistogramKind, Quarantine> retired_histograms_;
  NativeCell* natives_ = nullptr;  // all that were made
  std::size_t native_bytes_ = 0;   // what they take
  double late_increments_ = 0;     // of retired cells, as far as was looked
};

}  // namespace detail
POLYMETER_END_NAMESPACE
