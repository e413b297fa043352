// What readers of cells leave out, and memory and cells that are used anew.
#include "sdk/src/cells.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <thread>

#if POLYMETER_RSEQ && defined(__GLIBC__) && __GLIBC_PREREQ(2, 35)
#include <sys/rseq.h>
#endif

namespace polymeter {
namespace {

TEST(CellStore, ReadsTheDoublesOfAChunkFromTheFirstOneOn) {
  detail::CellStore store;
  const detail::CellAddress counters[] = {store.NewCounter(), store.NewCounter()};
  const std::uint32_t lanes = detail::LaneCount();
  detail::CounterAdd(counters[0], std::uint64_t{1});
  EXPECT_EQ(detail::ReadCounterCell(counters[0], lanes).part, 0);
  detail::CounterAdd(counters[1], 0.25);
  detail::CounterAdd(counters[0], 0.5);
  EXPECT_EQ(detail::ReadCounterCell(counters[0], lanes).whole, 1u);
  EXPECT_EQ(detail::ReadCounterCell(counters[0], lanes).part, 0.5);
  EXPECT_EQ(detail::ReadCounterCell(counters[1], lanes).part, 0.25);
}

#if POLYMETER_RSEQ && defined(__GLIBC__) && __GLIBC_PREREQ(2, 35)
// A thread that is not registered adds to a lane that nobody reads as long as all are.
TEST(CellStore, ReadsWhatThreadsWithoutRestartableSequencesAdd) {
  detail::CellStore store;
  const detail::CellAddress counter = store.NewCounter();
  const auto* const bounds = detail::InternBounds({1, 2});
  const detail::CellAddress histogram = store.NewHistogram(bounds);
  const auto add = [&] {
    detail::CounterAdd(counter, std::uint64_t{2});
    detail::CounterAdd(counter, 0.5);
    detail::HistogramObserve(histogram, 1.5);
  };
  const auto expect = [&](unsigned times) {
    const std::uint32_t lanes = detail::LaneCount();
    const detail::CounterValue value = detail::ReadCounterCell(counter, lanes);
    EXPECT_EQ(value.whole, 2 * times);
    EXPECT_EQ(value.part, 0.5 * times);
    std::uint64_t buckets[3];
    const auto totals = detail::ReadHistogramCell(
        *reinterpret_cast<const detail::HistogramCell*>(histogram), lanes, buckets);
    EXPECT_EQ(totals.count, times);
    EXPECT_EQ(totals.sum, 1.5 * times);
    EXPECT_EQ(buckets[1], times);
    EXPECT_EQ(detail::ReadHistogramCount(histogram), times);
    EXPECT_EQ(detail::ReadHistogramSum(histogram), 1.5 * times);
  };
  add();
  expect(1);
  std::thread([&] {
    if (__rseq_size != 0) {  // else no thread is registered
      char* thread_pointer = nullptr;
      __asm__("movq %%fs:0, %0" : "=r"(thread_pointer));
      // Of the size that it was registered with, which is libc's to choose.
      constexpr int kUnregister = 1;
      bool done = false;
      for (unsigned size = 32; size <= 256 && !done; size += 32) {
        done = syscall(SYS_rseq, thread_pointer + __rseq_offset, size, kUnregister, RSEQ_SIG) == 0;
      }
      ASSERT_TRUE(done);
    }
    add();
  }).join();
  expect(2);
}
#endif

// As after mlockall(): the kernel does not take such memory back, and says so.
TEST(ChunkPool, WipesMemoryThatIsLocked) {
  constexpr auto kKind = detail::ChunkKind::kPlain;
  detail::ChunkPool& pool = detail::ChunkPool::Instance();
  char* const chunk = pool.Acquire(kKind);
  ASSERT_NE(chunk, nullptr);
  ASSERT_EQ(mlock(chunk, detail::kLaneBytes), 0);
  const auto is_zero = [&] {
    return std::all_of(chunk, chunk + detail::kLaneBytes, [](char c) { return c == 0; });
  };
  std::memset(chunk, 7, detail::kLaneBytes);
  pool.Release(kKind, chunk);
  EXPECT_TRUE(is_zero());
  std::memset(chunk, 7, detail::kLaneBytes);  // as a stale handle would
  for (int i = 0; i < 65; ++i) pool.Release(kKind, detail::MapChunk(kKind));
  char* again = pool.Acquire(kKind);
  for (int turn = 0; turn < 1000 && again != chunk; ++turn) {
    pool.Release(kKind, again);
    again = pool.Acquire(kKind);
  }
  ASSERT_EQ(again, chunk);
  EXPECT_TRUE(is_zero());
  EXPECT_EQ(munlock(chunk, detail::kLaneBytes), 0);
  pool.Release(kKind, chunk);
}

TEST(CellStore, FindsEveryLateIncrementAfterALookOrTwoAtManyRetiredCells) {
  detail::CellStore store;
  constexpr std::uint64_t kCells = 10000;
  std::vector<detail::CellAddress> cells;
  for (std::uint64_t i = 0; i < kCells; ++i) cells.push_back(store.NewCounter());
  for (const detail::CellAddress cell : cells) store.Retire(MetricType::kCounter, cell);
  for (std::uint64_t round = 1; round <= 2; ++round) {
    for (const detail::CellAddress cell : cells) detail::CounterAdd(cell, std::uint64_t{1});
    double before = store.RetiredIncrements();
    for (int look = 0; look < 2; ++look) {
      const double now = store.RetiredIncrements();
      EXPECT_GE(now, before);
      before = now;
    }
    EXPECT_EQ(before, static_cast<double>(round * kCells));
  }
}

TEST(CellStore, ForgetsNoLateIncrementWhenACellIsUsedAnew) {
  detail::CellStore store;
  const detail::CellAddress first = store.NewCounter();
  store.Retire(MetricType::kCounter, first);
  detail::CounterAdd(first, std::uint64_t{3});
  EXPECT_EQ(store.RetiredIncrements(), 3);
  detail::CellAddress cell = detail::kNoopCell;
  for (std::size_t i = 0; i < (std::size_t{2} << 20) && cell != first; ++i) {
    if (cell != detail::kNoopCell) store.Retire(MetricType::kCounter, cell);
    cell = store.NewCounter();
  }
  ASSERT_EQ(cell, first);
  EXPECT_EQ(store.RetiredIncrements(), 3);
}

}  // namespace
}  // namespace polymeter
