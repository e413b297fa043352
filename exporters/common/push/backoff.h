// Pauses between attempts: each twice the one before, up to the longest, a fifth of it random so
// that many senders do not come back in step.
#pragma once

#include <algorithm>
#include <chrono>
#include <random>

#include "polymeter/export.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// 0 <= result < `bound`.
inline std::chrono::milliseconds RandomBelow(std::chrono::milliseconds bound) {
  if (bound.count() <= 1) return {};
  thread_local std::minstd_rand random(std::random_device{}());
  return std::chrono::milliseconds(
      std::uniform_int_distribution<std::chrono::milliseconds::rep>(0, bound.count() - 1)(random));
}

class Backoff {
 public:
  using milliseconds = std::chrono::milliseconds;
  Backoff(milliseconds first, milliseconds most)
      : first_(std::max(first, milliseconds(1))), most_(std::max(first_, most)), next_(first_) {}

  // `most`: no longer than this, whatever came before (a shutdown has little time).
  milliseconds Next(milliseconds most = milliseconds::max()) {
    const milliseconds full = next_;
    next_ = std::min(2 * next_, most_);
    const milliseconds pause = full - RandomBelow(full / 5);
    return std::clamp(pause, milliseconds(1), std::max(most, milliseconds(1)));
  }
  void Reset() { next_ = first_; }

 private:
  const milliseconds first_;
  const milliseconds most_;
  milliseconds next_;
};

}  // namespace detail
POLYMETER_END_NAMESPACE
