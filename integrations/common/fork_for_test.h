// Runs a part of a test in a forked child.
#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>

#include "polymeter/export.h"

POLYMETER_BEGIN_NAMESPACE
namespace testing {

// True when `body` failed nothing there, and returned: a child that hangs is ended.
template <class Body>
bool PassesInAForkedChild(Body body) {
  constexpr unsigned kSecondsUntilItHangs = 60;
  const pid_t child = fork();
  if (child == 0) {
    alarm(kSecondsUntilItHangs);
    body();
    std::fflush(stdout);
    _exit(::testing::Test::HasFailure() ? 1 : 0);
  }
  int state = 0;
  return child > 0 && waitpid(child, &state, 0) == child && state == 0;
}

}  // namespace testing
POLYMETER_END_NAMESPACE
