// Counter, Gauge, Histogram and Info but for their inlined parts, and the builders.
#include <algorithm>
#include <cmath>
#include <ctime>
#include <functional>
#include <limits>
#include <mutex>
#include <stdexcept>
#include <string>

#include "integrations/prometheus_cpp/dropin/drop_in_process.h"
#include "prometheus/counter.h"
#include "prometheus/gauge.h"
#include "prometheus/histogram.h"
#include "prometheus/info.h"
#include "prometheus/registry.h"
#include "prometheus/summary.h"

namespace prometheus {

using detail::CellAddress;
using detail::DropInProcess;
using polymeter::detail::kNoopCell;

// Odr-uses of these constants in C++14 need a definition.
const MetricType Counter::metric_type;
const MetricType Gauge::metric_type;
const MetricType Histogram::metric_type;
const MetricType Info::metric_type;

detail::InstrumentPlace::InstrumentPlace(std::size_t size)
    : place_(DropInProcess::Instance().NewInstrumentPlace(size)), size_(size) {}
void detail::InstrumentPlace::Free(void* place, std::size_t size) {
  if (place != nullptr) DropInProcess::Instance().FreeInstrumentPlace(place, size);
}

// --- Counter ---------------------------------------------------------------------------------

Counter::Counter() : cell_(DropInProcess::Instance().NewCounter()) {}
Counter::~Counter() { DropInProcess::Instance().Retire(polymeter::MetricType::kCounter, Cell()); }

// Negative or NaN. The latter makes the value NaN, as it does in prometheus-cpp.
void Counter::IncrementByNoNumber(double amount) {
  const CellAddress cell = Cell();
  if (cell == kNoopCell || !std::isnan(amount)) return;
  polymeter::detail::TwinAdd(cell, amount);
}

void Counter::Reset() {
  DropInProcess& process = DropInProcess::Instance();
  const CellAddress fresh = process.NewCounter();
  if (fresh == kNoopCell) return;  // no memory
  const CellAddress old = __atomic_exchange_n(&cell_, fresh, __ATOMIC_ACQ_REL);
  process.RetireExchanged(polymeter::MetricType::kCounter, old);
}

double Counter::Value() const { return polymeter::detail::ReadCounter(Cell()); }

ClientMetric Counter::Collect() const {
  ClientMetric metric;
  metric.counter.value = Value();
  return metric;
}

// --- Gauge -----------------------------------------------------------------------------------

Gauge::Gauge() : cell_(DropInProcess::Instance().NewGauge()) {}
Gauge::Gauge(double start) : Gauge() { Set(start); }
Gauge::~Gauge() { DropInProcess::Instance().Retire(polymeter::MetricType::kGauge, cell_); }

void Gauge::SetToCurrentTime() { Set(static_cast<double>(std::time(nullptr))); }

double Gauge::Value() const { return polymeter::detail::ReadGauge(cell_); }

ClientMetric Gauge::Collect() const {
  ClientMetric metric;
  metric.gauge.value = Value();
  return metric;
}

// --- Histogram -------------------------------------------------------------------------------

namespace detail {

// What ObserveMultiple was given beyond whole observations. Under a lock that a fork takes.
class Fractions {
 public:
  explicit Fractions(std::size_t buckets) : rest_(buckets) {}
  // Adds to what bucket i has; gives the whole observations that have come together.
  std::uint64_t Add(std::size_t i, double amount) {
    const std::lock_guard lock(DropInProcess::Instance().resets_lock());
    rest_[i] += amount - std::floor(amount);
    const double whole = std::floor(rest_[i]);
    rest_[i] -= whole;
    return static_cast<std::uint64_t>(whole);
  }
  void Clear() {
    const std::lock_guard lock(DropInProcess::Instance().resets_lock());
    std::fill(rest_.begin(), rest_.end(), 0.0);
  }

