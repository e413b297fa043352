// The observation tap: single observations of histograms on their way from the threads that record
// them to the next snapshot of a backend that asked for them.
//
// Each thread writes into a ring of its own, which has one reader; a full ring keeps no more, and
// what it did not keep is counted. The buckets count every observation in any case, so a backend
// knows how many there were and gives those that were kept their weight.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "polymeter/hot_path.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// One observation. Called after the cell has counted it: what Collect brings has been counted.
// The calling thread's first observation takes a lock and allocates its ring; later ones do
// neither. Not for signal handlers: one that interrupts another TapPush may overwrite its entry.
void TapPush(CellAddress histogram, double value) noexcept;

// Process-wide, as rings belong to threads and not to a Metrics. Thread-safe.
class Tap {
 public:
  using Samples = std::vector<double>;

  static Tap& Instance() noexcept;

  // Rings of threads that come from now on hold at least so many (a power of two, at most 2^20).
  void Reserve(std::size_t per_thread) noexcept;
  // Empties the rings. What Claim does not take waits for the next one who asks, some Collects
  // long and within a bound; then it is lost.
  void Collect();
  // What Collect brought of one histogram; empty when it is none.
  Samples Claim(CellAddress histogram);
  // Observations that no ring had room for, and those that nobody claimed. Since the start.
  std::uint64_t Lost() noexcept;

  void LockForFork() noexcept;
  void UnlockAfterFork() noexcept;
  // Under the lock taken for the fork: the rings of other threads are the parent's.
  void RestartInChild() noexcept;

 private:
  Tap() = default;
  struct Shared;
  friend void TapPush(CellAddress, double) noexcept;
  static Shared& All() noexcept;
};

}  // namespace detail
POLYMETER_END_NAMESPACE
