// What a forked child finds, and what the parent keeps.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

#include "polymeter/polymeter.h"
#include "sdk/testing/values.h"
#include "test/lifetimes/http_get.h"
#include "test/lifetimes/process.h"
#include "test/lifetimes/recording_backend.h"

#if defined(__SANITIZE_THREAD__)
#define POLYMETER_TEST_TSAN 1
#elif defined(__SANITIZE_ADDRESS__)
#define POLYMETER_TEST_ASAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define POLYMETER_TEST_TSAN 1
#elif __has_feature(address_sanitizer)
#define POLYMETER_TEST_ASAN 1
#endif
#endif
#if defined(POLYMETER_TEST_TSAN)
// Children here start threads, which ThreadSanitizer would otherwise refuse.
extern "C" const char* __tsan_default_options();
extern "C" __attribute__((visibility("default"))) const char* __tsan_default_options() {
  return "die_after_fork=0";
}
#endif

namespace {

using polymeter::CounterPoint;
using polymeter::HistogramPoint;
using polymeter::Metrics;
using polymeter::Options;
using polymeter::Snapshot;
using polymeter::SystemTime;
using polymeter::testing::FindPoint;
using polymeter::testing::ValueOf;
using process::Child;
using process::Tell;
using ::testing::HasSubstr;
using ::testing::Not;

std::string InstanceOf(const Snapshot& snapshot) {
  for (const auto& [name, value] : snapshot.resource().attributes) {
    if (name == "service.instance.id") return value;
  }
  return {};
}

// A child that hangs is ended by this, and the test fails by its signal.
void LimitThisProcess() { alarm(50); }

struct Instruments {
  polymeter::Counter counter;
  polymeter::CounterFamily<1> family;
  polymeter::Histogram histogram;
  polymeter::Histogram native;
  polymeter::Gauge gauge;

