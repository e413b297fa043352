#include "sdk/src/native_quantile.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

// The bound between buckets `index` and `index` + 1; the greatest number where it is beyond all.
double BoundAt(std::int32_t schema, std::int64_t index) noexcept {
  const double bound = std::exp2(std::ldexp(static_cast<double>(index), -schema));
  return std::min(bound, std::numeric_limits<double>::max());
}

// Walks over the buckets from the least value on.
class Walk {
 public:
  explicit Walk(double rank) noexcept : rank_(rank) {}

  // Whether the rank lies among these; then Part() says how far in.
  bool Reaches(std::uint64_t count) noexcept {
    if (count == 0) return false;
    const auto here = static_cast<double>(count);
    if (below_ + here < rank_) {
      below_ += here;
      return false;
    }
    part_ = (rank_ - below_) / here;
    return true;
  }
  double Part() const noexcept { return part_; }

 private:
  const double rank_;
  double below_ = 0;
  double part_ = 0;
};

}  // namespace

std::optional<double> QuantileOfNative(const NativeHistogram& native, double quantile) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (native.count == 0 || !(quantile >= 0 && quantile <= 1)) return std::nullopt;
  Walk walk(quantile * static_cast<double>(native.count));
  // Between the bounds of bucket `index`, `part` of the way in its logarithm.
  const auto within = [&](std::int64_t index, double part) {
    const double upper = BoundAt(native.schema, index);
    return upper * std::pow(BoundAt(native.schema, index - 1) / upper, 1 - part);
  };
  if (walk.Reaches(native.negative_infinite)) return -kInfinity;
  for (std::uint32_t i = native.negative.size; i > 0; --i) {
    if (!walk.Reaches(native.negative.counts[i - 1])) continue;
    return -within(std::int64_t{native.negative.first} + i - 1, 1 - walk.Part());
  }
  if (walk.Reaches(native.zero_count)) {
    const bool negative = native.negative.size != 0 || native.negative_infinite != 0;
    const bool positive = native.positive.size != 0 || native.positive_infinite != 0;
    const double lower = negative || !positive ? -native.zero_threshold : 0;
    const double upper = positive || !negative ? native.zero_threshold : 0;
    return lower + (upper - lower) * walk.Part();
  }
  for (std::uint32_t i = 0; i < native.positive.size; ++i) {
    if (!walk.Reaches(native.positive.counts[i])) continue;
    return within(std::int64_t{native.positive.first} + i, walk.Part());
  }
  return kInfinity;
}

}  // namespace detail
POLYMETER_END_NAMESPACE
