// A real pool, real threads.
#include "polymeter/executor_monitor.h"

#include <dirent.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <fstream>
#include <future>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <thread>
#include <vector>

#include "sdk/testing/values.h"

namespace polymeter {
namespace {

using std::chrono::milliseconds;
using testing::FindPoint;
using testing::ValueOf;

// A plain thread pool, as many have one.
class Pool {
 public:
  explicit Pool(int threads) {
    for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { Work(); });
  }
  ~Pool() {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
      changed_.notify_all();
    }
    for (std::thread& thread : threads_) thread.join();
  }
  void Post(std::function<void()> task) {
    const std::lock_guard lock(mutex_);
    queue_.push_back(std::move(task));
    changed_.notify_one();
  }
  double Depth() const {
    const std::lock_guard lock(mutex_);
    return static_cast<double>(queue_.size());
  }

 private:
  void Work() {
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [this] { return stop_ || !queue_.empty(); });
      if (stop_) return;
      const std::function<void()> task = std::move(queue_.front());
      queue_.pop_front();
      lock.unlock();
      task();
      lock.lock();
    }
  }

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> queue_;
  bool stop_ = false;
  std::vector<std::thread> threads_;
};

ExecutorMonitor::Post To(Pool& pool) {
  return [&pool](std::function<void()> task) { pool.Post(std::move(task)); };
}

ExecutorOptions Quick() {
  return ExecutorOptions().Interval(milliseconds(1)).StallAfter(milliseconds(20));
}

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
      FindPoint<HistogramPoint>(snapshot, "executor_lag_seconds", {{"executor", "pool"}});
  return lag == nullptr ? 0 : lag->count;
}

std::optional<double> Of(const Metrics& metrics, std::string_view family) {
  return ValueOf(metrics.TakeSnapshot(), family, {{"executor", "pool"}});
}

// The signals that the thread with this name blocks, as /proc says; nothing when there is none.
std::optional<std::string> BlockedSignals(const std::string& thread) {
  std::optional<std::string> blocked;
  DIR* const tasks = opendir("/proc/self/task");
  while (const dirent* const task = readdir(tasks)) {
    std::ifstream status(std::string("/proc/self/task/") + task->d_name + "/status");
    std::string line;
    bool ours = false;
    while (std::getline(status, line)) {
      if (line == "Name:\t" + thread) ours = true;
      if (ours && line.rfind("SigBlk:", 0) == 0) blocked = line.substr(8);
    }
  }
  closedir(tasks);
  return blocked;
}

TEST(ExecutorMonitor, MeasuresAPoolThatRuns) {
  const Metrics metrics(Options().Consumer());
  Pool pool(2);
  const ExecutorMonitor monitor(metrics, "pool", To(pool),
                                Quick().StallAfter(std::chrono::hours(1)));
  EXPECT_TRUE(Eventually([&] { return Lags(metrics) >= 5; }));
  EXPECT_EQ(Of(metrics, "executor_stalls_total"), 0);
  EXPECT_EQ(testing::FindFamily(metrics.TakeSnapshot(), "executor_queue_depth"), nullptr);
}

TEST(ExecutorMonitor, CountsABlockedPoolOnce) {
  const Metrics metrics(Options().Consumer());
  Pool pool(2);
  std::promise<void> release;
  const auto blocked = release.get_future().share();
  for (int i = 0; i < 2; ++i) pool.Post([blocked] { blocked.wait(); });
  const ExecutorMonitor monitor(metrics, "pool", To(pool), Quick());
  EXPECT_TRUE(Eventually([&] { return Of(metrics, "executor_stalls_total") == 1; }));
  std::this_thread::sleep_for(milliseconds(50));  // a longer stall is no second one
  EXPECT_EQ(Of(metrics, "executor_stalls_total"), 1);
  EXPECT_EQ(Lags(metrics), 0u);
  EXPECT_EQ(pool.Depth(), 1);  // one heartbeat, not fifty
  release.set_value();
  EXPECT_TRUE(Eventually([&] { return Lags(metrics) >= 1; }));
  const Snapshot snapshot = metrics.TakeSnapshot();
  EXPECT_GE(
      FindPoint<HistogramPoint>(snapshot, "executor_lag_seconds", {{"executor", "pool"}})->sum,
      0.07);
}

