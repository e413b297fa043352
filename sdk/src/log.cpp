#include "sdk/src/log.h"

#include <cstdio>
#include <ctime>

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr std::int64_t kRepeatSeconds = 60;
constexpr int kMostInASecond = 10;
constexpr std::size_t kMostTexts = 1000;

std::int64_t MonotonicSeconds() noexcept {
  std::timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec;
}

void ToStderr(LogLevel level, std::string_view message) {
  constexpr const char* kNames[] = {"info", "warning", "error"};
  std::fprintf(stderr, "polymeter: %s: %.*s\n", kNames[static_cast<int>(level)],
               static_cast<int>(message.size()), message.data());
}

}  // namespace

void Logger::Log(LogLevel level, std::string_view message) noexcept {
  try {
    std::string text(message);
    {
      const std::lock_guard lock(mutex_);
      const std::int64_t now = MonotonicSeconds();
      if (now != second_) {
        second_ = now;
        in_second_ = 0;
      }
      const auto known = last_.find(text);
      if (known != last_.end() && now - known->second < kRepeatSeconds) {
        ++held_back_;
        return;
      }
      if (in_second_ >= kMostInASecond) {
        ++held_back_;
        return;
      }
      ++in_second_;
      if (last_.size() >= kMostTexts) last_.clear();
      last_[text] = now;
      if (held_back_ != 0) {
        text += " (and " + std::to_string(held_back_) + " messages held back)";
        held_back_ = 0;
      }
    }
    if (callback_) {
      callback_(level, text);
    } else {
      ToStderr(level, text);
    }
  } catch (...) {  // no memory, or the callback threw: nobody to tell
  }
}

}  // namespace detail
POLYMETER_END_NAMESPACE
