// What a family is in OTLP: the kind of its data, its name, unit and temporality. The same for
// protobuf and JSON. opentelemetry-proto metrics/v1/metrics.proto; the mapping follows
// OpenTelemetry's "Prometheus and OpenMetrics Compatibility".
//
//   counter          Sum, monotonic
//   gauge            Gauge; Sum, not monotonic, where it is additive
//   histogram        ExponentialHistogram where all of its series have exponential buckets, else
//                    Histogram with explicit bounds
//   summary          Summary
//   info             Sum, not monotonic, of 1; metadata prometheus.type = "info"
//   unknown          Gauge; metadata prometheus.type = "unknown"
//
// A metric is of one kind, so a histogram that has both kinds of buckets is sent as one of them.
// A series of a mixed family that has no bounds is then a Histogram of one bucket.
//
// The metadata stands only where the kind of the data does not say the type already.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "polymeter/snapshot.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

enum class OtlpData : std::uint8_t { kGauge, kSum, kHistogram, kExponentialHistogram, kSummary };

struct FamilyForm {
  OtlpData data = OtlpData::kGauge;
  bool monotonic = false;  // of kSum
  bool delta = false;      // the temporality of kSum and both kinds of histograms
  std::string_view name;   // the OpenTelemetry name, else the Prometheus name unchanged
  std::string_view description;
  std::string_view unit;             // UCUM
  std::string_view prometheus_type;  // metadata; empty: none
};

// `explicit_histograms`: a histogram with both kinds of buckets is sent with its explicit ones.
FamilyForm FormOf(const FamilyView& family, bool explicit_histograms = false);
// Whether the kind has a temporality.
constexpr bool HasTemporality(OtlpData data) noexcept {
  return data == OtlpData::kSum || data == OtlpData::kHistogram ||
         data == OtlpData::kExponentialHistogram;
}

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
// What an ExponentialHistogram counts: its zero bucket and all others. Observations of +-Inf have
// no bucket there and are not counted, as in OpenTelemetry's own SDKs.
std::uint64_t ExponentialCount(const NativeHistogram& native) noexcept;
// The same of a point with exponential buckets: no sum where a negative one counts something, and
// none that has infinite observations in it, which `count` leaves out, or is of nothing at all.
bool HasExponentialSum(const HistogramPoint& point, std::uint64_t count) noexcept;
// A summary's sum is not optional on the wire: 0 is what is not there.
double SumOf(const SummaryPoint& point) noexcept;
// What a Summary may hold: quantiles in [0, 1], rising, of values that are not negative and not
// NaN. The others are left out; the point stays.
const std::vector<Quantile>& QuantilesOf(const SummaryPoint& point, std::vector<Quantile>& scratch);

}  // namespace detail
POLYMETER_END_NAMESPACE
