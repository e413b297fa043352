// A text for each series of a family that stays the same from snapshot to snapshot (its labels, in
// the form of one format), found again by index and generation.
//
// Memory a series: the text and 16 bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "exporters/common/encoding/padded_text.h"
#include "polymeter/snapshot.h"

POLYMETER_BEGIN_NAMESPACE
namespace encoding {

class SeriesTexts {
 public:
  // The text of `series`; `make(TextBuffer&)` appends it when it is not known. Valid until
  // the next call.
  template <class Make>
  __attribute__((always_inline)) PaddedText Of(SeriesView series, const Make& make) {
    const std::uint32_t generation = series.generation();
    const std::uint32_t index = series.index();
    if (__builtin_expect(
            index < entries_.size() && entries_[index].generation == generation && generation != 0,
            1)) {
      const Entry& entry = entries_[index];
      live_ += entry.size;
      return {entry.text, entry.size};
    }
    return Made(series, make);
  }

  // Around all series of a family, `series` of them. A pass that was broken off has no End.
  void BeginPass(std::size_t series) noexcept {
    expected_ = series;
    live_ = 0;
  }
  // Starts anew when most of the bytes belong to series that are gone.
  void EndPass() noexcept;

 private:
  static constexpr std::size_t kMostKept = 4096;
  static constexpr std::size_t kFirstChunk = 256;
  static constexpr std::size_t kMostChunk = 64 * 1024;
  struct Entry {
    const char* text = nullptr;
    std::uint32_t size = 0;
    std::uint32_t generation = 0;
  };

  template <class Make>
  __attribute__((noinline)) PaddedText Made(SeriesView series, const Make& make) {
    scratch_.Clear();
    make(scratch_);
    // No identity, or so long that copying costs more than what is saved.
    if (series.generation() == 0 || scratch_.size() > kMostKept) return scratch_.text();
    return Keep(series.index(), series.generation());
  }
  PaddedText Keep(std::uint32_t index, std::uint32_t generation);

  std::vector<Entry> entries_;
  std::vector<std::unique_ptr<char[]>> chunks_;
  char* next_ = nullptr;  // in the last chunk
  std::size_t left_ = 0;  // there, without the padding
  std::size_t kept_ = 0;  // bytes of texts in all chunks, garbage included
  std::size_t live_ = 0;  // bytes of texts that this pass used
  std::size_t expected_ = 0;
  TextBuffer scratch_;
};

}  // namespace encoding
POLYMETER_END_NAMESPACE
