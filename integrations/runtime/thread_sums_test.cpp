#include "integrations/runtime/thread_sums.h"

#include <gtest/gtest.h>

#include <map>

namespace polymeter::detail {
namespace {

constexpr auto kKind = ThreadSums::kVoluntary;

std::uint64_t Reading(ThreadSums& sums, const std::map<ThreadSums::Id, std::uint64_t>& threads) {
  sums.Begin();
  for (const auto& [id, value] : threads) {
    sums.Seen(id);
    sums.Set(id, kKind, value);
  }
  sums.End();
  return sums.total(kKind);
}

TEST(ThreadSums, KeepsTheLastValuesOfThreadsThatEnded) {
  ThreadSums sums;
  EXPECT_EQ(Reading(sums, {{1, 10}, {2, 1000}}), 1010u);
  EXPECT_EQ(Reading(sums, {{1, 12}}), 1012u);  // 12 in task/*, far below 1010
  EXPECT_EQ(Reading(sums, {{1, 13}, {3, 5}}), 1018u);
  EXPECT_EQ(sums.threads(), 2u);
}

TEST(ThreadSums, TakesALowerValueForAnotherThreadWithTheId) {
  ThreadSums sums;
  EXPECT_EQ(Reading(sums, {{7, 100}}), 100u);
  EXPECT_EQ(Reading(sums, {{7, 3}}), 103u);
  EXPECT_EQ(Reading(sums, {{7, 4}}), 104u);
}

TEST(ThreadSums, AThreadThatCannotBeReadOnceIsNotCountedTwice) {
  ThreadSums sums;
  EXPECT_EQ(Reading(sums, {{7, 100}}), 100u);
  sums.Begin();
  sums.Seen(7);
  sums.End();
  EXPECT_EQ(sums.total(kKind), 100u);
  EXPECT_EQ(Reading(sums, {{7, 101}}), 101u);
}

TEST(ThreadSums, KindsAreApart) {
  ThreadSums sums;
  sums.Begin();
  sums.Seen(1);
  sums.Set(1, ThreadSums::kInvoluntary, 5);
  sums.End();
  EXPECT_EQ(sums.total(ThreadSums::kInvoluntary), 5u);
  EXPECT_EQ(sums.total(ThreadSums::kRunDelay), 0u);
}

}  // namespace
}  // namespace polymeter::detail
