// A Pushgateway refuses a whole page for one series that is there twice ("was collected before with
// the same name and label values").
#pragma once

#include <cstdint>

#include "polymeter/snapshot.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// Of series with the same labels only the last one stays; `left_out` counts the others. Without any
// it is `snapshot` itself. Pure.
Snapshot WithoutRepeatedSeries(const Snapshot& snapshot, std::uint64_t& left_out);

}  // namespace detail
POLYMETER_END_NAMESPACE
