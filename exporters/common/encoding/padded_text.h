// Text that may be read a little past its end, so that copying it is a few moves of fixed size
// and no call: most pieces of a line are shorter than what a call to memcpy costs.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>

#include "polymeter/export.h"

POLYMETER_BEGIN_NAMESPACE
namespace encoding {

constexpr std::size_t kPadding = 32;  // bytes behind every padded text and behind what is written

// A view. `data` can be read for size + kPadding bytes; what stands behind `size` means nothing.
struct PaddedText {
  const char* data;
  std::size_t size;
  operator std::string_view() const noexcept { return {data, size}; }
};

// Copies `text`; `to` has room for text.size + kPadding bytes. Gives the end of the copy.
inline char* CopyPadded(char* to, PaddedText text) noexcept {
  char* const end = to + text.size;
  const char* from = text.data;
  do {
    // Two, because GCC would take one of twice the size over the stack.
    std::memcpy(to, from, kPadding / 2);
    std::memcpy(to + kPadding / 2, from + kPadding / 2, kPadding / 2);
    to += kPadding;
    from += kPadding;
  } while (to < end);
  return end;
}

// A padded text that grows. Keeps its memory when it is cleared.
class TextBuffer {
 public:
  TextBuffer() = default;
  explicit TextBuffer(std::string_view text) { Append(text); }

  // At least `bytes` to write to, and the padding behind; Advance says how far they were used.
  char* Room(std::size_t bytes) {
    if (capacity_ - size_ < bytes) Grow(bytes);
    return bytes_.get() + size_;
  }
  void Advance(const char* end) noexcept { size_ = static_cast<std::size_t>(end - bytes_.get()); }
  void Append(std::string_view text) {
    if (text.empty()) return;
    std::memcpy(Room(text.size()), text.data(), text.size());
    size_ += text.size();
  }
  void Clear() noexcept { size_ = 0; }

  bool empty() const noexcept { return size_ == 0; }
  std::size_t size() const noexcept { return size_; }
  PaddedText text() const noexcept { return {bytes_ ? bytes_.get() : kNothing, size_}; }

 private:
  static constexpr char kNothing[kPadding] = {};

  void Grow(std::size_t bytes) {
    const std::size_t capacity = size_ + bytes + (size_ + bytes) / 2;
    // Zeroed: the padding is read.
    auto grown = std::make_unique<char[]>(capacity + kPadding);
    if (size_ != 0) std::memcpy(grown.get(), bytes_.get(), size_);
    bytes_ = std::move(grown);
    capacity_ = capacity;
  }

  std::unique_ptr<char[]> bytes_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace encoding
POLYMETER_END_NAMESPACE
