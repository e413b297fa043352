// Eight threads record before, during and after the life of the default, and while it is replaced.
// Every call is accounted for: in some default, or as dropped.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "polymeter/recorder.h"
#include "polymeter/testing.h"
#include "test/concurrency/crowd.h"

namespace {

using namespace std::chrono_literals;
using polymeter::DefaultInstallation;
using polymeter::InstallDefault;
using polymeter::Metrics;
using polymeter::Options;
using polymeter::RecorderReport;
using polymeter::testing::ValueOf;

constexpr int kThreads = 8;

std::uint64_t Dropped() {
  const auto drops = RecorderReport();
  return drops.before_installation + drops.after_shutdown;
}

std::uint64_t CountIn(const Metrics& metrics, std::string_view name,
                      const polymeter::testing::LabelSet& labels = {}) {
  return static_cast<std::uint64_t>(ValueOf(metrics, name, labels).value_or(0));
}

// One call of every kind: each is one recorded or one dropped call.
constexpr std::uint64_t kCallsATurn = 9;
void OneOfEach(int thread) {
  using polymeter::Bytes;
  polymeter::RecordCount("turns", 1, {{"thread", thread}});
  polymeter::RecordCount("all");
  polymeter::RecordGauge("level", thread);
  polymeter::AddToGauge("sum", 1);
  polymeter::RecordLatency("work", 1ms, {{"kind", "a"}});
  polymeter::RecordValue("size", thread);
  polymeter::RecordThroughput("data", Bytes{1});
  POLYMETER_COUNTER("site_total", "S.").Increment();
  POLYMETER_TIME_SCOPE("scope_duration_seconds", "T.", {{"kind", "b"}});
}

// What a Metrics holds of OneOfEach's calls; gauges by what else was recorded in the same turn.
struct Held {
  std::uint64_t turns = 0, all = 0, site = 0, bytes = 0, latencies = 0, values = 0, scopes = 0;
  double sum = 0;
  void Add(const Metrics& metrics) {
    const auto snapshot = metrics.TakeSnapshot();
    const auto value = [&](std::string_view name) {
      return static_cast<std::uint64_t>(ValueOf(snapshot, name).value_or(0));
    };
    for (int i = 0; i < kThreads; ++i) {
      turns +=
          static_cast<std::uint64_t>(ValueOf(snapshot, "turns_total", {{"thread", i}}).value_or(0));
    }
    all += value("all_total");
    site += value("site_total");
    bytes += value("data_bytes_total");
    sum += ValueOf(snapshot, "sum").value_or(0);
    latencies +=
        polymeter::testing::CountOf(snapshot, "work_duration_seconds", {{"kind", "a"}}).value_or(0);
    values += polymeter::testing::CountOf(snapshot, "size").value_or(0);
    scopes += polymeter::testing::CountOf(snapshot, "scope_duration_seconds", {{"kind", "b"}})
                  .value_or(0);
  }
};

// Must run in a process that has not installed a default: with ctest each test is one.
TEST(RecorderThreads, BeforeDuringAndAfterTheLifeOfTheMetrics) {
  constexpr int kTurns = 300;
  const auto at_first = RecorderReport();
  crowd::Together(kThreads, [](int thread) {
    for (int i = 0; i < kTurns; ++i) OneOfEach(thread);
  });
  const auto before = RecorderReport();
  EXPECT_EQ(
      before.before_installation + before.after_shutdown,
      at_first.before_installation + at_first.after_shutdown + kThreads * kTurns * kCallsATurn);

  Held held;
  {
    const Metrics metrics{Options().Consumer()};
    const auto installed = InstallDefault(metrics);
    crowd::Together(kThreads, [](int thread) {
      for (int i = 0; i < kTurns; ++i) OneOfEach(thread);
    });
    held.Add(metrics);
  }
  EXPECT_EQ(held.turns, std::uint64_t{kThreads} * kTurns);
  EXPECT_EQ(held.all, std::uint64_t{kThreads} * kTurns);
  EXPECT_EQ(held.site, std::uint64_t{kThreads} * kTurns);
  EXPECT_EQ(held.bytes, std::uint64_t{kThreads} * kTurns);
  EXPECT_EQ(held.sum, double{kThreads} * kTurns);
  EXPECT_EQ(held.latencies, std::uint64_t{kThreads} * kTurns);
  EXPECT_EQ(held.values, std::uint64_t{kThreads} * kTurns);
  EXPECT_EQ(held.scopes, std::uint64_t{kThreads} * kTurns);
  EXPECT_EQ(Dropped(), before.before_installation + before.after_shutdown);

  crowd::Together(kThreads, [](int thread) {
    for (int i = 0; i < kTurns; ++i) OneOfEach(thread);
  });
  EXPECT_EQ(RecorderReport().after_shutdown,
            before.after_shutdown + kThreads * kTurns * kCallsATurn);
}

TEST(RecorderThreads, WhileTheMetricsBeginsAndEnds) {
  // Increments of a thread that found a default just before it ended may be in cells that nobody
  // reads any more; nothing is in two places.
  std::atomic<std::uint64_t> calls{0};
  const std::uint64_t dropped_before = Dropped();
  std::uint64_t held = 0;
  {
    std::vector<std::unique_ptr<crowd::Loop>> loops;
    for (int i = 0; i < kThreads; ++i) {
      loops.push_back(std::make_unique<crowd::Loop>([&] {
        polymeter::RecordCount("all");
        POLYMETER_COUNTER("all_total", "All.").Increment();
        calls.fetch_add(2, std::memory_order_relaxed);
      }));
    }
    for (int round = 0; round < 100; ++round) {
      std::optional<Metrics> metrics{Options().Consumer()};
      DefaultInstallation installed = InstallDefault(*metrics);
      ASSERT_TRUE(crowd::WaitUntil([&] { return CountIn(*metrics, "all_total") > 20; }));
      if (round % 2 == 0) {  // the installation goes first, or the Metrics does
        installed.End();
        held += CountIn(*metrics, "all_total");
        metrics.reset();
      } else {
        const Metrics copy = *metrics;
        metrics.reset();
        installed.End();
        held += CountIn(copy, "all_total");
      }
      const std::uint64_t dropped = Dropped();
      ASSERT_TRUE(crowd::WaitUntil([&] { return Dropped() > dropped; }));
    }
  }
  const std::uint64_t dropped = Dropped() - dropped_before;
  EXPECT_GT(held, 2000u);
  EXPECT_LE(held + dropped, calls.load());
  // At most what was under way at each of the ends, and what came between End and the reading.
  EXPECT_GE(held + dropped + 100u * kThreads * 2, calls.load());
}

TEST(RecorderThreads, NoCallIsLostWhileDefaultsReplaceEachOther) {
  const Metrics outer{Options().Consumer()};
  const auto installed = InstallDefault(outer);
  std::vector<Metrics> inner;
  for (int i = 0; i < 40; ++i) inner.emplace_back(Options().Consumer());
  constexpr int kTurns = 4000;
  const std::uint64_t dropped_before = Dropped();
  std::atomic<int> running{kThreads};
  std::uint64_t replaced = 0;
  {
    std::jthread replacer([&] {
      while (running.load() > 0) {
        for (const Metrics& metrics : inner) {
          auto first = InstallDefault(metrics);
          auto second = InstallDefault(outer);
          first.End();  // out of order
          ++replaced;
        }
      }
    });
    crowd::Together(kThreads, [&](int thread) {
      for (int i = 0; i < kTurns; ++i) OneOfEach(thread);
      running.fetch_sub(1);
    });
  }
  Held held;
  held.Add(outer);
  for (const Metrics& metrics : inner) held.Add(metrics);
  EXPECT_GT(replaced, 0u);
  EXPECT_EQ(Dropped(), dropped_before);
  EXPECT_EQ(held.turns, std::uint64_t{kThreads} * kTurns);
  EXPECT_EQ(held.all, std::uint64_t{kThreads} * kTurns);
  EXPECT_EQ(held.site, std::uint64_t{kThreads} * kTurns);
  EXPECT_EQ(held.latencies, std::uint64_t{kThreads} * kTurns);
  EXPECT_EQ(held.scopes, std::uint64_t{kThreads} * kTurns);
}

TEST(RecorderThreads, NewNamesGrowTheTableUnderItsReaders) {
  const Metrics metrics{Options().Consumer()};
  const auto installed = InstallDefault(metrics);
  constexpr int kNames = 2000;
  crowd::Together(kThreads, [](int) {
    for (int i = 0; i < kNames; ++i) {
      polymeter::RecordCount("name_" + std::to_string(i));
      polymeter::RecordCount("name_0");
    }
  });
  const auto snapshot = metrics.TakeSnapshot();
  EXPECT_EQ(ValueOf(snapshot, "name_0_total"), kThreads * (kNames + 1));
  for (int i = 1; i < kNames; ++i) {
    ASSERT_EQ(ValueOf(snapshot, "name_" + std::to_string(i) + "_total"), kThreads);
  }
}

// Else two threads may come one after another on one processor. Where there is only one, they do.
void TakeProcessor(int which) {
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0) return;
  for (int i = 0; i < CPU_SETSIZE; ++i) {
    if (!CPU_ISSET(i, &allowed) || which-- > 0) continue;
    cpu_set_t own;
    CPU_ZERO(&own);
    CPU_SET(i, &own);
    static_cast<void>(sched_setaffinity(0, sizeof(own), &own));
    return;
  }
}

