// What a family is in OTLP: the kind of its data, its name, unit and temporality. The same for
// protobuf and JSON. opentelemetry-proto metrics/v1/metrics.proto; the mapping follows
// OpenTelemetry's "Prometheus and OpenMetrics Compatibility".
//
//   counter          Sum, monotonic
//   gauge            Gauge; Sum, not monotonic, where it is additive
//   histogram        Histogram with explicit bounds
//   summary          Summary
//   info             Sum, not monotonic, of 1; metadata prometheus.type = "info"
//   unknown          Gauge; metadata prometheus.type = "unknown"
//
// The metadata stands only where the kind of the data does not say the type already.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "polymeter/snapshot.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

enum class OtlpData : std::uint8_t { kGauge, kSum, kHistogram, kSummary };

struct FamilyForm {
  OtlpData data = OtlpData::kGauge;
  bool monotonic = false;  // of kSum
  bool delta = false;      // the temporality of kSum and kHistogram
  std::string_view name;   // the OpenTelemetry name, else the Prometheus name unchanged
  std::string_view description;
  std::string_view unit;             // UCUM
  std::string_view prometheus_type;  // metadata; empty: none
};

FamilyForm FormOf(const FamilyView& family);

// Nanoseconds since 1970 of a point's begin; 0 when it is not known. Never after the point.
std::uint64_t StartOf(const FamilyView& family, SeriesView series, std::uint64_t time) noexcept;

// Whether the data points of a counter are integers (as_int). Receivers do not like kinds that
// differ within a metric, so a family is all integers where every value is a whole number up to
// 2^63 - 1, and doubles otherwise; but a whole number that no double holds stays an integer
// even there, because it would change.
bool AllIntegers(const CounterPoints& points) noexcept;
bool IsInteger(const CounterPoint& point, bool all_integers) noexcept;

// OTLP takes a histogram's sum for one that only grows, so there is none where observations below
// zero are possible (a bound below zero) or evident (a sum below zero), and none that is NaN.
bool HasSum(const HistogramPoint& point) noexcept;
// A summary's sum is not optional on the wire: 0 is what is not there.
double SumOf(const SummaryPoint& point) noexcept;
// What a Summary may hold: quantiles in [0, 1], rising, of values that are not negative and not
// NaN. The others are left out; the point stays.
const std::vector<Quantile>& QuantilesOf(const SummaryPoint& point, std::vector<Quantile>& scratch);

}  // namespace detail
POLYMETER_END_NAMESPACE
