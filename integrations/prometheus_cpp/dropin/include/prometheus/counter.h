// Counter: a value that only grows. C++14.
#pragma once

#include <cstdint>

#include "polymeter/export.h"
#include "polymeter/hot_path.h"
#include "prometheus/client_metric.h"
#include "prometheus/detail/builder.h"
#include "prometheus/metric_type.h"

namespace prometheus {

// Thread-safe; Increment takes no lock and allocates nothing. A child made by fork() starts from
// zero. Without memory for its numbers a counter stays at zero.
class POLYMETER_EXPORT Counter {
 public:
  static const MetricType metric_type{MetricType::Counter};

  Counter();  // at 0
  ~Counter();
  Counter(const Counter&) = delete;
  Counter& operator=(const Counter&) = delete;

  // By 1. Exact to 2^64.
  void Increment() { polymeter::detail::CounterAdd(Cell(), std::uint64_t{1}); }
  // A negative amount is ignored.
  void Increment(double amount) {
    if (__builtin_expect(!(amount >= 0), 0)) {
      IncrementByNoNumber(amount);
    } else {
      polymeter::detail::CounterAdd(Cell(), amount);
    }
  }
  // Back to 0, and with a new start time for the backends that know one. An increment on another
  // thread counts before it or after it, never half.
  void Reset();

  double Value() const;
  ClientMetric Collect() const;

 private:
  friend struct InstrumentAccess;
  polymeter::detail::CellAddress Cell() const {
    return __atomic_load_n(&cell_, __ATOMIC_RELAXED);  // Reset exchanges it
  }
  void IncrementByNoNumber(double amount);

  polymeter::detail::CellAddress cell_;
};

// Describes a family of counters; Register(registry) makes it.
POLYMETER_EXPORT detail::Builder<Counter> BuildCounter();

}  // namespace prometheus
