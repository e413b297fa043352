// What stays the same on a page from scrape to scrape: the lines before a family's samples, the
// names of its samples, and the labels of each series, escaped.
//
// Memory a series: its labels, once however many lines it has, and 16 bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "exporters/common/encoding/bounds_key.h"
#include "exporters/common/encoding/padded_text.h"
#include "exporters/common/encoding/series_texts.h"
#include "exporters/common/exposition/family_names.h"
#include "polymeter/encoder.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// `,le="0.1"} ` for each bound of a histogram and for +Inf.
class BoundTexts {
 public:
  // How the format writes a number.
  using Write = char* (*)(char* to, double value) noexcept;

  // Makes the texts unless they are those of `point` already: series of one producer may differ.
  void Use(const HistogramPoint& point, Write write);
  // For a series that has other labels, and for one that has none.
  encoding::PaddedText AfterLabels(std::size_t i) const noexcept {
    return {texts_[i].bytes, texts_[i].size};
  }
  encoding::PaddedText Alone(std::size_t i) const noexcept {
    return {texts_[i].bytes + 1, std::size_t{texts_[i].size} - 1};
  }
  static constexpr std::size_t kMost = 40;  // bytes of a text

 private:
  struct Text {
    char bytes[kMost + encoding::kPadding - 1];
    std::uint8_t size;
  };
  encoding::BoundsKey bounds_;
  std::vector<Text> texts_;
};

// One family.
struct FamilyHeads {
  FamilyForm form = FamilyForm::kNatural;  // what the texts were made for
  bool counter = false;                    // it is written as one
  encoding::TextBuffer prologue;           // metadata lines; empty: nothing is made yet
  // `name{`, `name_bucket{` and so on, quoted `{"na.me",`; which there are depends on the kind.
  encoding::TextBuffer sample;
  encoding::TextBuffer bucket;
  encoding::TextBuffer sum;
  encoding::TextBuffer count;
  encoding::TextBuffer created;
  BoundTexts bounds;
  encoding::SeriesTexts labels;
  std::uint64_t page = 0;  // the last one that had it
};

class LineHeads final : public EncoderCache {
 public:
  void BeginPage() noexcept { ++page_; }
  FamilyHeads& Of(std::uint64_t family) {
    FamilyHeads& heads = families_[family];
    heads.page = page_;
    return heads;
  }
  // After a whole page: forgets the families that it did not have.
  void EndPage() {
    std::erase_if(families_, [this](const auto& entry) { return entry.second.page != page_; });
  }

 private:
  std::uint64_t page_ = 0;
  std::unordered_map<std::uint64_t, FamilyHeads> families_;
};

}  // namespace detail
POLYMETER_END_NAMESPACE
