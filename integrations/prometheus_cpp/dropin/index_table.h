// Finds positions in a vector by a hash: open addressing over 8 bytes an entry. Internal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace prometheus {
namespace detail {

// Not thread-safe.
class IndexTable {
 public:
  static constexpr std::uint32_t kNone = 0xFFFFFFFFu;

  // The position whose hash is `hash` and for which same(position) holds; kNone without one.
  template <class Same>
  std::uint32_t Find(std::uint32_t hash, Same&& same) const {
    if (entries_.empty()) return kNone;
    for (std::size_t i = Start(hash);; i = (i + 1) & (entries_.size() - 1)) {
      const Entry& entry = entries_[i];
      if (entry.position == kEmpty) return kNone;
      if (entry.position != kErased && entry.hash == hash && same(entry.position)) {
        return entry.position;
      }
    }
  }

  void Insert(std::uint32_t hash, std::uint32_t position) {
    if ((used_ + 1) * 4 > entries_.size() * 3) Rehash();
    Place({hash, position});
    ++live_;
  }

  void Erase(std::uint32_t hash, std::uint32_t position) noexcept {
    if (entries_.empty()) return;
    for (std::size_t i = Start(hash);; i = (i + 1) & (entries_.size() - 1)) {
      Entry& entry = entries_[i];
      if (entry.position == kEmpty) return;
      if (entry.position == position) {
        entry.position = kErased;
        --live_;
        return;
      }
    }
  }

 private:
  static constexpr std::uint32_t kEmpty = 0xFFFFFFFFu;
  static constexpr std::uint32_t kErased = 0xFFFFFFFEu;
  struct Entry {
    std::uint32_t hash = 0;
    std::uint32_t position = kEmpty;
  };

  std::size_t Start(std::uint32_t hash) const noexcept { return hash & (entries_.size() - 1); }
  void Place(Entry placed) noexcept {
    std::size_t i = Start(placed.hash);
    while (entries_[i].position != kEmpty && entries_[i].position != kErased) {
      i = (i + 1) & (entries_.size() - 1);
    }
    if (entries_[i].position == kEmpty) ++used_;
    entries_[i] = placed;
  }
  void Rehash() {
    std::size_t size = 8;
    while (size < (live_ + 1) * 2) size *= 2;
    std::vector<Entry> old(size);
    old.swap(entries_);
    used_ = 0;
    for (const Entry& entry : old) {
      if (entry.position != kEmpty && entry.position != kErased) Place(entry);
    }
  }

  std::vector<Entry> entries_;  // a power of two of them
  std::size_t used_ = 0;        // entries that are not empty, erased ones included
  std::size_t live_ = 0;
};

}  // namespace detail
}  // namespace prometheus
