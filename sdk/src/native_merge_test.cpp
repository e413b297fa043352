// Sums of exponential histograms.
#include "sdk/src/native_merge.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <random>
#include <vector>

namespace polymeter {
namespace {

using detail::Arena;
using detail::NativeSum;

// An exponential histogram of observations, by the definition of the buckets.
struct Observed {
  std::vector<std::uint64_t> positive, negative;
  NativeHistogram native;

  Observed(const std::vector<double>& values, int schema, double zero_threshold = 0) {
    native.schema = schema;
    native.zero_threshold = zero_threshold;
    std::map<int, std::uint64_t> sides[2];
    for (const double value : values) {
      ++native.count;
      const double size = std::abs(value);
      if (size <= zero_threshold) {
        ++native.zero_count;
      } else if (std::isinf(value)) {
        ++(value > 0 ? native.positive_infinite : native.negative_infinite);
      } else {
        ++sides[value < 0 ? 1 : 0][IndexOf(size, schema)];
      }
    }
    native.positive = Dense(sides[0], positive);
    native.negative = Dense(sides[1], negative);
  }
  static double Bound(int schema, int index) { return std::exp2(std::ldexp(index, -schema)); }
  static int IndexOf(double size, int schema) {
    int index = static_cast<int>(std::ceil(std::ldexp(std::log2(size), schema)));
    while (size > Bound(schema, index)) ++index;
    while (size <= Bound(schema, index - 1)) --index;
    return index;
  }
  static NativeBuckets Dense(const std::map<int, std::uint64_t>& side,
                             std::vector<std::uint64_t>& counts) {
    if (side.empty()) return {};
    const int first = side.begin()->first;
    counts.assign(static_cast<std::size_t>(side.rbegin()->first - first + 1), 0);
    for (const auto& [index, count] : side) counts[static_cast<std::size_t>(index - first)] = count;
    return {first, static_cast<std::uint32_t>(counts.size()), counts.data()};
  }
};

void ExpectSame(const NativeHistogram& got, const NativeHistogram& want) {
  EXPECT_EQ(got.schema, want.schema);
  EXPECT_EQ(got.zero_threshold, want.zero_threshold);
  EXPECT_EQ(got.zero_count, want.zero_count);
  EXPECT_EQ(got.positive_infinite, want.positive_infinite);
  EXPECT_EQ(got.negative_infinite, want.negative_infinite);
  EXPECT_EQ(got.count, want.count);
  for (const auto side : {&NativeHistogram::positive, &NativeHistogram::negative}) {
    const NativeBuckets& a = got.*side;
    const NativeBuckets& b = want.*side;
    ASSERT_EQ(a.size, b.size);
    if (a.size != 0) {
      EXPECT_EQ(a.first, b.first);
    }
    for (std::uint32_t i = 0; i < a.size; ++i) EXPECT_EQ(a.counts[i], b.counts[i]) << i;
  }
}

std::uint64_t CountOf(const NativeHistogram& native) {
  std::uint64_t count = native.zero_count + native.positive_infinite + native.negative_infinite;
  for (const NativeBuckets& side : {native.positive, native.negative}) {
    for (std::uint32_t i = 0; i < side.size; ++i) count += side.counts[i];
  }
  return count;
}

std::vector<double> Values(std::uint32_t seed, int count) {
  std::mt19937 random(seed);
  std::lognormal_distribution<double> size(0, 3);
  std::vector<double> values;
  for (int i = 0; i < count; ++i)
    values.push_back(random() % 4 == 0 ? -size(random) : size(random));
  values.push_back(0);
  values.push_back(std::numeric_limits<double>::infinity());
  return values;
}

TEST(NativeMerge, IsWhatOneHistogramOfAllObservationsWouldBe) {
  for (int schema_a = -4; schema_a <= 8; schema_a += 2) {
    for (int schema_b = -4; schema_b <= 8; schema_b += 3) {
      std::vector<double> a = Values(1, 40);
      const std::vector<double> b = Values(2, 40);
      const Observed first(a, schema_a);
      const Observed second(b, schema_b);
      NativeSum sum(first.native);
      sum.Add(second.native);
      a.insert(a.end(), b.begin(), b.end());
      const Observed all(a, std::min(schema_a, schema_b));
      // Values that far apart may take more buckets than are allowed at schema 8.
      if (all.native.positive.size > 1024 || all.native.negative.size > 1024) {
        EXPECT_EQ(CountOf(sum.View()), all.native.count);
        continue;
      }
      ExpectSame(sum.View(), all.native);
      Arena arena;
      ExpectSame(*sum.Write(arena), all.native);
    }
  }
}

TEST(NativeMerge, TakesTheGreatestZeroThreshold) {
  const Observed fine({0.3, 0.6, 3, -0.7, 0}, 0, 0);  // buckets (0.25, 0.5], (0.5, 1], (2, 4]
  const Observed coarse({0.5, 5}, 0, 1);
  NativeSum sum(fine.native);
  sum.Add(coarse.native);
  ExpectSame(sum.View(), Observed({0.3, 0.6, 3, -0.7, 0, 0.5, 5}, 0, 1).native);
  NativeSum other(coarse.native);
  other.Add(fine.native);
  ExpectSame(other.View(), sum.View());
}

TEST(NativeMerge, MovesAThresholdThatWouldCutABucketToItsBound) {
  const Observed fine({0.6, 0.9, 3}, 0, 0);  // (0.5, 1] holds two
  const Observed coarse({0.5, 5}, 0, 0.75);
  NativeSum sum(fine.native);
  sum.Add(coarse.native);
  ExpectSame(sum.View(), Observed({0.6, 0.9, 3, 0.5, 5}, 0, 1).native);
}

TEST(NativeMerge, HalvesTheResolutionRatherThanGrowWithoutLimit) {
  const Observed small({1e-300}, 8);
  const Observed great({1e300, 2e300}, 8);
  NativeSum sum(small.native);
  sum.Add(great.native);
  const NativeHistogram native = sum.View();
  EXPECT_LE(native.positive.size, 1024u);
  EXPECT_LT(native.schema, 8);
  ExpectSame(native, Observed({1e-300, 1e300, 2e300}, native.schema).native);
}

TEST(NativeMerge, CanBeMadeCoarser) {
  const std::vector<double> values = Values(3, 100);
  NativeSum sum(Observed(values, 6).native);
  sum.Coarsen(7);
  EXPECT_EQ(sum.View().schema, 6);
  sum.Coarsen(1);
  ExpectSame(sum.View(), Observed(values, 1).native);
}

TEST(NativeMerge, OfNothingIsNothing) {
  NativeSum sum;
  EXPECT_EQ(CountOf(sum.View()), 0u);
  sum.Add(NativeHistogram());
  EXPECT_EQ(sum.View().positive.size, 0u);
  Arena arena;
  EXPECT_EQ(sum.Write(arena)->count, 0u);
}

}  // namespace
}  // namespace polymeter
