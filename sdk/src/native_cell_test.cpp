// Cells of exponential buckets: every observation is in its bucket, whatever schema the cell
// had come to when it was made.
#include "sdk/src/native_cell.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "sdk/src/cells.h"
#include "sdk/src/native_pool.h"
#include "sdk/testing/sanitizer.h"

namespace polymeter {
namespace {

using detail::Arena;
using detail::LaneCount;
using detail::NativeCell;
using detail::NativeConfig;
using detail::ObserveNative;

constexpr double kNativeInfinity = std::numeric_limits<double>::infinity();

struct CellGiver {
  void operator()(NativeCell* cell) const { detail::ReleaseNativeCell(cell); }
};
using Cell = std::unique_ptr<NativeCell, CellGiver>;
Cell Make(const NativeConfig& config = {}) { return Cell(detail::NewNativeCell(config)); }

const NativeHistogram& Read(const Cell& cell) {
  static auto* const kArena = new Arena;
  return *detail::ReadNativeCell(*cell, LaneCount(), *kArena);
}

// 2^(index / 2^schema), with 11 more bits than a double.
long double Bound(std::int32_t index, int schema) {
  return exp2l(static_cast<long double>(index) / exp2l(schema));
}

// Another way than the cell's: guess with a logarithm, then look at the bounds.
std::int32_t ReferenceIndex(double value, int schema) {
  const auto v = static_cast<long double>(std::abs(value));
  auto index = static_cast<std::int32_t>(std::ceil(log2l(v) * exp2l(schema)));
  while (v > Bound(index, schema)) ++index;
  while (v <= Bound(index - 1, schema)) --index;
  return index;
}

std::map<std::int32_t, std::uint64_t> BucketsOf(const NativeBuckets& buckets) {
  std::map<std::int32_t, std::uint64_t> all;
  for (std::uint32_t i = 0; i < buckets.size; ++i) {
    if (buckets.counts[i] != 0)
      all[buckets.first + static_cast<std::int32_t>(i)] = buckets.counts[i];
  }
  return all;
}

// That the buckets are those of exactly these values, at the cell's schema.
void ExpectCounted(const NativeHistogram& h, const std::vector<double>& values) {
  std::map<std::int32_t, std::uint64_t> positive, negative;
  std::uint64_t zeros = 0, infinite = 0, negative_infinite = 0;
  for (const double v : values) {
    if (std::abs(v) <= h.zero_threshold) {
      ++zeros;
    } else if (std::isinf(v)) {
      ++(v > 0 ? infinite : negative_infinite);
    } else {
      ++(v > 0 ? positive : negative)[ReferenceIndex(v, h.schema)];
    }
  }
  EXPECT_EQ(BucketsOf(h.positive), positive);
  EXPECT_EQ(BucketsOf(h.negative), negative);
  EXPECT_EQ(h.zero_count, zeros);
  EXPECT_EQ(h.positive_infinite, infinite);
  EXPECT_EQ(h.negative_infinite, negative_infinite);
  EXPECT_EQ(h.count, values.size());
  for (const NativeBuckets* const range : {&h.positive, &h.negative}) {
    if (range->size == 0) continue;
    EXPECT_NE(range->counts[0], 0u) << "begins with the first populated bucket";
    EXPECT_NE(range->counts[range->size - 1], 0u) << "ends with the last populated one";
  }
}

// That the bucket with the value of that rank, found by adding counts up, holds it.
void ExpectQuantiles(const NativeHistogram& h, std::vector<double> values) {
  std::sort(values.begin(), values.end());
  struct Piece {
    long double low, high;
    std::uint64_t count;
  };
  std::vector<Piece> pieces = {{-kNativeInfinity, -kNativeInfinity, h.negative_infinite}};
  for (std::uint32_t i = h.negative.size; i-- > 0;) {
    const std::int32_t index = h.negative.first + static_cast<std::int32_t>(i);
    pieces.push_back({-Bound(index, h.schema), -Bound(index - 1, h.schema), h.negative.counts[i]});
  }
  pieces.push_back({-h.zero_threshold, h.zero_threshold, h.zero_count});
  for (std::uint32_t i = 0; i < h.positive.size; ++i) {
    const std::int32_t index = h.positive.first + static_cast<std::int32_t>(i);
    pieces.push_back({Bound(index - 1, h.schema), Bound(index, h.schema), h.positive.counts[i]});
  }
  pieces.push_back({kNativeInfinity, kNativeInfinity, h.positive_infinite});
  const long double growth = Bound(1, h.schema);
  for (const double q : {0.0, 0.001, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999, 1.0}) {
    const auto rank = static_cast<std::uint64_t>(q * static_cast<double>(values.size() - 1));
    const double exact = values[rank];
    std::uint64_t below = 0;
    std::size_t at = 0;
    while (below + pieces[at].count <= rank) below += pieces[at++].count;
    EXPECT_LE(pieces[at].low, exact) << q;
    EXPECT_GE(pieces[at].high, exact) << q;
    if (std::isinf(exact) || std::abs(exact) <= h.zero_threshold) continue;
    // Any value of the bucket is off by the bucket's relative width at most.
    const auto size = static_cast<long double>(std::abs(exact));
    const long double outer = std::max(std::abs(pieces[at].low), std::abs(pieces[at].high));
    EXPECT_LE(outer / size, growth * (1 + 1e-15L)) << q;
  }
}

struct Data {
  std::string name;
  std::function<double(std::mt19937_64&)> draw;
};
const std::vector<Data>& AllData() {
  using Random = std::mt19937_64;
  static const std::vector<Data> kAll = {
      {"uniform", [](Random& r) { return std::uniform_real_distribution<>(0, 10)(r); }},
      {"log-normal", [](Random& r) { return std::lognormal_distribution<>(-3, 2)(r); }},
      {"Pareto",
       [](Random& r) { return std::pow(std::uniform_real_distribution<>(1e-12, 1)(r), -1.2); }},
      {"negative", [](Random& r) { return -std::exponential_distribution<>(0.1)(r); }},
      {"both signs", [](Random& r) { return std::normal_distribution<>(0, 100)(r); }},
      {"zeros", [](Random&) { return 0.0; }},
      {"negative zeros", [](Random&) { return -0.0; }},
      {"powers of two", [](Random& r) { return std::ldexp(1.0, static_cast<int>(r() % 60) - 30); }},
      {"subnormal",
       [](Random& r) { return std::ldexp(std::uniform_real_distribution<>(1, 2)(r), -1060); }},
      {"huge",
       [](Random& r) { return std::ldexp(std::uniform_real_distribution<>(1, 2)(r), 1020); }},
      {"any double",
       [](Random& r) {
         for (;;) {
           const auto value = std::bit_cast<double>(r());
           if (value == value) return value;
         }
       }},
      {"with infinities",
       [](Random& r) {
         return r() % 10 == 0 ? (r() % 2 == 0 ? kNativeInfinity : -kNativeInfinity) : 1.0;
       }},
  };
  return kAll;
}

TEST(NativeCell, CountsEveryKindOfDataExactly) {
  for (const Data& data : AllData()) {
    for (const NativeConfig& config :
         {NativeConfig{3, 160, 0}, NativeConfig{8, 160, 1e-300}, NativeConfig{5, 1000, 2.0e-39},
          NativeConfig{0, 161, 0.5}, NativeConfig{-4, 160, 0}, NativeConfig{8, 1024, 0}}) {
      SCOPED_TRACE(data.name + ", schema " + std::to_string(config.schema));
      const Cell cell = Make(config);
      std::mt19937_64 random(42);
      std::vector<double> values;
      for (int i = 0; i < 3000; ++i) {
        values.push_back(data.draw(random));
        ASSERT_TRUE(ObserveNative(*cell, values.back()));
      }
      const NativeHistogram& h = Read(cell);
      EXPECT_LE(h.schema, config.schema);
      EXPECT_LE(h.positive.size, config.max_buckets);
      EXPECT_LE(h.negative.size, config.max_buckets);
      EXPECT_EQ(h.zero_threshold, config.zero_threshold);
      ExpectCounted(h, values);
      ExpectQuantiles(h, values);
      EXPECT_EQ(detail::NativeCount(*cell), values.size());
    }
  }
}

// The finest schema in which the values fit is the one that it comes to.
int FinestThatFits(const std::vector<double>& values, const NativeConfig& config) {
  for (int schema = config.schema;; --schema) {
    bool fits = true;
    for (const bool negative : {false, true}) {
      std::int32_t low = INT32_MAX, high = INT32_MIN;
      for (const double v : values) {
        if (v == 0 || std::isinf(v) || (v < 0) != negative) continue;
        low = std::min(low, ReferenceIndex(v, schema));
        high = std::max(high, ReferenceIndex(v, schema));
      }
      if (low <= high && static_cast<std::uint32_t>(high - low) >= config.max_buckets) fits = false;
    }
    if (fits) return schema;
  }
}

TEST(NativeCell, ScalesDownNoFurtherThanItMust) {
  const NativeConfig config{8, 160, 0};
  std::vector<double> ascending;
  for (int e = -200; e <= 200; ++e) ascending.push_back(std::ldexp(1.37, e));
  std::vector<double> descending(ascending.rbegin(), ascending.rend());
  std::vector<double> shuffled = ascending;
  std::shuffle(shuffled.begin(), shuffled.end(), std::mt19937_64(3));
  std::vector<double> alternating;
  for (int e = 0; e <= 1000; ++e) {
    alternating.push_back(std::ldexp(1.0, e));
    alternating.push_back(std::ldexp(-1.0, -e));
    alternating.push_back(std::ldexp(1.0, -e));
  }
  for (const auto* const values : {&ascending, &descending, &shuffled, &alternating}) {
    const Cell cell = Make(config);
    std::vector<double> so_far;
    for (const double v : *values) {
      ASSERT_TRUE(ObserveNative(*cell, v));
      so_far.push_back(v);
      if (so_far.size() % 97 != 0) continue;
      const NativeHistogram& h = Read(cell);
      EXPECT_EQ(h.schema, FinestThatFits(so_far, config));
      ExpectCounted(h, so_far);
    }
    ExpectQuantiles(Read(cell), so_far);
  }
}

TEST(NativeCell, QuantilesHoldBeforeAndAfterAScaleDown) {
  const Cell cell = Make({8, 160, 0});
  std::mt19937_64 random(7);
  std::vector<double> values;
  for (int i = 0; i < 2000; ++i) {
    values.push_back(1 + 0.4 * std::uniform_real_distribution<>()(random));
    ASSERT_TRUE(ObserveNative(*cell, values.back()));
  }
  EXPECT_EQ(Read(cell).schema, 8);
  ExpectQuantiles(Read(cell), values);
  for (int i = 0; i < 2000; ++i) {
    values.push_back(std::lognormal_distribution<>(0, 3)(random));
    ASSERT_TRUE(ObserveNative(*cell, values.back()));
  }
  EXPECT_LT(Read(cell).schema, 5);
  ExpectQuantiles(Read(cell), values);
}

TEST(NativeCell, OfAllDoublesHasAtMostOneSetASchema) {
  const Cell cell = Make({8, 160, 0});
  std::mt19937_64 random(9);
  for (int i = 0; i < 200000; ++i) {
    // From narrow to all there are.
    const int exponents = 1 + i / 100;
    const int e =
        static_cast<int>(random() % static_cast<std::uint64_t>(2 * exponents)) - exponents;
    const double v = std::ldexp(1.5, std::clamp(e, -1074, 1023));
    ASSERT_TRUE(ObserveNative(*cell, random() % 2 == 0 ? v : -v));
  }
  int sets = 0;
  std::uint32_t slots = 0;
  for (const detail::NativeSet* set = cell->current.load(); set != nullptr; set = set->older) {
    ++sets;
    for (const auto& row : set->rows) slots += row.load() == 0 ? 0u : set->capacity;
  }
  EXPECT_GT(sets, 3);
  EXPECT_LE(sets, 13);
  EXPECT_LE(slots, 13u * 2 * 160);
  EXPECT_EQ(Read(cell).count, 200000u);
}

// A thread that was kept from running between finding the set and counting.
TEST(NativeCell, CountsWhatAThreadStillBringsToAnOlderSet) {
  const Cell cell = Make({8, 160, 0});
  std::vector<double> values = {1, -1};
  for (const double v : values) ASSERT_TRUE(ObserveNative(*cell, v));
  std::vector<const detail::NativeSet*> older;
  for (const double far : {16.0, 1e4, 1e9, 1e200}) {
    older.push_back(cell->current.load());
    values.push_back(far);
    ASSERT_TRUE(ObserveNative(*cell, far));
    ASSERT_NE(cell->current.load(), older.back());
    for (const detail::NativeSet* const set : older) {
      // In its range, and where it may not grow any more.
      for (const double v : {1.0, -1.0, 1.2, -1.2, 1.5}) {
        values.push_back(v);
        ASSERT_TRUE(ObserveNative(*cell, *set, 0, v));
      }
      for (int s = 0; s < 2; ++s) {
        const auto range = detail::NativeRange::Of(set->ranges[s].load());
        EXPECT_TRUE(range.frozen);
        const std::uint32_t steps = cell->current.load()->shift - set->shift;
        const auto all = detail::NativeRange::Of(cell->current.load()->ranges[s].load());
        EXPECT_EQ(all.With(range.Coarser(steps).first).width, all.width);
      }
    }
    ExpectCounted(Read(cell), values);
  }
}

TEST(NativeCell, LaterReadsNeverSayLess) {
  const Cell cell = Make({8, 160, 0});
  std::uint64_t before = 0;
  std::int32_t schema = 8;
  for (int e = 0; e < 900; ++e) {
    ASSERT_TRUE(ObserveNative(*cell, std::ldexp(1.1, e % 2 == 0 ? e : -e)));
    const NativeHistogram& h = Read(cell);
    EXPECT_EQ(h.count, ++before);
    EXPECT_LE(h.schema, schema);
    schema = h.schema;
  }
}

// --- lifetimes -----------------------------------------------------------------------------------

TEST(NativeCell, ThatIsRetiredCountsOnAndMakesNothing) {
  const Cell cell = Make();
  ASSERT_TRUE(ObserveNative(*cell, 1));
  ASSERT_TRUE(ObserveNative(*cell, 0));
  detail::RetireNativeCell(*cell);
  const std::uint64_t base = detail::NativeCount(*cell);
  Arena arena;
  EXPECT_EQ(detail::ReadNativeCell(*cell, LaneCount(), arena), nullptr);
  for (const double v : {1.0, 1e9, -3.0, 0.0, kNativeInfinity, -kNativeInfinity, 1e-300}) {
    EXPECT_TRUE(ObserveNative(*cell, v));
  }
  EXPECT_EQ(detail::NativeCount(*cell), base + 7);
  EXPECT_EQ(cell->current.load(), detail::NoNativeSet());
}

TEST(NativeCell, ThatIsRenewedIsEmptyAndOfItsNewSchema) {
  const Cell cell = Make({3, 160, 0});
  for (const double v : {1.0, 1e-9, -7.0, 0.0, kNativeInfinity})
    ASSERT_TRUE(ObserveNative(*cell, v));
  detail::RetireNativeCell(*cell);
  ASSERT_TRUE(ObserveNative(*cell, 5));
  ASSERT_TRUE(detail::RenewNativeCell(*cell, {6, 320, 0.25}));
  ExpectCounted(Read(cell), {});
  const std::vector<double> values = {1, 2, 3, -4, 0.1, kNativeInfinity};
  for (const double v : values) ASSERT_TRUE(ObserveNative(*cell, v));
  EXPECT_EQ(Read(cell).schema, 6);
  EXPECT_EQ(Read(cell).zero_threshold, 0.25);
  ExpectCounted(Read(cell), values);
}

// Cells and sets of former owners come empty, whatever these and stale handles did.
TEST(NativeCell, ThatIsUsedAnewIsEmpty) {
  constexpr std::size_t kCells = 3 * detail::NativePool::kQuarantinedCells;
  std::map<const detail::NativeSet*, int> sets;
  std::map<const NativeCell*, int> cells;
  std::vector<NativeCell*> stale;
  bool sets_again = false;
  bool cells_again = false;
  for (std::size_t i = 0; i < kCells; ++i) {
    const Cell cell = Make({static_cast<std::int32_t>(i % 13) - 4, 160, 0});
    ASSERT_NE(cell, nullptr);
    cells_again = cells_again || ++cells[cell.get()] > 1;
    sets_again = sets_again || ++sets[cell->current.load()] > 1;
    ExpectCounted(Read(cell), {});
    const std::vector<double> values = {1, 1e100, -1, -1e-100, 1e-100, 0, kNativeInfinity};
    for (const double v : values) ASSERT_TRUE(ObserveNative(*cell, v));
    ExpectCounted(Read(cell), values);
    if (i % 16 == 0) stale.push_back(cell.get());
    if (stale.size() > 10) {
      ASSERT_TRUE(ObserveNative(*stale[stale.size() - 10], 3));
    }
    if (::testing::Test::HasFailure()) return;
  }
  EXPECT_TRUE(sets_again);
  EXPECT_TRUE(cells_again);
}

long ResidentKib() {
  long pages = 0;
  if (FILE* const file = std::fopen("/proc/self/statm", "r")) {
    long size = 0;
    if (std::fscanf(file, "%ld %ld", &size, &pages) != 2) pages = 0;
    std::fclose(file);
  }
  return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

TEST(NativeCell, MadeAndGivenBackWithoutEndTakesBoundedMemory) {
  const auto churn = [](int count) {
    for (int i = 0; i < count; ++i) {
      const Cell cell = Make({8, 160, 0});
      for (int e = 0; e < 40; ++e) ObserveNative(*cell, std::ldexp(1.0, (i + e * 7) % 400 - 200));
    }
  };
  churn(8000);
  const long before = ResidentKib();
  churn(20000);
  EXPECT_LT(ResidentKib() - before, 16 * 1024);
}

TEST(NativeCell, RefusesInASignalHandlerWhatNeedsTheLockThatItsThreadHolds) {
  const Cell cell = Make();
  ASSERT_TRUE(ObserveNative(*cell, 1));
  {
    const detail::NativePool::Hold interrupted;
    ASSERT_TRUE(interrupted.held());
    EXPECT_TRUE(ObserveNative(*cell, 1));
    EXPECT_TRUE(ObserveNative(*cell, 2)) << "the range grows without the lock";
    EXPECT_FALSE(ObserveNative(*cell, -1));
    EXPECT_FALSE(ObserveNative(*cell, 1e99));
  }
  EXPECT_TRUE(ObserveNative(*cell, -1));
  ExpectCounted(Read(cell), {1, 1, 2, -1});
}

// What an observation does when it needs a row and the system gives none.
TEST(NativeCell, POLYMETER_PLAIN(RefusesWhatItHasNoMemoryFor)) {
  std::vector<Cell> cells;
  for (int i = 0; i < 4000; ++i) cells.push_back(Make());
  const pid_t child = fork();
  if (child == 0) {
    alarm(30);
    rlimit limit{};
    getrlimit(RLIMIT_AS, &limit);
    const rlimit none{0, limit.rlim_max};
    if (setrlimit(RLIMIT_AS, &none) != 0) _exit(10);
    std::size_t refused = 0;
    for (const Cell& cell : cells) refused += ObserveNative(*cell, 2) ? 0u : 1u;
    if (setrlimit(RLIMIT_AS, &limit) != 0) _exit(11);
    if (refused == 0 || refused == cells.size()) _exit(12);
    std::size_t counted = 0;
    for (const Cell& cell : cells) counted += detail::NativeCount(*cell);
    if (counted + refused != cells.size()) _exit(13);
    for (const Cell& cell : cells) {
      if (!ObserveNative(*cell, 2)) _exit(14);
    }
    _exit(0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace polymeter
