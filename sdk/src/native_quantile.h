// An estimate of a quantile from exponential buckets.
#pragma once

#include <optional>

#include "polymeter/snapshot.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// As PromQL's histogram_quantile has it since Prometheus 3: exponential within a bucket, linear
// within the zero bucket, which reaches to 0 only where one of its sides has no observations.
// Nothing without observations. `quantile`: 0 to 1.
std::optional<double> QuantileOfNative(const NativeHistogram& native, double quantile);

}  // namespace detail
POLYMETER_END_NAMESPACE
