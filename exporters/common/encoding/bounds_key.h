// Which bounds the kept texts of a histogram's buckets were made for.
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <utility>
#include <vector>

#include "polymeter/snapshot.h"

POLYMETER_BEGIN_NAMESPACE
namespace encoding {

class BoundsKey {
 public:
  bool IsOf(const HistogramPoint& point) const noexcept {
    return bounds_.size() == std::size_t{point.bound_count} + 1 &&
           std::equal(bounds_.begin(), bounds_.end() - 1, point.bounds);
  }
  // Becomes that of `point` once append(bound) has been called for each of its bounds, +Inf being
  // the last; of no point should memory run out on the way.
  template <class Append>
  void Renew(const HistogramPoint& point, Append append) {
    bounds_.clear();
    std::vector<double> bounds(point.bounds, point.bounds + point.bound_count);
    bounds.push_back(std::numeric_limits<double>::infinity());
    for (const double bound : bounds) append(bound);
    bounds_ = std::move(bounds);
  }

 private:
  std::vector<double> bounds_;
};

}  // namespace encoding
POLYMETER_END_NAMESPACE
