#include "integrations/host/cpu_stat.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "integrations/host/host_for_test.h"

namespace polymeter::detail::host {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

TEST(CpuStat, ReadsEachCpuAndNotTheirSum) {
  EXPECT_THAT(ParseCpuStat(ReadTestData("captured/proc/stat")),
              ElementsAre(Pair(0u, CpuTicks{22914, 20760, 8750, 99731, 120, 0, 48, 749, 0, 0}),
                          Pair(1u, CpuTicks{29744, 20577, 9884, 91101, 834, 0, 224, 758, 0, 0})));
}

TEST(CpuStat, TakesAnOldKernelsShorterLinesAndLeavesTornOnesOut) {
  EXPECT_THAT(ParseCpuStat("cpu0 1 2 3 4\ncpu1 1 2 x 4\ncpu2\ncpux 1 2\ncpu3 5"),
              ElementsAre(Pair(0u, CpuTicks{1, 2, 3, 4, 0, 0, 0, 0, 0, 0}),
                          Pair(3u, CpuTicks{5, 0, 0, 0, 0, 0, 0, 0, 0, 0})));
  EXPECT_THAT(ParseCpuStat(""), IsEmpty());
}

TEST(CpuStat, HoldsAValueThatStepsBackwards) {
  HeldCpuTimes held(100);
  held.Update({{0, {10, 0, 0, 1000, 50}}, {1, {10, 0, 0, 1000, 50}}});
  EXPECT_THAT(
      held.Update({{0, {11, 0, 0, 990, 40}}, {1, {12, 0, 0, 1001, 51}}}),
      ElementsAre(Pair(0u, CpuTicks{11, 0, 0, 1000, 50}), Pair(1u, CpuTicks{12, 0, 0, 1001, 51})));
  // Until it is passed, not only once.
  EXPECT_THAT(held.Update({{0, {11, 0, 0, 995, 60}}}),
              ElementsAre(Pair(0u, CpuTicks{11, 0, 0, 1000, 60})));
}

TEST(CpuStat, BeginsAnewWhenACpuWasTakenOutAndPutBack) {
  HeldCpuTimes held(100);
  held.Update({{0, {10, 0, 0, 1000, 50}}});
  EXPECT_THAT(held.Update({{0, {1, 0, 0, 701, 0}}}),
              ElementsAre(Pair(0u, CpuTicks{10, 0, 0, 1000, 50})));
  EXPECT_THAT(held.Update({{0, {1, 0, 0, 700, 0}}}),
              ElementsAre(Pair(0u, CpuTicks{1, 0, 0, 700, 0})));
  EXPECT_THAT(held.Update({}), IsEmpty());
}

}  // namespace
}  // namespace polymeter::detail::host
