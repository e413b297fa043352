// Memory of cells. It outlives the registry that used it: a handle that is still written
// through after its Metrics is gone writes into quarantined memory, which is used anew only after
// kQuarantine later chunks were given back. The pool is one for the process and never destroyed.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>

#include "polymeter/hot_path.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// At the start of lane 0 of every laned and plain chunk.
struct ChunkHeader {
  std::atomic<std::uint64_t> rejected;   // increments and observations refused (hot_path.h)
  std::atomic<std::uintptr_t> offender;  // the cell of the first one
};
constexpr std::size_t kChunkHeaderBytes = 64;

enum class ChunkKind : std::uint8_t {
  kLaned,        // a lane for every CPU and one for fallbacks; wiped in a forked child
  kPlain,        // lane 0 alone (gauges); wiped in a forked child
  kRecords,      // 64 KiB of HistogramCells; kept as they are, also in quarantine
  kRichRecords,  // the same of RichHistogramCells
};

// Whether memory of this kind is zero when it is acquired, in a forked child and in quarantine.
constexpr bool IsWiped(ChunkKind kind) noexcept {
  return kind != ChunkKind::kRecords && kind != ChunkKind::kRichRecords;
}

class ChunkPool {
 public:
  static ChunkPool& Instance() noexcept;

  // Zeroed if it IsWiped, aligned to 64 KiB. Null when the system gives no memory.
  char* Acquire(ChunkKind kind) noexcept;
  void Release(ChunkKind kind, char* chunk) noexcept;

  void Lock() noexcept { mutex_.lock(); }  // around fork
  void Unlock() noexcept { mutex_.unlock(); }

 private:
  static constexpr std::size_t kQuarantine = 64;
  ChunkPool() noexcept = default;
  std::mutex mutex_;
  std::array<std::deque<char*>, 4> free_;
};

inline char* ChunkOf(CellAddress slot) noexcept {
  return reinterpret_cast<char*>(slot & ~(kLaneBytes - 1));
}
inline ChunkHeader& HeaderOf(CellAddress slot) noexcept {
  return *reinterpret_cast<ChunkHeader*>(ChunkOf(slot));
}

// Lanes of a laned chunk: lane 0 and one for each possible CPU. Does not change.
POLYMETER_EXPORT std::uint32_t LaneCount() noexcept;
// Whether lanes 1 and up are written by restartable sequences.
bool LanesBelongToCpus() noexcept;

}  // namespace detail
POLYMETER_END_NAMESPACE
