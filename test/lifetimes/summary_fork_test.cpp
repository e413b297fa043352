// What a forked child finds of summaries.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <string>
#include <thread>

#include "polymeter/polymeter.h"
#include "sdk/testing/values.h"
#include "test/lifetimes/process.h"

namespace {

using polymeter::Metrics;
using polymeter::Options;
using polymeter::Summary;
using polymeter::SummaryOptions;
using polymeter::testing::CountOf;
using polymeter::testing::QuantileOf;
using process::Child;
using process::Tell;

SummaryOptions Window(std::chrono::milliseconds age) {
  return SummaryOptions().Quantiles({0, 0.5, 1}).MaxAge(age).AgeBuckets(5);
}

TEST(SummaryFork, ChildBeginsWithAnEmptyWindowAndTheParentKeepsItsOwn) {
  const Metrics metrics{Options().Consumer()};
  const auto family = metrics.Summary("s", "S.", {"a"}, Window(std::chrono::minutes(10)));
  const Summary summary = family.With("x");
  const Summary removed = family.With("removed");
  removed.Observe(1);
  family.Remove("removed");
  for (int i = 0; i < 100; ++i) summary.Observe(1000);
  const auto outcome =
      Child::Fork([&](int fd) {
        alarm(50);
        int failures = 0;
        const auto expect = [&](bool holds, const char* what) {
          if (holds) return;
          Tell(fd, std::string(what) + "\n");
          ++failures;
        };
        const auto at_first = metrics.TakeSnapshot();
        expect(CountOf(at_first, "s", {{"a", "x"}}) == 0u, "it is empty");
        expect(std::isnan(QuantileOf(at_first, "s", 0.5, {{"a", "x"}}).value_or(0)),
               "so is its window");
        removed.Observe(7);
        for (const double value : {3.0, 4.0, 5e6}) summary.Observe(value);
        family.With("of the child").Observe(9);
        const auto after = metrics.TakeSnapshot();
        expect(CountOf(after, "s", {{"a", "x"}}) == 3u, "the child counts");
        expect(QuantileOf(after, "s", 0, {{"a", "x"}}) == 3, "the least is the child's");
        expect(QuantileOf(after, "s", 1, {{"a", "x"}}) == 5e6, "the greatest is the child's");
        expect(QuantileOf(after, "s", 0.5, {{"a", "of the child"}}) == 9, "new series count");
        return failures;
      }).Wait();
  EXPECT_EQ(outcome.exit_code, 0) << outcome.output << " signal " << outcome.signal;
  EXPECT_EQ(CountOf(metrics, "s", {{"a", "x"}}), 100u);
  EXPECT_EQ(QuantileOf(metrics, "s", 0.5, {{"a", "x"}}), 1000);
  EXPECT_EQ(CountOf(metrics, "s", {{"a", "of the child"}}), std::nullopt);
}

// At whatever moment of an observation, of the end of an interval or of a reading it is forked.
TEST(SummaryFork, LeavesNoLockTaken) {
  const Metrics metrics{Options().Consumer()};
  const auto family = metrics.Summary("s", "S.", {"a"}, Window(std::chrono::milliseconds(50)));
  const Summary summary = family.With("x");
  std::atomic<bool> stop{false};
  std::thread observer([&] {
    for (int i = 0; !stop; ++i) {
      summary.Observe(std::ldexp(1.0, i % 50));
      family.With(i % 100).Observe(std::ldexp(1.0, i / 100 % 50));
    }
  });
  std::thread reader([&] {
    while (!stop) static_cast<void>(metrics.TakeSnapshot());
  });
  for (int i = 0; i < 20; ++i) {
    const auto outcome = Child::Fork([&](int) {
                           alarm(50);
                           for (int n = 0; n < 100; ++n) {
                             summary.Observe(std::ldexp(1.0, n));
                             family.With(n).Observe(std::ldexp(1.0, n));
                           }
                           return CountOf(metrics, "s", {{"a", "x"}}) == 100u ? 0 : 1;
                         }).Wait();
    EXPECT_TRUE(outcome.in_time);
    ASSERT_EQ(outcome.exit_code, 0) << "signal " << outcome.signal;
  }
  stop = true;
  observer.join();
  reader.join();
}

}  // namespace
