#include "sdk/src/native_pool.h"

#include <time.h>

#include <algorithm>
#include <new>

#include "sdk/src/cells.h"
#include "sdk/src/chunk_pool.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

// Initial-exec: the recording path reads it, also in a signal handler.
__attribute__((tls_model("initial-exec"))) thread_local bool t_holds_native_pool = false;

std::uint32_t NowMs() noexcept {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return static_cast<std::uint32_t>(now.tv_sec * 1000 + now.tv_nsec / 1'000'000);
}

// Mostly they are, and lanes that nobody has touched should stay so.
void ZeroSlots(CellAddress row, std::size_t count) noexcept {
  for (std::uint32_t lane = 0; lane < LaneCount(); ++lane) {
    for (std::size_t i = 0; i < count; ++i) {
      const auto word = Word(row + sizeof(std::uint64_t) * i, lane);
      if (word.load(std::memory_order_relaxed) != 0) word.store(0, std::memory_order_relaxed);
    }
  }
}

}  // namespace

NativePool& NativePool::Instance() noexcept {
  alignas(NativePool) static std::byte memory[sizeof(NativePool)];
  static auto* const kPool = new (memory) NativePool;  // never destroyed: handles may outlive main
  return *kPool;
}

NativeSet* NoNativeSet() noexcept {
  static NativeSet none{};
  return &none;
}

NativePool::Hold::Hold() noexcept : held_(!t_holds_native_pool) {
  if (!held_) return;
  t_holds_native_pool = true;
  std::atomic_signal_fence(std::memory_order_seq_cst);
  Instance().mutex_.lock();
}
NativePool::Hold::~Hold() {
  if (!held_) return;
  Instance().mutex_.unlock();
  std::atomic_signal_fence(std::memory_order_seq_cst);
  t_holds_native_pool = false;
}

void NativePool::LockForFork() noexcept {
  t_holds_native_pool = true;  // before: a signal handler may come in between
  std::atomic_signal_fence(std::memory_order_seq_cst);
  mutex_.lock();
}
void NativePool::UnlockAfterFork() noexcept {
  mutex_.unlock();
  std::atomic_signal_fence(std::memory_order_seq_cst);
  t_holds_native_pool = false;
}

// --- memory ----------------------------------------------------------------------------------

void* NativePool::NewRecord() noexcept {
  static_assert(sizeof(NativeSet) == sizeof(NativeCell));
  if (records_ == nullptr || records_used_ + sizeof(NativeSet) > kLaneBytes) {
    char* const chunk = MapChunk(ChunkKind::kRecords);
    if (chunk == nullptr) return nullptr;
    records_ = chunk;
    records_used_ = 0;
  }
  void* const record = records_ + records_used_;
  records_used_ += sizeof(NativeSet);
  return record;
}

CellAddress NativePool::NewRow(std::uint32_t slots) noexcept {
  const std::size_t bytes = sizeof(std::uint64_t) * slots;
  if (rows_ == nullptr || rows_used_ + bytes > kLaneBytes) {
    char* const chunk = MapChunk(ChunkKind::kLaned);
    if (chunk == nullptr) return 0;
    rows_ = chunk;
    rows_used_ = kChunkHeaderBytes;
  }
  const auto row = reinterpret_cast<CellAddress>(rows_) + rows_used_;
  rows_used_ += bytes;
  return row;
}

// --- sets ------------------------------------------------------------------------------------

void NativePool::Reset(NativeSet& set, std::uint32_t shift) noexcept {
  for (int sign = 0; sign < 2; ++sign) {
    const auto range = NativeRange::Of(set.ranges[sign].load(std::memory_order_relaxed));
    // First of all: nobody finds a bucket there any more.
    set.ranges[sign].store(0, std::memory_order_release);
    const CellAddress row = set.rows[sign].load(std::memory_order_relaxed);
    if (row != 0 && range.width != 0) ZeroSlots(row, set.capacity);
  }
  set.older.store(nullptr, std::memory_order_relaxed);
  set.shift.store(static_cast<std::uint8_t>(shift), std::memory_order_relaxed);
}

NativeSet* NativePool::NewSet(std::uint32_t max_buckets, std::uint32_t shift) noexcept {
  const std::uint32_t of = std::min((max_buckets + kClass - 1) / kClass,
                                    static_cast<std::uint32_t>(free_sets_.size() - 1));
  SetList& free = free_sets_[of];
  NativeSet* set = free.first;
  if (free.count > kMostResting || (set != nullptr && NowMs() - set->freed_at >= kSetRestMs)) {
    --free.count;
    free.first = set->next_free;
    if (free.first == nullptr) free.last = nullptr;
  } else {
    void* const record = NewRecord();
    if (record == nullptr) return nullptr;
    set = new (record) NativeSet{};
    set->capacity = static_cast<std::uint16_t>(of * kClass);
  }
  Reset(*set, shift);
  return set;
}

void NativePool::FreeSet(NativeSet* set) noexcept {
  SetList& free = free_sets_[set->capacity / kClass];
  set->freed_at = NowMs();
  set->next_free = nullptr;
  (free.last == nullptr ? free.first : free.last->next_free) = set;
  free.last = set;
  ++free.count;
}

// --- cells -----------------------------------------------------------------------------------

NativeCell* NativePool::NewCell() noexcept {
  if (free_cells_ > kQuarantinedCells) {
    NativeCell* const cell = first_free_cell_;
    first_free_cell_ = cell->next;
    --free_cells_;
    cell->next = nullptr;
    Clear(*cell);
    return cell;
  }
  const CellAddress specials = NewRow(NativeCell::kSpecials);
  if (specials == 0) return nullptr;
  void* const record = NewRecord();
  if (record == nullptr) return nullptr;
  auto* const cell = new (record) NativeCell{};
  cell->specials = specials;
  cell->current.store(NoNativeSet(), std::memory_order_release);
  return cell;
}

void NativePool::Clear(NativeCell& cell) noexcept {
  ZeroSlots(cell.specials, NativeCell::kSpecials);
}

void NativePool::FreeCell(NativeCell* cell) noexcept {
  cell->next = nullptr;
  (free_cells_ == 0 ? first_free_cell_ : last_free_cell_->next) = cell;
  last_free_cell_ = cell;
  ++free_cells_;
}

}  // namespace detail
POLYMETER_END_NAMESPACE
