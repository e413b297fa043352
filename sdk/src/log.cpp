#include "sdk/src/log.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <ctime>

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr std::int64_t kRepeatSeconds = 60;
constexpr int kMostInASecond = 10;
constexpr std::size_t kMostTexts = 1000;

// One write for a line, so that lines of several threads do not mix. A stderr whose reader has
// gone must not end the service: SIGPIPE is kept from it.
void ToStderr(LogLevel level, std::string_view message) {
  constexpr std::string_view kNames[] = {"info", "warning", "error"};
  std::string line = "polymeter: ";
  line += kNames[static_cast<std::size_t>(level)];
  line += ": ";
  line += message;
  line += '\n';

  sigset_t pipe;
  sigset_t before;
  sigset_t pending;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  sigpending(&pending);
  const bool was_pending = sigismember(&pending, SIGPIPE) == 1;
  if (pthread_sigmask(SIG_BLOCK, &pipe, &before) != 0) return;
  const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
  if (written < 0 && errno == EPIPE && !was_pending) {
    const timespec at_once{};
    sigtimedwait(&pipe, nullptr, &at_once);
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

}  // namespace

void Logger::Log(LogLevel level, std::string_view message) noexcept {
  try {
    const std::string text = Admit(message);
    if (text.empty()) return;
    if (callback_) {
      callback_(level, text);
    } else {
      ToStderr(level, text);
    }
  } catch (...) {  // no memory, or the callback threw: nobody to tell
  }
}

std::string Logger::Admit(std::string_view message) {
  const std::int64_t now =
      std::chrono::duration_cast<std::chrono::seconds>(clock_.SteadyNow().time_since_epoch())
          .count();
  std::string text(message);
  const std::lock_guard lock(mutex_);
  if (now != second_) {
    second_ = now;
    in_second_ = 0;
  }
  const auto known = last_.find(text);
  const bool repeated = known != last_.end() && now - known->second < kRepeatSeconds;
  if (repeated || in_second_ >= kMostInASecond) {
    ++held_back_;
    return {};
  }
  ++in_second_;
  if (last_.size() >= kMostTexts) last_.clear();
  last_[text] = now;
  if (held_back_ != 0) {
    text += " (" + std::to_string(held_back_) + " messages were held back before)";
    held_back_ = 0;
  }
  return text;
}

}  // namespace detail
POLYMETER_END_NAMESPACE
