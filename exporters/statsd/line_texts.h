// What stays the same from flush to flush: names with their prefix, and the labels of each series
// in the form that goes into a line.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "exporters/common/encoding/bounds_key.h"
#include "exporters/statsd/names.h"
#include "polymeter/encoder.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// The `le` of each bucket of a histogram.
class BoundTags {
 public:
  // Makes the texts unless they are those of `point` already: series of one producer may differ.
  void Use(const HistogramPoint& point, StatsdTags tags);
  const std::string& operator[](std::size_t bucket) const noexcept { return texts_[bucket]; }

 private:
  encoding::BoundsKey bounds_;
  std::vector<std::string> texts_;
};

// The labels of a family's series, by index and generation.
class SeriesTags {
 public:
  // `make(std::string&)` appends them when they are not known. Valid until the next call.
  template <class Make>
  const std::string& Of(SeriesView series, Make&& make) {
    const std::uint32_t generation = series.generation();
    const std::size_t index = series.index();
    if (generation != 0 && index < entries_.size() && entries_[index].generation == generation) {
      ++used_;
      return entries_[index].text;
    }
    scratch_.clear();
    make(scratch_);
    // No identity, or so long that copying costs more than what is saved.
    if (generation == 0 || scratch_.size() > kMostKept) return scratch_;
    if (index >= entries_.size()) entries_.resize(index + index / 8 + 1);
    Entry& entry = entries_[index];
    entry.generation = 0;  // should the text not be had
    entry.text = scratch_;
    entry.generation = generation;
    ++used_;
    return entry.text;
  }
  // Around all series of a family. Differences leave the idle ones out, so that a table is given
  // up only when it has been almost unused for long.
  void BeginPass() noexcept { used_ = 0; }
  void EndPass() {
    idle_ = used_ * 8 < entries_.size() ? idle_ + 1 : 0;
    if (idle_ <= kMostIdle) return;
    entries_ = {};
    idle_ = 0;
  }

 private:
  static constexpr std::size_t kMostKept = 4096;
  static constexpr int kMostIdle = 30;
  struct Entry {
    std::uint32_t generation = 0;
    std::string text;
  };
  std::vector<Entry> entries_;
  std::string scratch_;
  std::size_t used_ = 0;
  int idle_ = 0;
};

struct FamilyTexts {
  std::string name;  // with prefix; empty: nothing is made yet
  std::string count;
  std::string sum;
  std::string bucket;
  std::string quantile;
  BoundTags bounds;
  SeriesTags tags;
  std::uint64_t flush = 0;  // the last one that had it
};

class LineTexts final : public EncoderCache {
 public:
  // `constants`: what goes into the texts besides the snapshot's families.
  void BeginFlush(const std::string& constants) {
    ++flush_;
    if (constants == constants_) return;
    families_.clear();
    constants_ = constants;
  }
  FamilyTexts& Of(std::uint64_t family) {
    FamilyTexts& texts = families_[family];
    texts.flush = flush_;
    return texts;
  }
  // After a whole flush: forgets the families that it did not have.
  void EndFlush() {
    std::erase_if(families_, [this](const auto& entry) { return entry.second.flush != flush_; });
  }

 private:
  std::uint64_t flush_ = 0;
  std::string constants_;
  std::unordered_map<std::uint64_t, FamilyTexts> families_;
};

}  // namespace detail
POLYMETER_END_NAMESPACE