 private:
  std::vector<double> rest_;
};

}  // namespace detail

namespace {

using polymeter::detail::HistogramBounds;

// A histogram's row lies in one lane of a chunk.
constexpr std::size_t kMostBoundaries = 8000;

const HistogramBounds* BoundsOf(const Histogram::BucketBoundaries& buckets) {
  const bool bad =
      std::adjacent_find(buckets.begin(), buckets.end(), std::greater_equal<>()) != buckets.end() ||
      std::any_of(buckets.begin(), buckets.end(), [](double bound) { return std::isnan(bound); });
  if (bad) {
    throw std::invalid_argument("Histogram: each bucket boundary must be greater than the last");
  }
  if (buckets.size() > kMostBoundaries) {
    throw std::length_error("Histogram: " + std::to_string(buckets.size()) +
                            " bucket boundaries, at most " + std::to_string(kMostBoundaries) +
                            " are accepted");
  }
  std::vector<double> bounds = buckets;
  // Every histogram has it anyway.
  if (!bounds.empty() && bounds.back() == std::numeric_limits<double>::infinity()) {
    bounds.pop_back();
  }
  for (double& bound : bounds) bound += 0.0;  // -0 is 0
  return polymeter::detail::InternBounds(bounds);
}

CellAddress RowOf(CellAddress cell) {
  return reinterpret_cast<const polymeter::detail::HistogramCell*>(cell)->row;
}
CellAddress BucketSlot(CellAddress row, std::size_t i) { return row + sizeof(std::uint64_t) * i; }

}  // namespace

Histogram::Histogram(const BucketBoundaries& buckets)
    : row_(kNoopCell), cell_(kNoopCell), bounds_(BoundsOf(buckets)) {
  UseCell(DropInProcess::Instance().NewHistogram(bounds_));
}
Histogram::~Histogram() {
  DropInProcess::Instance().Retire(polymeter::MetricType::kHistogram, Cell());
  delete fractions_;
}

void Histogram::UseCell(CellAddress cell) {
  const CellAddress row = cell == kNoopCell ? kNoopCell : RowOf(cell);
  __atomic_store_n(&cell_, cell, __ATOMIC_RELEASE);
  __atomic_store_n(&row_, row, __ATOMIC_RELEASE);
}

// NaN, or there is no row.
void Histogram::ObserveOutOfLine(double value) {
  const CellAddress row = __atomic_load_n(&row_, __ATOMIC_RELAXED);
  if (row == kNoopCell) return;
  polymeter::detail::SlotAdd(BucketSlot(row, 0), 1);
  polymeter::detail::SlotAddDouble(BucketSlot(row, bounds_->count + 1), value);
}

void Histogram::ObserveMultiple(const std::vector<double>& bucket_increments,
                                double sum_of_values) {
  const std::size_t buckets = std::size_t{bounds_->count} + 1;
  if (bucket_increments.size() != buckets) {
    throw std::length_error(
        "Histogram::ObserveMultiple: " + std::to_string(bucket_increments.size()) +
        " increments for " + std::to_string(buckets) + " buckets");
  }
  const CellAddress row = __atomic_load_n(&row_, __ATOMIC_RELAXED);
  if (row == kNoopCell) return;
  for (std::size_t i = 0; i < buckets; ++i) {
    const double amount = bucket_increments[i];
    constexpr double kMost = 18446744073709549568.0;  // below 2^64
    if (!(amount > 0 && amount <= kMost)) continue;
    auto whole = static_cast<std::uint64_t>(amount);
    if (amount != std::floor(amount)) whole += FractionsOf().Add(i, amount);
    polymeter::detail::SlotAdd(BucketSlot(row, i), whole);
  }
  polymeter::detail::SlotAddDouble(BucketSlot(row, buckets), sum_of_values);
}

detail::Fractions& Histogram::FractionsOf() {
  detail::Fractions* fractions = __atomic_load_n(&fractions_, __ATOMIC_ACQUIRE);
  if (fractions != nullptr) return *fractions;
  auto* const made = new detail::Fractions(std::size_t{bounds_->count} + 1);
  if (__atomic_compare_exchange_n(&fractions_, &fractions, made, /*weak=*/false, __ATOMIC_ACQ_REL,
                                  __ATOMIC_ACQUIRE)) {
    return *made;
  }
  delete made;  // another thread was faster
  return *fractions;
}

void Histogram::Reset() {
  DropInProcess& process = DropInProcess::Instance();
  const CellAddress fresh = process.NewHistogram(bounds_);
  if (fresh == kNoopCell) return;  // no memory
  CellAddress old = kNoopCell;
  {
    const std::lock_guard lock(process.resets_lock());
    old = Cell();
    UseCell(fresh);
  }
  process.RetireExchanged(polymeter::MetricType::kHistogram, old);
  detail::Fractions* const fractions = __atomic_load_n(&fractions_, __ATOMIC_ACQUIRE);
  if (fractions != nullptr) fractions->Clear();
}

ClientMetric Histogram::Collect() const {
  ClientMetric metric;
  auto& histogram = metric.histogram;
  const CellAddress cell = Cell();
  const std::size_t buckets = std::size_t{bounds_->count} + 1;
  std::vector<std::uint64_t> counts(buckets);
  if (cell != kNoopCell) {
    const auto totals = polymeter::detail::ReadHistogramCell(
        *reinterpret_cast<const polymeter::detail::HistogramCell*>(cell),
        polymeter::detail::LaneCount(), counts.data());
    histogram.sample_count = totals.count;
    histogram.sample_sum = totals.sum;
  }
  histogram.bucket.resize(buckets);
  std::uint64_t cumulative = 0;
  for (std::size_t i = 0; i < buckets; ++i) {
    cumulative += counts[i];
    histogram.bucket[i].cumulative_count = cumulative;
    histogram.bucket[i].upper_bound =
        i < bounds_->count ? bounds_->values[i] : std::numeric_limits<double>::infinity();
  }
  return metric;
}

// --- Info ------------------------------------------------------------------------------------

ClientMetric Info::Collect() const {
  ClientMetric metric;
  metric.info.value = Value();
  return metric;
}

// --- builders --------------------------------------------------------------------------------

detail::Builder<Counter> BuildCounter() { return {}; }
detail::Builder<Gauge> BuildGauge() { return {}; }
detail::Builder<Histogram> BuildHistogram() { return {}; }
detail::Builder<Info> BuildInfo() { return {}; }
detail::Builder<Summary> BuildSummary() { return {}; }

namespace detail {

// For programs that register without including registry.h.
template class Builder<Counter>;
template class Builder<Gauge>;
template class Builder<Histogram>;
template class Builder<Info>;
template class Builder<Summary>;

}  // namespace detail
}  // namespace prometheus
