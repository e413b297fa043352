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

// Reads the series of one family after another into a snapshot.
class Reader {
 public:
  using Kept = std::shared_ptr<std::vector<Tap::Samples>>;

  // `kept`: where single observations go; null: they are not asked for.
  Reader(SnapshotData& data, ExpiryTracker& expiry, std::int64_t now, Kept kept)
      : data_(data), expiry_(expiry), now_(now), kept_(std::move(kept)), exemplars_(data) {}

  FamilyPoints Read(const FamilyCore& family) {
    switch (family.spec().type) {
      case MetricType::kCounter:
        return Counters(family);
      case MetricType::kHistogram:
        return Histograms(family);
      case MetricType::kSummary:
        return Summaries(family);
      case MetricType::kInfo:
        return Infos(family);
      default:
        return Gauges(family);
    }
  }

 private:
  CounterPoints Counters(const FamilyCore& family) {
    CounterPoints points;
    points.reserve(family.series_count());
    ExpiryTracker::Look look(expiry_, family.id(), now_);
    const bool exemplars = family.spec().exemplars;
    const std::uint32_t lanes = lanes_;
    family.ForEachSeries([&](const SeriesRecord* record) {
      const Exemplar* const exemplar = exemplars ? exemplars_.OfCounter(*record) : nullptr;
      // Its place first: a sum that is alive in a call is kept in memory from its first addition.
      CounterPoint& point = points.emplace_back(CounterPoint{SeriesView(record), 0, 0, exemplar});
      const CounterValue value = ReadCounterCell(record->cell, lanes);
      point.whole = value.whole;
      point.part = value.part;
      if (look.Idle(*record, value.whole ^ Bits(value.part))) points.pop_back();
    });
    return points;
  }

  GaugePoints Gauges(const FamilyCore& family) {
    GaugePoints points;
    points.reserve(family.series_count());
    ExpiryTracker::Look look(expiry_, family.id(), now_);
    family.ForEachSeries([&](const SeriesRecord* record) {
      const double value = Real(record->cell, 0).load(std::memory_order_relaxed);
      if (look.Idle(*record, Bits(value))) return;
      points.push_back({SeriesView(record), value});
    });
    return points;
  }

  HistogramPoints Histograms(const FamilyCore& family) {
    HistogramPoints points;
    const FamilySpec& spec = family.spec();
    const std::size_t expected = family.series_count();
    points.reserve(expected);
    ExpiryTracker::Look look(expiry_, family.id(), now_);
    const HistogramBounds& bounds = *spec.bounds;
    const std::size_t row = std::size_t{bounds.count} + 1;
    const bool native = family.kind().native;
    std::size_t left = 0;
    std::uint64_t* next = nullptr;
    NativeReader reader;
    family.ForEachSeries([&](const SeriesRecord* record) {
      if (left == 0) {
        left = std::max<std::size_t>(expected - std::min(expected, points.size()), 16);
        next =
            data_.buckets.emplace_back(std::make_unique_for_overwrite<std::uint64_t[]>(left * row))
                .get();
      }
      const auto& cell = *reinterpret_cast<const HistogramCell*>(record->cell);
      ExemplarReader::Found found;
      if (spec.exemplars) found = exemplars_.OfHistogram(*record);
      HistogramTotals totals{};
      if (bounds.count != 0) totals = ReadHistogramCell(cell, lanes_, next);
      if (native && !ReadNativePart(record->cell, lanes_, reader, next, &totals)) return;
      if (look.Idle(*record, totals.count)) return;
      HistogramPoint& point = points.emplace_back(HistogramPoint{
          SeriesView(record), bounds.values, next, bounds.count, totals.count, totals.sum});
      point.exemplars = found.exemplars;
      point.exemplar_count = found.count;
      if (kept_ != nullptr && family.tapped()) {
        const Tap::Samples& own = kept_->emplace_back(Tap::Instance().Claim(record->cell));
        point.samples = own.data();  // stays where it is when `kept_` grows
        point.sample_count = static_cast<std::uint32_t>(own.size());
      }
      if (native) point.native = reader.Give(NativeMemory());
      next += row;
      --left;
    });
    return points;
  }

  SummaryPoints Summaries(const FamilyCore& family) {
    SummaryPoints points;
    points.reserve(family.series_count());
    ExpiryTracker::Look look(expiry_, family.id(), now_);
    const auto memory = std::make_shared<Arena>();
    data_.keep.push_back(memory);
    SummaryReader reader(lanes_);
    const std::int64_t clock = SummaryClock();
    const std::vector<double>& wanted = family.spec().summary.quantiles;
    family.ForEachSeries([&](const SeriesRecord* record) {
      auto* const quantiles =
          static_cast<Quantile*>(memory->Allocate(wanted.size() * sizeof(Quantile)));
      const auto totals = reader.Read(SummaryCellOf(record->cell), wanted, quantiles, clock);
      if (look.Idle(*record, totals.count)) return;
      points.push_back({SeriesView(record), quantiles, static_cast<std::uint32_t>(wanted.size()),
                        totals.count, totals.sum});
    });
    return points;
  }

  // What never changes is never idle.
  InfoPoints Infos(const FamilyCore& family) {
    InfoPoints points;
    points.reserve(family.series_count());
    family.ForEachSeries(
        [&](const SeriesRecord* record) { points.push_back({SeriesView(record)}); });
    return points;
  }

  // Made for the first native histogram.
  Arena& NativeMemory() {
    if (native_memory_ == nullptr) {
      native_memory_ = std::make_shared<Arena>();
      data_.keep.push_back(native_memory_);
    }
    return *native_memory_;
  }

  SnapshotData& data_;
  ExpiryTracker& expiry_;
  const std::int64_t now_;
  const std::uint32_t lanes_ = LaneCount();
  const Kept kept_;
  ExemplarReader exemplars_;
  std::shared_ptr<Arena> native_memory_;
};

}  // namespace

void Registry::Read(SnapshotData& data, bool samples) {
  // Before the cells: what the tap gives, the cells have counted.
  Reader::Kept kept;
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
  constexpr std::size_t kOfProducers = 32;  // room for theirs: moving all families costs more
  data.families.reserve(data.families.size() + list->size() + kOfProducers);
  Reader reader(data, expiry_, ExpiryNanos(), std::move(kept));
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
    view.points = reader.Read(*family);
  }
  data.constant_labels = constant_labels_.data();
  data.constant_label_count = constant_labels_.size();
  CheckRejected();
  CheckExemplarLabels();
}

}  // namespace detail
POLYMETER_END_NAMESPACE
