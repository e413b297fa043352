#include "integrations/prometheus_cpp/dropin/family_store.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <functional>
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

// Programs know only Increment(double), and mostly give whole amounts: what is whole of their sum
// goes to the integer, which every format writes in full. The value is the same to the last bit.
// The integer does not fall while the fractions' sum is a number, as differences of snapshots are
// taken of it modulo 2^64; of a sum that is NaN only the fraction is left, which is NaN for good.
polymeter::detail::CounterValue WithWholePart(polymeter::detail::CounterValue value) noexcept {
  constexpr double kMost = 9223372036854775808.0;  // 2^63
  if (value.part >= 1) {
    const double whole = std::min(std::floor(value.part), kMost);
    value.whole += static_cast<std::uint64_t>(whole);
    value.part -= whole;
  }
  return value;
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

// --- collecting as prometheus-cpp does -------------------------------------------------------

template <class Visit>
void FamilyStore::InSlices(std::size_t slice, Visit&& visit) const {
  for (std::size_t begin = 0;; begin += slice) {
    const std::lock_guard lock(mutex_);
    const std::size_t end = std::min(begin + slice, series_.size());
    for (std::size_t i = begin; i < end; ++i) {
      if (series_[i].instrument != nullptr) visit(series_[i]);
    }
    if (end == series_.size()) return;
  }
}

namespace {
void CopyLabels(const polymeter::detail::SeriesRecord& record, ClientMetric& metric) {
  metric.label.resize(record.label_count);
  for (std::size_t i = 0; i < record.label_count; ++i) {
    metric.label[i].name = std::string(record.names[i]);
    metric.label[i].value = std::string(record.value(i));
  }
}
}  // namespace

std::vector<MetricFamily> FamilyStore::Collect() const {
  MetricFamily family;
  family.name = name_;
  family.help = help_;
  family.type = type_.type;
  if (type_.native) {
    InSlices(256, [&](const Series& series) {
      family.metric.push_back(type_.collect(series.instrument));
      CopyLabels(*series.record, family.metric.back());
    });
  } else {
    std::vector<std::shared_ptr<Guest>> guests;
    {
      const std::lock_guard lock(mutex_);
      for (std::size_t i = 0; i < series_.size(); ++i) {
        if (series_[i].instrument == nullptr) continue;
        guests.push_back(guests_[i]);
        CopyLabels(*series_[i].record, family.metric.emplace_back());
      }
    }
    for (std::size_t i = 0; i < guests.size(); ++i) {
      ClientMetric metric = type_.collect(guests[i]->instrument);
      metric.label = std::move(family.metric[i].label);
      family.metric[i] = std::move(metric);
    }
  }
  std::vector<MetricFamily> families;
  if (!family.metric.empty()) families.push_back(std::move(family));
  return families;
}

// --- reading for a snapshot ------------------------------------------------------------------

void FamilyStore::Describe(polymeter::FamilyView& view) const {
  view.id = places_->id;
  view.name = shown_name_;
  view.help = places_->help;
}

std::size_t FamilyStore::SizeOf(const SeriesRecord& record) noexcept {
  const std::size_t texts = record.label_count == 0 ? 0 : record.ends()[record.label_count - 1];
  return sizeof(SeriesRecord) + sizeof(std::uint32_t) * record.label_count + texts;
}

FamilyStore::SeriesRecord* FamilyStore::CopyRecord(const SeriesRecord& record) {
  void* const copy = std::malloc(SizeOf(record));
  if (copy == nullptr) throw std::bad_alloc();
  return static_cast<SeriesRecord*>(std::memcpy(copy, &record, SizeOf(record)));
}

void FamilyStore::RenewRecords(std::int64_t now) {
  DropInProcess& process = DropInProcess::Instance();
  const std::uint64_t resets = process.resets();
  const bool forked = forks_seen_ != process.forks();
  if (resets == resets_seen_ && !forked) return;
  for (Series& series : series_) {
    if (series.instrument == nullptr) continue;
    const CellAddress cell = InstrumentAccess::Cell(type_.type, series.instrument);
    if (cell == series.cell && !forked) continue;
    SeriesRecord* const renewed = CopyRecord(*series.record);
    renewed->generation = process.SamePlace(*places_, renewed->index).generation;
    renewed->cell = cell;
    // Nobody has been told of a value since the last reading.
    renewed->start_unix_nanos =
        forked ? now : std::max(last_read_nanos_, series.record->start_unix_nanos);
    process.Discard(std::exchange(series.record, renewed));
    series.cell = cell;
  }
  resets_seen_ = resets;
  forks_seen_ = process.forks();
}

void FamilyStore::Read(polymeter::FamilyView& view, polymeter::detail::SnapshotData& data,
                       polymeter::detail::Arena& arena, std::int64_t now) {
  constexpr std::size_t kSlice = 2048;
  std::size_t expected = 0;
  {
    const std::lock_guard lock(mutex_);
    RenewRecords(now);
    last_read_nanos_ = now;
    expected = live_;
  }
  const auto make_room = [&](auto& points) {
    const std::size_t wanted = points.size() + expected;
    // Doubling keeps the reading of many small families linear.
    if (points.capacity() < wanted) points.reserve(std::max(wanted, points.capacity() * 2));
  };
  const std::uint32_t lanes = polymeter::detail::LaneCount();
  using polymeter::SeriesView;
  switch (type_.type) {
    case MetricType::Counter: {
      auto& points = std::get<polymeter::CounterPoints>(view.points);
      make_room(points);
      InSlices(kSlice, [&](const Series& series) {
        polymeter::detail::CounterValue value{0, 0};
        if (series.cell != polymeter::detail::kNoopCell) {
          value = WithWholePart(polymeter::detail::ReadCounterCell(series.cell, lanes));
        }
        points.push_back({SeriesView(series.record), value.whole, value.part});
      });
      break;
    }
    case MetricType::Gauge: {
      auto& points = std::get<polymeter::GaugePoints>(view.points);
      make_room(points);
      InSlices(kSlice, [&](const Series& series) {
        points.push_back({SeriesView(series.record), polymeter::detail::ReadGauge(series.cell)});
      });
      break;
    }
    case MetricType::Histogram: {
      auto& points = std::get<polymeter::HistogramPoints>(view.points);
      make_room(points);
      std::uint64_t* next = nullptr;
      std::size_t left = 0;  // words
      InSlices(kSlice / 8, [&](const Series& series) {
        const auto& bounds = InstrumentAccess::Bounds(series.instrument);
        const std::size_t row = std::size_t{bounds.count} + 1;
        if (left < row) {
          left = std::max(row, std::min<std::size_t>(expected * row, 64 * 1024));
          next = data.buckets.emplace_back(std::make_unique_for_overwrite<std::uint64_t[]>(left))
                     .get();
        }
        polymeter::detail::HistogramTotals totals{0, 0};
        if (series.cell != polymeter::detail::kNoopCell) {
          totals = polymeter::detail::ReadHistogramCell(
              *reinterpret_cast<const polymeter::detail::HistogramCell*>(series.cell), lanes, next);
        } else {
          std::fill_n(next, row, 0);
        }
        points.push_back({SeriesView(series.record), bounds.values, next, bounds.count,
                          totals.count, totals.sum});
        next += row;
        left -= row;
      });
      break;
    }
    case MetricType::Summary: {
      auto& points = std::get<polymeter::SummaryPoints>(view.points);
      make_room(points);
      std::vector<ClientMetric::Quantile> read;
      InSlices(16, [&](const Series& series) {
        read.clear();
        const auto totals = InstrumentAccess::State(series.instrument).Read(read);
        auto* const quantiles = static_cast<polymeter::Quantile*>(
            arena.Allocate(sizeof(polymeter::Quantile) * read.size()));
        for (std::size_t i = 0; i < read.size(); ++i) {
          new (&quantiles[i]) polymeter::Quantile{read[i].quantile, read[i].value};
        }
        points.push_back({SeriesView(series.record), quantiles,
                          static_cast<std::uint32_t>(read.size()), totals.count, totals.sum});
      });
      break;
    }
    case MetricType::Info: {
      auto& points = std::get<polymeter::InfoPoints>(view.points);
      make_room(points);
      InSlices(kSlice,
               [&](const Series& series) { points.push_back({SeriesView(series.record)}); });
      break;
    }
    case MetricType::Untyped:
      break;
  }
}

}  // namespace detail
}  // namespace prometheus
