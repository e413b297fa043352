// Memory of native histograms: cells, row sets and rows. One pool for the process, never
// destroyed, and nothing is ever unmapped: what a stale handle reaches keeps its layout.
//
// Takes no memory but its own mappings, so that an observation in a signal handler that interrupts
// malloc does no harm.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>

#include "sdk/src/native_cell.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

class POLYMETER_EXPORT NativePool {
 public:
  // A set is used anew after this time, which is longer than a thread is normally kept from running
  // between finding its slot and adding to it; or sooner, when so many of its size rest.
  static constexpr std::uint32_t kSetRestMs = 500;
  static constexpr std::size_t kMostResting = 2048;
  // A released cell is used anew after so many that were released later.
  static constexpr std::size_t kQuarantinedCells = 4096;

  static NativePool& Instance() noexcept;

  // Held while the pool or the ranges, rows and sets of a cell change. held() is false when a
  // signal handler has interrupted a holder on its own thread.
  class POLYMETER_EXPORT Hold {
   public:
    Hold() noexcept;
    ~Hold();
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;
    bool held() const noexcept { return held_; }

   private:
    const bool held_;
  };

  // All under a Hold. Null and 0 when there is no memory.
  NativeSet* NewSet(std::uint32_t max_buckets, std::uint32_t shift) noexcept;
  void FreeSet(NativeSet* set) noexcept;
  CellAddress NewRow(std::uint32_t slots) noexcept;
  NativeCell* NewCell() noexcept;  // retired, its specials zero
  void FreeCell(NativeCell* cell) noexcept;
  // Empty, and of that schema.
  static void Reset(NativeSet& set, std::uint32_t shift) noexcept;
  // Its specials are zero again.
  static void Clear(NativeCell& cell) noexcept;

  void LockForFork() noexcept;
  void UnlockAfterFork() noexcept;

 private:
  static constexpr std::uint32_t kClass = 32;  // capacities are multiples of it
  struct SetList {
    NativeSet* first = nullptr;
    NativeSet* last = nullptr;
    std::size_t count = 0;
  };

  NativePool() noexcept = default;
  void* NewRecord() noexcept;

  std::mutex mutex_;
  std::array<SetList, kMostNativeBuckets / kClass + 1> free_sets_{};
  NativeCell* first_free_cell_ = nullptr;
  NativeCell* last_free_cell_ = nullptr;
  std::size_t free_cells_ = 0;
  char* records_ = nullptr;  // the chunk that is being used up
  std::size_t records_used_ = 0;
  char* rows_ = nullptr;
  std::size_t rows_used_ = 0;
};

// Where every retired cell points: a set without buckets.
POLYMETER_EXPORT NativeSet* NoNativeSet() noexcept;

}  // namespace detail
POLYMETER_END_NAMESPACE
