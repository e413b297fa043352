// Pressure stall information: /proc/pressure/{cpu,io,memory}.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "polymeter/producer.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace host {

// Microseconds since boot.
struct Pressure {
  std::optional<std::uint64_t> some;  // some task waited
  std::optional<std::uint64_t> full;  // no task could go on
};

Pressure ParsePressure(std::string_view text);
// `waiting` and `stalled` are rows; what is missing is not written.
void Write(const Pressure& pressure, std::size_t waiting, std::optional<std::size_t> stalled,
           FamilySink& sink);

}  // namespace host
}  // namespace detail
POLYMETER_END_NAMESPACE
