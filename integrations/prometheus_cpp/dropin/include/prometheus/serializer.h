// Serializer: from collected metrics to text. Programs derive from it. C++14.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "polymeter/export.h"
#include "prometheus/metric_family.h"

namespace prometheus {

class POLYMETER_EXPORT Serializer {
 public:
  virtual ~Serializer() = default;
  virtual std::string Serialize(const std::vector<MetricFamily>& metrics) const;
  virtual void Serialize(std::ostream& out, const std::vector<MetricFamily>& metrics) const = 0;
};

}  // namespace prometheus
