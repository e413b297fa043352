// What every contender is given to do: the same label values, orders, amounts and observations.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace polymeter_bench {

constexpr std::array<const char*, 4> kMethods = {"GET", "POST", "PUT", "DELETE"};
constexpr std::array<const char*, 5> kStatuses = {"200", "201", "301", "404", "500"};

struct SeriesLabels {
  std::string method;
  std::string route;
  std::string status;
};

// Label values of series `i`: different for every i.
inline SeriesLabels LabelsOf(std::size_t i) {
  std::string number = std::to_string(i / 20);
  number.insert(0, number.size() < 6 ? 6 - number.size() : 0, '0');
  return {kMethods[i % 4], "/api/v1/items/" + number, kStatuses[i / 4 % 5]};
}

// 0 .. count - 1 in an order that is the same for every contender.
inline std::vector<std::uint32_t> ShuffledOrder(std::size_t count) {
  std::vector<std::uint32_t> order(count);
  for (std::size_t i = 0; i < count; ++i) order[i] = static_cast<std::uint32_t>(i);
  std::mt19937 random(7);
  std::shuffle(order.begin(), order.end(), random);
  return order;
}

// The value of counter `i`: one to seven digits, most of them long.
inline std::uint64_t AmountOf(std::size_t i) {
  std::uint64_t x = (i + 1) * 0x9E3779B97F4A7C15u;
  x ^= x >> 31;
  return 1 + x % (i % 10 == 0 ? 100 : 5'000'000);
}

// One counter in five has a fraction where a workload asks for fractions.
inline bool IsFractional(std::size_t i) { return i % 5 == 0; }
inline double FractionOf(std::size_t i) { return 0.001 * static_cast<double>(i % 997 + 1); }

// Twelve bounds; with +Inf thirteen buckets.
inline const std::vector<double>& Bounds() {
  static const std::vector<double> kBounds = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                              0.1,   0.25,   0.5,   1,    2.5,   5};
  return kBounds;
}

// Observations that fall evenly into the buckets, in no order that a branch predictor learns.
constexpr std::size_t kObservations = 4096;
inline const std::vector<double>& Observations() {
  static const std::vector<double> kValues = [] {
    std::vector<double> values(kObservations);
    std::mt19937_64 random(11);
    std::uniform_real_distribution<double> exponent(std::log(0.0005), std::log(10.0));
    for (double& value : values) value = std::exp(exponent(random));
    return values;
  }();
  return kValues;
}

}  // namespace polymeter_bench
