// The exponential buckets of a registry's histogram, for a snapshot.
#pragma once

#include <cstdint>

#include "sdk/src/cells.h"
#include "sdk/src/native_cell.h"
#include "sdk/src/rich_cell.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// After the explicit buckets, whose `totals` were read. Of a histogram that has none it fills
// `totals` and buckets[0]. False: the series was removed meanwhile, and what was read of it is not
// to be shown.
bool ReadNativePart(CellAddress histogram, std::uint32_t lanes, NativeReader& reader,
                    std::uint64_t* buckets, HistogramTotals* totals) noexcept;

}  // namespace detail
POLYMETER_END_NAMESPACE
