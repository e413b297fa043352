// How the bridge speaks to an application: through the log callback of its Metrics. Internal.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sdk/src/core_access.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// Also for a Metrics that does not record, but for a default-constructed one, which has no log.
void Say(const Metrics& metrics, LogLevel level, std::string_view message) noexcept;
// Each as a warning.
void SayAll(const Metrics& metrics, const std::vector<std::string>& messages) noexcept;

}  // namespace detail
POLYMETER_END_NAMESPACE
