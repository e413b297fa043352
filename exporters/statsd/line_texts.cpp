#include "exporters/statsd/line_texts.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

void BoundTags::Use(const HistogramPoint& point, StatsdTags tags) {
  if (bounds_.IsOf(point)) return;
  texts_.clear();
  bounds_.Renew(point,
                [&](double bound) { AppendNumberTag(texts_.emplace_back(), tags, "le", bound); });
}

}  // namespace detail
POLYMETER_END_NAMESPACE
