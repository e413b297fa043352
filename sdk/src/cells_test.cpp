// What readers of cells leave out, and cells that are retired and used anew.
#include "sdk/src/cells.h"

#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
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
      constexpr unsigned kRegistered = 32;  // bytes, by glibc
      constexpr int kUnregister = 1;
      ASSERT_EQ(
          syscall(SYS_rseq, thread_pointer + __rseq_offset, kRegistered, kUnregister, RSEQ_SIG), 0);
    }
    add();
  }).join();
  expect(2);
}
#endif

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
