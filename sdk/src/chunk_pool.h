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

// At the start of every chunk that is wiped.
struct ChunkHeader {
  std::atomic<std::uint64_t> rejected;   // increments and observations refused (hot_path.h)
  std::atomic<std::uintptr_t> offender;  // the cell of the first one
  // Of chunks with exemplars. The filter is 0 where none are kept any more: in quarantine.
  std::atomic<std::uint64_t> exemplar_filter;   // an ExemplarFilter
  std::atomic<std::uint64_t> refused_labels;    // of exemplars
  std::atomic<std::uintptr_t> labels_offender;  // the counter or the exemplar slots of the first
  // Of laned chunks of counters and of histograms' rows, what readers may leave out while it is 0:
  // set before the first addition, so that whoever knows of one finds it. ReadEpoch, where it is
  // built without restartable sequences, adds to lane 0 without a mark: its reader sums all lanes.
  std::atomic<std::uint32_t> doubles;    // some counter has got a double
  std::atomic<std::uint32_t> fallbacks;  // something was added without a restartable sequence
};
constexpr std::size_t kChunkHeaderBytes = 64;
static_assert(sizeof(ChunkHeader) <= kChunkHeaderBytes);
static_assert(offsetof(ChunkHeader, doubles) == kDoublesFlagOffset);

enum class ChunkKind : std::uint8_t {
  kLaned,             // a lane for every CPU and one for fallbacks; wiped in a forked child
  kPlain,             // lane 0 alone (gauges); wiped in a forked child
  kRecords,           // 64 KiB of HistogramCells; kept as they are, also in quarantine
  kRichRecords,       // the same of RichHistogramCells
  kExemplarCounters,  // kLaned, and behind the lanes the blocks with the counters' exemplars
  kExemplarBlock,     // one block, of histograms; wiped in a forked child
  kSummaryRecords,    // as kRecords, of SummaryCells
};

// A block of exemplar slots: 64 KiB of them, the first of which is a header where the block is a
// chunk of its own, and then the place of each one's labels.
constexpr std::size_t kExemplarSlotBytes = 64;
constexpr std::size_t kExemplarSlotsOfBlock = kLaneBytes / kExemplarSlotBytes;
constexpr std::size_t kExemplarTextBytes = 576;
constexpr std::size_t kExemplarBlockBytes = kLaneBytes + kExemplarSlotsOfBlock * kExemplarTextBytes;
static_assert(kExemplarBlockBytes % kLaneBytes == 0);
// One slot for each counter that a lane has room for.
constexpr std::size_t kExemplarBlocksOfCounters =
    kDoubleTwinOffset / sizeof(std::uint64_t) / kExemplarSlotsOfBlock;

// Whether memory of this kind is zero when it is acquired, in a forked child and in quarantine.
constexpr bool IsWiped(ChunkKind kind) noexcept {
  return kind != ChunkKind::kRecords && kind != ChunkKind::kRichRecords &&
         kind != ChunkKind::kSummaryRecords;
}

// A chunk that is never given back. As Acquire, without a lock.
char* MapChunk(ChunkKind kind) noexcept;

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
  std::array<std::deque<char*>, 7> free_;
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
// The first lane of a slot's chunk that may hold something.
inline std::uint32_t FirstLane(CellAddress slot) noexcept {
  return HeaderOf(slot).fallbacks.load(std::memory_order_relaxed) == 0 ? 1 : 0;
}

}  // namespace detail
POLYMETER_END_NAMESPACE