// Whichever makes the family, the other one's call finds it, and so do all later ones.
TEST(RecorderThreads, FirstCallsWithLabelsInDifferentOrdersAreAllRecorded) {
  const Metrics metrics{Options().Consumer()};
  const auto installed = InstallDefault(metrics);
  constexpr int kNames = 500;
  constexpr int kCallers = 2;
  std::atomic<int> arrived{0};
  crowd::Together(kCallers, [&](int thread) {
    TakeProcessor(thread);
    for (int i = 0; i < kNames; ++i) {
      const std::string name = "name_" + std::to_string(i);
      arrived.fetch_add(1);
      for (int turn = 1; arrived.load() < kCallers * (i + 1); ++turn) {
        if (turn % 1000 == 0) std::this_thread::yield();
      }
      for (int call = 0; call < 2; ++call) {
        if (thread == 0) {
          polymeter::RecordCount(name, {{"a", 1}, {"b", 2}});
        } else {
          polymeter::RecordCount(name, {{"b", 2}, {"a", 1}});
        }
      }
    }
  });
  const auto snapshot = metrics.TakeSnapshot();
  int incomplete = 0;
  for (int i = 0; i < kNames; ++i) {
    const std::string name = "name_" + std::to_string(i) + "_total";
    if (ValueOf(snapshot, name, {{"a", 1}, {"b", 2}}) != 2 * kCallers) ++incomplete;
  }
  EXPECT_EQ(incomplete, 0);
  EXPECT_EQ(ValueOf(snapshot, "polymeter_refused_total", {{"reason", "family"}}), std::nullopt);
}

TEST(RecorderThreads, TheLogOfARefusalMayRecord) {
  std::atomic<int> logged{0};
  const Metrics metrics{Options().Consumer().Log([&](polymeter::LogLevel, std::string_view) {
    ++logged;
    polymeter::RecordCount("messages");
    POLYMETER_COUNTER("log_calls_total", "Messages.").Increment();
    static_cast<void>(polymeter::Default());
  })};
  const auto installed = InstallDefault(metrics);
  crowd::Together(kThreads, [](int) {
    polymeter::RecordCount("no name");
    POLYMETER_COUNTER("no name", "Refused.").Increment();
  });
  EXPECT_GT(logged.load(), 0);
  EXPECT_EQ(CountIn(metrics, "messages_total"), static_cast<std::uint64_t>(logged.load()));
  EXPECT_EQ(CountIn(metrics, "log_calls_total"), static_cast<std::uint64_t>(logged.load()));
}

}  // namespace
