#include "exporters/prometheus/line_heads.h"

#include <cstring>
#include <utility>

#include "exporters/common/encoding/numbers.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

void BoundTexts::Use(const HistogramPoint& point, Write write) {
  static_assert(kMost >= encoding::kMostDigits + 8);
  if (bounds_.IsOf(point)) return;
  bounds_.Clear();  // should memory run out below
  texts_.clear();
  encoding::BoundsKey bounds;
  bounds.Take(point);
  for (std::size_t i = 0; i < bounds.size(); ++i) {
    Text& text = texts_.emplace_back();
    char* to = text.bytes;
    std::memcpy(to, ",le=\"", 5);
    to = write(to + 5, bounds[i]);
    std::memcpy(to, "\"} ", 3);
    text.size = static_cast<std::uint8_t>(to + 3 - text.bytes);
  }
  bounds_ = std::move(bounds);
}

}  // namespace detail
POLYMETER_END_NAMESPACE