TEST(ExecutorMonitor, ReadsTheDepthAtEachSnapshot) {
  const Metrics metrics(Options().Consumer());
  std::atomic<int> depth{7};
  const ExecutorMonitor monitor(metrics, "pool", nullptr,
                                ExecutorOptions().Depth([&] { return depth.load(); }));
  EXPECT_EQ(Of(metrics, "executor_queue_depth"), 7);
  depth = 0;
  EXPECT_EQ(Of(metrics, "executor_queue_depth"), 0);
}

TEST(ExecutorMonitor, EndsWhileTheExecutorHangsAndItsHeartbeatMayRunLater) {
  std::function<void()> kept;
  std::mutex mutex;
  {
    const Metrics metrics(Options().Consumer());
    const ExecutorMonitor monitor(metrics, "pool", [&](std::function<void()> task) {
      const std::lock_guard lock(mutex);
      kept = std::move(task);
    });
    EXPECT_TRUE(Eventually([&] {
      const std::lock_guard lock(mutex);
      return kept != nullptr;
    }));
  }
  kept();  // the Metrics is gone, too
}

TEST(ExecutorMonitor, EndsWhilePostHangs) {
  // Shared with the call that is left behind.
  const auto release = std::make_shared<std::promise<void>>();
  const auto entered = std::make_shared<std::promise<void>>();
  const auto left = std::make_shared<std::promise<void>>();
  {
    const Metrics metrics(Options().Consumer());
    const ExecutorMonitor monitor(metrics, "pool", [=](const std::function<void()>&) {
      entered->set_value();
      release->get_future().wait();
      left->set_value();
    });
    entered->get_future().wait();
  }
  release->set_value();
  EXPECT_EQ(left->get_future().wait_for(std::chrono::seconds(30)), std::future_status::ready);
}

TEST(ExecutorMonitor, AnExecutorThatThrowsOrDropsIsNoStall) {
  const Metrics metrics(Options().Consumer());
  std::atomic<int> posts{0};
  const ExecutorMonitor monitor(
      metrics, "pool",
      [&](const std::function<void()>&) {
        if (++posts % 2 == 0) throw std::runtime_error("closed");
      },
      Quick().StallAfter(milliseconds(1000)));
  EXPECT_TRUE(Eventually([&] { return posts >= 10; }));
  EXPECT_EQ(Of(metrics, "executor_stalls_total"), 0);
  EXPECT_EQ(Lags(metrics), 0u);
}

TEST(ExecutorMonitor, ItsThreadIsNamedAndBlocksAllSignals) {
  const Metrics metrics(Options().Consumer());
  {
    const ExecutorMonitor monitor(metrics, "pool", [](const std::function<void()>&) {});
    // All but SIGKILL, SIGSTOP and the two that the C library keeps for itself.
    EXPECT_TRUE(Eventually([] {
      return BlockedSignals("pm-executor") == "fffffffe3bfbfeff" ||
             BlockedSignals("pm-executor") == "fffffffe7ffbfeff";
    })) << BlockedSignals("pm-executor").value_or("no such thread");
  }
  // A thread that has been joined may stand in /proc for a moment.
  EXPECT_TRUE(Eventually([] { return !BlockedSignals("pm-executor"); }));
}

TEST(ExecutorMonitor, MovesWithItsThread) {
  const Metrics metrics(Options().Consumer());
  std::atomic<int> posts{0};
  const auto count = [&](const std::function<void()>&) { ++posts; };
  std::optional<ExecutorMonitor> first;
  first.emplace(metrics, "pool", count, Quick());
  const ExecutorMonitor second = std::move(*first);
  first.reset();
  const int before = posts;
  EXPECT_TRUE(Eventually([&] { return posts > before; }));
}

TEST(ExecutorMonitor, DoesNothingWhenNothingIsRecorded) {
  std::atomic<int> calls{0};
  {
    const ExecutorMonitor monitor(
        Metrics(), "pool", [&](const std::function<void()>&) { ++calls; },
        Quick().Depth([&] { return ++calls; }));
    EXPECT_FALSE(BlockedSignals("pm-executor"));
  }
  EXPECT_EQ(calls, 0);
}

TEST(ExecutorMonitor, AForkedChildEndsItWithoutHanging) {
  const Metrics metrics(Options().Consumer());
  std::optional<ExecutorMonitor> monitor;
  monitor.emplace(
      metrics, "pool", [](const std::function<void()>&) {}, Quick());
  const pid_t child = fork();
  if (child == 0) {
    alarm(20);
    monitor.reset();
    _exit(0);
  }
  int status = -1;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status)) << "signal " << WTERMSIG(status);
}

}  // namespace
}  // namespace polymeter
