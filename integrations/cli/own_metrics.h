// The command's own Metrics, as the environment says. Whatever goes wrong with it is said on
// standard error and changes nothing else.
#pragma once

#include <chrono>
#include <string_view>

#include "polymeter/metrics.h"

namespace polymeter::cli {

class OwnMetrics {
 public:
  // Starts threads: call it after the child has been started.
  OwnMetrics() noexcept;

  const Metrics& get() const { return metrics_; }
  bool recording() const { return metrics_.recording(); }
  // Pushes everything and stops the backends.
  void Push(std::chrono::milliseconds timeout) noexcept;

 private:
  Metrics metrics_;
};

// A line on standard error, after "polymeter: ".
void Say(std::string_view message) noexcept;

}  // namespace polymeter::cli
