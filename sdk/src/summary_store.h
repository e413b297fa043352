// The summary cells of one registry: making them, and giving back what they hold.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "sdk/src/summary_cell.h"
#include "sdk/src/summary_spec.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// Not thread-safe but for NewRow: used under the registry's mutex.
class POLYMETER_EXPORT SummaryStore {
 public:
  // Fewer than of other cells, as each is a hundred times as large.
  static constexpr std::size_t kQuarantinedCells = std::size_t{1} << 12;

  // A retired cell is used anew after so many later removals.
  explicit SummaryStore(std::size_t quarantined = kQuarantinedCells) : quarantined_(quarantined) {}
  ~SummaryStore();
  SummaryStore(const SummaryStore&) = delete;
  SummaryStore& operator=(const SummaryStore&) = delete;

  // kNoopCell when there is no memory.
  CellAddress New(const SummarySpec& spec, std::int64_t now);
  // The series is gone: its window ends, and observations no longer count.
  void Retire(CellAddress cell);
  // Observations that retired cells got since they were retired.
  double RetiredIncrements() const noexcept;
  void RestartInChild() noexcept;
  // What the cells take at most, but for the closed intervals of their windows.
  std::size_t bytes() const noexcept;
  // Refused observations since the start, and the base slot of one of them (0: none).
  std::uint64_t Rejected(CellAddress* offender) const noexcept;

  // The slots of one more octave; kNoopCell when there is no memory. Under GrowthMutex.
  CellAddress NewRow() noexcept;

 private:
  struct RetiredCell {
    CellAddress cell;
    std::uint64_t base;  // what it had counted when it was retired
  };
  CellAddress NewSlots(std::size_t slots) noexcept;  // under GrowthMutex
  CellAddress NewRecord();
  CellAddress Reuse() noexcept;
  // The cell's window and owner. Waits for an observation that is in one of them.
  static void Attach(SummaryCell& cell, SummaryStore* owner, SummaryWindow* window) noexcept;

  const std::size_t quarantined_;
  std::vector<char*> slot_chunks_;      // under GrowthMutex
  std::size_t slots_used_ = 0;          // bytes of the last chunk; under GrowthMutex
  std::vector<CellAddress> free_rows_;  // of cells that were used anew; under GrowthMutex
  std::vector<char*> record_chunks_;
  std::size_t records_used_ = 0;  // bytes of the last chunk
  std::deque<RetiredCell> retired_;
  double reused_increments_ = 0;  // late ones of cells that have been used anew
};

}  // namespace detail
POLYMETER_END_NAMESPACE
