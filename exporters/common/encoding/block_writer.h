// Collects bytes into blocks for a MessageSink, so that an encoder may write a few at a time.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>

#include "exporters/common/encoding/padded_text.h"
#include "polymeter/encoder.h"

POLYMETER_BEGIN_NAMESPACE
namespace encoding {

class BlockWriter {
 public:
  explicit BlockWriter(MessageSink& sink)
      : sink_(sink),
        block_(std::make_unique_for_overwrite<char[]>(kBlock + kPadding)),
        next_(block_.get()) {}

  // Room for `bytes`, at most kMostReserved, and the padding; Advance says how far it was used.
  static constexpr std::size_t kMostReserved = 8192;
  char* Reserve(std::size_t bytes) {
    if (static_cast<std::size_t>(block_.get() + kBlock - next_) < bytes) Flush();
    return next_;
  }
  void Advance(char* end) noexcept { next_ = end; }

  void Append(std::string_view bytes) {
    if (bytes.empty()) return;
    if (bytes.size() > kMostReserved) {
      Flush();
      if (ok_) ok_ = sink_.Append(bytes);
      return;
    }
    char* const to = Reserve(bytes.size());
    std::memcpy(to, bytes.data(), bytes.size());
    Advance(to + bytes.size());
  }

  void Flush() {
    const std::string_view bytes(block_.get(), static_cast<std::size_t>(next_ - block_.get()));
    next_ = block_.get();
    if (ok_ && !bytes.empty()) ok_ = sink_.Append(bytes);
  }

  // False once the sink has refused bytes: what follows goes nowhere.
  bool ok() const noexcept { return ok_; }

 private:
  static constexpr std::size_t kBlock = 64 * 1024;
  MessageSink& sink_;
  const std::unique_ptr<char[]> block_;
  char* next_;
  bool ok_ = true;
};

}  // namespace encoding
POLYMETER_END_NAMESPACE
