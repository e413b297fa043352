// Bounds for histograms: ascending upper bounds, without +Inf, which every histogram has.
#pragma once

#include <cstddef>
#include <vector>

#include "polymeter/export.h"

POLYMETER_BEGIN_NAMESPACE

// `count` bounds from `start`, `width` apart. Bad arguments (count 0, width <= 0, not finite) give
// an empty vector, which the Metrics then refuses by name.
POLYMETER_EXPORT std::vector<double> LinearBuckets(double start, double width, std::size_t count);
// `count` bounds from `start` (> 0), each `factor` (> 1) times the one before.
POLYMETER_EXPORT std::vector<double> ExponentialBuckets(double start, double factor,
                                                        std::size_t count);
// Seconds, 5 ms to 10 s: the default, Prometheus' and OpenTelemetry's HTTP bounds.
POLYMETER_EXPORT std::vector<double> LatencyBuckets();
// Bytes, 256 B to 1 GiB, each four times the one before.
POLYMETER_EXPORT std::vector<double> SizeBuckets();

POLYMETER_END_NAMESPACE
