// The header Retry-After: when a server wants to be asked again. Pure; takes any bytes.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

#include "polymeter/snapshot.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// The value of Retry-After: seconds, or a date in one of HTTP's three forms (RFC 9110, 5.6.7 and
// 10.2.3). Nothing: neither. A date that is over: 0. A day at most.
std::optional<std::chrono::milliseconds> ParseRetryAfter(std::string_view value, SystemTime now);

}  // namespace detail
POLYMETER_END_NAMESPACE
