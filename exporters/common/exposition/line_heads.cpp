#include "exporters/common/exposition/line_heads.h"

#include <cstring>

#include "exporters/common/encoding/numbers.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

void BoundTexts::Use(const HistogramPoint& point, Write write) {
  static_assert(kMost >= encoding::kMostDigits + 8);
  if (bounds_.IsOf(point)) return;
  texts_.clear();
  bounds_.Renew(point, [&](double bound) {
    Text& text = texts_.emplace_back();
    char* to = text.bytes;
    std::memcpy(to, ",le=\"", 5);
    to = write(to + 5, bound);
    std::memcpy(to, "\"} ", 3);
    text.size = static_cast<std::uint8_t>(to + 3 - text.bytes);
  });
}

}  // namespace detail
POLYMETER_END_NAMESPACE
