// The way of every message to the application: one callback, rate-limited, never under a lock.
#pragma once

#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "polymeter/options.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// Thread-safe. The same text is given at most once a minute, and no more than ten different
// ones a second; what was held back is said with the next one. Without a callback, a line
// "polymeter: warning: ..." goes to stderr.
class POLYMETER_EXPORT Logger {
 public:
  explicit Logger(LogCallback callback) : callback_(std::move(callback)) {}
  void Log(LogLevel level, std::string_view message) noexcept;

  void LockForFork() noexcept { mutex_.lock(); }
  void UnlockAfterFork() noexcept { mutex_.unlock(); }

 private:
  LogCallback callback_;
  std::mutex mutex_;
  std::unordered_map<std::string, std::int64_t> last_;  // text -> second when it was given
  std::int64_t second_ = 0;
  int in_second_ = 0;
  std::uint64_t held_back_ = 0;
};

}  // namespace detail
POLYMETER_END_NAMESPACE
