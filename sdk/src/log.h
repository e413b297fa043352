// The way of every message to the application: one callback, rate-limited, never under a lock.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "polymeter/options.h"
#include "sdk/src/clock.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// Thread-safe. The same text is given at most once a minute, and no more than ten different
// ones a second; how many were held back is said with the next one. Without a callback, a line
// "polymeter: warning: ..." goes to stderr.
class POLYMETER_EXPORT Logger {
 public:
  explicit Logger(LogCallback callback, const Clock& clock = SystemClock())
      : callback_(std::move(callback)), clock_(clock) {}
  void Log(LogLevel level, std::string_view message) noexcept;

  void LockForFork() noexcept { mutex_.lock(); }
  void UnlockAfterFork() noexcept { mutex_.unlock(); }

 private:
  // The text to give; empty when it is held back.
  std::string Admit(std::string_view message);

  const LogCallback callback_;
  const Clock& clock_;
  std::mutex mutex_;
  std::unordered_map<std::string, std::int64_t> last_;  // text -> second when it was given
  std::int64_t second_ = -1;
  int in_second_ = 0;
  std::uint64_t held_back_ = 0;
};

}  // namespace detail
POLYMETER_END_NAMESPACE
