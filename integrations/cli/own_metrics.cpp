#include "integrations/cli/own_metrics.h"

#include <cstdio>
#include <exception>
#include <utility>

#include "integrations/cli/version.h"
#include "polymeter/polymeter.h"

namespace polymeter::cli {

OwnMetrics::OwnMetrics() noexcept {
  try {
    auto made = TryFromEnvironment(Options().Service("polymeter").Version(kVersion));
    if (made) {
      metrics_ = std::move(made.value());
    } else {
      Say(made.message() + "\npolymeter: nothing is recorded");
    }
  } catch (const std::exception& e) {
    Say(e.what());
  }
}

void OwnMetrics::Push(std::chrono::milliseconds timeout) noexcept {
  try {
    const Status pushed = metrics_.Shutdown(std::chrono::steady_clock::now() + timeout);
    if (!pushed) Say(pushed.message());
  } catch (const std::exception& e) {
    Say(e.what());
  }
}

void Say(std::string_view message) noexcept {
  std::fprintf(stderr, "polymeter: %.*s\n", static_cast<int>(message.size()), message.data());
}

}  // namespace polymeter::cli
