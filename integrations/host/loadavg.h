// Load averages: /proc/loadavg.
#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "polymeter/producer.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace host {

using LoadAverage = std::array<double, 3>;  // over 1, 5 and 15 minutes

// Nothing when one of them is no number.
std::optional<LoadAverage> ParseLoadAverage(std::string_view text);
void Write(const LoadAverage& load, FamilySink& sink);

}  // namespace host
}  // namespace detail
POLYMETER_END_NAMESPACE
