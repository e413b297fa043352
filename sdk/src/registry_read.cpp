// How a snapshot reads the registry: every family and cell, without a lock meanwhile.
#include <algorithm>
#include <bit>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "sdk/src/exemplar_reader.h"
#include "sdk/src/native_read.h"
#include "sdk/src/registry.h"
#include "sdk/src/tap.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

std::uint64_t Bits(double value) noexcept { return std::bit_cast<std::uint64_t>(value); }

}  // namespace

void Registry::Read(SnapshotData& data, bool samples) {
  // Before the cells: what the tap gives, the cells have counted.
  std::shared_ptr<std::vector<Tap::Samples>> kept;
  if (samples && tapped()) {
    Tap::Instance().Collect();
    kept = std::make_shared<std::vector<Tap::Samples>>();
    data.keep.push_back(kept);
  }
  std::shared_ptr<const FamilyList> list;
  {
    const std::lock_guard lock(mutex_);
    Reclaim();
    list = FamiliesLocked();
  }
  data.keep.push_back(list);
  data.keep.push_back(Pin());
  data.families.reserve(data.families.size() + list->size());
  const std::int64_t now = NowNanos();
  const std::uint32_t lanes = LaneCount();
  std::shared_ptr<Arena> arena;  // of native histograms
  ExemplarReader exemplars(data);
  for (const auto& family : *list) {
    FamilyView& view = data.families.emplace_back();
    const FamilySpec& spec = family->spec();
    view.id = family->id();
    view.name = spec.name;
    view.help = spec.help;
    view.unit = spec.unit;
    view.otel_name = spec.otel_name;
    view.otel_attributes = spec.otel_attributes.data();
    view.otel_attribute_count = spec.otel_attributes.size();
    view.additive = spec.additive;
    view.utf8_names = spec.utf8_names;
    view.constant_labels = family->constant_labels().data();
    view.constant_label_count = family->constant_labels().size();
    const std::size_t expected = family->series_count();
    ExpiryTracker::Look look(expiry_, family->id(), now);
    switch (spec.type) {
      case MetricType::kCounter: {
        CounterPoints points;
        points.reserve(expected);
        family->ForEachSeries([&](const SeriesRecord* record) {
          const Exemplar* const exemplar = spec.exemplars ? exemplars.OfCounter(*record) : nullptr;
          const CounterValue value = ReadCounterCell(record->cell, lanes);
          if (look.Idle(*record, value.whole ^ Bits(value.part))) return;
          points.push_back({SeriesView(record), value.whole, value.part, exemplar});
        });
        view.points = std::move(points);
        break;
      }
      case MetricType::kHistogram: {
        HistogramPoints points;
        points.reserve(expected);
        const HistogramBounds& bounds = *spec.bounds;
        const std::size_t row = std::size_t{bounds.count} + 1;
        std::size_t left = 0;
        std::uint64_t* next = nullptr;
        NativeReader reader;
        const bool native = family->kind().native;
        if (native && arena == nullptr) {
          arena = std::make_shared<Arena>();
          data.keep.push_back(arena);
        }
        family->ForEachSeries([&](const SeriesRecord* record) {
          if (left == 0) {
            left = std::max<std::size_t>(expected - std::min(expected, points.size()), 16);
            next = data.buckets
                       .emplace_back(std::make_unique_for_overwrite<std::uint64_t[]>(left * row))
                       .get();
          }
          const auto& cell = *reinterpret_cast<const HistogramCell*>(record->cell);
          ExemplarReader::Found found;
          if (spec.exemplars) found = exemplars.OfHistogram(*record);
          HistogramTotals totals{};
          if (bounds.count != 0) totals = ReadHistogramCell(cell, lanes, next);
          if (native && !ReadNativePart(record->cell, lanes, reader, next, &totals)) return;
          if (look.Idle(*record, totals.count)) return;
          HistogramPoint& point = points.emplace_back(HistogramPoint{
              SeriesView(record), bounds.values, next, bounds.count, totals.count, totals.sum});
          point.exemplars = found.exemplars;
          point.exemplar_count = found.count;
          if (kept != nullptr && family->tapped()) {
            const Tap::Samples& own = kept->emplace_back(Tap::Instance().Claim(record->cell));
            point.samples = own.data();  // stays where it is when `kept` grows
            point.sample_count = static_cast<std::uint32_t>(own.size());
          }
          if (native) point.native = reader.Give(*arena);
          next += row;
          --left;
        });
        view.points = std::move(points);
        break;
      }
      case MetricType::kSummary: {
        SummaryPoints points;
        points.reserve(expected);
        const auto memory = std::make_shared<Arena>();
        data.keep.push_back(memory);
        SummaryReader reader(lanes);
        const std::int64_t clock = SummaryClock();
        const std::vector<double>& wanted = spec.summary.quantiles;
        family->ForEachSeries([&](const SeriesRecord* record) {
          auto* const quantiles =
              static_cast<Quantile*>(memory->Allocate(wanted.size() * sizeof(Quantile)));
          const auto totals = reader.Read(SummaryCellOf(record->cell), wanted, quantiles, clock);
          if (look.Idle(*record, totals.count)) return;
          points.push_back({SeriesView(record), quantiles,
                            static_cast<std::uint32_t>(wanted.size()), totals.count, totals.sum});
        });
        view.points = std::move(points);
        break;
      }
      case MetricType::kInfo: {
        // What never changes is never idle.
        InfoPoints points;
        points.reserve(expected);
        family->ForEachSeries(
            [&](const SeriesRecord* record) { points.push_back({SeriesView(record)}); });
        view.points = std::move(points);
        break;
      }
      default: {
        GaugePoints points;
        points.reserve(expected);
        family->ForEachSeries([&](const SeriesRecord* record) {
          const double value = Real(record->cell, 0).load(std::memory_order_relaxed);
          if (look.Idle(*record, Bits(value))) return;
          points.push_back({SeriesView(record), value});
        });
        view.points = std::move(points);
      }
    }
  }
  data.constant_labels = constant_labels_.data();
  data.constant_label_count = constant_labels_.size();
  CheckRejected();
  CheckExemplarLabels();
}

}  // namespace detail
POLYMETER_END_NAMESPACE
