#include "sdk/src/self_metrics.h"

#include <string>
#include <variant>

#include "polymeter/producer.h"
#include "sdk/src/left_to_parent.h"
#include "sdk/src/recorder.h"
#include "sdk/src/tap.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

using BackendReports = std::vector<BackendReport>;

// A family's description and one of its points. Texts are static or the reports'.
struct OwnFamily {
  MetricType type;
  std::string_view name;
  std::string_view help;
  std::string_view unit;
};
struct OwnPoint {
  const OwnFamily* family;
  Label labels[2];
  std::uint32_t label_count;
  std::uint64_t whole;
  double part;  // of a gauge all of it
};

constexpr OwnFamily kOwnRefused{MetricType::kCounter,
                                "polymeter_refused_total",
                                "What polymeter refused to record, by reason.",
                                {}};
constexpr OwnFamily kOwnRemoved{MetricType::kCounter,
                                "polymeter_removed_series_increments_total",
                                "What handles added to series after their removal.",
                                {}};
constexpr OwnFamily kOwnUnkept{
    MetricType::kCounter,
    "polymeter_unkept_observations_total",
    "Observations that the buckets count and that were not kept one by one.",
    {}};
constexpr OwnFamily kOwnDropped{MetricType::kCounter,
                                "polymeter_dropped_points_total",
                                "Points that were not delivered, by reason.",
                                {}};
constexpr OwnFamily kOwnPending{
    MetricType::kGauge, "polymeter_pending_points", "Points that wait for their receiver.", {}};
constexpr OwnFamily kOwnFamilies{
    MetricType::kGauge, "polymeter_families", "Families of the registry.", {}};
constexpr OwnFamily kOwnSeries{MetricType::kGauge,
                               "polymeter_series",
                               "Series of the registry, idle ones and overflow series included.",
                               {}};
constexpr OwnFamily kOwnMemory{
    MetricType::kGauge, "polymeter_memory_bytes",
    "Estimate of what the registry takes: values (cells) and labels (series).", "bytes"};
constexpr OwnFamily kOwnOverflowed{
    MetricType::kCounter,
    "polymeter_overflowed_lookups_total",
    "Look-ups of label values that had no room under the series limit.",
    {}};
constexpr OwnFamily kOwnSnapshots{MetricType::kCounter,
                                  "polymeter_snapshots_total",
                                  "Snapshots that were taken, this one included.",
                                  {}};
constexpr OwnFamily kOwnSnapshotSeconds{MetricType::kCounter, "polymeter_snapshot_seconds_total",
                                        "Time that they took, collection of producers included.",
                                        "seconds"};

// What is counted for each backend, of those of which `of` is true.
template <class Value>
struct OfBackend {
  OwnFamily family;
  Value BackendReport::*value;
  bool (*of)(const BackendReport& report);
};
bool Pushes(const BackendReport& report) { return report.offered != 0; }
bool Encodes(const BackendReport& report) { return report.encodes != 0; }

constexpr OfBackend<std::uint64_t> kOwnDelivered[] = {
    {{MetricType::kCounter, "polymeter_scrapes_total", "Scrapes answered in full, by backend.", {}},
     &BackendReport::scrapes,
     [](const BackendReport& report) { return report.scrapes != 0; }},
    {{MetricType::kCounter,
      "polymeter_failed_scrapes_total",
      "Scrapes that got no whole page, refused credentials included, by backend.",
      {}},
     &BackendReport::failed_scrapes,
     [](const BackendReport& report) { return report.failed_scrapes != 0; }},
    {{MetricType::kCounter,
      "polymeter_offered_points_total",
      "Points that a push backend was to deliver.",
      {}},
     &BackendReport::offered,
     &Pushes},
    {{MetricType::kCounter,
      "polymeter_accepted_points_total",
      "Points that the receiver acknowledged.",
      {}},
     &BackendReport::accepted,
     &Pushes},
    {{MetricType::kCounter,
      "polymeter_sent_points_total",
      "Points that were sent where no acknowledgement exists.",
      {}},
     &BackendReport::sent,
     &Pushes},
    {{MetricType::kCounter,
      "polymeter_superseded_points_total",
      "Points whose totals a newer snapshot carries instead.",
      {}},
     &BackendReport::superseded,
     &Pushes},
};
constexpr OfBackend<std::uint64_t> kOwnCosts[] = {
    {{MetricType::kCounter,
      "polymeter_encodes_total",
      "Snapshots that were encoded, by backend.",
      {}},
     &BackendReport::encodes,
     &Encodes},
    {{MetricType::kCounter, "polymeter_sent_bytes_total",
      "Bytes of pages and messages that went out, by backend.", "bytes"},
     &BackendReport::sent_bytes,
     &Encodes},
};
constexpr OfBackend<double> kOwnEncodeSeconds{
    {MetricType::kCounter, "polymeter_encode_seconds_total", "Time that encoding took, by backend.",
     "seconds"},
    &BackendReport::encode_seconds,
    &Encodes};

