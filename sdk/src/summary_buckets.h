// The buckets in which a summary counts, and the quantiles that they give.
//
// Every octave [2^e, 2^(e+1)) is divided into 32 buckets of the same width, so a bucket is 1/32 of
// its lower bound wide at most, and its middle is within 1/65 of every value in it. The bucket of a
// value is five bits of its mantissa: no logarithm, no table. A series has the octaves that it has
// met, kMostOctaves at most.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "polymeter/snapshot.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

constexpr std::uint32_t kBucketsOfOctave = 32;
constexpr std::uint32_t kMostOctaves = 64;  // of both signs
// Ids of the buckets that belong to no octave; those of octave i are i * 32 and following.
constexpr std::uint32_t kZeroBucket = kMostOctaves * kBucketsOfOctave;
constexpr std::uint32_t kInfinityBucket = kZeroBucket + 1;
constexpr std::uint32_t kMinusInfinityBucket = kZeroBucket + 2;
constexpr std::uint32_t kSummaryBuckets = kZeroBucket + 3;

// The sign and exponent of a double as they lie in it: which octave it is in. That of 0 and of
// subnormal numbers, which count as zero, is 0 or 2048; that of infinite ones 2047 or 4095.
using OctaveKey = std::uint32_t;
constexpr OctaveKey kInfiniteExponent = 2047;
constexpr OctaveKey kNegative = 2048;

inline OctaveKey OctaveOf(double value) noexcept {
  return static_cast<OctaveKey>(std::bit_cast<std::uint64_t>(value) >> 52);
}
inline std::uint32_t BucketInOctave(double value) noexcept {
  return static_cast<std::uint32_t>(std::bit_cast<std::uint64_t>(value) >> 47) % kBucketsOfOctave;
}

// The least and the greatest of some observations; low > high when there are none.
struct Extremes {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();
  void Include(const Extremes& other) noexcept {
    if (other.low < low) low = other.low;
    if (other.high > high) high = other.high;
  }
};

// What is in a summary's buckets. 16 KiB.
struct POLYMETER_EXPORT SummaryCounts {
  std::array<std::uint16_t, kMostOctaves> octaves{};  // key + 1; 0: not in use, and empty
  std::array<std::uint64_t, kSummaryBuckets> counts{};

  std::uint64_t Total() const noexcept;
};

// The quantiles of observations that were counted in buckets, each the value of nearest rank:
// the middle of the bucket that it is in, but nothing outside of `extremes`, as far as these lie in
// the same bucket. The rank is exact. NaN where there are no observations.
POLYMETER_EXPORT void QuantilesOf(const SummaryCounts& counts, const Extremes& extremes,
                                  const std::vector<double>& wanted, Quantile* out) noexcept;

}  // namespace detail
POLYMETER_END_NAMESPACE
