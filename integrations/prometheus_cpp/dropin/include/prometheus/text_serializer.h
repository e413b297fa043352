// TextSerializer: Prometheus text exposition format 0.0.4
// (https://prometheus.io/docs/instrumenting/exposition_formats/). C++14.
#pragma once

#include <iosfwd>
#include <vector>

#include "polymeter/export.h"
#include "prometheus/metric_family.h"
#include "prometheus/serializer.h"

namespace prometheus {

// Families and series in the order in which they are given. Unlike prometheus-cpp it escapes HELP,
// writes numbers with the fewest digits that read back the same and NaN as `NaN`, and names in an
// Info's HELP and TYPE the metric that follows, <name>_info. Independent of the stream's locale
// and flags.
class POLYMETER_EXPORT TextSerializer : public Serializer {
 public:
  using Serializer::Serialize;
  void Serialize(std::ostream& out, const std::vector<MetricFamily>& metrics) const override;
};

}  // namespace prometheus
