#include "sdk/src/env.h"

#include <gtest/gtest.h>

#include <cstdlib>

POLYMETER_BEGIN_NAMESPACE
namespace {

using detail::Environment;

TEST(Environment, TakesAnEmptyVariableForUnset) {
  const Environment environment({{"METRICS_PREFIX", ""}, {"METRICS_BACKEND", "null"}});
  EXPECT_FALSE(environment.Get("METRICS_PREFIX"));
  EXPECT_FALSE(environment.Get("METRICS_LABELS"));
  EXPECT_EQ(environment.Get("METRICS_BACKEND"), "null");
}

TEST(Environment, OfProcessHoldsTheVariablesOfTheMoment) {
  ASSERT_EQ(setenv("POLYMETER_ENV_TEST", "a=b", 1), 0);
  const Environment before = Environment::OfProcess();
  ASSERT_EQ(unsetenv("POLYMETER_ENV_TEST"), 0);
  EXPECT_EQ(before.Get("POLYMETER_ENV_TEST"), "a=b");
  EXPECT_FALSE(Environment::OfProcess().Get("POLYMETER_ENV_TEST"));
}

}  // namespace
POLYMETER_END_NAMESPACE
