#include "polymeter/runtime_asio.h"

#include <gtest/gtest.h>

#include <asio/executor_work_guard.hpp>
#include <chrono>
#include <future>
#include <thread>

#include "sdk/testing/values.h"

namespace polymeter {
namespace {

using std::chrono::milliseconds;
using testing::FindPoint;
using testing::ValueOf;

// Far beyond what it takes; a test that waits so long fails.
bool Eventually(const std::function<bool()>& holds) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!holds()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(milliseconds(1));
  }
  return true;
}

std::uint64_t Lags(const Metrics& metrics) {
  const Snapshot snapshot = metrics.TakeSnapshot();
  const auto* const lag =
      FindPoint<HistogramPoint>(snapshot, "executor_lag_seconds", {{"executor", "io"}});
  return lag == nullptr ? 0 : lag->count;
}

TEST(WatchIoContext, MeasuresARunningContext) {
  const Metrics metrics(Options().Consumer());
  asio::io_context context;
  auto work = asio::make_work_guard(context);
  std::thread runner([&] { context.run(); });
  {
    const ExecutorMonitor watch =
        WatchIoContext(metrics, "io", context, ExecutorOptions().Interval(milliseconds(1)));
    EXPECT_TRUE(Eventually([&] { return Lags(metrics) >= 3; }));
  }
  work.reset();
  runner.join();
}

TEST(WatchIoContext, CountsAContextThatIsBlockedOnceAndMeasuresItsLag) {
  const Metrics metrics(Options().Consumer());
  asio::io_context context;
  auto work = asio::make_work_guard(context);
  std::promise<void> release;
  asio::post(context, [blocked = release.get_future().share()] { blocked.wait(); });
  std::thread runner([&] { context.run(); });
  const auto stalls = [&] {
    return ValueOf(metrics.TakeSnapshot(), "executor_stalls_total", {{"executor", "io"}});
  };
  {
    const ExecutorMonitor watch =
        WatchIoContext(metrics, "io", context,
                       ExecutorOptions().Interval(milliseconds(1)).StallAfter(milliseconds(20)));
    EXPECT_TRUE(Eventually([&] { return stalls() == 1; }));
    EXPECT_EQ(Lags(metrics), 0u);
    std::this_thread::sleep_for(milliseconds(50));  // a longer stall is no second one
    EXPECT_EQ(stalls(), 1);
    release.set_value();
    EXPECT_TRUE(Eventually([&] { return Lags(metrics) >= 1; }));
  }
  work.reset();
  runner.join();
}

TEST(WatchIoContext, TakesAStoppedContextForNoStallAndKeepsNoneAlive) {
  const Metrics metrics(Options().Consumer());
  asio::io_context context;
  const ExecutorMonitor watch =
      WatchIoContext(metrics, "io", context,
                     ExecutorOptions().Interval(milliseconds(1)).StallAfter(milliseconds(1)));
  context.stop();
  // What was posted before the stop may be late by now; nothing is added to it.
  std::this_thread::sleep_for(milliseconds(20));
  const double before =
      ValueOf(metrics.TakeSnapshot(), "executor_stalls_total", {{"executor", "io"}}).value_or(0);
  EXPECT_LE(before, 1);
  context.restart();
  context.run();  // returns: heartbeats are no work of their own
}

}  // namespace
}  // namespace polymeter
