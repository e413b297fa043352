#include "sdk/src/family_core.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <limits>
#include <mutex>
#include <new>

#include "sdk/src/native_cell.h"
#include "sdk/src/registry.h"
#include "sdk/src/snapshot_data.h"
#include "sdk/src/text.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr std::string_view kOverflowValue = "true";

// An info has no number, so all share a cell that nobody reads.
constexpr CellAddress kInfoCell = kNoopCell + 1;

constexpr std::size_t kMostLabelBytes = std::numeric_limits<std::uint32_t>::max() / 2;

HistogramKind KindOf(const FamilySpec& spec, bool tapped) noexcept {
  HistogramKind kind{spec.bounds};
  if (spec.type != MetricType::kHistogram) return kind;
  kind.tapped = tapped;
  if (spec.native) {
    kind.native = true;
    kind.schema = static_cast<std::int8_t>(spec.native->schema());
    kind.max_buckets = static_cast<std::uint16_t>(spec.native->max_buckets());
    kind.zero_threshold = spec.native->zero_threshold();
  }
  kind.exemplars = spec.exemplars;
  return kind;
}

std::vector<std::string_view> NamesOf(const FamilySpec& spec) {
  if (spec.label_views.empty()) return {spec.labels.begin(), spec.labels.end()};
  std::vector<std::string_view> names;
  for (const ShownLabels::Label& label : spec.shown.labels) names.push_back(label.name);
  return names;
}

// As malloc gives it: 16 bytes more or less.
std::size_t SizeOf(const SeriesRecord& record) noexcept {
  const std::size_t text = record.label_count == 0 ? 0 : record.ends()[record.label_count - 1];
  return (sizeof(record) + sizeof(std::uint32_t) * record.label_count + text + 8 + 15) / 16 * 16;
}

}  // namespace

StringPairs ConstantLabels(const StringPairs& own, const StringPairs& of_all) {
  StringPairs labels = own;
  for (const auto& label : of_all) {
    const bool shadowed = std::any_of(labels.begin(), labels.end(), [&](const auto& known) {
      return known.first == label.first;
    });
    if (!shadowed) labels.push_back(label);
  }
  return labels;
}

FamilyCore::FamilyCore(std::shared_ptr<Registry> registry, std::uint64_t id, FamilySpec spec,
                       const StringPairs& const_labels_of_all, bool tapped)
    : registry_(std::move(registry)),
      id_(id),
      spec_(std::move(spec)),
      kind_(KindOf(spec_, tapped)),
      rich_(kind_.rich() || spec_.exemplars),
      asked_names_(spec_.labels.begin(), spec_.labels.end()),
      label_names_(NamesOf(spec_)),
      plain_count_(label_names_.size() == asked_names_.size()
                       ? asked_names_.size()
                       : std::numeric_limits<std::size_t>::max()),
      warn_at_(registry_->series_warning_) {
  constant_texts_ = spec_.label_views.empty()
                        ? ConstantLabels(spec_.const_labels, const_labels_of_all)
                        : spec_.shown.constants;
  for (const auto& [name, value] : constant_texts_) constant_labels_.push_back({name, value});
}

FamilyCore::~FamilyCore() {
  ForEachSeries([](SeriesRecord* record) { std::free(record); });
  for (auto& segment : segments_) std::free(segment.load(std::memory_order_relaxed));
}

// --- looking up ------------------------------------------------------------------------------

bool FamilyCore::CheckCount(std::size_t count) const {
  if (count == asked_names_.size()) return true;
  registry_->Refuse("label_count", "family " + ShownName(spec_.name) + " has " +
                                       std::to_string(asked_names_.size()) + " labels, not " +
                                       std::to_string(count) + "; nothing is recorded");
  return false;
}

CellAddress FamilyCore::FindOrCreate(const std::string_view* values, std::size_t count) noexcept {
  const CellAddress cell = FindOrCreateCell(values, count);
  return rich_ ? cell | kOutOfLineBit : cell;  // kNoopCell has the bit already
}

// The look-up proper. Two places call it, and a call more is felt there.
__attribute__((always_inline)) inline CellAddress FamilyCore::FindOrCreateShown(
    const std::string_view* values, std::size_t count) {
  const std::uint64_t hash = HashOfValues(registry_->hash_seed_, values, count);
  {
    const ReadEpoch::Guard reading(registry_->epoch_);
    const SeriesRecord* const record = table_.Find(hash, values, count);
    if (record != nullptr) return record->cell;
  }
  return FindOverflowOrCreate(hash, values, count);
}

