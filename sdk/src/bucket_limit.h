// How many explicit buckets a histogram may have, in code, in views and in METRICS_BUCKETS.
#pragma once

#include <cstddef>

#include "polymeter/export.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

constexpr std::size_t kMostBounds = 1000;

}  // namespace detail
POLYMETER_END_NAMESPACE
