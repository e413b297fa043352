// What stays the same on a page from scrape to scrape: the lines before a family's samples, and
// what stands before each value.
//
// Memory a series: its head and 12 bytes. A histogram keeps its labels once, not once a bucket.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "polymeter/encoder.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// The heads of one family.
class FamilyHeads {
 public:
  std::string prologue;  // metadata lines
  bool demoted = false;  // what the prologue was made for, see page_encoder.cpp
  // Histograms: the bounds that le_texts was made for, and `le="0.1"} ` for each and for +Inf.
  struct LeText {
    char text[39];  // the longest number and what is around it
    std::uint8_t size;
  };
  std::vector<double> bounds;
  std::vector<LeText> le_texts;

  // The head of the series; `make(std::string&)` appends it when it is not known. Valid until the
  // next call.
  template <class Make>
  std::string_view Head(SeriesView series, Make&& make) {
    if (series.generation() == 0 || bytes_.size() > kMostBytes) {  // no identity, or no offset
      scratch_.clear();
      make(scratch_);
      return scratch_;
    }
    const std::uint32_t index = series.index();
    if (index >= entries_.size()) entries_.resize(index + 1);
    Entry& entry = entries_[index];
    if (entry.generation != series.generation()) {
      garbage_ += entry.length;
      entry.offset = static_cast<std::uint32_t>(bytes_.size());
      make(bytes_);
      entry.length = static_cast<std::uint32_t>(bytes_.size() - entry.offset);
      entry.generation = series.generation();
    }
    return std::string_view(bytes_).substr(entry.offset, entry.length);
  }

  // Before a family is written: starts anew when most of the bytes belong to series that are gone.
  void Compact() {
    if (garbage_ * 2 <= bytes_.size()) return;
    bytes_ = {};
    entries_ = {};
    garbage_ = 0;
  }

  std::uint64_t used = 0;  // the encoding that used it last

 private:
  static constexpr std::size_t kMostBytes = std::size_t{1} << 31;
  struct Entry {
    std::uint32_t offset = 0;
    std::uint32_t length = 0;
    std::uint32_t generation = 0;
  };
  std::string bytes_;
  std::vector<Entry> entries_;
  std::string scratch_;
  std::size_t garbage_ = 0;
};

class LineHeads final : public EncoderCache {
 public:
  void BeginPage() { ++page_; }
  FamilyHeads& Of(std::uint64_t family) {
    FamilyHeads& heads = families_[family];
    heads.used = page_;
    heads.Compact();
    return heads;
  }
  // Forgets families that were not on the page.
  void EndPage() {
    std::erase_if(families_, [this](const auto& entry) { return entry.second.used != page_; });
  }

 private:
  std::uint64_t page_ = 0;
  std::unordered_map<std::uint64_t, FamilyHeads> families_;
};

}  // namespace detail
POLYMETER_END_NAMESPACE
