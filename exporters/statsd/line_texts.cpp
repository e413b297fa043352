#include "exporters/statsd/line_texts.h"

#include <utility>

POLYMETER_BEGIN_NAMESPACE
namespace detail {

void BoundTags::Use(const HistogramPoint& point, StatsdTags tags) {
  if (bounds_.IsOf(point)) return;
  bounds_.Clear();  // should memory run out below
  texts_.clear();
  encoding::BoundsKey bounds;
  bounds.Take(point);
  for (std::size_t i = 0; i < bounds.size(); ++i) {
    AppendNumberTag(texts_.emplace_back(), tags, "le", bounds[i]);
  }
  bounds_ = std::move(bounds);
}

}  // namespace detail
POLYMETER_END_NAMESPACE
