// Collectable: whatever has metrics to show. Programs derive from it. C++14.
#pragma once

#include <vector>

#include "polymeter/export.h"
#include "prometheus/detail/one_library.h"

namespace prometheus {
struct MetricFamily;

class POLYMETER_EXPORT Collectable {
 public:
  virtual ~Collectable() = default;

  // The metrics as they are now. Called by scrapes and pushes on threads of the library, under no
  // lock; an exception costs this Collectable's metrics of the one scrape, and is counted.
  virtual std::vector<MetricFamily> Collect() const = 0;
};

}  // namespace prometheus