// Points in the order of their families.
class OwnPoints {
 public:
  OwnPoints() { all_.reserve(64); }
  const std::vector<OwnPoint>& all() const noexcept { return all_; }

  void Add(const OwnFamily& family, std::uint64_t value) {
    all_.push_back({&family, {}, 0, value, 0});
  }
  void Add(const OwnFamily& family, double value) { all_.push_back({&family, {}, 0, 0, value}); }
  template <class Value>
  void Add(const OwnFamily& family, Label label, Value value) {
    Add(family, value);
    all_.back().labels[0] = label;
    all_.back().label_count = 1;
  }
  void Add(const OwnFamily& family, Label first, Label second, std::uint64_t value) {
    all_.push_back({&family, {first, second}, 2, value, 0});
  }
  template <class Value>
  void Add(const OfBackend<Value>& what, const BackendReports& reports) {
    for (const BackendReport& report : reports) {
      if (what.of(report)) Add(what.family, {"backend", report.name}, report.*what.value);
    }
  }

 private:
  std::vector<OwnPoint> all_;
};

void AddDelivered(const BackendReports& reports, OwnPoints& points) {
  for (const auto& what : kOwnDelivered) points.Add(what, reports);
  for (const BackendReport& report : reports) {
    for (const auto& [reason, n] : report.dropped) {
      if (n != 0) points.Add(kOwnDropped, {"backend", report.name}, {"reason", reason}, n);
    }
  }
  for (const BackendReport& report : reports) {
    if (!Pushes(report)) continue;
    points.Add(kOwnPending, {"backend", report.name}, static_cast<double>(report.pending));
  }
}

void AddCosts(Registry& registry, std::uint64_t snapshots, std::uint64_t nanos,
              const BackendReports& reports, OwnPoints& points) {
  std::size_t series = 0;
  std::size_t series_bytes = 0;
  std::uint64_t overflowed = 0;
  const auto families = registry.Families();
  for (const auto& family : *families) {
    series += family->series_count();
    series_bytes += family->series_bytes();
    overflowed += family->overflowed_lookups();
  }
  points.Add(kOwnFamilies, static_cast<double>(families->size()));
  points.Add(kOwnSeries, static_cast<double>(series));
  points.Add(kOwnMemory, {"part", "cells"}, static_cast<double>(registry.CellBytes()));
  points.Add(kOwnMemory, {"part", "series"}, static_cast<double>(series_bytes));
  if (overflowed != 0) points.Add(kOwnOverflowed, overflowed);
  points.Add(kOwnSnapshots, snapshots);
  points.Add(kOwnSnapshotSeconds, static_cast<double>(nanos) * 1e-9);
  for (const auto& what : kOwnCosts) points.Add(what, reports);
  points.Add(kOwnEncodeSeconds, reports);
}

