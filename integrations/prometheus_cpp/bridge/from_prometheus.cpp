#include "integrations/prometheus_cpp/bridge/from_prometheus.h"

#include <algorithm>
#include <cmath>

POLYMETER_BEGIN_NAMESPACE
namespace detail {

void FamilyCopier::Problem(const char* text) {
  std::string problem = "attached family " + family_->name + ": " + text;
  if (std::find(problems_.begin(), problems_.end(), problem) == problems_.end()) {
    problems_.push_back(std::move(problem));
  }
}

void FamilyCopier::Copy(const ::prometheus::MetricFamily& family) {
  family_ = &family;
  const std::optional<MetricType> type = FromPrometheusType(family.type);
  if (!type) {
    Problem("its type is not known; it is left out");
    return;
  }
  if (family.metric.empty()) return;
  sink_.BeginFamily(*type, family.name, family.help);
  for (const ::prometheus::ClientMetric& metric : family.metric) CopyMetric(*type, metric);
}

void FamilyCopier::CopyMetric(MetricType type, const ::prometheus::ClientMetric& metric) {
  labels_.clear();
  for (const auto& label : metric.label) labels_.push_back({label.name, label.value});
  switch (type) {
    case MetricType::kCounter:
      CopyCounter(metric.counter.value);
      break;
    case MetricType::kGauge:
      sink_.Gauge(labels_.data(), labels_.size(), metric.gauge.value);
      break;
    case MetricType::kHistogram:
      CopyHistogram(metric.histogram);
      break;
    case MetricType::kSummary:
      CopySummary(metric.summary);
      break;
    case MetricType::kInfo:
      sink_.Info(labels_.data(), labels_.size());
      break;
    case MetricType::kUnknown:
      sink_.Unknown(labels_.data(), labels_.size(), metric.untyped.value);
      break;
  }
}

void FamilyCopier::CopyCounter(double value) {
  // Up to 2^53 a double that is whole is the exact count; above, it is an approximation and
  // goes on as one.
  constexpr double kExact = 9007199254740992.0;
  if (value >= 0 && value < kExact && value == std::floor(value)) {
    sink_.Counter(labels_.data(), labels_.size(), static_cast<std::uint64_t>(value));
  } else {
    sink_.Counter(labels_.data(), labels_.size(), value);
  }
}

void FamilyCopier::CopyHistogram(const ::prometheus::ClientMetric::Histogram& histogram) {
  steps_.clear();
  std::uint64_t total = histogram.sample_count;
  for (const auto& bucket : histogram.bucket) {
    if (std::isnan(bucket.upper_bound)) {
      Problem("a histogram's bound is NaN; the bucket is left out");
      continue;
    }
    total = std::max(total, bucket.cumulative_count);
    // Counts are cumulative: a bucket that has no finite bound loses nothing by being skipped.
    if (std::isfinite(bucket.upper_bound)) {
      steps_.emplace_back(bucket.upper_bound, bucket.cumulative_count);
    }
  }
  const auto by_bound = [](const auto& a, const auto& b) { return a.first < b.first; };
  if (!std::is_sorted(steps_.begin(), steps_.end(), by_bound)) {
    Problem("a histogram's bounds do not ascend; they were sorted");
    std::stable_sort(steps_.begin(), steps_.end(), by_bound);
  }
  if (total != histogram.sample_count) {
    Problem("a histogram's buckets hold more than its count; the count was raised");
  }
  bounds_.clear();
  buckets_.clear();
  std::uint64_t below = 0;  // the cumulative count so far
  for (const auto& [bound, cumulative] : steps_) {
    if (cumulative < below) {
      Problem("a histogram's cumulative counts decrease; the lower ones were raised");
    }
    const std::uint64_t upto = std::max(below, cumulative);
    if (!bounds_.empty() && bounds_.back() == bound) {
      buckets_.back() += upto - below;
    } else {
      bounds_.push_back(bound);
      buckets_.push_back(upto - below);
    }
    below = upto;
  }
  buckets_.push_back(total - below);
  sink_.Histogram(labels_.data(), labels_.size(), bounds_.data(), bounds_.size(), buckets_.data(),
                  histogram.sample_sum);
}

void FamilyCopier::CopySummary(const ::prometheus::ClientMetric::Summary& summary) {
  quantiles_.clear();
  for (const auto& quantile : summary.quantile) {
    const bool known = std::any_of(quantiles_.begin(), quantiles_.end(), [&](const Quantile& q) {
      return q.quantile == quantile.quantile;
    });
    if (known || !(quantile.quantile >= 0 && quantile.quantile <= 1)) {
      Problem("a summary's quantile is not within 0 to 1 or comes twice; it is left out");
      continue;
    }
    quantiles_.push_back({quantile.quantile, quantile.value});
  }
  std::sort(quantiles_.begin(), quantiles_.end(),
            [](const Quantile& a, const Quantile& b) { return a.quantile < b.quantile; });
  sink_.Summary(labels_.data(), labels_.size(), quantiles_.data(), quantiles_.size(),
                summary.sample_count, summary.sample_sum);
}

}  // namespace detail
POLYMETER_END_NAMESPACE
