// The kinds of metrics. C++14.
#pragma once

#include "prometheus/detail/one_library.h"

namespace prometheus {

enum class MetricType {
  Counter,
  Gauge,
  Summary,
  Untyped,
  Histogram,
  Info,
};

}  // namespace prometheus
