#include "exporters/otlp/family_form.h"

#include <algorithm>
#include <limits>

#include "exporters/otlp/ucum.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr auto kMostInt = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());

bool FitsInt(const CounterPoint& point) noexcept {
  return point.is_integer() && point.whole <= kMostInt;
}

bool FitsDouble(std::uint64_t whole) noexcept {
  // Up to kMostInt, so that the way back is defined: 2^63 is the most that it rounds to.
  return static_cast<std::uint64_t>(static_cast<double>(whole)) == whole;
}

OtlpData HistogramData(const HistogramPoints& points, bool prefer_explicit) noexcept {
  for (const HistogramPoint& point : points) {
    if (point.native == nullptr || (prefer_explicit && point.bound_count != 0)) {
      return OtlpData::kHistogram;
    }
  }
  return OtlpData::kExponentialHistogram;
}

std::uint64_t CountOf(const NativeBuckets& buckets) noexcept {
  std::uint64_t count = 0;
  for (std::uint32_t i = 0; i < buckets.size; ++i) count += buckets.counts[i];
  return count;
}

void SetType(FamilyForm& form, const FamilyView& family, bool explicit_histograms) {
  switch (family.type()) {
    case MetricType::kCounter:
      form.data = OtlpData::kSum;
      form.monotonic = true;
      return;
    case MetricType::kGauge:
      form.data = family.additive ? OtlpData::kSum : OtlpData::kGauge;
      return;
    case MetricType::kHistogram:
      form.data = HistogramData(std::get<HistogramPoints>(family.points), explicit_histograms);
      return;
    case MetricType::kSummary:
      form.data = OtlpData::kSummary;
      return;
    case MetricType::kInfo:
      form.data = OtlpData::kSum;
      form.prometheus_type = "info";
      return;
    case MetricType::kUnknown:
      form.data = OtlpData::kGauge;
      form.prometheus_type = "unknown";
      return;
  }
}

}  // namespace

FamilyForm FormOf(const FamilyView& family, bool explicit_histograms) {
  FamilyForm form;
  SetType(form, family, explicit_histograms);
  form.delta = family.delta;
  form.name = family.otel_name.empty() ? family.name : family.otel_name;
  form.description = family.help;
  form.unit = UcumUnit(family.unit);
  return form;
}

std::uint64_t StartOf(const FamilyView& family, SeriesView series, std::uint64_t time) noexcept {
  const std::int64_t start =
      family.delta ? family.delta_start_unix_nanos : series.start_unix_nanos();
  return start <= 0 ? 0 : std::min(static_cast<std::uint64_t>(start), time);
}

bool AllIntegers(const CounterPoints& points) noexcept {
  return std::all_of(points.begin(), points.end(), FitsInt);
}

bool IsInteger(const CounterPoint& point, bool all_integers) noexcept {
  return all_integers || (FitsInt(point) && !FitsDouble(point.whole));
}

bool HasSum(const HistogramPoint& point) noexcept {
  const bool negative_bound = point.bound_count != 0 && point.bounds[0] < 0;
  return point.sum >= 0 && !negative_bound;  // not NaN either
}

std::uint64_t ExponentialCount(const NativeHistogram& native) noexcept {
  return native.zero_count + CountOf(native.positive) + CountOf(native.negative);
}

bool HasExponentialSum(const HistogramPoint& point, std::uint64_t count) noexcept {
  const NativeHistogram& native = *point.native;
  if (native.positive_infinite != 0 || native.negative_infinite != 0) return false;
  if (CountOf(native.negative) != 0) return false;
  return point.sum == 0 || (point.sum > 0 && count != 0);
}

double SumOf(const SummaryPoint& point) noexcept { return point.sum >= 0 ? point.sum : 0; }

const std::vector<Quantile>& QuantilesOf(const SummaryPoint& point,
                                         std::vector<Quantile>& scratch) {
  scratch.clear();
  bool rising = true;
  for (std::uint32_t i = 0; i < point.quantile_count; ++i) {
    const Quantile& quantile = point.quantiles[i];
    const bool in_range = quantile.quantile >= 0 && quantile.quantile <= 1;
    if (!in_range || !(quantile.value >= 0)) continue;
    rising = rising && (scratch.empty() || scratch.back().quantile < quantile.quantile);
    scratch.push_back(quantile);
  }
  if (!rising) {
    const auto before = [](const Quantile& a, const Quantile& b) {
      return a.quantile < b.quantile;
    };
    const auto equal = [](const Quantile& a, const Quantile& b) {
      return a.quantile == b.quantile;
    };
    std::stable_sort(scratch.begin(), scratch.end(), before);
    scratch.erase(std::unique(scratch.begin(), scratch.end(), equal), scratch.end());
  }
  return scratch;
}

}  // namespace detail
POLYMETER_END_NAMESPACE
