// FamilySink: what a producer hands over is checked here and copied.
#include <algorithm>
#include <cmath>
#include <new>
#include <numeric>

#include "polymeter/hot_path.h"
#include "polymeter/options.h"
#include "polymeter/producer.h"
#include "sdk/src/snapshot_data.h"
#include "sdk/src/text.h"
#include "sdk/src/units.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

void Refuse(ProducedFamilies& out, const std::string& reason, std::string message) {
  ++out.refused_points;
  ProducedFamilies::Refusal& refusal = out.refused[reason];
  // One message a reason and collection is enough; the count has the rest.
  if (refusal.points++ == 0) refusal.message = std::move(message);
}

// The whole family: its points count with it.
void RefuseFamily(ProducedFamilies& out, const std::string& reason, std::string message) {
  Refuse(out, reason, std::move(message));
  out.refused_family = reason;
}

bool LabelAllowed(std::string_view name, MetricType type, NameValidation names) {
  return IsLabelName(name, names) && !(type == MetricType::kHistogram && name == "le") &&
         !(type == MetricType::kSummary && name == "quantile");
}

// Copies the labels into a record; null (and counted) when they are bad or known already.
const SeriesRecord* AddRecord(ProducedFamilies& out, const Label* labels, std::size_t count) {
  ProducedFamily& family = *out.current;
  for (std::size_t i = 0; i < count; ++i) {
    bool good = LabelAllowed(labels[i].name, family.type(), out.names);
    for (std::size_t j = 0; j < i && good; ++j) good = labels[j].name != labels[i].name;
    if (!good) {
      Refuse(out, "bad_label",
             "produced family " + ShownName(family.name) + ": label " + Quoted(labels[i].name) +
                 " is reserved, named twice or not " + std::string(AcceptedLabelNames(out.names)) +
                 "; the series is left out");
      return nullptr;
    }
    if (out.names == NameValidation::kUtf8 && !IsLabelName(labels[i].name)) {
      family.utf8_names = true;
    }
  }
  std::size_t bytes = 0;
  std::vector<std::string> repaired(count);  // only where a value is not UTF-8
  const auto value = [&](std::size_t i) {
    return repaired[i].empty() ? labels[i].value : std::string_view(repaired[i]);
  };
  for (std::size_t i = 0; i < count; ++i) {
    if (!IsUtf8(labels[i].value)) repaired[i] = ToUtf8(labels[i].value);
    bytes += value(i).size();
  }
  auto* const names =
      static_cast<std::string_view*>(out.arena.Allocate(sizeof(std::string_view) * count));
  auto* const record = static_cast<SeriesRecord*>(
      out.arena.Allocate(sizeof(SeriesRecord) + sizeof(std::uint32_t) * count + bytes));
  const std::size_t index = std::visit([](const auto& p) { return p.size(); }, family.points);
  *record = {names,
             kNoopCell,
             0,
             static_cast<std::uint32_t>(index),
             0,
             0,
             static_cast<std::uint32_t>(count)};
  auto* ends = reinterpret_cast<std::uint32_t*>(record + 1);
  char* text = reinterpret_cast<char*>(ends + count);
  std::uint32_t end = 0;
  for (std::size_t i = 0; i < count; ++i) {
    new (&names[i]) std::string_view(out.arena.Copy(labels[i].name));
    text = std::copy(value(i).begin(), value(i).end(), text);
    end += static_cast<std::uint32_t>(value(i).size());
    ends[i] = end;
  }
  const LabelsView view(record);
  const std::uint64_t hash = HashOfLabels(view);
  const auto [begin, stop] = family.by_labels.equal_range(hash);
  if (std::any_of(begin, stop,
                  [&](const auto& e) { return SameLabels(LabelsView(e.second), view); })) {
    Refuse(out, "duplicate_series",
           "produced family " + ShownName(family.name) +
               ": a series came twice; the later one is left out");
    return nullptr;
  }
  family.by_labels.emplace(hash, record);
  return record;
}

// Adds `make(series)` when the current family has such points.
template <class Points, class Make>
void AddPoint(ProducedFamilies& out, const Label* labels, std::size_t count, Make make) {
  if (out.current == nullptr) {
    if (!out.refused_family.empty()) Refuse(out, out.refused_family, {});
    return;
  }
  auto* const points = std::get_if<Points>(&out.current->points);
  if (points == nullptr) {
    Refuse(out, "wrong_type",
           "produced family " + ShownName(out.current->name) + " is a " +
               std::string(ToString(out.current->type())) +
               "; a value of another type is left out");
    return;
  }
  const SeriesRecord* const record = AddRecord(out, labels, count);
  if (record != nullptr) points->push_back(make(SeriesView(record)));
}

