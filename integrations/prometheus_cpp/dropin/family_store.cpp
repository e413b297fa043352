#include "integrations/prometheus_cpp/dropin/family_store.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <new>
#include <stdexcept>
#include <utility>

#include "integrations/prometheus_cpp/dropin/instrument_access.h"
#include "prometheus/check_names.h"
#include "sdk/src/series_table.h"
#include "sdk/src/text.h"

namespace prometheus {
namespace detail {
namespace {

polymeter::MetricType SnapshotTypeOf(MetricType type) noexcept {
  switch (type) {
    case MetricType::Counter:
      return polymeter::MetricType::kCounter;
    case MetricType::Gauge:
      return polymeter::MetricType::kGauge;
    case MetricType::Histogram:
      return polymeter::MetricType::kHistogram;
    case MetricType::Summary:
      return polymeter::MetricType::kSummary;
    case MetricType::Info:
      return polymeter::MetricType::kInfo;
    case MetricType::Untyped:
      break;
  }
  return polymeter::MetricType::kUnknown;
}

const std::string& CheckedName(const std::string& name) {
  if (!CheckMetricName(name)) {
    throw std::invalid_argument("Invalid metric name " + polymeter::detail::Quoted(name) +
                                ": a name is [a-zA-Z_:][a-zA-Z0-9_:]* and begins with no '__'");
  }
  return name;
}

void CheckLabel(const std::string& name, MetricType type) {
  if (CheckLabelName(name, type)) return;
  throw std::invalid_argument("Invalid label name " + polymeter::detail::Quoted(name) +
                              ": a name is [a-zA-Z_][a-zA-Z0-9_]*, begins with no '__', and is not "
                              "`le` of a histogram or `quantile` of a summary");
}

const Labels& CheckedLabels(const Labels& labels, MetricType type) {
  for (const auto& label : labels) CheckLabel(label.first, type);
  return labels;
}

bool AllUtf8(const Labels& labels) noexcept {
  return std::all_of(labels.begin(), labels.end(),
                     [](const auto& label) { return polymeter::detail::IsUtf8(label.second); });
}

Labels Repaired(const Labels& labels) {
  Labels repaired;
  for (const auto& label : labels) {
    repaired.emplace(label.first, polymeter::detail::ToUtf8(label.second));
  }
  return repaired;
}

// The text format names an info's metric <name>_info, even where the name ends so already.
std::string ShownName(const std::string& name, MetricType type) {
  constexpr std::string_view kInfo = "_info";
  const bool twice = type == MetricType::Info && name.size() > kInfo.size() &&
                     name.compare(name.size() - kInfo.size(), kInfo.size(), kInfo) == 0;
  return twice ? name + std::string(kInfo) : name;
}

std::int64_t UnixNanos() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace

FamilyStore::FamilyStore(const InstrumentType& type, const std::string& name,
                         const std::string& help, const Labels& constant_labels)
    : type_(type),
      name_(CheckedName(name)),
      shown_name_(ShownName(name, type.type)),
      help_(polymeter::detail::ToUtf8(help)),
      constant_labels_(Repaired(CheckedLabels(constant_labels, type.type))),
      places_(DropInProcess::Instance().PlacesOf(SnapshotTypeOf(type.type), shown_name_, help_)),
      mutex_(DropInProcess::Instance().NextFamilyLock()),
      resets_seen_(DropInProcess::Instance().resets()),
      forks_seen_(DropInProcess::Instance().forks()) {}

FamilyStore::~FamilyStore() {
  // Nobody else has it any more, so no lock is needed.
  std::vector<std::uint32_t> indexes;
  for (const Series& series : series_) {
    if (series.record == nullptr) continue;
    try {
      indexes.push_back(series.record->index);
    } catch (...) {  // no memory: the places are lost
    }
    std::free(series.record);
  }
  DropInProcess::Instance().FreePlaces(*places_, indexes);
}

polymeter::MetricType FamilyStore::snapshot_type() const noexcept {
  return SnapshotTypeOf(type_.type);
}

std::size_t FamilyStore::size() const {
  const std::lock_guard lock(mutex_);
  return live_;
}

bool FamilyStore::HasConstantLabels(const Labels& labels) const {
  return constant_labels_ == labels || (!AllUtf8(labels) && constant_labels_ == Repaired(labels));
}

// --- looking up ------------------------------------------------------------------------------

std::uint32_t FamilyStore::HashOf(const Labels& labels) {
  constexpr std::size_t kFew = 16;
  std::string_view few[2 * kFew];
  std::vector<std::string_view> many;
  std::string_view* texts = few;
  if (labels.size() > kFew) {
    many.resize(2 * labels.size());
    texts = many.data();
  }
  std::size_t count = 0;
  for (const auto& label : labels) {
    texts[count++] = label.first;
    texts[count++] = label.second;
  }
  return static_cast<std::uint32_t>(
      polymeter::detail::HashOfValues(DropInProcess::Instance().hash_seed(), texts, count));
}

std::uint32_t FamilyStore::HashOf(const void* instrument) noexcept {
  const std::uint64_t address = reinterpret_cast<std::uintptr_t>(instrument);
  return static_cast<std::uint32_t>((address * 0x9E3779B97F4A7C15u) >> 32);
}

bool FamilyStore::HasLabels(const SeriesRecord& record, const Labels& labels) const {
  std::size_t i = constant_labels_.size();
  if (record.label_count != i + labels.size()) return false;
  for (const auto& label : labels) {
    if (record.names[i] != label.first || record.value(i) != label.second) return false;
    ++i;
  }
  return true;
}

std::uint32_t FamilyStore::Position(const Labels& labels, std::uint32_t hash) const {
  return by_labels_.Find(hash,
                         [&](std::uint32_t at) { return HasLabels(*series_[at].record, labels); });
}

std::uint32_t FamilyStore::Position(const void* instrument) const {
  return by_instrument_.Find(
      HashOf(instrument), [&](std::uint32_t at) { return series_[at].instrument == instrument; });
}

void* FamilyStore::Find(const Labels& labels) const {
  const std::uint32_t hash = HashOf(labels);
  {
    const std::lock_guard lock(mutex_);
    const std::uint32_t at = Position(labels, hash);
    if (at != IndexTable::kNone) return series_[at].instrument;
  }
  // What is in a record is UTF-8: only labels that are not can still be there.
  return AllUtf8(labels) ? nullptr : Find(Repaired(labels));
}

// --- adding ----------------------------------------------------------------------------------

void FamilyStore::CheckNames(const Labels& labels) const {
  for (const auto& label : labels) {
    CheckLabel(label.first, type_.type);
    if (constant_labels_.count(label.first) != 0) {
      throw std::invalid_argument("Duplicate label name " + polymeter::detail::Quoted(label.first) +
                                  ": it is a constant label of the family " + name_);
    }
  }
}

const FamilyStore::Shape& FamilyStore::ShapeOf(const Labels& labels) {
  const std::size_t constant = constant_labels_.size();
  // The latest first: most families have one only.
  for (auto shape = shapes_.rbegin(); shape != shapes_.rend(); ++shape) {
    const std::vector<std::string>& texts = (*shape)->texts;
    if (texts.size() == constant + labels.size() &&
        std::equal(
            labels.begin(), labels.end(), texts.begin() + static_cast<std::ptrdiff_t>(constant),
            [](const auto& label, const std::string& text) { return label.first == text; })) {
      return **shape;
    }
  }
  auto made = std::make_unique<Shape>();
  for (const Labels* const all : {&constant_labels_, &labels}) {
    for (const auto& label : *all) made->texts.push_back(label.first);
  }
  made->names.assign(made->texts.begin(), made->texts.end());
  shapes_.push_back(std::move(made));
  return *shapes_.back();
}

FamilyStore::SeriesRecord* FamilyStore::MakeRecord(const Labels& labels, std::uint32_t hash,
                                                   CellAddress cell) {
  const Shape& shape = ShapeOf(labels);
  const std::size_t count = shape.names.size();
  std::size_t bytes = 0;
  for (const Labels* const all : {&constant_labels_, &labels}) {
    for (const auto& label : *all) bytes += label.second.size();
  }
  if (bytes > 0x7FFFFFFFu) throw std::bad_alloc();
  auto* const record = static_cast<SeriesRecord*>(
      std::malloc(sizeof(SeriesRecord) + sizeof(std::uint32_t) * count + bytes));
  if (record == nullptr) throw std::bad_alloc();
  *record = {shape.names.data(), cell, UnixNanos(), 0, 0, hash, static_cast<std::uint32_t>(count)};
  auto* end = reinterpret_cast<std::uint32_t*>(record + 1);
  char* const text = reinterpret_cast<char*>(end + count);
  std::uint32_t size = 0;
  for (const Labels* const all : {&constant_labels_, &labels}) {
    for (const auto& label : *all) {
      std::memcpy(text + size, label.second.data(), label.second.size());
      size += static_cast<std::uint32_t>(label.second.size());
      *end++ = size;
    }
  }
  return record;
}

void* FamilyStore::Add(const Labels& labels, void* instrument) {
  CheckNames(labels);
  if (!AllUtf8(labels)) return Add(Repaired(labels), instrument);
  const std::uint32_t hash = HashOf(labels);
  void* known = nullptr;
  {
    const std::lock_guard lock(mutex_);
    const std::uint32_t there = Position(labels, hash);
    if (there != IndexTable::kNone) {
      known = series_[there].instrument;
    } else {
      const CellAddress cell = type_.native ? InstrumentAccess::Cell(type_.type, instrument)
                                            : polymeter::detail::kNoopCell;
      const auto freed = [](SeriesRecord* record) { std::free(record); };
      std::unique_ptr<SeriesRecord, decltype(freed)> record(MakeRecord(labels, hash, cell), freed);
      // All that needs memory comes first: from then on nothing throws.
      if (free_.empty()) {
        series_.emplace_back();
        if (!type_.native) guests_.resize(series_.size());
        free_.reserve(series_.capacity());
        free_.push_back(static_cast<std::uint32_t>(series_.size() - 1));
      }
      const std::uint32_t at = free_.back();
      by_labels_.Insert(hash, at);
      try {
        by_instrument_.Insert(HashOf(instrument), at);
        const SeriesPlace place = DropInProcess::Instance().NewPlace(*places_);
        record->index = place.index;
        record->generation = place.generation;
        if (!type_.native) guests_[at] = std::make_shared<Guest>();
      } catch (...) {
        by_labels_.Erase(hash, at);
        by_instrument_.Erase(HashOf(instrument), at);
        throw;
      }
      if (!type_.native) {
        guests_[at]->destroy = type_.destroy;
        guests_[at]->instrument = instrument;
      }
      free_.pop_back();
      series_[at] = {record.release(), cell, instrument};
      ++live_;
      return instrument;
    }
  }
  type_.destroy(instrument);
  return known;
}

// --- removing --------------------------------------------------------------------------------

void FamilyStore::Remove(const void* instrument) {
  if (instrument == nullptr) return;
  Series gone;
  std::shared_ptr<Guest> guest;
  {
    const std::lock_guard lock(mutex_);
    const std::uint32_t at = Position(instrument);
    if (at == IndexTable::kNone) return;
    gone = series_[at];
    by_labels_.Erase(gone.record->hash, at);
    by_instrument_.Erase(HashOf(instrument), at);
    series_[at] = Series();
    if (!type_.native) guest = std::move(guests_[at]);
    free_.push_back(at);
    --live_;
  }
  DropInProcess::Instance().FreePlaces(*places_, {gone.record->index});
  DropInProcess::Instance().Discard(gone.record);
  if (type_.native) type_.destroy(gone.instrument);
}

void FamilyStore::Clear() {
  std::vector<void*> instruments;
  std::vector<std::shared_ptr<Guest>> guests;
  {
    const std::lock_guard lock(mutex_);
    by_labels_ = IndexTable();
    by_instrument_ = IndexTable();
    for (Series& series : series_) {
      if (series.record == nullptr) continue;
      if (type_.native) instruments.push_back(series.instrument);
      series.instrument = nullptr;  // the record stays: a snapshot may show it
    }
    guests.swap(guests_);
    live_ = 0;
  }
  for (void* const instrument : instruments) type_.destroy(instrument);
}

}  // namespace detail
}  // namespace prometheus
