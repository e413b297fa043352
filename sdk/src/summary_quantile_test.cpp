// Quantiles of summaries against the exact ones.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "polymeter/metrics.h"
#include "sdk/testing/values.h"

namespace polymeter {
namespace {

using testing::CountOf;
using testing::QuantileOf;

constexpr double kSummaryError = 1.0 / 65;
constexpr double kInf = std::numeric_limits<double>::infinity();

const std::vector<double>& AskedQuantiles() {
  static const std::vector<double> kAsked = {0,    0.001, 0.01, 0.1,  0.25,  0.5,
                                             0.75, 0.9,   0.95, 0.99, 0.999, 1};
  return kAsked;
}

double ExactQuantile(const std::vector<double>& sorted, double quantile) {
  const double rank = std::ceil(quantile * static_cast<double>(sorted.size()));
  return sorted[static_cast<std::size_t>(std::max(rank, 1.0)) - 1];
}

struct Distribution {
  std::string name;
  std::function<double(std::mt19937_64&)> draw;
};

std::vector<Distribution> Distributions() {
  const auto uniform = [](std::mt19937_64& random) {
    return std::uniform_real_distribution<double>(0, 10)(random);
  };
  const auto log_normal = [](std::mt19937_64& random) {
    return std::lognormal_distribution<double>(-4, 1.5)(random);
  };
  // With so heavy a tail that the mean does not exist.
  const auto pareto = [](std::mt19937_64& random) {
    return std::pow(1 - std::uniform_real_distribution<double>(0, 1)(random), -1 / 0.8);
  };
  return {
      {"uniform", uniform},
      {"log-normal", log_normal},
      {"Pareto", pareto},
      {"constant", [](std::mt19937_64&) { return 0.0123; }},
      {"zero", [](std::mt19937_64&) { return 0.0; }},
      {"minus zero", [](std::mt19937_64&) { return -0.0; }},
      {"negative", [=](std::mt19937_64& random) { return -log_normal(random); }},
      {"of both signs",
       [](std::mt19937_64& random) { return std::normal_distribution<double>(0, 1)(random); }},
      {"integers",
       [](std::mt19937_64& random) {
         return static_cast<double>(std::uniform_int_distribution<int>(-3, 300)(random));
       }},
      {"huge", [=](std::mt19937_64& random) { return 1e300 * uniform(random); }},
      {"nearly subnormal", [=](std::mt19937_64& random) { return 1e-300 * log_normal(random); }},
      {"over 60 octaves",
       [](std::mt19937_64& random) {
         return std::exp2(std::uniform_real_distribution<double>(-30, 29.9)(random));
       }},
      {"the bounds of buckets",
       [](std::mt19937_64& random) {
         const int n = std::uniform_int_distribution<int>(0, 64)(random);
         return std::nextafter(1 + n / 32.0, n % 2 == 0 ? 0 : 10);
       }},
  };
}

TEST(SummaryQuantile, IsWithinOneIn65OfTheExactOne) {
  const auto distributions = Distributions();
  ASSERT_FALSE(distributions.empty());
  for (const Distribution& distribution : distributions) {
    for (const int count : {1, 2, 10, 1000, 100'000}) {
      const Metrics metrics(Options().Consumer());
      const Summary summary =
          metrics.Summary("s", "S.", SummaryOptions().Quantiles(AskedQuantiles()));
      std::mt19937_64 random(static_cast<unsigned>(count));
      std::vector<double> values;
      for (int i = 0; i < count; ++i) {
        values.push_back(distribution.draw(random));
        summary.Observe(values.back());
      }
      std::sort(values.begin(), values.end());
      const Snapshot snapshot = metrics.TakeSnapshot();
      EXPECT_EQ(CountOf(snapshot, "s"), static_cast<std::uint64_t>(count));
      for (const double quantile : AskedQuantiles()) {
        const double exact = ExactQuantile(values, quantile);
        const double told = QuantileOf(snapshot, "s", quantile).value();
        EXPECT_LE(std::abs(told - exact), std::abs(exact) * (kSummaryError + 1e-12))
            << distribution.name << ", " << count << " observations, quantile " << quantile
            << " is " << exact << ", told " << told;
        EXPECT_GE(told, values.front()) << distribution.name;
        EXPECT_LE(told, values.back()) << distribution.name;
      }
      EXPECT_EQ(QuantileOf(snapshot, "s", 0), values.front()) << distribution.name;
      EXPECT_EQ(QuantileOf(snapshot, "s", 1), values.back()) << distribution.name;
    }
  }
}

TEST(SummaryQuantile, OfAConstantIsExact) {
  const Metrics metrics(Options().Consumer());
  const Summary summary = metrics.Summary("s", "S.");
  for (int i = 0; i < 100; ++i) summary.Observe(0.0123);
  for (const double quantile : {0.5, 0.9, 0.99}) {
    EXPECT_EQ(QuantileOf(metrics, "s", quantile), 0.0123);
  }
}

TEST(SummaryQuantile, KnowsInfinities) {
  const Metrics metrics(Options().Consumer());
  const Summary summary =
      metrics.Summary("s", "S.", SummaryOptions().Quantiles({0, 0.25, 0.5, 0.75, 1}));
  for (const double value : {-kInf, -1.0, 0.0, 1.0, kInf}) summary.Observe(value);
  const Snapshot snapshot = metrics.TakeSnapshot();
  EXPECT_EQ(CountOf(snapshot, "s"), 5u);
  EXPECT_EQ(QuantileOf(snapshot, "s", 0), -kInf);
  EXPECT_NEAR(QuantileOf(snapshot, "s", 0.25).value(), -1, 0.0154);
  EXPECT_EQ(QuantileOf(snapshot, "s", 0.5), 0);
  EXPECT_NEAR(QuantileOf(snapshot, "s", 0.75).value(), 1, 0.0154);
  EXPECT_EQ(QuantileOf(snapshot, "s", 1), kInf);
}

// More octaves than a series may have: everything is counted, and what has a place keeps it.
TEST(SummaryQuantile, CountsWhatHasNoOctaveInTheNearest) {
  const Metrics metrics(Options().Consumer());
  const Summary summary =
      metrics.Summary("s", "S.", SummaryOptions().Quantiles({0, 0.1, 0.5, 0.9, 1}));
  for (int exponent = 0; exponent < 64; ++exponent) summary.Observe(std::ldexp(1.25, exponent));
  for (int i = 0; i < 1000; ++i) {
    summary.Observe(1e300);
    summary.Observe(-1e300);
    summary.Observe(1e-300);
  }
  const Snapshot snapshot = metrics.TakeSnapshot();
  EXPECT_EQ(CountOf(snapshot, "s"), 3064u);
  // There is no octave below zero.
  EXPECT_EQ(QuantileOf(snapshot, "s", 0.1), 0);
  EXPECT_NEAR(QuantileOf(snapshot, "s", 0.5).value(), 1, 0.02);
  EXPECT_NEAR(QuantileOf(snapshot, "s", 0.9).value() / std::ldexp(1.0, 64), 1, 0.02);
}

}  // namespace
}  // namespace polymeter
