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

encoding::PaddedText LabelTexts::Keep(std::uint32_t index, std::uint32_t generation) {
  const encoding::PaddedText text = scratch_.text();
  if (index >= entries_.size()) {
    // Once for a family that is new, and some in advance for one that grows.
    const std::size_t wanted = std::max<std::size_t>(expected_, index + std::size_t{1});
    if (wanted > entries_.capacity()) entries_.reserve(wanted + entries_.size() / 8);
    entries_.resize(wanted);
  }
  if (text.size > left_) {
    const std::size_t size = std::max(text.size, std::clamp(kept_, kFirstChunk, kMostChunk));
    chunks_.push_back(std::make_unique<char[]>(size + encoding::kPadding));
    next_ = chunks_.back().get();
    left_ = size;
  }
  if (text.size != 0) std::memcpy(next_, text.data, text.size);
  entries_[index] = {next_, static_cast<std::uint32_t>(text.size), generation};
  live_ += text.size;
  kept_ += text.size;
  if (next_ == nullptr) return text;
  next_ += text.size;
  left_ -= text.size;
  return {next_ - text.size, text.size};
}

void LabelTexts::EndPass() noexcept {
  if (kept_ <= 2 * live_) return;
  entries_ = {};
  chunks_.clear();
  next_ = nullptr;
  left_ = 0;
  kept_ = 0;
}

}  // namespace detail
POLYMETER_END_NAMESPACE
