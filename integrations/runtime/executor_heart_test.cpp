// What a heartbeat tells, with a clock that the test makes up.
#include "integrations/runtime/executor_heart.h"

#include <gtest/gtest.h>

#include "polymeter/metrics.h"
#include "sdk/testing/values.h"

namespace polymeter::detail {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class ExecutorHeartTest : public ::testing::Test {
 protected:
  ExecutorHeart::Time At(milliseconds since_start) const { return start_ + since_start; }
  double stalls() const { return stalls_.Value(); }

  const Metrics metrics_{Options().Consumer()};
  const Histogram lag_ = metrics_.Histogram("lag_seconds", "L.");
  const Counter stalls_ = metrics_.Counter("stalls_total", "S.");
  const ExecutorHeart::Time start_{seconds(1000)};
  ExecutorHeart heart_{lag_, stalls_, seconds(1), seconds(3)};
};

TEST_F(ExecutorHeartTest, BeatsAtOnceAndThenAtTheInterval) {
  EXPECT_TRUE(heart_.Advance(At(milliseconds(0))).post);
  heart_.Ran(At(milliseconds(20)));
  const auto step = heart_.Advance(At(milliseconds(20)));
  EXPECT_FALSE(step.post);
  EXPECT_EQ(step.next, At(milliseconds(1000)));
  EXPECT_TRUE(heart_.Advance(At(milliseconds(1000))).post);
  EXPECT_EQ(lag_.Count(), 1u);
  EXPECT_NEAR(lag_.Sum(), 0.02, 1e-9);
  EXPECT_EQ(stalls(), 0);
}

TEST_F(ExecutorHeartTest, OneAtMostWaits) {
  EXPECT_TRUE(heart_.Advance(At(seconds(0))).post);
  for (int second = 1; second <= 10; ++second) {
    const auto step = heart_.Advance(At(seconds(second)));
    EXPECT_FALSE(step.post);
    EXPECT_GT(step.next, At(seconds(second)));
  }
}

TEST_F(ExecutorHeartTest, AStallIsCountedOnceWhenItBeginsAndItsLagWhenItEnds) {
  heart_.Advance(At(seconds(0)));
  EXPECT_EQ(heart_.Advance(At(milliseconds(2500))).next, At(milliseconds(3000)));
  EXPECT_EQ(stalls(), 0);
  heart_.Advance(At(milliseconds(3000)));
  EXPECT_EQ(stalls(), 1);
  for (int second = 4; second < 60; ++second) heart_.Advance(At(seconds(second)));
  EXPECT_EQ(stalls(), 1);
  EXPECT_EQ(lag_.Count(), 0u);
  heart_.Ran(At(seconds(60)));
  EXPECT_EQ(lag_.Count(), 1u);
  EXPECT_DOUBLE_EQ(lag_.Sum(), 60);
  // The next one is another.
  EXPECT_TRUE(heart_.Advance(At(seconds(60))).post);
  heart_.Advance(At(seconds(63)));
  EXPECT_EQ(stalls(), 2);
}

TEST_F(ExecutorHeartTest, AStallThatEndsBeforeTheTimerLooksIsCountedToo) {
  heart_.Advance(At(seconds(0)));
  heart_.Ran(At(milliseconds(3001)));
  EXPECT_EQ(stalls(), 1);
  heart_.Advance(At(milliseconds(3002)));
  heart_.Ran(At(milliseconds(5000)));
  EXPECT_EQ(stalls(), 1);
}

TEST_F(ExecutorHeartTest, AHeartbeatThatTheExecutorDropsIsNeitherLagNorStall) {
  heart_.Advance(At(seconds(0)));
  heart_.Dropped();
  EXPECT_TRUE(heart_.Advance(At(seconds(5))).post);
  EXPECT_EQ(lag_.Count(), 0u);
  EXPECT_EQ(stalls(), 0);
}

TEST_F(ExecutorHeartTest, ObservesNothingOnceStopped) {
  heart_.Advance(At(seconds(0)));
  heart_.Stop();
  heart_.Ran(At(seconds(9)));
  EXPECT_EQ(lag_.Count(), 0u);
  EXPECT_EQ(stalls(), 0);
}

TEST(Heartbeat, TellsOnceWhicheverCopyRuns) {
  const Metrics metrics(Options().Consumer());
  const Histogram lag = metrics.Histogram("lag_seconds", "L.");
  const auto heart =
      std::make_shared<ExecutorHeart>(lag, Counter(), milliseconds(1), seconds(1000));
  const auto now = std::chrono::steady_clock::now();
  ASSERT_TRUE(heart->Advance(now).post);
  {
    std::function<void()> beat = MakeHeartbeat(heart);
    const std::function<void()> copy = beat;
    copy();
    ASSERT_TRUE(heart->Advance(now + seconds(1)).post);
    beat();  // the old one again: not the one that waits now
    EXPECT_EQ(lag.Count(), 1u);
  }
  // It ran, so its end drops nothing.
  EXPECT_FALSE(heart->Advance(now + seconds(2)).post);
  { const std::function<void()> never_run = MakeHeartbeat(heart); }
  EXPECT_TRUE(heart->Advance(now + seconds(3)).post);
}

}  // namespace
}  // namespace polymeter::detail
