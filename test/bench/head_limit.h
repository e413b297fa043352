// The limit of exposition: live cells, line heads made beforehand, std::to_chars into a
// buffer. No registry, no snapshot, no series that come and go.
#pragma once

#include <atomic>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "polymeter/encoder.h"

namespace polymeter_bench {

// Hands full buffers of 64 KiB to a sink, as a server that streams would.
class ChunkWriter {
 public:
  explicit ChunkWriter(polymeter::MessageSink& sink) : sink_(sink) {}
  void Text(std::string_view text) {
    if (text.size() > kSize - used_) Flush();
    std::memcpy(buffer_.get() + used_, text.data(), text.size());
    used_ += text.size();
  }
  void Number(std::uint64_t value) {
    Put([value](char* begin, char* end) { return std::to_chars(begin, end, value); });
  }
  void Number(double value) {
    Put([value](char* begin, char* end) {
      return std::to_chars(begin, end, value, std::chars_format::general);
    });
  }
  void Flush() {
    sink_.Append({buffer_.get(), used_});
    used_ = 0;
  }

 private:
  template <class Format>
  void Put(const Format& format) {
    if (kSize - used_ < 32) Flush();
    char* const begin = buffer_.get() + used_;
    used_ += static_cast<std::size_t>(format(begin, begin + 31).ptr - begin);
    buffer_[used_++] = '\n';
  }

  static constexpr std::size_t kSize = 64 * 1024;
  polymeter::MessageSink& sink_;
  std::unique_ptr<char[]> buffer_ = std::make_unique<char[]>(kSize);
  std::size_t used_ = 0;
};

// Numbers as two threads would have left them: a slot each, and a second one for fractions where
// a page has any.
class LiveSlots {
 public:
  explicit LiveSlots(std::size_t count) : lanes_{Lane(count), Lane(count)} {}
  void Set(std::size_t i, std::uint64_t value) {
    lanes_[0][i].store(value / 2, std::memory_order_relaxed);
    lanes_[1][i].store(value - value / 2, std::memory_order_relaxed);
  }
  std::uint64_t Sum(std::size_t i) const {
    return lanes_[0][i].load(std::memory_order_relaxed) +
           lanes_[1][i].load(std::memory_order_relaxed);
  }

 private:
  using Lane = std::vector<std::atomic<std::uint64_t>>;
  Lane lanes_[2];
};

class LiveDoubles {
 public:
  explicit LiveDoubles(std::size_t count) : lanes_{Lane(count), Lane(count)} {}
  void Set(std::size_t i, double value) { lanes_[0][i].store(value, std::memory_order_relaxed); }
  double Sum(std::size_t i) const {
    return lanes_[0][i].load(std::memory_order_relaxed) +
           lanes_[1][i].load(std::memory_order_relaxed);
  }

 private:
  using Lane = std::vector<std::atomic<double>>;
  Lane lanes_[2];
};

// Line heads one after the other in one block.
class Heads {
 public:
  void Add(std::string_view head) {
    text_.append(head);
    ends_.push_back(static_cast<std::uint32_t>(text_.size()));
  }
  std::string_view operator[](std::size_t i) const {
    const std::uint32_t begin = i == 0 ? 0 : ends_[i - 1];
    return {text_.data() + begin, ends_[i] - begin};
  }
  std::size_t size() const { return ends_.size(); }

 private:
  std::string text_;
  std::vector<std::uint32_t> ends_;
};

}  // namespace polymeter_bench
