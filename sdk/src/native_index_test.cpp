// The index of a value, against integer arithmetic of as many digits as it takes.
#include "sdk/src/native_index.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

namespace polymeter {
namespace {

using detail::CoarserIndex;
using detail::FinestIndex;
using detail::kNativeBounds;

std::int32_t IndexOf(double value, int schema) {
  return CoarserIndex(FinestIndex(std::bit_cast<std::uint64_t>(std::abs(value))),
                      static_cast<std::uint32_t>(8 - schema));
}

// A natural number, 32 bits a digit.
using Natural = std::vector<std::uint32_t>;

Natural Square(const Natural& a) {
  Natural product(2 * a.size(), 0);
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::uint64_t carry = 0;
    for (std::size_t j = 0; j < a.size() || carry != 0; ++j) {
      const std::uint64_t digit =
          product[i + j] + carry + (j < a.size() ? std::uint64_t{a[i]} * a[j] : 0);
      product[i + j] = static_cast<std::uint32_t>(digit);
      carry = digit >> 32;
    }
  }
  return product;
}

// Whether (2^52 + mantissa)^256 <= 2^power, for a power that is not below 52 * 256.
bool PowerIsWithin(std::uint64_t mantissa, std::size_t power) {
  const std::uint64_t whole = (std::uint64_t{1} << 52) + mantissa;
  Natural n = {static_cast<std::uint32_t>(whole), static_cast<std::uint32_t>(whole >> 32)};
  for (int i = 0; i < 8; ++i) n = Square(n);
  while (!n.empty() && n.back() == 0) n.pop_back();
  const std::size_t bits = 32 * (n.size() - 1) + static_cast<std::size_t>(std::bit_width(n.back()));
  if (bits != power + 1) return bits <= power;
  for (std::size_t i = 0; i + 1 < n.size(); ++i) {
    if (n[i] != 0) return false;
  }
  return std::has_single_bit(n.back());
}

TEST(NativeIndex, BoundsAreTheRootsOfTwoRoundedDown) {
  for (std::size_t k = 0; k < kNativeBounds.size(); ++k) {
    EXPECT_TRUE(PowerIsWithin(kNativeBounds[k], 52 * 256 + k)) << k;
    EXPECT_FALSE(PowerIsWithin(kNativeBounds[k] + 1, 52 * 256 + k)) << k;
  }
}

// The bucket by a search through all bounds.
std::int32_t Searched(std::int32_t exponent, std::uint64_t mantissa, int schema) {
  std::int32_t k = 0;
  while (k < 256 && mantissa > kNativeBounds[static_cast<std::size_t>(k)]) ++k;
  const std::int32_t finest = exponent * 256 + k;
  const auto joined = static_cast<double>(1 << (8 - schema));
  return static_cast<std::int32_t>(std::ceil(finest / joined));
}

TEST(NativeIndex, IsRightOnBothSidesOfEveryBound) {
  for (int schema = -4; schema <= 8; ++schema) {
    for (const std::int32_t exponent : {-1022, -700, -129, -9, -1, 0, 1, 2, 16, 700, 1023}) {
      for (const std::uint64_t bound : kNativeBounds) {
        for (int off = -2; off <= 2; ++off) {
          const std::uint64_t mantissa = (bound + static_cast<std::uint64_t>(off));
          if (mantissa > detail::kMantissaMask) continue;
          const auto value =
              std::bit_cast<double>((static_cast<std::uint64_t>(exponent + 1023) << 52) | mantissa);
          ASSERT_EQ(IndexOf(value, schema), Searched(exponent, mantissa, schema))
              << value << " schema " << schema;
        }
      }
    }
  }
}

TEST(NativeIndex, OfRandomValuesIsTheSearchedOne) {
  std::mt19937_64 random(5);
  for (int i = 0; i < 200000; ++i) {
    const std::uint64_t mantissa = random() & detail::kMantissaMask;
    const auto exponent = static_cast<std::int32_t>(random() % 2046) - 1022;
    const auto value =
        std::bit_cast<double>((static_cast<std::uint64_t>(exponent + 1023) << 52) | mantissa);
    const int schema = static_cast<int>(random() % 13) - 4;
    ASSERT_EQ(IndexOf(value, schema), Searched(exponent, mantissa, schema)) << value;
  }
}

TEST(NativeIndex, OfSubnormalsIsThatOfTheSameValueMadeNormal) {
  std::mt19937_64 random(6);
  for (int i = 0; i < 100000; ++i) {
    const std::uint64_t bits = (random() & detail::kMantissaMask) >> (random() % 52);
    if (bits == 0) continue;
    const auto value = std::bit_cast<double>(bits);
    ASSERT_EQ(IndexOf(value, 8), IndexOf(std::ldexp(value, 200), 8) - 200 * 256) << value;
  }
}

// From the specification and its implementations.
TEST(NativeIndex, OfKnownValues) {
  EXPECT_EQ(IndexOf(1, 3), 0);
  EXPECT_EQ(IndexOf(1.5, 3), 5);
  EXPECT_EQ(IndexOf(2, 3), 8);
  EXPECT_EQ(IndexOf(3, 3), 13);
  EXPECT_EQ(IndexOf(1000, 3), 80);
  EXPECT_EQ(IndexOf(0.001, 3), -79);
  EXPECT_EQ(IndexOf(0.5, 0), -1);
  EXPECT_EQ(IndexOf(1, 0), 0);
  EXPECT_EQ(IndexOf(3, 0), 2);
  EXPECT_EQ(IndexOf(4, 0), 2);
  EXPECT_EQ(IndexOf(std::nextafter(4, 5), 0), 3);
  EXPECT_EQ(IndexOf(3, -1), 1);
  EXPECT_EQ(IndexOf(1000, -1), 5);
  EXPECT_EQ(IndexOf(5e-324, 0), -1074);
  EXPECT_EQ(IndexOf(5e-324, 8), -274944);
  EXPECT_EQ(IndexOf(std::numeric_limits<double>::max(), 8), 262144);
  EXPECT_EQ(IndexOf(std::numeric_limits<double>::max(), -4), 64);
  EXPECT_EQ(IndexOf(5e-324, -4), -67);
}

}  // namespace
}  // namespace polymeter
