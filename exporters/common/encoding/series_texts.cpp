#include "exporters/common/encoding/series_texts.h"

#include <algorithm>
#include <cstring>

POLYMETER_BEGIN_NAMESPACE
namespace encoding {

PaddedText SeriesTexts::Keep(std::uint32_t index, std::uint32_t generation) {
  const PaddedText text = scratch_.text();
  if (index >= entries_.size()) {
    // Once for a family that is new, and some in advance for one that grows.
    const std::size_t wanted = std::max<std::size_t>(expected_, index + std::size_t{1});
    if (wanted > entries_.capacity()) entries_.reserve(wanted + entries_.size() / 8);
    entries_.resize(wanted);
  }
  if (text.size == 0) {
    const PaddedText nothing = TextBuffer().text();  // may be copied like any other
    entries_[index] = {nothing.data, 0, generation};
    return nothing;
  }
  if (text.size > left_) {
    const std::size_t size = std::max(text.size, std::clamp(kept_, kFirstChunk, kMostChunk));
    chunks_.push_back(std::make_unique<char[]>(size + kPadding));
    next_ = chunks_.back().get();
    left_ = size;
  }
  std::memcpy(next_, text.data, text.size);
  entries_[index] = {next_, static_cast<std::uint32_t>(text.size), generation};
  live_ += text.size;
  kept_ += text.size;
  next_ += text.size;
  left_ -= text.size;
  return {next_ - text.size, text.size};
}

void SeriesTexts::EndPass() noexcept {
  if (kept_ <= 2 * live_) return;
  entries_ = {};
  chunks_.clear();
  next_ = nullptr;
  left_ = 0;
  kept_ = 0;
}

}  // namespace encoding
POLYMETER_END_NAMESPACE
