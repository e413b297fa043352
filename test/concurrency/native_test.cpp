// Exponential buckets while many threads observe values so far apart that the schema gets coarser
// again and again.
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "polymeter/metrics.h"
#include "sdk/testing/sanitizer.h"
#include "sdk/testing/values.h"
#include "test/concurrency/crowd.h"

namespace {

using polymeter::FamilyOptions;
using polymeter::HistogramPoint;
using polymeter::Metrics;
using polymeter::NativeBuckets;
using polymeter::NativeHistogram;
using polymeter::NativeHistogramOptions;
using polymeter::Options;
using polymeter::testing::FindPoint;

constexpr int kWriters = 8;

FamilyOptions Finest() {
  return FamilyOptions().Native(NativeHistogramOptions().Schema(8).ZeroThreshold(0)).Buckets({0});
}

// Of a power of two, which is a bound of every schema.
std::int32_t IndexOfPower(int exponent, int schema) {
  if (schema >= 0) return exponent * (1 << schema);
  const int joined = 1 << -schema;
  return static_cast<std::int32_t>(std::ceil(static_cast<double>(exponent) / joined));
}

std::uint64_t CountAt(const NativeBuckets& buckets, std::int32_t index) {
  const std::int64_t at = std::int64_t{index} - buckets.first;
  return at < 0 || at >= buckets.size ? 0 : buckets.counts[at];
}

TEST(NativeHistograms, CountExactlyWhileTheirSchemaGetsCoarser) {
  constexpr int kRounds = polymeter::testing::kSanitized ? 10 : 60;
  constexpr int kExponents = 1000;
  const Metrics metrics{Options().Consumer()};
  const auto family = metrics.Histogram("h", "H.", {"round"}, Finest());
  for (int round = 0; round < kRounds; ++round) {
    const auto histogram = family.With(round);
    const std::string label = std::to_string(round);
    std::atomic<bool> wrong{false};
    {
      std::uint64_t before = 0;
      std::int32_t schema = 8;
      const crowd::Loop reader([&] {
        const auto snapshot = metrics.TakeSnapshot();
        const auto* const point = FindPoint<HistogramPoint>(snapshot, "h", {{"round", label}});
        if (point == nullptr || point->native == nullptr || point->native->count < before ||
            point->native->schema > schema || point->native->count < point->count) {
          wrong = true;
          return;
        }
        before = point->native->count;
        schema = point->native->schema;
      });
      // Each goes out from 1 in steps of its own, to both ends of the doubles and with both signs.
      crowd::Together(kWriters, [&](int i) {
        for (int e = 0; e < kExponents; ++e) {
          const int exponent = (e + i) % 2 == 0 ? e : -e;
          const double v = std::ldexp(1.0, exponent);
          histogram.Observe(i % 3 == 2 ? -v : v);
          histogram.Observe(std::ldexp(1.0, i));
        }
      });
    }
    EXPECT_FALSE(wrong) << "a later snapshot said less than an earlier one, or than its buckets";

    const auto snapshot = metrics.TakeSnapshot();
    const auto* const point = FindPoint<HistogramPoint>(snapshot, "h", {{"round", label}});
    ASSERT_NE(point, nullptr);
    const NativeHistogram& native = *point->native;
    ASSERT_EQ(native.count, 2u * kWriters * kExponents);
    ASSERT_EQ(point->count, native.count);
    std::vector<std::uint64_t> positive(400), negative(400);
    for (int i = 0; i < kWriters; ++i) {
      auto& mine = i % 3 == 2 ? negative : positive;
      for (int e = 0; e < kExponents; ++e) {
        const int exponent = (e + i) % 2 == 0 ? e : -e;
        ++mine[static_cast<std::size_t>(200 + IndexOfPower(exponent, native.schema))];
        ++positive[static_cast<std::size_t>(200 + IndexOfPower(i, native.schema))];
      }
    }
    for (int index = -200; index < 200; ++index) {
      const auto at = static_cast<std::size_t>(200 + index);
      ASSERT_EQ(CountAt(native.positive, index), positive[at]) << index;
      ASSERT_EQ(CountAt(native.negative, index), negative[at]) << index;
    }
    EXPECT_EQ(native.schema, -4) << "2,000 powers of two in 160 buckets";
    family.Remove(round);
  }
}

// Handles of series that come and go under them; what is there at the end is exact.
TEST(NativeHistograms, MayBeRemovedUnderTheThreadsThatObserve) {
  constexpr int kTurns = polymeter::testing::kSanitized ? 300 : 3000;
  const Metrics metrics{Options().Consumer()};
  const auto family = metrics.Histogram("h", "H.", {"a"},
                                        FamilyOptions().Native(NativeHistogramOptions().Schema(5)));
  std::atomic<bool> wrong{false};
  {
    std::vector<std::unique_ptr<crowd::Loop>> writers;
    for (int i = 0; i < kWriters - 2; ++i) {
      writers.push_back(std::make_unique<crowd::Loop>([&, i, e = 0]() mutable {
        const auto handle = family.With(e % 3);
        for (int turn = 0; turn < 16; ++turn, ++e) {
          handle.Observe(std::ldexp(i % 2 == 0 ? 1.0 : -1.0, (e * 37) % 900 - 450));
        }
      }));
    }
    const crowd::Loop reader([&] {
      const auto snapshot = metrics.TakeSnapshot();
      for (int a = 0; a < 3; ++a) {
        const auto* const point =
            FindPoint<HistogramPoint>(snapshot, "h", {{"a", std::to_string(a)}});
        if (point == nullptr) continue;
        std::uint64_t sum = point->native->zero_count;
        for (const auto* const range : {&point->native->positive, &point->native->negative}) {
          for (std::uint32_t i = 0; i < range->size; ++i) sum += range->counts[i];
        }
        if (sum != point->native->count || point->count != sum) wrong = true;
      }
    });
    for (int turn = 0; turn < kTurns; ++turn) family.Remove(turn % 3);
  }
  EXPECT_FALSE(wrong);
  family.RemoveAll();
  const auto rest = family.With(0);
  crowd::Together(kWriters, [&](int i) {
    for (int turn = 0; turn < 1000; ++turn) rest.Observe(std::ldexp(1.0, i));
  });
  const auto snapshot = metrics.TakeSnapshot();
  const auto* const point = FindPoint<HistogramPoint>(snapshot, "h", {{"a", "0"}});
  ASSERT_NE(point, nullptr);
  EXPECT_EQ(point->native->count, 1000u * kWriters);
  for (int i = 0; i < kWriters; ++i) {
    EXPECT_EQ(CountAt(point->native->positive, IndexOfPower(i, point->native->schema)), 1000u);
  }
}

}  // namespace
