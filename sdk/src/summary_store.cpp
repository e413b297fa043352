#include "sdk/src/summary_store.h"

#include <array>
#include <memory>
#include <mutex>
#include <new>

#include "sdk/src/summary_window.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr std::size_t kRecordsOfChunk = kLaneBytes / sizeof(SummaryCell);

SummaryCell& RecordIn(char* chunk, std::size_t i) noexcept {
  return *reinterpret_cast<SummaryCell*>(chunk + i * sizeof(SummaryCell));
}

double LateObservations(CellAddress cell, std::uint64_t base) noexcept {
  return static_cast<double>(ReadSummaryCount(cell) - base);
}

}  // namespace

SummaryStore::~SummaryStore() {
  // First the cells: a stale handle must find no store.
  for (std::size_t chunk = 0; chunk < record_chunks_.size(); ++chunk) {
    const bool last = chunk + 1 == record_chunks_.size();
    const std::size_t records = last ? records_used_ / sizeof(SummaryCell) : kRecordsOfChunk;
    for (std::size_t i = 0; i < records; ++i) {
      Attach(RecordIn(record_chunks_[chunk], i), nullptr, nullptr);
    }
  }
  ChunkPool& pool = ChunkPool::Instance();
  for (char* const chunk : slot_chunks_) pool.Release(ChunkKind::kLaned, chunk);
  for (char* const chunk : record_chunks_) pool.Release(ChunkKind::kSummaryRecords, chunk);
}

void SummaryStore::Attach(SummaryCell& cell, SummaryStore* owner, SummaryWindow* window) noexcept {
  std::unique_ptr<SummaryWindow> old;
  {
    const std::lock_guard lock(WindowMutex(cell));
    old.reset(cell.window);
    cell.window = window;
    const Extremes none;
    cell.low.store(none.low, std::memory_order_relaxed);
    cell.high.store(none.high, std::memory_order_relaxed);
    cell.due.store(window != nullptr ? window->due() : kNeverDue, std::memory_order_relaxed);
  }
  const std::lock_guard lock(GrowthMutex());
  cell.owner = owner;
}

CellAddress SummaryStore::NewSlots(std::size_t slots) noexcept {
  const std::size_t bytes = slots * sizeof(std::uint64_t);
  if (slot_chunks_.empty() || slots_used_ + bytes > kLaneBytes) {
    try {
      slot_chunks_.reserve(slot_chunks_.size() + 1);
    } catch (...) {
      return kNoopCell;
    }
    char* const chunk = ChunkPool::Instance().Acquire(ChunkKind::kLaned);
    if (chunk == nullptr) return kNoopCell;
    slot_chunks_.push_back(chunk);
    slots_used_ = kChunkHeaderBytes;
  }
  const auto address = reinterpret_cast<CellAddress>(slot_chunks_.back()) + slots_used_;
  slots_used_ += bytes;
  return address;
}

std::size_t SummaryStore::bytes() const noexcept {
  const std::lock_guard lock(GrowthMutex());
  const auto taken = [](const std::vector<char*>& chunks, std::size_t used) {
    return chunks.empty() ? 0 : (chunks.size() - 1) * kLaneBytes + used;
  };
  return taken(slot_chunks_, slots_used_) * LaneCount() + taken(record_chunks_, records_used_);
}

CellAddress SummaryStore::NewRow() noexcept {
  if (free_rows_.empty()) return NewSlots(kBucketsOfOctave);
  const CellAddress row = free_rows_.back();
  free_rows_.pop_back();
  ClearSummarySlots(row, kBucketsOfOctave);
  return row;
}

CellAddress SummaryStore::NewRecord() {
  if (record_chunks_.empty() || records_used_ + sizeof(SummaryCell) > kLaneBytes) {
    record_chunks_.reserve(record_chunks_.size() + 1);
    char* const chunk = ChunkPool::Instance().Acquire(ChunkKind::kSummaryRecords);
    if (chunk == nullptr) return kNoopCell;
    record_chunks_.push_back(chunk);
    records_used_ = 0;
  }
  const auto address = reinterpret_cast<CellAddress>(record_chunks_.back()) + records_used_;
  CellAddress base = kNoopCell;
  {
    const std::lock_guard lock(GrowthMutex());
    base = NewSlots(kSummaryBaseSlots);
  }
  if (base == kNoopCell) return kNoopCell;
  // A stale handle of a Metrics before may read this record while it is made anew.
  SummaryCell& cell = SummaryCellOf(address);
  cell.base.store(base, std::memory_order_release);
  for (auto& row : cell.rows) row.store(0, std::memory_order_release);
  records_used_ += sizeof(SummaryCell);
  return address;
}

CellAddress SummaryStore::Reuse() noexcept {
  if (retired_.size() <= quarantined_) return kNoopCell;
  const RetiredCell old = retired_.front();
  retired_.pop_front();
  reused_increments_ += LateObservations(old.cell, old.base);
  SummaryCell& cell = SummaryCellOf(old.cell);
  ClearSummarySlots(cell.base.load(std::memory_order_relaxed), kSummaryBaseSlots);
  // Octaves of the old series would take the places of the new one's.
  std::array<CellAddress, kMostOctaves> rows;
  const std::size_t count = TakeSummaryRows(cell, rows.data());
  const std::lock_guard lock(GrowthMutex());
  try {
    free_rows_.insert(free_rows_.end(), rows.begin(), rows.begin() + count);
  } catch (...) {  // no memory: nobody has them until the Metrics ends
  }
  return old.cell;
}

CellAddress SummaryStore::New(const SummarySpec& spec, std::int64_t now) {
  std::unique_ptr<SummaryWindow> window;
  if (!spec.quantiles.empty()) {
    window = std::make_unique<SummaryWindow>(spec.max_age, spec.age_buckets, now);
  }
  CellAddress cell = Reuse();
  if (cell == kNoopCell) cell = NewRecord();
  if (cell == kNoopCell) return kNoopCell;
  Attach(SummaryCellOf(cell), this, window.release());
  return cell;
}

void SummaryStore::Retire(CellAddress cell) {
  if (cell == kNoopCell) return;
  Attach(SummaryCellOf(cell), nullptr, nullptr);
  retired_.push_back({cell, ReadSummaryCount(cell)});
}

double SummaryStore::RetiredIncrements() const noexcept {
  double increments = reused_increments_;
  for (const RetiredCell& retired : retired_) {
    increments += LateObservations(retired.cell, retired.base);
  }
  return increments;
}

void SummaryStore::RestartInChild() noexcept {
  reused_increments_ = 0;
  for (RetiredCell& retired : retired_) retired.base = 0;
}

std::uint64_t SummaryStore::Rejected(CellAddress* offender) const noexcept {
  const std::lock_guard lock(GrowthMutex());
  std::uint64_t rejected = 0;
  *offender = 0;
  for (char* const chunk : slot_chunks_) {
    const ChunkHeader& header = *reinterpret_cast<const ChunkHeader*>(chunk);
    const std::uint64_t n = header.rejected.load(std::memory_order_relaxed);
    if (n != 0) *offender = header.offender.load(std::memory_order_relaxed);
    rejected += n;
  }
  return rejected;
}

}  // namespace detail
POLYMETER_END_NAMESPACE
