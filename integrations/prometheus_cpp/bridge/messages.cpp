#include "integrations/prometheus_cpp/bridge/messages.h"

#include "sdk/src/core.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

void Say(const Metrics& metrics, LogLevel level, std::string_view message) noexcept {
  try {
    const std::shared_ptr<Core>& core = CoreAccess::Get(metrics);
    if (core == nullptr) return;
    SnapshotSource& source = *core;
    source.Log(level, message);
  } catch (...) {
    // No memory for a message.
  }
}

void SayAll(const Metrics& metrics, const std::vector<std::string>& messages) noexcept {
  for (const std::string& message : messages) Say(metrics, LogLevel::kWarning, message);
}

}  // namespace detail
POLYMETER_END_NAMESPACE
