// Info: its labels are the information; the value is always 1. C++14.
#pragma once

#include "polymeter/export.h"
#include "prometheus/client_metric.h"
#include "prometheus/detail/builder.h"
#include "prometheus/metric_type.h"

namespace prometheus {

class POLYMETER_EXPORT Info {
 public:
  static const MetricType metric_type{MetricType::Info};

  Info() = default;

  double Value() const { return 1.0; }
  ClientMetric Collect() const;
};

// Describes a family of infos; Register(registry) makes it. In the text format its metric is
// <name>_info.
POLYMETER_EXPORT detail::Builder<Info> BuildInfo();

}  // namespace prometheus