CellAddress FamilyCore::FindOverflowOrCreate(std::uint64_t hash, const std::string_view* values,
                                             std::size_t count) {
  if (!std::all_of(values, values + count, IsUtf8)) return CreateRepaired(values, count);
  if (const CellAddress full = full_.load(std::memory_order_acquire); full != 0) {
    // Once more: what was made until the family was full is in the table now.
    const ReadEpoch::Guard reading(registry_->epoch_);
    const SeriesRecord* const record = table_.Find(hash, values, count);
    if (record != nullptr) return record->cell;
    CounterAdd(overflowed_.load(std::memory_order_relaxed), std::uint64_t{1});
    return full;
  }
  return Create(hash, values, count);
}

CellAddress FamilyCore::FindOrCreateCell(const std::string_view* values,
                                         std::size_t count) noexcept {
  try {
    if (registry_->ended_.load(std::memory_order_relaxed)) return kNoopCell;
    if (count != plain_count_) return FindOrCreateViewed(values, count);
    return FindOrCreateShown(values, count);
  } catch (...) {  // no memory
    registry_->Refuse("no_memory", "no memory for a new series; nothing is recorded in it");
    return kNoopCell;
  }
}

CellAddress FamilyCore::FindOrCreateViewed(const std::string_view* values, std::size_t count) {
  if (!CheckCount(count)) return kNoopCell;
  std::array<std::string_view, kMostLabels> shown;
  std::size_t kept = 0;
  for (const ShownLabels::Label& label : spec_.shown.labels) shown[kept++] = values[label.position];
  return FindOrCreateShown(shown.data(), kept);
}

CellAddress FamilyCore::CreateRepaired(const std::string_view* values, std::size_t count) {
  std::vector<std::string> repaired;
  for (std::size_t i = 0; i < count; ++i) repaired.push_back(ToUtf8(values[i]));
  const std::vector<std::string_view> views(repaired.begin(), repaired.end());
  return FindOverflowOrCreate(HashOfValues(registry_->hash_seed_, views.data(), count),
                              views.data(), count);
}

bool FamilyCore::Arrange(NamedLabels labels, std::string_view* values) const {
  if (!CheckCount(labels.size())) return false;
  for (const std::string_view name : asked_names_) {
    const auto* const found = std::find_if(
        labels.begin(), labels.end(), [&](const NamedLabel& label) { return label.name == name; });
    if (found == labels.end()) {
      registry_->Refuse("label_name", "family " + ShownName(spec_.name) + ": no value for label " +
                                          std::string(name) + "; nothing is recorded");
      return false;
    }
    *values++ = found->value.text();
  }
  return true;
}

CellAddress FamilyCore::FindOrCreate(NamedLabels labels) noexcept {
  try {
    std::array<std::string_view, kMostLabels> values;
    return Arrange(labels, values.data()) ? FindOrCreate(values.data(), labels.size()) : kNoopCell;
  } catch (...) {
    return kNoopCell;
  }
}

CellAddress FamilyCore::FindFew(NamedLabels labels) const noexcept {
  constexpr std::size_t kFew = 8;
  if (labels.size() != plain_count_ || labels.size() > kFew) return 0;
  std::array<std::string_view, kFew> values;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    // Mostly they come in the family's order.
    const NamedLabel* found = labels.begin() + i;
    if (found->name != asked_names_[i]) {
      found = std::find_if(labels.begin(), labels.end(),
                           [&](const NamedLabel& label) { return label.name == asked_names_[i]; });
      if (found == labels.end()) return 0;
    }
    values[i] = found->value.text();
  }
  const std::uint64_t hash = HashOfValues(registry_->hash_seed_, values.data(), labels.size());
  const ReadEpoch::Guard reading(registry_->epoch_);
  const SeriesRecord* const record = table_.Find(hash, values.data(), labels.size());
  if (record == nullptr) return 0;
  return rich_ ? record->cell | kOutOfLineBit : record->cell;
}

// --- making ----------------------------------------------------------------------------------

CellAddress FamilyCore::NewCell() {
  switch (spec_.type) {
    case MetricType::kCounter:
      return registry_->cells_.NewCounter(spec_.exemplars);
    case MetricType::kHistogram:
      return registry_->cells_.NewHistogram(kind_);
    case MetricType::kSummary:
      return registry_->summaries_.New(spec_.summary, SummaryClock());
    case MetricType::kInfo:
      return kInfoCell;
    default:
      return registry_->cells_.NewGauge();
  }
}

void FamilyCore::RetireCell(CellAddress cell) {
  switch (spec_.type) {
    case MetricType::kHistogram:
      return registry_->cells_.RetireHistogram(kind_, cell);
    case MetricType::kSummary:
      return registry_->summaries_.Retire(cell);
    case MetricType::kInfo:
      return;
    case MetricType::kCounter:
      return registry_->cells_.RetireCounter(cell, spec_.exemplars);
    default:
      return registry_->cells_.Retire(spec_.type, cell);
  }
}

