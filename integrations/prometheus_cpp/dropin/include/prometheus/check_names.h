// The rules for names (https://prometheus.io/docs/concepts/data_model/). C++14.
#pragma once

#include <string>

#include "polymeter/export.h"
#include "prometheus/metric_type.h"

namespace prometheus {

// [a-zA-Z_:][a-zA-Z0-9_:]*, and not "__...".
POLYMETER_EXPORT bool CheckMetricName(const std::string& name);

// [a-zA-Z_][a-zA-Z0-9_]*, and not "__...".
POLYMETER_EXPORT bool CheckLabelName(const std::string& name);
// Nor `le` for a histogram or `quantile` for a summary, which are the format's own.
POLYMETER_EXPORT bool CheckLabelName(const std::string& name, MetricType type);

}  // namespace prometheus
