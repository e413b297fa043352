// What operations and errors each system is known to have.
#pragma once

#include <string_view>
#include <vector>

#include "polymeter/export.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// The first is `other`. None further for a system that is not known.
std::vector<std::string_view> KnownOperations(std::string_view system);
// The first ones are those of ClientState's constants.
std::vector<std::string_view> KnownOutcomes(std::string_view system);

}  // namespace detail
POLYMETER_END_NAMESPACE
