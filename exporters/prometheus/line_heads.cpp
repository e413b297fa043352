#include "exporters/prometheus/line_heads.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "exporters/common/encoding/numbers.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

void BoundTexts::Use(const HistogramPoint& point, Write write) {
  static_assert(kMost >= encoding::kMostDigits + 8);
  if (texts_.size() == std::size_t{point.bound_count} + 1 &&
      std::equal(bounds_.begin(), bounds_.end(), point.bounds)) {
    return;
  }
  texts_.clear();  // not those of bounds_ should memory run out below
  bounds_.assign(point.bounds, point.bounds + point.bound_count);
  texts_.reserve(bounds_.size() + 1);
  for (std::size_t i = 0; i <= bounds_.size(); ++i) {
    Text& text = texts_.emplace_back();
    char* to = text.bytes;
    std::memcpy(to, ",le=\"", 5);
    to = write(to + 5, i < bounds_.size() ? bounds_[i] : std::numeric_limits<double>::infinity());
    std::memcpy(to, "\"} ", 3);
    text.size = static_cast<std::uint8_t>(to + 3 - text.bytes);
  }
}

}  // namespace detail
POLYMETER_END_NAMESPACE
