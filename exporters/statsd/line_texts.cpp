#include "exporters/statsd/line_texts.h"

#include <limits>

POLYMETER_BEGIN_NAMESPACE
namespace detail {

void BoundTags::Use(const HistogramPoint& point, StatsdTags tags) {
  if (texts_.size() == std::size_t{point.bound_count} + 1 &&
      std::equal(bounds_.begin(), bounds_.end(), point.bounds)) {
    return;
  }
  texts_.clear();  // not those of bounds_ should memory run out below
  bounds_.assign(point.bounds, point.bounds + point.bound_count);
  texts_.reserve(bounds_.size() + 1);
  for (std::size_t i = 0; i <= bounds_.size(); ++i) {
    const double bound = i < bounds_.size() ? bounds_[i] : std::numeric_limits<double>::infinity();
    AppendNumberTag(texts_.emplace_back(), tags, "le", bound);
  }
}

}  // namespace detail
POLYMETER_END_NAMESPACE