  explicit Instruments(const Metrics& metrics)
      : counter(metrics.Counter("c_total", "C.")),
        family(metrics.Counter("f_total", "F.", {"a"})),
        histogram(metrics.Histogram("h_seconds", "H.")),
        native(metrics.Histogram("n_seconds", "N.", polymeter::FamilyOptions().Native())),
        gauge(metrics.Gauge("g", "G.")) {
    counter.Increment(10);
    counter.Increment(0.5);
    family.With("x").Increment(20);
    histogram.Observe(1);
    for (const double v : {1.0, 1e-30, 1e30, -1.0, 0.0}) native.Observe(v);
    gauge.Set(30);
  }
};

TEST(Fork, ChildBeginsAtZeroWithNewStartTimesAndANewInstance) {
  std::atomic<int> seconds{1000};
  const Metrics metrics{
      Options().Consumer().Clock([&] { return SystemTime(std::chrono::seconds(seconds.load())); })};
  const Instruments made(metrics);
  const auto removed = made.family.With("removed");
  made.family.Remove("removed");
  removed.Increment(3);
  const auto before = metrics.TakeSnapshot();

  auto outcome =
      Child::Fork([&](int fd) {
        LimitThisProcess();
        int failures = 0;
        const auto expect = [&](bool holds, const char* what) {
          if (!holds) {
            Tell(fd, std::string(what) + "\n");
            ++failures;
          }
        };
        const auto at_first = metrics.TakeSnapshot();
        expect(ValueOf(at_first, "c_total") == 0, "the counter is zero");
        expect(ValueOf(at_first, "f_total", {{"a", "x"}}) == 0, "the labelled counter is zero");
        expect(ValueOf(at_first, "g") == 0, "the gauge is zero");
        const auto* const h = FindPoint<HistogramPoint>(at_first, "h_seconds");
        expect(h != nullptr && h->count == 0 && h->sum == 0, "the histogram is empty");
        const auto* const n = FindPoint<HistogramPoint>(at_first, "n_seconds");
        expect(n != nullptr && n->count == 0 && n->sum == 0 && n->native->count == 0 &&
                   n->native->positive.size == 0 && n->native->schema == 3,
               "the native histogram is empty, and of its first schema");
        expect(ValueOf(at_first, "polymeter_removed_series_increments_total").value_or(0) == 0,
               "nothing was added to removed series");
        expect(InstanceOf(at_first) != InstanceOf(before), "the instance id is new");
        expect(!InstanceOf(at_first).empty(), "there is an instance id");

        made.counter.Increment(2);
        made.family.With("x").Increment();
        made.family.With("of the child").Increment(4);
        std::vector<std::thread> threads;
        for (int i = 0; i < 4; ++i) {
          threads.emplace_back([&] {
            for (int turn = 0; turn < 1000; ++turn) {
              made.counter.Increment();
              made.histogram.Observe(1);
              made.native.Observe(turn % 2 == 0 ? 3.0 : 1e-30);
            }
          });
        }
        for (std::thread& thread : threads) thread.join();
        const auto after = metrics.TakeSnapshot();
        expect(ValueOf(after, "c_total") == 4002, "the child counts exactly");
        expect(ValueOf(after, "f_total", {{"a", "x"}}) == 1, "known series count");
        expect(ValueOf(after, "f_total", {{"a", "of the child"}}) == 4, "new series count");
        const auto* const counted = FindPoint<HistogramPoint>(after, "h_seconds");
        expect(counted != nullptr && counted->count == 4000 && counted->sum == 4000,
               "the histogram counts exactly");
        const auto* const native = FindPoint<HistogramPoint>(after, "n_seconds");
        expect(native != nullptr && native->native->count == 4000 &&
                   native->native->positive.counts[0] == 2000 && native->native->schema < 3,
               "the native histogram counts exactly");
        const auto* const point = FindPoint<CounterPoint>(after, "c_total");
        const auto* const was = FindPoint<CounterPoint>(before, "c_total");
        expect(
            point->series.start_time() >= SystemTime(std::chrono::seconds(1000)) && was != nullptr,
            "there are start times");
        return failures;
      }).Wait();
  EXPECT_TRUE(outcome.in_time);
  EXPECT_EQ(outcome.exit_code, 0) << outcome.output << " signal " << outcome.signal;

  // With another time at the fork.
  seconds = 2000;
  outcome = Child::Fork([&](int fd) {
              LimitThisProcess();
              const auto snapshot = metrics.TakeSnapshot();
              for (const char* name : {"c_total"}) {
                const auto* const point = FindPoint<CounterPoint>(snapshot, name);
                Tell(fd, std::to_string(std::chrono::duration_cast<std::chrono::seconds>(
                                            point->series.start_time().time_since_epoch())
                                            .count()));
              }
              return 0;
            }).Wait();
  EXPECT_EQ(outcome.output, "2000");

  // The parent is untouched.
  const auto after = metrics.TakeSnapshot();
  EXPECT_EQ(ValueOf(after, "c_total"), 10.5);
  EXPECT_EQ(ValueOf(after, "f_total", {{"a", "x"}}), 20);
  EXPECT_EQ(ValueOf(after, "f_total", {{"a", "of the child"}}), std::nullopt);
  EXPECT_EQ(ValueOf(after, "g"), 30);
  EXPECT_EQ(FindPoint<HistogramPoint>(after, "h_seconds")->count, 1u);
  EXPECT_EQ(FindPoint<HistogramPoint>(after, "n_seconds")->native->count, 5u);
  EXPECT_LT(FindPoint<HistogramPoint>(after, "n_seconds")->native->schema, 3);
  EXPECT_EQ(FindPoint<CounterPoint>(after, "c_total")->series.start_time(),
            SystemTime(std::chrono::seconds(1000)));
  EXPECT_EQ(InstanceOf(after), InstanceOf(before));
}

TEST(Fork, ChildHasNoExemplarOfTheParentAndKeepsItsOwn) {
  const Metrics metrics{Options().Consumer()};
  const auto counter = metrics.Counter("e_total", "E.", polymeter::FamilyOptions().Exemplars());
  const auto histogram =
      metrics.Histogram("e_seconds", "E.", polymeter::FamilyOptions().Buckets({1}).Exemplars());
  const auto record = [&](const char* label) {
    counter.IncrementWithExemplar(1, {{"process", label}});
    histogram.ObserveWithExemplar(2, {{"process", label}});
  };
  // The labels of both exemplars.
  const auto shown = [&] {
    const auto snapshot = metrics.TakeSnapshot();
    const auto* const c = FindPoint<CounterPoint>(snapshot, "e_total");
    const auto* const h = FindPoint<HistogramPoint>(snapshot, "e_seconds");
    std::string text;
    if (c->exemplar != nullptr) text += std::string(c->exemplar->labels[0].value) + " ";
    if (h->exemplar_count != 0) text += h->exemplars[0].labels[0].value;
    return text;
  };
  record("parent");
  const auto outcome = Child::Fork([&](int fd) {
                         LimitThisProcess();
                         Tell(fd, "before: " + shown());
                         record("child");
                         Tell(fd, "after: " + shown());
                         return 0;
                       }).Wait();
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.output, "before: after: child child");
  EXPECT_EQ(shown(), "parent parent");
}

