// Finds a series by its label values. Readers take no lock; writers hold the registry's mutex.
//
// Sixteen tables of open addressing, so that growing one is short. An entry is a 16-bit tag of the
// hash over a 48-bit pointer: most strangers are told apart without touching their memory.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "polymeter/snapshot.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

POLYMETER_EXPORT std::uint64_t HashOfValues(std::uint64_t seed, const std::string_view* values,
                                            std::size_t count) noexcept;

class SeriesTable {
 public:
  SeriesTable() = default;
  ~SeriesTable();
  SeriesTable(const SeriesTable&) = delete;
  SeriesTable& operator=(const SeriesTable&) = delete;

  // Within a section of the ReadEpoch (or under the mutex).
  SeriesRecord* Find(std::uint64_t hash, const std::string_view* values,
                     std::size_t count) const noexcept;

  // `record->hash` must be the lower half of `hash`. Gives memory to free() once no reader can be
  // in it, or null. Throws std::bad_alloc, then nothing has changed.
  [[nodiscard]] void* Insert(std::uint64_t hash, SeriesRecord* record);
  void Erase(const SeriesRecord* record) noexcept;
  // Of the tables. From any thread.
  std::size_t bytes() const noexcept { return bytes_.load(std::memory_order_relaxed); }

 private:
  struct Table {
    std::uint32_t mask;
    std::uint32_t used;  // entries that are not empty, erased ones included
    std::uint32_t live;
    std::uint32_t unused;  // keeps the entries aligned
    std::atomic<std::uint64_t>* entries() noexcept {
      return reinterpret_cast<std::atomic<std::uint64_t>*>(this + 1);
    }
  };
  static constexpr std::size_t kShards = 16;
  static constexpr std::uint64_t kErased = 1;  // a tag of 0 and no pointer

  static Table* MakeTable(std::uint32_t size);
  static void Place(Table& table, std::uint64_t entry, std::uint32_t hash) noexcept;
  static std::uint32_t Position(std::uint32_t hash) noexcept { return hash >> 4; }

  std::array<std::atomic<Table*>, kShards> shards_{};
  std::atomic<std::size_t> bytes_{0};
};

}  // namespace detail
POLYMETER_END_NAMESPACE
