// How a family reads the instruments of the library's own types. Internal.
#pragma once

#include "integrations/prometheus_cpp/dropin/summary_state.h"
#include "polymeter/hot_path.h"
#include "prometheus/counter.h"
#include "prometheus/gauge.h"
#include "prometheus/histogram.h"
#include "prometheus/metric_type.h"
#include "prometheus/summary.h"

namespace prometheus {

struct InstrumentAccess {
  // `instrument`: of the library's type that belongs to `type`. kNoopCell for one without a cell.
  static polymeter::detail::CellAddress Cell(MetricType type, const void* instrument) noexcept {
    switch (type) {
      case MetricType::Counter:
        return static_cast<const Counter*>(instrument)->Cell();
      case MetricType::Gauge:
        return static_cast<const Gauge*>(instrument)->cell_;
      case MetricType::Histogram:
        return static_cast<const Histogram*>(instrument)->Cell();
      default:
        return polymeter::detail::kNoopCell;
    }
  }
  static const polymeter::detail::HistogramBounds& Bounds(const void* histogram) noexcept {
    return *static_cast<const Histogram*>(histogram)->bounds_;
  }
  static detail::SummaryState& State(const void* summary) {
    return static_cast<const Summary*>(summary)->State();
  }
};

}  // namespace prometheus