SeriesRecord* FamilyCore::NewRecord(const std::string_view* names, const std::string_view* values,
                                    std::size_t count, std::uint32_t hash, std::int64_t now) {
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < count; ++i) bytes += values[i].size();
  if (bytes > kMostLabelBytes) throw std::bad_alloc();
  auto* const record = static_cast<SeriesRecord*>(
      std::malloc(sizeof(SeriesRecord) + sizeof(std::uint32_t) * count + bytes));
  if (record == nullptr) throw std::bad_alloc();
  *record = {names, kNoopCell, now, 0, next_generation_++, hash, static_cast<std::uint32_t>(count)};
  if (next_generation_ == 0) next_generation_ = 1;
  auto* const ends = reinterpret_cast<std::uint32_t*>(record + 1);
  char* text = reinterpret_cast<char*>(ends + count);
  std::uint32_t end = 0;
  for (std::size_t i = 0; i < count; ++i) {
    text = std::copy(values[i].begin(), values[i].end(), text);
    end += static_cast<std::uint32_t>(values[i].size());
    ends[i] = end;
  }
  return record;
}

// Throws std::bad_alloc, and then has left nothing behind.
SeriesRecord* FamilyCore::NewSeries(const std::string_view* names, const std::string_view* values,
                                    std::size_t count, std::uint32_t hash, std::int64_t now) {
  const CellAddress cell = NewCell();
  if (cell == kNoopCell) throw std::bad_alloc();
  SeriesRecord* record = nullptr;
  try {
    record = NewRecord(names, values, count, hash, now);
    record->cell = cell;
    List(record);
    return record;
  } catch (...) {
    std::free(record);  // not listed: nobody has seen it
    RetireCell(cell);
    throw;
  }
}

CellAddress FamilyCore::Create(std::uint64_t hash, const std::string_view* values,
                               std::size_t count) {
  Registry& registry = *registry_;
  CellAddress cell = kNoopCell;
  bool overflowed = false;
  std::size_t warn_of = 0;
  const std::int64_t now = registry.NowNanos();  // may be the application's clock: under no lock
  {
    const std::lock_guard lock(registry.mutex_);
    registry.Reclaim();
    const SeriesRecord* const known = table_.Find(hash, values, count);
    if (known != nullptr) return known->cell;
    if (registry.closed_) return kNoopCell;
    if (count != 0 && Full()) {
      overflowed = overflow_ == nullptr;
      cell = OverflowCell(now);
      CounterAdd(overflowed_.load(std::memory_order_relaxed), std::uint64_t{1});
      full_.store(cell, std::memory_order_release);
    } else {
      SeriesRecord* const record =
          NewSeries(label_names_.data(), values, count, static_cast<std::uint32_t>(hash), now);
      cell = record->cell;
      try {
        registry.Retire(table_.Insert(hash, record));
      } catch (...) {
        Unlist(record);
        registry.Retire(record);  // a snapshot may have seen it
        RetireCell(cell);
        throw;
      }
      if (warn_at_ != 0 && count != 0 && live_ >= warn_at_) {
        warn_of = live_;
        warn_at_ = warn_at_ > std::numeric_limits<std::size_t>::max() / 10 ? 0 : warn_at_ * 10;
      }
    }
  }
  if (overflowed) registry.ReportOverflow(*this);
  if (warn_of != 0) registry.WarnOfSeries(*this, warn_of);
  return cell;
}

// Under the registry's mutex.
bool FamilyCore::Full() const noexcept {
  const std::size_t limit = registry_->series_limit_;
  return limit != 0 && live_ - (overflow_ != nullptr ? 1 : 0) >= limit;
}

CellAddress FamilyCore::OverflowCell(std::int64_t now) {
  if (overflow_ == nullptr) overflow_ = NewSeries(&kOverflowLabel, &kOverflowValue, 1, 0, now);
  if (overflowed_.load(std::memory_order_relaxed) <= kNoopCell) {
    overflowed_.store(registry_->cells_.NewCounter(), std::memory_order_release);
  }
  return overflow_->cell;
}

std::atomic<SeriesRecord*>& FamilyCore::Slot(std::uint32_t index) const noexcept {
  const std::uint32_t shifted = index + kFirstSegment;
  const auto segment = static_cast<std::uint32_t>(std::bit_width(shifted)) -
                       static_cast<std::uint32_t>(std::bit_width(kFirstSegment));
  return segments_[segment].load(std::memory_order_relaxed)[shifted - (kFirstSegment << segment)];
}