template <class T>
T* CopyArray(Arena& arena, const T* from, std::size_t count) {
  auto* const to = static_cast<T*>(arena.Allocate(sizeof(T) * count));
  std::copy(from, from + count, to);
  return to;
}

Exemplar* CopyExemplars(Arena& arena, const Exemplar* from, std::size_t count) {
  Exemplar* const to = CopyArray(arena, from, count);
  for (std::size_t i = 0; i < count; ++i) {
    Label* const labels = CopyArray(arena, from[i].labels, from[i].label_count);
    for (std::size_t l = 0; l < from[i].label_count; ++l) {
      labels[l] = {arena.Copy(labels[l].name), arena.Copy(labels[l].value)};
    }
    to[i].labels = labels;
  }
  return to;
}

const NativeHistogram* CopyNative(Arena& arena, const NativeHistogram& from) {
  NativeHistogram* const to = CopyArray(arena, &from, 1);
  for (NativeBuckets* const range : {&to->positive, &to->negative}) {
    range->counts = CopyArray(arena, range->counts, range->size);
  }
  return to;
}

bool Ascending(const double* bounds, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    if (!std::isfinite(bounds[i]) || (i > 0 && bounds[i - 1] >= bounds[i])) return false;
  }
  return true;
}

// Whether its parts say the same: encoders rely on it.
bool Consistent(const NativeHistogram& native) {
  constexpr std::uint32_t kMostBuckets = 1 << 16;
  if (native.schema < -4 || native.schema > 8 || !(native.zero_threshold >= 0) ||
      !std::isfinite(native.zero_threshold)) {
    return false;
  }
  std::uint64_t count = native.zero_count + native.positive_infinite + native.negative_infinite;
  for (const NativeBuckets* const range : {&native.positive, &native.negative}) {
    if (range->size > kMostBuckets || std::abs(std::int64_t{range->first}) > (1 << 20))
      return false;
    for (std::uint32_t i = 0; i < range->size; ++i) count += range->counts[i];
  }
  return count == native.count;
}

}  // namespace

FamilyPoints PointsOf(MetricType type) {
  switch (type) {
    case MetricType::kCounter:
      return CounterPoints();
    case MetricType::kGauge:
      return GaugePoints();
    case MetricType::kHistogram:
      return HistogramPoints();
    case MetricType::kSummary:
      return SummaryPoints();
    case MetricType::kInfo:
      return InfoPoints();
    case MetricType::kUnknown:
      break;
  }
  return UnknownPoints();
}

}  // namespace detail

void FamilySink::BeginFamily(MetricType type, std::string_view name, std::string_view help,
                             std::string_view unit) {
  BeginFamily(type, name, help, FamilyOptions().Unit(std::string(unit)));
}

void FamilySink::BeginFamily(MetricType type, std::string_view asked, std::string_view help,
                             const FamilyOptions& options) {
  out_.current = nullptr;
  const std::string name = out_.prefix + std::string(asked);
  const auto known = out_.by_name.find(name);
  if (known != out_.by_name.end()) {
    if (known->second->type() == type) {
      out_.current = known->second;
    } else {
      detail::RefuseFamily(out_, "name_clash",
                           "produced family " + detail::ShownName(name) + " came as " +
                               std::string(ToString(known->second->type())) + " and as " +
                               std::string(ToString(type)) + "; the later one is left out");
    }
    return;
  }
  if (asked.empty() || !detail::IsMetricName(name, out_.names)) {
    detail::RefuseFamily(out_, "bad_name",
                         "produced family " + detail::Quoted(name) + ": a name is " +
                             std::string(detail::AcceptedMetricNames(out_.names)) +
                             " and begins with no '__'");
    return;
  }
  auto family = std::make_unique<detail::ProducedFamily>();
  family->name = name;
  family->help = detail::ToUtf8(help);
  family->unit = detail::PrometheusUnit(options.unit());
  family->otel_name = detail::ToUtf8(options.otel_name());
  family->otel_attributes = options.otel_attributes();
  family->additive = type == MetricType::kGauge && options.additive();
  family->utf8_names = !detail::IsMetricName(name);
  family->points = detail::PointsOf(type);
  out_.current = family.get();
  out_.by_name.emplace(family->name, family.get());
  out_.families.push_back(std::move(family));
}

