#include "polymeter/buckets.h"

#include <cmath>

POLYMETER_BEGIN_NAMESPACE

std::vector<double> LinearBuckets(double start, double width, std::size_t count) {
  if (!(width > 0) || !std::isfinite(start) || !std::isfinite(width)) return {};
  std::vector<double> bounds;
  for (std::size_t i = 0; i < count; ++i) bounds.push_back(start + width * static_cast<double>(i));
  return bounds;
}

std::vector<double> ExponentialBuckets(double start, double factor, std::size_t count) {
  if (!(start > 0) || !(factor > 1) || !std::isfinite(start) || !std::isfinite(factor)) return {};
  std::vector<double> bounds;
  for (std::size_t i = 0; i < count; ++i, start *= factor) bounds.push_back(start);
  return bounds;
}

std::vector<double> LatencyBuckets() {
  return {0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10};
}

std::vector<double> SizeBuckets() { return ExponentialBuckets(256, 4, 12); }

POLYMETER_END_NAMESPACE
