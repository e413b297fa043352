// Histogram: observations counted in buckets with fixed upper bounds, and their sum. C++14.
#pragma once

#include <cstdint>
#include <vector>

#include "polymeter/export.h"
#include "polymeter/hot_path.h"
#include "prometheus/client_metric.h"
#include "prometheus/detail/builder.h"
#include "prometheus/metric_type.h"

namespace prometheus {
namespace detail {
class Fractions;
}  // namespace detail

// Thread-safe; Observe takes no lock and allocates nothing. A child made by fork() starts from
// zero. Without memory for its numbers a histogram stays at zero.
class POLYMETER_EXPORT Histogram {
 public:
  using BucketBoundaries = std::vector<double>;

  static const MetricType metric_type{MetricType::Histogram};

  // Upper bounds, which belong to their bucket (`le`); +Inf is there without being named. Throws
  // std::invalid_argument unless each is greater than the one before, and std::length_error for
  // more than 8000.
  Histogram(const BucketBoundaries& buckets);  // NOLINT: as in prometheus-cpp
  ~Histogram();
  Histogram(const Histogram&) = delete;
  Histogram& operator=(const Histogram&) = delete;

  // NaN counts in the first bucket and makes the sum NaN.
  void Observe(double value) {
    const polymeter::detail::CellAddress row = __atomic_load_n(&row_, __ATOMIC_RELAXED);
    if (__builtin_expect((row & polymeter::detail::kOutOfLineBit) != 0 || value != value, 0)) {
      ObserveOutOfLine(value);
      return;
    }
    const polymeter::detail::HistogramBounds& bounds = *bounds_;
    polymeter::detail::ObservationAdd(
        row + sizeof(std::uint64_t) * polymeter::detail::BucketIndex(bounds, value),
        row + sizeof(std::uint64_t) * (bounds.count + 1), value);
  }

  // Adds to every bucket, +Inf's included (that is one more than there are bounds), and to the
  // sum. Negative numbers of a bucket are ignored. Throws std::length_error when there are fewer
  // or more of them than buckets, and then nothing has changed.
  void ObserveMultiple(const std::vector<double>& bucket_increments, double sum_of_values);
  template <class Iterator>
  void ObserveMultiple(Iterator from, Iterator end, double sum_of_values) {
    ObserveMultiple(std::vector<double>(from, end), sum_of_values);
  }

  // Back to no observation. An observation on another thread counts before it or after it, never
  // half.
  void Reset();

  ClientMetric Collect() const;

 private:
  friend struct InstrumentAccess;
  polymeter::detail::CellAddress Cell() const { return __atomic_load_n(&cell_, __ATOMIC_ACQUIRE); }
  void UseCell(polymeter::detail::CellAddress cell);
  void ObserveOutOfLine(double value);
  detail::Fractions& FractionsOf();

  // Reset exchanges both.
  polymeter::detail::CellAddress row_;   // where observations go; with a bit set: nowhere
  polymeter::detail::CellAddress cell_;  // the row's owner
  const polymeter::detail::HistogramBounds* const bounds_;
  detail::Fractions* fractions_ = nullptr;  // of ObserveMultiple
};

// Describes a family of histograms; Register(registry) makes it.
POLYMETER_EXPORT detail::Builder<Histogram> BuildHistogram();

}  // namespace prometheus
