#include "integrations/prometheus_cpp/bridge/to_prometheus.h"

#include <algorithm>
#include <limits>
#include <string_view>

#include "sdk/src/text.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

using ::prometheus::ClientMetric;

std::string EscapeHelp(std::string_view help) {
  std::string escaped;
  escaped.reserve(help.size());
  for (const char c : help) {
    if (c == '\\') {
      escaped += "\\\\";
    } else if (c == '\n') {
      escaped += "\\n";
    } else {
      escaped += c;
    }
  }
  return escaped;
}

// One overload a kind of point: what a new kind lacks does not compile.
void Fill(ClientMetric& metric, const CounterPoint& point) { metric.counter.value = point.value(); }
void Fill(ClientMetric& metric, const GaugePoint& point) { metric.gauge.value = point.value; }
void Fill(ClientMetric& metric, const HistogramPoint& point) {
  metric.histogram.sample_count = point.count;
  metric.histogram.sample_sum = point.sum;
  metric.histogram.bucket.resize(point.bound_count + std::size_t{1});
  std::uint64_t cumulative = 0;
  for (std::size_t i = 0; i <= point.bound_count; ++i) {
    cumulative += point.buckets[i];
    metric.histogram.bucket[i].cumulative_count = cumulative;
    metric.histogram.bucket[i].upper_bound =
        i < point.bound_count ? point.bounds[i] : std::numeric_limits<double>::infinity();
  }
}
void Fill(ClientMetric& metric, const SummaryPoint& point) {
  metric.summary.sample_count = point.count;
  metric.summary.sample_sum = point.sum;
  metric.summary.quantile.resize(point.quantile_count);
  for (std::size_t i = 0; i < point.quantile_count; ++i) {
    metric.summary.quantile[i].quantile = point.quantiles[i].quantile;
    metric.summary.quantile[i].value = point.quantiles[i].value;
  }
}
void Fill(ClientMetric& metric, const InfoPoint&) { metric.gauge.value = 1; }
void Fill(ClientMetric& metric, const UnknownPoint& point) { metric.untyped.value = point.value; }

::prometheus::MetricType TypeOf(MetricType type) noexcept {
  switch (type) {
    case MetricType::kCounter:
      return ::prometheus::MetricType::Counter;
    // Not Info: 1.0 does not have it, and later serializers name x in its TYPE line and x_info
    // in its samples.
    case MetricType::kInfo:
    case MetricType::kGauge:
      return ::prometheus::MetricType::Gauge;
    case MetricType::kHistogram:
      return ::prometheus::MetricType::Histogram;
    case MetricType::kSummary:
      return ::prometheus::MetricType::Summary;
    case MetricType::kUnknown:
      break;
  }
  return ::prometheus::MetricType::Untyped;
}

bool HasFamily(const Snapshot& snapshot, std::string_view name) {
  const auto& families = snapshot.families();  // ordered by name
  const auto found = std::lower_bound(
      families.begin(), families.end(), name,
      [](const FamilyView& family, std::string_view wanted) { return family.name < wanted; });
  return found != families.end() && found->name == name;
}

}  // namespace

ConvertedFamilies ToPrometheus(const Snapshot& snapshot, HelpText help) {
  ConvertedFamilies result;
  result.families.reserve(snapshot.families().size());
  for (const FamilyView& family : snapshot.families()) {
    if (family.size() == 0) continue;
    // A serializer of prometheus-cpp writes names as they are: one that is not a legacy one costs
    // its readers the page, and may forge lines of it.
    if (family.utf8_names && help == HelpText::kEscaped) {
      result.problems.push_back("Collectable: family " + ShownName(family.name) +
                                " is left out: its name or one of its labels' is not one that "
                                "prometheus-cpp can write");
      continue;
    }
    std::string name(family.name);
    constexpr std::string_view kInfo = "_info";
    if (family.type() == MetricType::kInfo &&
        (name.size() < kInfo.size() || family.name.substr(name.size() - kInfo.size()) != kInfo)) {
      name += kInfo;
      if (HasFamily(snapshot, name)) {
        result.problems.push_back("Collectable: info " + std::string(family.name) +
                                  " would be named " + name +
                                  ", which is another family; it is left out");
        continue;
      }
    }
    ::prometheus::MetricFamily& converted = result.families.emplace_back();
    converted.name = std::move(name);
    converted.help =
        help == HelpText::kEscaped ? EscapeHelp(family.help) : std::string(family.help);
    converted.type = TypeOf(family.type());
    std::visit(
        [&](const auto& points) {
          converted.metric.reserve(points.size());
          for (const auto& point : points) {
            ClientMetric& metric = converted.metric.emplace_back();
            VisitLabels(family, point.series,
                        [&](std::string_view label_name, std::string_view value) {
                          auto& label = metric.label.emplace_back();
                          label.name = label_name;
                          label.value = value;
                        });
            Fill(metric, point);
          }
        },
        family.points);
  }
  return result;
}

}  // namespace detail
POLYMETER_END_NAMESPACE
