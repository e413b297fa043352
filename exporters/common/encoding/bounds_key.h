// Which bounds the kept texts of a histogram's buckets were made for.
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <vector>

#include "polymeter/snapshot.h"

POLYMETER_BEGIN_NAMESPACE
namespace encoding {

class BoundsKey {
 public:
  // The bounds of `point`, and +Inf as the last one.
  std::size_t size() const noexcept { return bounds_.size(); }
  double operator[](std::size_t bucket) const noexcept { return bounds_[bucket]; }

  bool IsOf(const HistogramPoint& point) const noexcept {
    return bounds_.size() == std::size_t{point.bound_count} + 1 &&
           std::equal(bounds_.begin(), bounds_.end() - 1, point.bounds);
  }
  void Take(const HistogramPoint& point) {
    bounds_.assign(point.bounds, point.bounds + point.bound_count);
    bounds_.push_back(std::numeric_limits<double>::infinity());
  }
  void Clear() noexcept { bounds_.clear(); }  // is of no point then

 private:
  std::vector<double> bounds_;
};

}  // namespace encoding
POLYMETER_END_NAMESPACE
