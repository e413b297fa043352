// Speaks to the application through the log callback of its Metrics. Internal.
#pragma once

#include <string_view>

#include "sdk/src/core_access.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// Does nothing on a Metrics that does not record, which reads and starts nothing either.
inline void SayWarning(const Metrics& metrics, std::string_view message) noexcept {
  try {
    SnapshotSource* const source = CoreAccess::Source(metrics);
    if (source != nullptr) source->Log(LogLevel::kWarning, message);
  } catch (...) {
    // No memory for a message.
  }
}

}  // namespace detail
POLYMETER_END_NAMESPACE
