// What reads the series of a family: Collect, as prometheus-cpp does, and snapshots.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

#include "integrations/prometheus_cpp/dropin/family_store.h"
#include "integrations/prometheus_cpp/dropin/instrument_access.h"

namespace prometheus {
namespace detail {
namespace {

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

void CopyLabels(const polymeter::detail::SeriesRecord& record, ClientMetric& metric) {
  metric.label.resize(record.label_count);
  for (std::size_t i = 0; i < record.label_count; ++i) {
    metric.label[i].name = std::string(record.names[i]);
    metric.label[i].value = std::string(record.value(i));
  }
}

}  // namespace

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
