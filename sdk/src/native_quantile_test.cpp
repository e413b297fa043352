#include "sdk/src/native_quantile.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "polymeter/metrics.h"
#include "polymeter/testing.h"

POLYMETER_BEGIN_NAMESPACE
namespace {

Metrics Recording() { return Metrics(Options().Consumer()); }

TEST(NativeQuantile, LiesWithinTheBucketOfTheExactOne) {
  const Metrics metrics = Recording();
  const Histogram both = metrics.Histogram("x", "X.", FamilyOptions().Native());
  for (int i = 1; i <= 1000; ++i) both.Observe(i <= 500 ? -i : i - 500);  // -500 to -1, 1 to 500
  for (const double q : {0.01, 0.1, 0.25, 0.49, 0.51, 0.75, 0.9, 0.99, 1.0}) {
    const double rank = std::max(1.0, std::ceil(q * 1000));
    const double exact = rank <= 500 ? rank - 501 : rank - 500;
    const auto estimate = testing::QuantileOf(metrics, "x", q);
    ASSERT_TRUE(estimate.has_value());
    EXPECT_NEAR(*estimate, exact, std::abs(exact) * 0.0906) << q;  // 2^(1/8) - 1
  }
}

TEST(NativeQuantile, KnowsZerosInfinitiesAndNothing) {
  const Metrics metrics = Recording();
  const Histogram empty = metrics.Histogram("empty", "E.", FamilyOptions().Native());
  EXPECT_FALSE(testing::QuantileOf(metrics, "empty", 0.5).has_value());
  empty.Observe(0);
  EXPECT_NEAR(*testing::QuantileOf(metrics, "empty", 0.5), 0, 1e-30);
  empty.Observe(HUGE_VAL);
  EXPECT_EQ(testing::QuantileOf(metrics, "empty", 1), HUGE_VAL);
  EXPECT_FALSE(testing::QuantileOf(metrics, "empty", NAN).has_value());
}

TEST(NativeQuantile, IsANumberInTheGreatestBucket) {
  const Metrics metrics = Recording();
  const Histogram fine = metrics.Histogram("fine", "F.", FamilyOptions().Native());
  const Histogram coarse = metrics.Histogram(
      "coarse", "C.", FamilyOptions().Native(NativeHistogramOptions().Schema(-4)));
  for (int i = 0; i < 10; ++i) {
    fine.Observe(1.7e308);
    coarse.Observe(-1e305);
  }
  const auto estimate = testing::QuantileOf(metrics, "fine", 0.5);
  EXPECT_GE(estimate, 1.64e308);
  EXPECT_LE(estimate, std::numeric_limits<double>::max());
  EXPECT_LE(testing::QuantileOf(metrics, "coarse", 0.5), -2.7e303);
}

}  // namespace
POLYMETER_END_NAMESPACE
