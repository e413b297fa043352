// "Did you mean ...?" for names in the environment.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "polymeter/export.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// How many single letters must be inserted, removed, replaced or swapped with their neighbour
// to turn one into the other (optimal string alignment), upper and lower case being equal.
std::size_t EditDistance(std::string_view a, std::string_view b);

// The known name that `name` probably stands for; empty when none is near. Near is one edit for
// short names and two from eight letters on.
std::string_view NearMiss(std::string_view name, const std::vector<std::string>& known);

}  // namespace detail
POLYMETER_END_NAMESPACE
