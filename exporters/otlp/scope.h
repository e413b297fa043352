// Who wrote the requests: the instrumentation scope.
#pragma once

#include <string_view>

#include "polymeter/export.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

constexpr std::string_view kScopeName = "polymeter";
constexpr std::string_view kScopeVersion = POLYMETER_VERSION;  // the build's

}  // namespace detail
POLYMETER_END_NAMESPACE
