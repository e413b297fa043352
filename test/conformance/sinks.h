// Sinks that watch whether an encoder keeps MessageSink's rules.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "polymeter/encoder.h"

POLYMETER_BEGIN_NAMESPACE
namespace testing {

// Keeps every message, and refuses everything from the `refuse_at`-th call on.
class RecordingSink : public MessageSink {
 public:
  static constexpr std::size_t kNever = static_cast<std::size_t>(-1);
  explicit RecordingSink(std::size_t refuse_at = kNever) : refuse_at_(refuse_at) {}

  bool Append(std::string_view bytes) override {
    if (Refuses()) return false;
    open_ += bytes;
    return true;
  }
  bool EndMessage(std::size_t points) override {
    if (Refuses()) return false;
    messages_.push_back(std::move(open_));
    open_.clear();
    points_ += points;
    return true;
  }

  const std::vector<std::string>& messages() const { return messages_; }
  const std::string& open() const { return open_; }  // begun and not ended
  std::size_t points() const { return points_; }
  std::size_t calls() const { return calls_; }
  std::size_t calls_after_refusal() const { return refused_ == 0 ? 0 : refused_ - 1; }

 private:
  bool Refuses() {
    if (calls_++ < refuse_at_) return false;
    ++refused_;
    return true;
  }

  std::size_t refuse_at_;
  std::size_t calls_ = 0;
  std::size_t refused_ = 0;
  std::size_t points_ = 0;
  std::string open_;
  std::vector<std::string> messages_;
};

}  // namespace testing
POLYMETER_END_NAMESPACE