void FamilyCore::List(SeriesRecord* record) {
  if (!free_indexes_.empty()) {
    record->index = free_indexes_.back();
    free_indexes_.pop_back();
    Slot(record->index).store(record, std::memory_order_release);
  } else {
    const std::uint32_t index = index_end_.load(std::memory_order_relaxed);
    const std::uint32_t shifted = index + kFirstSegment;
    if (std::has_single_bit(shifted)) {  // the first of a segment
      const auto segment = static_cast<std::size_t>(std::bit_width(shifted)) -
                           static_cast<std::size_t>(std::bit_width(kFirstSegment));
      if (segment >= kSegments) throw std::bad_alloc();
      if (segments_[segment].load(std::memory_order_relaxed) == nullptr) {
        void* const memory = std::calloc(kFirstSegment << segment, sizeof(SeriesRecord*));
        if (memory == nullptr) throw std::bad_alloc();
        segments_[segment].store(static_cast<std::atomic<SeriesRecord*>*>(memory),
                                 std::memory_order_release);
      }
    }
    record->index = index;
    Slot(index).store(record, std::memory_order_release);
    index_end_.store(index + 1, std::memory_order_release);
  }
  live_.fetch_add(1, std::memory_order_relaxed);
  record_bytes_.fetch_add(SizeOf(*record), std::memory_order_relaxed);
}

// --- removing --------------------------------------------------------------------------------

void FamilyCore::Unlist(SeriesRecord* record) {
  auto& slot = Slot(record->index);
  if (slot.load(std::memory_order_relaxed) != record) return;
  slot.store(nullptr, std::memory_order_release);
  free_indexes_.push_back(record->index);
  live_.fetch_sub(1, std::memory_order_relaxed);
  record_bytes_.fetch_sub(SizeOf(*record), std::memory_order_relaxed);
  full_.store(0, std::memory_order_release);  // there is room again
}

bool FamilyCore::Remove(const std::string_view* values, std::size_t count) noexcept {
  try {
    if (!CheckCount(count)) return false;
    // Others count into the same series.
    if (label_names_.size() != asked_names_.size()) return false;
    std::vector<std::string> repaired;
    std::vector<std::string_view> views(values, values + count);
    repaired.reserve(count);
    for (std::string_view& view : views) {
      if (!IsUtf8(view)) view = repaired.emplace_back(ToUtf8(view));
    }
    const std::uint64_t hash = HashOfValues(registry_->hash_seed_, views.data(), count);
    const std::lock_guard lock(registry_->mutex_);
    SeriesRecord* const record = table_.Find(hash, views.data(), count);
    if (record == nullptr) return false;
    table_.Erase(record);
    Unlist(record);
    RetireCell(record->cell);
    registry_->Retire(record);
    registry_->Reclaim();
    return true;
  } catch (...) {
    return false;
  }
}

bool FamilyCore::Remove(NamedLabels labels) noexcept {
  try {
    std::array<std::string_view, kMostLabels> values;
    return Arrange(labels, values.data()) && Remove(values.data(), labels.size());
  } catch (...) {
    return false;
  }
}

void FamilyCore::RemoveAll() noexcept {
  try {
    const std::lock_guard lock(registry_->mutex_);
    ForEachSeries([&](SeriesRecord* record) {
      if (record == overflow_) overflow_ = nullptr;
      table_.Erase(record);
      Unlist(record);
      RetireCell(record->cell);
      registry_->Retire(record);
    });
    registry_->Reclaim();
  } catch (...) {
    registry_->Refuse("no_memory", "no memory to remove every series of a family");
  }
}

void FamilyCore::RestartSeries(std::int64_t now) noexcept {
  const std::int64_t clock = SummaryClock();
  ForEachSeries([&](SeriesRecord* record) {
    record->start_unix_nanos = now;
    if (kind_.native) RestartNativeCell(*RichCellOf(record->cell).native);
    if (spec_.type == MetricType::kSummary) {
      RestartSummaryInChild(SummaryCellOf(record->cell), clock);
    }
  });
}

// --- the C-like functions of family.h ----------------------------------------------------------

CellAddress FindOrCreate(FamilyCore* family, const std::string_view* values,
                         std::size_t count) noexcept {
  return family == nullptr ? kNoopCell : family->FindOrCreate(values, count);
}
CellAddress FindOrCreate(FamilyCore* family, NamedLabels labels) noexcept {
  return family == nullptr ? kNoopCell : family->FindOrCreate(labels);
}
bool RemoveSeries(FamilyCore* family, const std::string_view* values, std::size_t count) noexcept {
  return family != nullptr && family->Remove(values, count);
}
bool RemoveSeries(FamilyCore* family, NamedLabels labels) noexcept {
  return family != nullptr && family->Remove(labels);
}
void RemoveAllSeries(FamilyCore* family) noexcept {
  if (family != nullptr) family->RemoveAll();
}

}  // namespace detail
POLYMETER_END_NAMESPACE
