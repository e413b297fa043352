// From prometheus-cpp's model to ours. Pure: no lock, no I/O. Internal.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <prometheus/metric_family.h>

#include "polymeter/producer.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// prometheus-cpp has Info since 1.1. The enumerator is looked for, not the version, which its
// headers do not tell.
template <class Type, class = void>
struct HasInfo : std::false_type {};
template <class Type>
struct HasInfo<Type, std::void_t<decltype(Type::Info)>> : std::true_type {};

// Nothing for a type that is younger than this file.
template <class Type>
std::optional<MetricType> FromPrometheusType(Type type) noexcept {
  if constexpr (HasInfo<Type>::value) {
    if (type == Type::Info) return MetricType::kInfo;
  }
  if (type == Type::Counter) return MetricType::kCounter;
  if (type == Type::Gauge) return MetricType::kGauge;
  if (type == Type::Histogram) return MetricType::kHistogram;
  if (type == Type::Summary) return MetricType::kSummary;
  if (type == Type::Untyped) return MetricType::kUnknown;
  return std::nullopt;
}

// Copies families into a sink. Used by one thread, for one collection.
class FamilyCopier {
 public:
  explicit FamilyCopier(FamilySink& sink) noexcept : sink_(sink) {}

  void Copy(const ::prometheus::MetricFamily& family);

  // What had to be left out or put right, one text for a family and kind of problem.
  const std::vector<std::string>& problems() const noexcept { return problems_; }

 private:
  void CopyMetric(MetricType type, const ::prometheus::ClientMetric& metric);
  void CopyCounter(double value);
  void CopyHistogram(const ::prometheus::ClientMetric::Histogram& histogram);
  void CopySummary(const ::prometheus::ClientMetric::Summary& summary);
  void Problem(const char* text);

  FamilySink& sink_;
  const ::prometheus::MetricFamily* family_ = nullptr;
  std::vector<std::string> problems_;
  // Of the metric that is being copied; members so that their memory is used again.
  std::vector<Label> labels_;
  std::vector<std::pair<double, std::uint64_t>> steps_;  // bound, cumulative count
  std::vector<double> bounds_;
  std::vector<std::uint64_t> buckets_;
  std::vector<Quantile> quantiles_;
};

}  // namespace detail
POLYMETER_END_NAMESPACE