TEST(Fork, OfAChildBeginsAgainToo) {
  const Metrics metrics{Options().Consumer()};
  const Instruments made(metrics);
  const auto outcome =
      Child::Fork([&](int fd) {
        LimitThisProcess();
        made.counter.Increment(100);
        const std::string mine = InstanceOf(metrics.TakeSnapshot());
        const auto grandchild =
            Child::Fork([&](int inner) {
              LimitThisProcess();
              made.counter.Increment(7);
              const auto snapshot = metrics.TakeSnapshot();
              Tell(inner, std::to_string(ValueOf(snapshot, "c_total").value_or(-1)));
              return InstanceOf(snapshot) == mine ? 1 : 0;
            }).Wait();
        Tell(fd, grandchild.output + " " + std::to_string(made.counter.Value()));
        return grandchild.exit_code;
      }).Wait();
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.output, std::to_string(7.0) + " " + std::to_string(100.0));
}

TEST(Fork, ChildThatEndsItsMetricsNeitherStopsNorFlushesTheParentsBackend) {
  const auto backend = std::make_shared<RecordingBackend>();
  std::optional<Metrics> metrics{Options().AddBackend(backend)};
  const auto outcome = Child::Fork([&](int) {
                         LimitThisProcess();
                         metrics.reset();
                         return backend->stops == 0 ? 0 : 1;
                       }).Wait();
  EXPECT_TRUE(outcome.in_time);
  EXPECT_EQ(outcome.exit_code, 0) << "signal " << outcome.signal;
  EXPECT_EQ(backend->stops, 0);
  metrics.reset();
  EXPECT_EQ(backend->stops, 1);
}

TEST(Fork, RestartAfterForkStartsTheBackendsInTheChild) {
  const auto backend = std::make_shared<RecordingBackend>();
  std::optional<Metrics> metrics{Options().AddBackend(backend)};
  const auto counter = metrics->Counter("c_total", "C.");
  counter.Increment(5);
  const auto outcome =
      Child::Fork([&](int fd) {
        LimitThisProcess();
        std::optional<double> flushed;
        backend->on_stop = [&](const Snapshot& snapshot) {
          flushed = ValueOf(snapshot, "c_total");
        };
        const auto status = metrics->RestartAfterFork();
        counter.Increment(3);
        metrics.reset();
        Tell(fd, status.message() + std::to_string(backend->starts) +
                     std::to_string(backend->stops) + "," + std::to_string(flushed.value_or(-1)));
        return 0;
      }).Wait();
  EXPECT_EQ(outcome.output, "21," + std::to_string(3.0));
  EXPECT_EQ(backend->starts, 1);
  EXPECT_FALSE(metrics->RestartAfterFork().ok()) << "in the parent they run";
  EXPECT_EQ(backend->starts, 1);
}

TEST(Fork, ChildrenThatJustEndNeverHang) {
  const auto backend = std::make_shared<RecordingBackend>();
  const Metrics metrics{Options().AddBackend(backend)};
  metrics.GaugeCallback("g", "G.", [] { return 1.0; }).Forever();
  static_cast<void>(metrics.TakeSnapshot());  // the producers' thread runs
  for (int i = 0; i < 20; ++i) {
    const auto outcome = Child::Fork([&](int) {
                           LimitThisProcess();
                           if (i % 2 == 0) std::exit(9);  // runs atexit and static destructors
                           return 9;
                         }).Wait();
    ASSERT_TRUE(outcome.in_time);
    ASSERT_EQ(outcome.exit_code, 9) << "signal " << outcome.signal;
  }
}

TEST(Fork, CallbacksRunInTheChildAsWell) {
  const Metrics metrics{Options().Consumer()};
  std::atomic<int> calls{0};
  auto token = metrics.GaugeCallback("g", "G.", [&] { return ++calls; });
  ASSERT_EQ(ValueOf(metrics.TakeSnapshot(), "g"), 1);
  const auto outcome =
      Child::Fork([&](int fd) {
        LimitThisProcess();
        Tell(fd, std::to_string(ValueOf(metrics.TakeSnapshot(), "g").value_or(-1)));
        token.Detach();
        return metrics.Shutdown().ok() ? 0 : 1;
      }).Wait();
  EXPECT_EQ(outcome.output, std::to_string(2.0));
  EXPECT_EQ(outcome.exit_code, 0) << "signal " << outcome.signal;
  EXPECT_EQ(ValueOf(metrics.TakeSnapshot(), "g"), 2);
}

