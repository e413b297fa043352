// Gauge: a value that goes up and down. C++14.
#pragma once

#include "polymeter/export.h"
#include "polymeter/hot_path.h"
#include "prometheus/client_metric.h"
#include "prometheus/detail/builder.h"
#include "prometheus/metric_type.h"

namespace prometheus {

// Thread-safe; recording takes no lock and allocates nothing. A child made by fork() starts from
// zero. Without memory for its number a gauge stays at zero.
class POLYMETER_EXPORT Gauge {
 public:
  static const MetricType metric_type{MetricType::Gauge};

  Gauge();              // at 0
  Gauge(double start);  // NOLINT: as in prometheus-cpp
  ~Gauge();
  Gauge(const Gauge&) = delete;
  Gauge& operator=(const Gauge&) = delete;

  void Increment() { polymeter::detail::GaugeAdd(cell_, 1.0); }
  void Increment(double amount) { polymeter::detail::GaugeAdd(cell_, amount); }
  void Decrement() { polymeter::detail::GaugeAdd(cell_, -1.0); }
  void Decrement(double amount) { polymeter::detail::GaugeAdd(cell_, -amount); }
  void Set(double value) { polymeter::detail::GaugeSet(cell_, value); }
  // Unix time in whole seconds.
  void SetToCurrentTime();

  double Value() const;
  ClientMetric Collect() const;

 private:
  friend struct InstrumentAccess;
  const polymeter::detail::CellAddress cell_;
};

// Describes a family of gauges; Register(registry) makes it.
POLYMETER_EXPORT detail::Builder<Gauge> BuildGauge();

}  // namespace prometheus