// Writes the values into families that were made of such points; false: of others.
bool OverwriteOwn(ProducedFamilies& families, const std::vector<OwnPoint>& points) {
  std::size_t family = static_cast<std::size_t>(-1);
  std::size_t at = 0;
  std::size_t size = 0;
  for (const OwnPoint& point : points) {
    if (at == size) {
      if (++family == families.families.size()) return false;
      at = 0;
      size =
          std::visit([](const auto& all) { return all.size(); }, families.families[family]->points);
    }
    ProducedFamily& known = *families.families[family];
    if (at == size || known.name != point.family->name) return false;
    const auto same_labels = [&](const auto& value) {
      const LabelsView labels = value.series.labels();
      if (labels.size() != point.label_count) return false;
      for (std::size_t i = 0; i < labels.size(); ++i) {
        if (labels[i].value != point.labels[i].value) return false;
      }
      return true;
    };
    if (auto* const counters = std::get_if<CounterPoints>(&known.points)) {
      CounterPoint& value = (*counters)[at];
      if (!same_labels(value)) return false;
      value.whole = point.whole;
      value.part = point.part;
    } else if (auto* const gauges = std::get_if<GaugePoints>(&known.points)) {
      GaugePoint& value = (*gauges)[at];
      if (!same_labels(value)) return false;
      value.value = point.part;
    }
    ++at;
  }
  return at == size && family + 1 == families.families.size();
}

std::shared_ptr<ProducedFamilies> MakeOwnFamilies(const std::vector<OwnPoint>& points) {
  auto families = std::make_shared<ProducedFamilies>();
  FamilySink sink(*families);
  const OwnFamily* open = nullptr;
  for (const OwnPoint& point : points) {
    const OwnFamily& family = *point.family;
    if (open != &family) sink.BeginFamily(family.type, family.name, family.help, family.unit);
    open = &family;
    if (family.type == MetricType::kGauge) {
      sink.Gauge(point.labels, point.label_count, point.part);
    } else if (point.part != 0) {
      sink.Counter(point.labels, point.label_count, point.part);
    } else {
      sink.Counter(point.labels, point.label_count, point.whole);
    }
  }
  return families;
}

}  // namespace

struct SelfMetrics::Kept {
  std::shared_ptr<ProducedFamilies> families = std::make_shared<ProducedFamilies>();
};

SelfMetrics::SelfMetrics() : kept_(std::make_shared<Kept>()) {}
SelfMetrics::~SelfMetrics() = default;

SelfMetrics::Families::~Families() {
  if (lender_ != nullptr) lender_->lent_.store(false, std::memory_order_release);
}

SelfMetrics::Families SelfMetrics::Take(Registry& registry, bool costs,
                                        const BackendReports& reports) {
  const auto refusals = registry.Refusals();
  OwnPoints points;
  for (const auto& [reason, n] : refusals) points.Add(kOwnRefused, {"reason", reason}, n);
  if (const double removed = registry.RetiredIncrements(); removed != 0) {
    points.Add(kOwnRemoved, removed);
  }
  if (registry.tapped()) points.Add(kOwnUnkept, Tap::Instance().Lost());
  AddDelivered(reports, points);
  if (costs) {
    AddCosts(registry, snapshots_.load(std::memory_order_relaxed),
             snapshot_nanos_.load(std::memory_order_relaxed), reports, points);
  }

  if (lent_.exchange(true, std::memory_order_acquire)) {
    return Families(MakeOwnFamilies(points.all()), nullptr);
  }
  Families lent({}, shared_from_this());  // gives it back, also where there is no memory
  if (!OverwriteOwn(*kept_->families, points.all()))
    kept_->families = MakeOwnFamilies(points.all());
  lent.families_ = kept_->families;
  return lent;
}

std::shared_ptr<const ProducedFamilies> RecorderMetricsOf(Registry& registry) {
  auto families = std::make_shared<ProducedFamilies>();
  FamilySink sink(*families);
  AddRecorderMetrics(registry, sink);
  return families->families.empty() ? nullptr : families;
}

void SelfMetrics::RestartInChild() {
  snapshot_nanos_.store(0, std::memory_order_relaxed);
  snapshots_.store(0, std::memory_order_relaxed);
  // Another thread may have been in the middle of it.
  LeaveToParent(kept_);
  kept_ = std::make_shared<Kept>();
  lent_.store(false, std::memory_order_relaxed);
}

}  // namespace detail
POLYMETER_END_NAMESPACE
