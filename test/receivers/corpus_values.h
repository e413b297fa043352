// Numbers at the edges, and points of one value.
#pragma once

#include <cstdint>
#include <limits>
#include <utility>

#include "test/receivers/truth.h"

namespace receivers {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kTiny = 5e-324;
constexpr double kHuge = std::numeric_limits<double>::max();
constexpr std::uint64_t kTo53 = std::uint64_t{1} << 53;

inline Point One(Labels labels, Number value) {
  Point point;
  point.labels = std::move(labels);
  point.value.push_back(value);
  return point;
}

}  // namespace receivers