TEST(Fork, AfterShutdownCallbacksRunInAChildThatRestarts) {
  const Metrics metrics{Options().Consumer().AddBackend(nullptr)};
  metrics.GaugeCallback("g", "G.", [] { return 1.0; }).Forever();
  ASSERT_TRUE(metrics.Shutdown());
  const auto outcome = Child::Fork([&](int) {
                         LimitThisProcess();
                         if (!metrics.RestartAfterFork()) return 2;
                         return ValueOf(metrics.TakeSnapshot(), "g") == 1 ? 0 : 1;
                       }).Wait();
  EXPECT_EQ(outcome.exit_code, 0) << "signal " << outcome.signal;
}

// A lock that another thread holds at the moment of the fork would be held in the child for ever.
// So are those of the sanitizers' own allocators, of ASan's before LLVM 18
// (llvm/llvm-project#75290) and of TSan's before LLVM 19 (#96600): children that allocate cannot be
// judged there.
#if !defined(POLYMETER_TEST_ASAN) && !defined(POLYMETER_TEST_TSAN)
TEST(Fork, WhileThreadsMakeSeriesFamiliesAndSnapshotsLeavesAUsableChild) {
  const Metrics metrics{Options()
                            .Consumer()
                            .SeriesTtl(std::chrono::hours(1))
                            .Log([](polymeter::LogLevel, std::string_view) {})};
  metrics.GaugeCallback("callback", "C.", [] { return 1.0; }).Forever();
  const auto counters = metrics.Counter("c_total", "C.", {"a"});
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  threads.emplace_back([&] {
    for (int i = 0; !stop; ++i) {
      counters.With(i % 1000).Increment();
      metrics.Counter("a bad name", "B.").Increment();  // refused, and said
      if (i % 3 == 0) counters.Remove(i % 1000);
    }
  });
  threads.emplace_back([&] {
    for (int i = 0; !stop; ++i) {
      metrics.Histogram("h" + std::to_string(i % 100), "H.",
                        polymeter::FamilyOptions().Buckets({1.0 + i % 1000, 5000}));
    }
  });
  threads.emplace_back([&] {
    while (!stop) static_cast<void>(metrics.TakeSnapshot());
  });
  threads.emplace_back([&] {
    while (!stop) {
      const Metrics other{Options().Consumer()};
      other.Counter("x_total", "X.").Increment();
    }
  });
  for (int i = 0; i < 150; ++i) {
    const auto outcome =
        Child::Fork([&](int) {
          LimitThisProcess();
          const auto mine = metrics.Counter("child_total", "C.", {"a"});
          for (int series = 0; series < 20; ++series) mine.With(series).Increment();
          metrics.Counter("a bad name", "B.").Increment();
          metrics.Histogram("child_seconds", "H.", polymeter::FamilyOptions().Buckets({0.25 + i}))
              .Observe(1);
          const Metrics another{Options().Consumer()};
          another.Counter("y_total", "Y.").Increment();
          const auto snapshot = metrics.TakeSnapshot();
          return ValueOf(snapshot, "child_total", {{"a", "7"}}) == 1 &&
                         ValueOf(another.TakeSnapshot(), "y_total") == 1
                     ? 0
                     : 1;
        }).Wait();
    EXPECT_TRUE(outcome.in_time) << "fork " << i;
    EXPECT_EQ(outcome.exit_code, 0) << "fork " << i << ", signal " << outcome.signal;
    if (::testing::Test::HasFailure()) break;
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
}
#endif

// --- with a server -------------------------------------------------------------------------------

Options Serving() { return Options().Backends("prometheus").Set("METRICS_PROMETHEUS_PORT", "0"); }

TEST(ForkedServer, ChildServesItsOwnNumbersAfterRestartAndTheParentGoesOn) {
  const Metrics metrics = polymeter::Build(Serving());
  const auto counter = metrics.Counter("jobs_total", "J.");
  counter.Increment(11);
  const std::string endpoint = metrics.Endpoint();
  ASSERT_THAT(HttpGet(endpoint), HasSubstr("\njobs_total 11\n"));
  const auto outcome =
      Child::Fork([&](int fd) {
        LimitThisProcess();
        const auto status = metrics.RestartAfterFork();
        counter.Increment(4);
        const std::string mine = metrics.Endpoint();
        Tell(fd, status.message() + (mine == endpoint ? "same endpoint" : "") + HttpGet(mine));
        return 0;
      }).Wait();
  EXPECT_TRUE(outcome.in_time);
  EXPECT_EQ(outcome.exit_code, 0) << "signal " << outcome.signal;
  EXPECT_THAT(outcome.output, HasSubstr("\njobs_total 4\n"));
  EXPECT_THAT(outcome.output, Not(HasSubstr("same endpoint")));
  EXPECT_THAT(HttpGet(endpoint), HasSubstr("\njobs_total 11\n"));
}

// Forks while the server's threads begin, and so allocate: the same fault of the sanitizers.
#if !defined(POLYMETER_TEST_ASAN) && !defined(POLYMETER_TEST_TSAN)
// What a program does that builds its Metrics and then becomes a daemon.
TEST(ForkedServer, ChildServesAtTheSamePortOnceTheParentIsGone) {
  const std::string endpoint = polymeter::Build(Serving()).Endpoint();  // a free one
  const std::string port = endpoint.substr(endpoint.rfind(':') + 1);
  Child parent = Child::Fork([&](int fd) {
    LimitThisProcess();
    const Metrics metrics = polymeter::Build(Serving().Set("METRICS_PROMETHEUS_PORT", port));
    const auto counter = metrics.Counter("jobs_total", "J.");
    if (metrics.Endpoint() != endpoint) return 1;
    const pid_t before = getpid();
    if (fork() != 0) _exit(0);  // stops nothing
    LimitThisProcess();
    while (getppid() == before) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    const auto status = metrics.RestartAfterFork();
    counter.Increment(4);
    // The last of the parent's threads may give its sockets back a moment after it has gone.
    for (int i = 0; i < 20000 && metrics.Endpoint().empty(); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    Tell(fd, status.message() + "at " + metrics.Endpoint() + HttpGet(endpoint) + "the end");
    return 0;
  });
  const std::string told = parent.ReadUntil("the end");
  EXPECT_THAT(told, ::testing::StartsWith("at " + endpoint));
  EXPECT_THAT(told, HasSubstr("\njobs_total 4\n"));
  EXPECT_EQ(parent.Wait().exit_code, 0);
}
#endif

TEST(ForkedServer, ChildThatEndsLeavesTheParentsServerAlone) {
  const Metrics metrics = polymeter::Build(Serving());
  metrics.Counter("jobs_total", "J.").Increment(11);
  for (int i = 0; i < 10; ++i) {
    const auto outcome = Child::Fork([&](int) {
                           LimitThisProcess();
                           if (i % 2 == 0) std::exit(0);
                           return 0;
                         }).Wait();
    EXPECT_TRUE(outcome.in_time);
    EXPECT_EQ(outcome.exit_code, 0) << "signal " << outcome.signal;
    EXPECT_THAT(HttpGet(metrics.Endpoint()), HasSubstr("\njobs_total 11\n"));
  }
}

TEST(ForkedServer, SocketsAreCloseOnExec) {
  // By /proc alone: calls with the server's descriptors would race with the server.
  const auto sockets = [] {
    std::vector<std::string> open;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
      std::error_code gone;
      const std::string target = std::filesystem::read_symlink(entry.path(), gone).string();
      if (gone || target.rfind("socket:", 0) != 0) continue;
      const std::string fd = entry.path().filename().string();
      std::ifstream info("/proc/self/fdinfo/" + fd);
      for (std::string word; info >> word;) {
        if (word != "flags:" || !(info >> word)) continue;
        const unsigned long flags = std::stoul(word, nullptr, 8);
        open.push_back(fd + ((flags & O_CLOEXEC) != 0 ? " closes" : " stays open"));
      }
    }
    return open;
  };
  const auto before = sockets();
  const Metrics metrics = polymeter::Build(Serving());
  // A scrape that is under way: its connection counts too.
  const int fd = Connect(metrics.Endpoint());
  ASSERT_GE(fd, 0);
  const std::string half = "GET /metrics HTTP/1.1\r\nHost: ";
  ASSERT_EQ(send(fd, half.data(), half.size(), 0), static_cast<ssize_t>(half.size()));
  // Ours, the listening one and the accepted one.
  for (int i = 0; i < 500 && sockets().size() < before.size() + 3; ++i) usleep(10000);
  const auto open = sockets();
  EXPECT_GE(open.size(), before.size() + 3);
  for (const std::string& socket : open) EXPECT_THAT(socket, HasSubstr(" closes"));
  close(fd);
}

}  // namespace
