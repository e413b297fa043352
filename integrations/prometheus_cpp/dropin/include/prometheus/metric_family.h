// MetricFamily: series of one name, as Collectables give them. Plain data. C++14.
#pragma once

#include <string>
#include <vector>

#include "polymeter/export.h"
#include "prometheus/client_metric.h"
#include "prometheus/metric_type.h"

namespace prometheus {

struct POLYMETER_EXPORT MetricFamily {
  std::string name;
  std::string help;
  MetricType type = MetricType::Untyped;
  std::vector<ClientMetric> metric;
};

}  // namespace prometheus
