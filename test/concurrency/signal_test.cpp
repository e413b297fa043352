// Increments in signal handlers that interrupt increments. polymeter does not promise them; that
// sums stay exact shows that an interrupted add is never lost and never made twice.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <signal.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <thread>

#include "polymeter/metrics.h"
#include "sdk/testing/values.h"
#include "test/concurrency/crowd.h"

namespace {

using polymeter::Metrics;
using polymeter::Options;
using polymeter::testing::FindPoint;

polymeter::Counter g_integers;
polymeter::Counter g_doubles;
polymeter::Histogram g_histogram;
polymeter::Counter g_exemplars;
std::atomic<std::uint64_t> g_handled{0};

void Handle(int) {
  g_integers.Increment();
  g_doubles.Increment(0.5);
  g_histogram.Observe(1);
  g_exemplars.IncrementWithExemplar(1, {{"by", "handler"}, {"all", "of it"}});
  g_handled.fetch_add(1, std::memory_order_relaxed);
}

TEST(Signals, HandlersThatCountKeepSumsExact) {
  constexpr std::uint64_t kSignals = 5000;
  const Metrics metrics{Options().Consumer()};
  g_integers = metrics.Counter("integers_total", "Ones.");
  g_doubles = metrics.Counter("doubles_total", "Halves.");
  g_histogram = metrics.Histogram("ones_seconds", "Ones.");
  g_exemplars =
      metrics.Counter("exemplars_total", "With exemplars.", polymeter::FamilyOptions().Exemplars());
  g_handled = 0;

  struct sigaction action = {};
  action.sa_handler = Handle;
  action.sa_flags = SA_RESTART;
  struct sigaction before = {};
  ASSERT_EQ(sigaction(SIGUSR1, &action, &before), 0);

  std::atomic<std::uint64_t> turns{0};
  std::atomic<bool> stop{false};
  std::atomic<int> ready{0};
  constexpr int kWorkers = 4;
  pthread_t ids[kWorkers];
  std::thread workers[kWorkers];
  for (int i = 0; i < kWorkers; ++i) {
    workers[i] = std::thread([&, i] {
      ids[i] = pthread_self();
      ready.fetch_add(1);
      std::uint64_t mine = 0;
      std::mutex own;
      while (!stop.load(std::memory_order_relaxed)) {
        for (int turn = 0; turn < 64; ++turn, ++mine) {
          g_integers.Increment();
          g_doubles.Increment(0.5);
          g_histogram.Observe(1);
          g_exemplars.IncrementWithExemplar(1, {{"by", "worker"}, {"all", "of it"}});
        }
        // ThreadSanitizer delivers a signal where the program calls into the system or a lock.
        const std::lock_guard lock(own);
      }
      turns.fetch_add(mine);
    });
  }
  EXPECT_TRUE(crowd::WaitUntil([&] { return ready.load() == kWorkers; }));
  EXPECT_TRUE(crowd::WaitUntil(
      [&] {
        for (int i = 0; i < 200; ++i) {
          pthread_kill(ids[i % kWorkers], SIGUSR1);
          std::this_thread::yield();
        }
        return g_handled.load() >= kSignals;
      },
      std::chrono::seconds(150)));
  stop = true;
  for (std::thread& worker : workers) worker.join();
  ASSERT_EQ(sigaction(SIGUSR1, &before, nullptr), 0);

  const std::uint64_t expected = turns.load() + g_handled.load();
  EXPECT_GE(g_handled.load(), kSignals);
  EXPECT_EQ(g_integers.Value(), static_cast<double>(expected));
  EXPECT_EQ(g_doubles.Value(), 0.5 * static_cast<double>(expected));
  EXPECT_EQ(g_histogram.Count(), expected);
  EXPECT_EQ(g_exemplars.Value(), static_cast<double>(expected));
  // Whoever was interrupted while writing one has finished it.
  const auto snapshot = metrics.TakeSnapshot();
  const auto* const point = FindPoint<polymeter::CounterPoint>(snapshot, "exemplars_total");
  ASSERT_NE(point, nullptr);
  ASSERT_NE(point->exemplar, nullptr);
  ASSERT_EQ(point->exemplar->label_count, 2u);
  EXPECT_THAT(point->exemplar->labels[0].value, ::testing::AnyOf("worker", "handler"));
  EXPECT_EQ(point->exemplar->labels[1].value, "of it");
  EXPECT_EQ(g_histogram.Sum(), static_cast<double>(expected));
}

}  // namespace