void FamilySink::Counter(const Label* labels, std::size_t count, std::uint64_t value) {
  detail::AddPoint<CounterPoints>(out_, labels, count, [&](SeriesView series) {
    return CounterPoint{series, value, 0};
  });
}

void FamilySink::Counter(const Label* labels, std::size_t count, double value) {
  detail::AddPoint<CounterPoints>(out_, labels, count, [&](SeriesView series) {
    return CounterPoint{series, 0, value};
  });
}

void FamilySink::Gauge(const Label* labels, std::size_t count, double value) {
  detail::AddPoint<GaugePoints>(out_, labels, count, [&](SeriesView series) {
    return GaugePoint{series, value};
  });
}

void FamilySink::Info(const Label* labels, std::size_t count) {
  detail::AddPoint<InfoPoints>(out_, labels, count,
                               [](SeriesView series) { return InfoPoint{series}; });
}

void FamilySink::Unknown(const Label* labels, std::size_t count, double value) {
  detail::AddPoint<UnknownPoints>(out_, labels, count, [&](SeriesView series) {
    return UnknownPoint{series, value};
  });
}

void FamilySink::Counter(const Label* labels, std::size_t count, std::uint64_t value,
                         const Exemplar& exemplar) {
  detail::AddPoint<CounterPoints>(out_, labels, count, [&](SeriesView series) {
    return CounterPoint{series, value, 0, detail::CopyExemplars(out_.arena, &exemplar, 1)};
  });
}

void FamilySink::Histogram(const Label* labels, std::size_t count, const double* bounds,
                           std::size_t bound_count, const std::uint64_t* buckets, double sum) {
  std::uint64_t total = 0;
  for (std::size_t i = 0; i <= bound_count; ++i) total += buckets[i];
  Histogram(labels, count,
            HistogramPoint{SeriesView(nullptr), bounds, buckets,
                           static_cast<std::uint32_t>(bound_count), total, sum});
}

void FamilySink::Histogram(const Label* labels, std::size_t count, const HistogramPoint& point) {
  if (!detail::Ascending(point.bounds, point.bound_count)) {
    detail::Refuse(out_, "bad_bounds",
                   "a produced histogram's bounds are not finite and ascending; the series is "
                   "left out");
    return;
  }
  if (point.native != nullptr && !detail::Consistent(*point.native)) {
    detail::Refuse(out_, "bad_native_histogram",
                   "a produced native histogram's schema is not -4 to 8, its zero threshold is "
                   "negative or its count is not the sum of its buckets; the series is left out");
    return;
  }
  const std::uint64_t* const end = point.buckets + point.bound_count + 1;
  if (std::accumulate(point.buckets, end, std::uint64_t{0}) != point.count) {
    detail::Refuse(out_, "bad_count",
                   "a produced histogram's count is not the sum of its buckets; the series is left "
                   "out");
    return;
  }
  detail::AddPoint<HistogramPoints>(out_, labels, count, [&](SeriesView series) {
    HistogramPoint copy = point;
    copy.series = series;
    copy.bounds = detail::CopyArray(out_.arena, point.bounds, point.bound_count);
    copy.buckets = detail::CopyArray(out_.arena, point.buckets, std::size_t{point.bound_count} + 1);
    if (point.native != nullptr) copy.native = detail::CopyNative(out_.arena, *point.native);
    copy.exemplars = detail::CopyExemplars(out_.arena, point.exemplars, point.exemplar_count);
    copy.samples = nullptr;
    copy.sample_count = 0;
    return copy;
  });
}

void FamilySink::Summary(const Label* labels, std::size_t count, const Quantile* quantiles,
                         std::size_t quantile_count, std::uint64_t observations, double sum) {
  detail::AddPoint<SummaryPoints>(out_, labels, count, [&](SeriesView series) {
    return SummaryPoint{series, detail::CopyArray(out_.arena, quantiles, quantile_count),
                        static_cast<std::uint32_t>(quantile_count), observations, sum};
  });
}

Producer::~Producer() = default;

POLYMETER_END_NAMESPACE
