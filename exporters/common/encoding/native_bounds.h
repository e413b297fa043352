// Where exponential buckets begin and end, for formats that have no numbers for them.
// https://prometheus.io/docs/specs/native_histograms/#schema
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "polymeter/export.h"

POLYMETER_BEGIN_NAMESPACE
namespace encoding {

// The upper bound of positive bucket `index`: 2^(index * 2^-schema), to the last bit or nearly so
// (a power of two is exact); the largest double for the last bucket, whose bound is above it. The
// bucket begins at the bound of the index below. Of a negative bucket both are negative.
inline double NativeBound(std::int32_t schema, std::int64_t index) noexcept {
  return std::min(std::exp2(std::ldexp(static_cast<double>(index), -schema)),
                  std::numeric_limits<double>::max());
}

// The geometric middle of positive bucket `index`: no value in it is further away, relatively, than
// half of the bucket's width.
inline double NativeMiddle(std::int32_t schema, std::int64_t index) noexcept {
  return std::exp2(std::ldexp(static_cast<double>(index) - 0.5, -schema));
}

}  // namespace encoding
POLYMETER_END_NAMESPACE
