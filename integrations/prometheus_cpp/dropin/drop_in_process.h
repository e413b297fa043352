// What all instruments and families of the drop-in share: the memory of their cells, their locks,
// and what a fork does to them. One for the process and never destroyed, because instruments may be
// made before main and used after it. A program and its shared libraries may each hold a static
// copy of this library: of one version they share it. Internal.
//
// Order of locks: a registry's, a family's, then each of the others alone.
#pragma once

#include <pthread.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "sdk/src/cells.h"

namespace prometheus {
namespace detail {

using polymeter::detail::CellAddress;

// Where the families of one name and type get the places of their series from, so that those of
// several registries can stand side by side in one family of a snapshot.
struct SeriesPlaces {
  const std::uint64_t id;  // never used again
  const std::string help;  // of the first of the families: the same as long as there is one
  std::uint32_t end = 0;
  std::uint32_t next_generation = 1;
  std::vector<std::uint32_t> free;
};
struct SeriesPlace {
  std::uint32_t index;
  std::uint32_t generation;
};

class DropInProcess {
 public:
  static DropInProcess& Instance() noexcept;

  // kNoopCell without memory.
  CellAddress NewCounter() noexcept;
  CellAddress NewGauge() noexcept;
  CellAddress NewHistogram(const polymeter::detail::HistogramBounds* bounds) noexcept;
  void Retire(polymeter::MetricType type, CellAddress cell) noexcept;

  // For an instrument; of one size side by side. Throws std::bad_alloc.
  void* NewInstrumentPlace(std::size_t size);
  void FreeInstrumentPlace(void* place, std::size_t size) noexcept;

  // After a Reset: counts it, and retires the cell once no snapshot can still read it for the
  // series that had it.
  void RetireExchanged(polymeter::MetricType type, CellAddress cell) noexcept;

  // A family that has seen all Resets need not look at its instruments.
  std::uint64_t resets() const noexcept { return resets_.load(std::memory_order_acquire); }
  // How many forks lie between this process and the first one; changes in the child.
  std::uint32_t forks() const noexcept { return forks_.load(std::memory_order_relaxed); }

  // Locks are few, and shared by many objects, because a fork takes all of them.
  std::mutex& NextFamilyLock() noexcept { return Next(family_locks_); }
  std::mutex& NextRegistryLock() noexcept { return Next(registry_locks_); }
  std::mutex& sources_lock() noexcept { return sources_lock_; }
  std::mutex& owned_lock() noexcept { return owned_lock_; }
  std::mutex& resets_lock() noexcept { return resets_lock_; }

  std::shared_ptr<SeriesPlaces> PlacesOf(polymeter::MetricType type, const std::string& name,
                                         const std::string& help);
  SeriesPlace NewPlace(SeriesPlaces& places);
  SeriesPlace SamePlace(SeriesPlaces& places, std::uint32_t index);  // of a new generation
  void FreePlaces(SeriesPlaces& places, const std::vector<std::uint32_t>& indexes) noexcept;

  // Memory that snapshots read. What is discarded is freed when all snapshots that had a pin then
  // are gone.
  std::shared_ptr<const void> Pin();
  void Discard(void* memory) noexcept;

  // For the hash of labels.
  std::uint64_t hash_seed() const noexcept { return hash_seed_; }

 private:
  static constexpr std::size_t kLocks = 8;
  // A cell in quarantine may still get the increment of a thread that was interrupted while it was
  // exchanged (Reset). Nobody refers to it any longer than that.
  static constexpr std::size_t kQuarantinedCells = std::size_t{1} << 14;
  using Locks = std::array<std::mutex, kLocks>;

  DropInProcess();
  static DropInProcess* OfAllCopies();
  std::mutex& Next(Locks& locks) noexcept {
    return locks[next_lock_.fetch_add(1, std::memory_order_relaxed) % kLocks];
  }
  void Unpin(std::uint64_t pin) noexcept;
  // What goes when snapshots have: memory, or a cell.
  struct Discarded {
    void* memory;
    CellAddress cell;
    polymeter::MetricType type;
    std::uint64_t mark;
  };
  void Discard(Discarded discarded) noexcept;
  void Free(const Discarded& discarded) noexcept;
  // Under pins_lock_: what may be freed now.
  std::vector<Discarded> Freeable();
  std::uint32_t NextGeneration(SeriesPlaces& places) noexcept;
  void LockForFork() noexcept;
  void UnlockAfterFork(bool in_child) noexcept;

  const std::uint64_t hash_seed_;
  std::atomic<std::uint64_t> resets_{0};
  std::atomic<std::uint32_t> forks_{0};
  std::atomic<std::size_t> next_lock_{0};
  // Every copy of the library has its handlers; the first one to be called locks, the last one
  // unlocks.
  std::atomic<pthread_t> forking_{};
  int fork_depth_ = 0;  // of the thread that forks
  Locks family_locks_;
  Locks registry_locks_;
  std::mutex sources_lock_;
  std::mutex owned_lock_;
  std::mutex resets_lock_;  // of histograms

  std::mutex cells_lock_;  // and of places
  polymeter::detail::CellStore cells_{kQuarantinedCells};
  // Places of one size: the first free one, each of which begins with the address of the next.
  static constexpr std::size_t kPlacesAtOnce = 64;
  static constexpr std::size_t kLargestPlace = 128;
  std::array<void*, kLargestPlace / sizeof(void*) + 1> free_places_{};
  std::vector<std::unique_ptr<void*[]>> places_memory_;

  std::mutex places_lock_;
  std::unordered_map<std::string, std::weak_ptr<SeriesPlaces>> places_;
  // Anywhere, so that series of copies that do not share this never pass for each other; the top
  // bit is for families without places.
  std::uint64_t next_places_id_;

  std::mutex pins_lock_;
  std::uint64_t next_pin_ = 0;
  std::vector<std::uint64_t> pins_;  // ascending, a few
  std::vector<Discarded> discarded_;
};

}  // namespace detail
}  // namespace prometheus
