#include "prometheus/check_names.h"

#include "sdk/src/text.h"

namespace prometheus {

bool CheckMetricName(const std::string& name) { return polymeter::detail::IsMetricName(name); }

bool CheckLabelName(const std::string& name) { return polymeter::detail::IsLabelName(name); }

bool CheckLabelName(const std::string& name, MetricType type) {
  return CheckLabelName(name) && !(type == MetricType::Histogram && name == "le") &&
         !(type == MetricType::Summary && name == "quantile");
}

}  // namespace prometheus
