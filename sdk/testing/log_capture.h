// Collects what a Metrics says, for tests.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "polymeter/options.h"

POLYMETER_BEGIN_NAMESPACE
namespace testing {

// Copies share the messages.
class LogCapture {
 public:
  LogCallback callback() const {
    return [state = state_](LogLevel, std::string_view message) {
      const std::lock_guard lock(state->mutex);
      state->messages.emplace_back(message);
    };
  }
  std::vector<std::string> messages() const {
    const std::lock_guard lock(state_->mutex);
    return state_->messages;
  }
  // How many messages contain `text`.
  int Count(std::string_view text) const {
    int n = 0;
    for (const std::string& message : messages()) n += message.find(text) != std::string::npos;
    return n;
  }

 private:
  struct State {
    std::mutex mutex;
    std::vector<std::string> messages;
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace testing
POLYMETER_END_NAMESPACE
