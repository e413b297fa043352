// Pools that differ in what they call things.
#include "polymeter/thread_pool_monitor.h"

#include <gtest/gtest.h>

#include <future>
#include <mutex>
#include <thread>
#include <type_traits>
#include <vector>

#include "sdk/testing/values.h"

namespace polymeter {
namespace {

// Keeps the tasks until they are run by hand.
class Tasks {
 public:
  void Add(std::function<void()> task) {
    const std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
  }
  std::size_t Size() const {
    const std::lock_guard lock(mutex_);
    return tasks_.size();
  }
  void Run() {
    std::vector<std::function<void()>> tasks;
    {
      const std::lock_guard lock(mutex_);
      tasks.swap(tasks_);
    }
    for (const auto& task : tasks) task();
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::function<void()>> tasks_;
};

struct Google : Tasks {
  void Post(std::function<void()> task) { Add(std::move(task)); }
  void enqueue(std::function<void()>) { ADD_FAILURE() << "Post comes first"; }
  std::size_t QueueSize() const { return Size(); }
};
struct Standard : Tasks {
  std::future<void> submit(std::function<void()> task) {
    std::promise<void> promise;
    promise.set_value();
    Add(std::move(task));
    return promise.get_future();
  }
  int queue_size() const { return static_cast<int>(Size()); }
};
struct Silent : Tasks {
  template <class Task>
  void enqueue(Task&& task) {
    Add(std::forward<Task>(task));
  }
};

template <class Pool>
class ThreadPoolMonitor : public ::testing::Test {};
using Pools = ::testing::Types<Google, Standard, Silent>;
TYPED_TEST_SUITE(ThreadPoolMonitor, Pools);

TYPED_TEST(ThreadPoolMonitor, GivesHeartbeatsAndAsksForTheDepth) {
  const Metrics metrics(Options().Consumer());
  TypeParam pool;
  const ExecutorMonitor monitor = WatchThreadPool(
      metrics, "pool", pool, ExecutorOptions().Interval(std::chrono::milliseconds(1)));
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (pool.Size() == 0 && std::chrono::steady_clock::now() < end) std::this_thread::yield();
  ASSERT_EQ(pool.Size(), 1u);
  const auto depth =
      testing::ValueOf(metrics.TakeSnapshot(), "executor_queue_depth", {{"executor", "pool"}});
  if constexpr (std::is_same_v<TypeParam, Silent>) {
    EXPECT_FALSE(depth);
  } else {
    EXPECT_EQ(depth, 1);
  }
  pool.Run();
  const Snapshot snapshot = metrics.TakeSnapshot();
  const auto* const lag =
      testing::FindPoint<HistogramPoint>(snapshot, "executor_lag_seconds", {{"executor", "pool"}});
  ASSERT_NE(lag, nullptr);
  EXPECT_GE(lag->count, 1u);
}

TEST(WatchThreadPool, LeavesAGivenDepthAlone) {
  const Metrics metrics(Options().Consumer());
  Google pool;
  const ExecutorMonitor monitor =
      WatchThreadPool(metrics, "pool", pool, ExecutorOptions().Depth([] { return 7.0; }));
  EXPECT_EQ(
      testing::ValueOf(metrics.TakeSnapshot(), "executor_queue_depth", {{"executor", "pool"}}), 7);
}

}  // namespace
}  // namespace polymeter
