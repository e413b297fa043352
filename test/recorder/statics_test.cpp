// Static objects that record, and ends of programs: every call before and after the default is
// counted, none crashes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "test/lifetimes/process.h"

namespace {

using process::Child;
using process::Outcome;
using ::testing::MatchesRegex;

Outcome RunStatics(const std::string& how) { return Child::Spawn({RECORDER_PROGRAM, how}).Wait(); }

TEST(RecorderStatics, OfADefaultThatMainInstalls) {
  const Outcome outcome = RunStatics("main");
  EXPECT_EQ(outcome.exit_code, 3) << "signal " << outcome.signal;
  EXPECT_EQ(outcome.output, "site_total{} 3\nbefore 15 after 15\n");
}

TEST(RecorderStatics, OfADefaultThatIsStaticItself) {
  const Outcome outcome = RunStatics("static");
  EXPECT_EQ(outcome.exit_code, 4) << "signal " << outcome.signal;
  // One of the two destructors still finds it.
  EXPECT_EQ(outcome.output, "before 15 after 10\n");
}

TEST(RecorderStatics, OfADefaultThatIsNeverEnded) {
  const Outcome outcome = RunStatics("exit");
  EXPECT_EQ(outcome.exit_code, 5) << "signal " << outcome.signal;
  EXPECT_EQ(outcome.output, "before 15 after 0\n");
}

TEST(RecorderStatics, WithoutADefault) {
  const Outcome outcome = RunStatics("never");
  EXPECT_EQ(outcome.exit_code, 6) << "signal " << outcome.signal;
  EXPECT_EQ(outcome.output, "before 30 after 0\n");
}

TEST(RecorderStatics, WhileThreadsStillRecord) {
  const Outcome outcome = RunStatics("threads");
  EXPECT_TRUE(outcome.in_time);
  EXPECT_EQ(outcome.exit_code, 7) << "signal " << outcome.signal;
  EXPECT_THAT(outcome.output, MatchesRegex("before 15 after [1-9][0-9]*\n"));
}

}  // namespace
