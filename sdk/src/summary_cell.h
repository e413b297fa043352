// Where a summary series counts: buckets that every CPU has for itself, as other cells, and the
// window of its quantiles.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <mutex>
#include <vector>

#include "polymeter/summary.h"
#include "sdk/src/cells.h"
#include "sdk/src/summary_buckets.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

class SummaryStore;
class SummaryWindow;

// In chunks of its own kind, which are never given back: whatever a stale handle finds there is one
// of these, and every address in it is one of memory that stays mapped (chunk_pool.h). `owner` and
// `window` are null once the series or its Metrics is gone, so that a stale handle goes no further.
struct SummaryCell {
  // Slots of what is in no octave: the sum (a double), zeros, +Inf, -Inf.
  std::atomic<CellAddress> base;
  std::atomic<std::int64_t> due;  // when the running interval is over
  std::atomic<double> low;        // extremes of the running interval
  std::atomic<double> high;
  SummaryWindow* window;  // under WindowMutex
  SummaryStore* owner;    // under GrowthMutex
  std::uint64_t unused[2];
  // Each: an octave's key + 1 in the upper 16 bits, the address of its row of slots below; 0: not
  // in use. They are filled in probing order, and stay until the cell is used anew.
  std::atomic<std::uint64_t> rows[kMostOctaves];
};
static_assert(sizeof(SummaryCell) == 64 + 8 * kMostOctaves);

constexpr std::int64_t kNeverDue = std::numeric_limits<std::int64_t>::max();
constexpr std::size_t kSummaryBaseSlots = 8;  // a cache line of them

inline SummaryCell& SummaryCellOf(CellAddress cell) noexcept {
  return *reinterpret_cast<SummaryCell*>(cell);
}

// The clock of all windows, to a few milliseconds; nanoseconds since some moment.
std::int64_t SummaryClock() noexcept;

// Locks that many windows share.
std::mutex& WindowMutex(const SummaryCell& cell) noexcept;
// For the making of rows: the first observation of a series in an octave.
std::mutex& GrowthMutex() noexcept;
void LockSummariesForFork() noexcept;
void UnlockSummariesAfterFork() noexcept;

// What SummaryObserve does at `now`.
POLYMETER_EXPORT void ObserveSummary(SummaryCell& cell, double value, std::int64_t now) noexcept;

// Count and sum of all observations, and quantiles of those in the window at `now`. Not for two
// threads at once: it has a scratch area.
class POLYMETER_EXPORT SummaryReader {
 public:
  // `lanes`: LaneCount().
  explicit SummaryReader(std::uint32_t lanes) : lanes_(lanes) {}

  struct Totals {
    std::uint64_t count;
    double sum;
  };
  Totals Read(SummaryCell& cell, const std::vector<double>& quantiles, Quantile* out,
              std::int64_t now) noexcept;

 private:
  const std::uint32_t lanes_;
  SummaryCounts counts_;
};

// To zero, while nobody but stale handles counts in them.
void ClearSummarySlots(CellAddress slots, std::size_t count) noexcept;
// Takes the rows away, kMostOctaves at most, while the cell has no owner.
std::size_t TakeSummaryRows(SummaryCell& cell, CellAddress* taken) noexcept;

// In a forked child, where the buckets are empty: a window that begins now.
void RestartSummaryInChild(SummaryCell& cell, std::int64_t now) noexcept;

}  // namespace detail
POLYMETER_END_NAMESPACE
