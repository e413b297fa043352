// The contract of every backend, through make with replaced transports and clock.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "polymeter/metrics.h"
#include "sdk/src/delta.h"
#include "sdk/testing/log_capture.h"
#include "test/conformance/cases.h"
#include "test/conformance/fake_world.h"
#include "test/conformance/sinks.h"
#include "test/conformance/snapshots.h"
#include "test/conformance/sources.h"

POLYMETER_BEGIN_NAMESPACE
namespace testing {
namespace {

using namespace std::chrono_literals;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr std::uint64_t kRareNumber = 918273645;

std::size_t EntriesOf(const char* folder) {
  std::size_t entries = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    static_cast<void>(entry);
    ++entries;
  }
  return entries;
}

Deadline Soon() { return std::chrono::steady_clock::now() + 5s; }

// Until `done`, for ten seconds at most, moving the clock on.
template <class Done>
bool Eventually(FakeWorld& world, Done done) {
  const Deadline give_up = std::chrono::steady_clock::now() + 60s;  // what hangs, not what is slow
  while (!done()) {
    if (std::chrono::steady_clock::now() > give_up) return false;
    world.clock().Advance(1s);
    std::this_thread::sleep_for(2ms);
  }
  return true;
}

std::uint64_t DroppedBy(const BackendReport& report) {
  std::uint64_t points = 0;
  for (const auto& [reason, n] : report.dropped) points += n;
  return points;
}

void ExpectBalance(const BackendReport& report) {
  EXPECT_EQ(report.offered,
            report.accepted + report.sent + report.superseded + report.pending + DroppedBy(report));
}

std::vector<DeltaOptions> PossibleDeltas() {
  DeltaOptions none;
  DeltaOptions delta;
  delta.counters = delta.histograms = true;
  DeltaOptions low_memory = delta;
  low_memory.produced = false;
  DeltaOptions with_summaries = delta;
  with_summaries.summaries = true;
  return {none, delta, low_memory, with_summaries};
}

class BackendContract : public ::testing::TestWithParam<Case> {
 protected:
  std::unique_ptr<Backend> Make() {
    auto made = GetParam().info->make(GetParam().BackendOptions(), *world_.outside());
    EXPECT_TRUE(made) << made.message();
    return std::move(made.value());
  }
  // A Metrics with this backend, as FromEnvironment makes it.
  Metrics MakeMetrics(const Options& options = {}) {
    StringPairs environment = GetParam().settings;
    environment.emplace_back("METRICS_BACKEND", GetParam().info->name);
    auto configuration = Configure(options, detail::Environment(std::move(environment)),
                                   detail::BackendTable(), world_.outside());
    EXPECT_TRUE(configuration.problems.empty()) << configuration.problems.Message();
    return detail::CoreAccess::Make(std::move(configuration.core));
  }

  FakeWorld world_;
};

INSTANTIATE_TEST_SUITE_P(EveryBackend, BackendContract, ::testing::ValuesIn(BackendCases()),
                         CaseName);

// --- life ------------------------------------------------------------------------------------

TEST_P(BackendContract, OpensNothingBeforeItsStart) {
  std::thread([] {}).join();  // a sanitizer starts a thread of its own with the first
  const std::size_t threads = EntriesOf("/proc/self/task");
  const std::size_t descriptors = EntriesOf("/proc/self/fd");
  const auto backend = Make();
  EXPECT_EQ(EntriesOf("/proc/self/task"), threads);
  EXPECT_EQ(EntriesOf("/proc/self/fd"), descriptors);
  EXPECT_EQ(world_.attempts(), 0);
}

TEST_P(BackendContract, StartsDeliversAndStops) {
  std::thread([] {}).join();  // a sanitizer starts a thread of its own with the first
  const std::size_t threads = EntriesOf("/proc/self/task");
  FixedSource source(SnapshotOf(WriteCanonical));
  const auto backend = Make();
  const Status started = backend->Start(source);
  ASSERT_TRUE(started) << started.message();
  EXPECT_THAT(world_.Deliver(*backend), Not(IsEmpty()));
  EXPECT_GT(source.taken(), 0);
  const Status stopped = backend->Stop(Soon());
  EXPECT_TRUE(stopped) << stopped.message();
  const int taken = source.taken();
  world_.clock().Advance(1h);
  EXPECT_THAT(world_.Deliver(*backend), IsEmpty()) << "after Stop";
  EXPECT_EQ(source.taken(), taken) << "the source must not be used after Stop";
  // A thread that has been joined may stand in /proc for a moment.
  const auto until = std::chrono::steady_clock::now() + 5s;
  while (EntriesOf("/proc/self/task") != threads && std::chrono::steady_clock::now() < until) {
    std::this_thread::sleep_for(1ms);
  }
  EXPECT_EQ(EntriesOf("/proc/self/task"), threads) << "threads stayed behind";
}

TEST_P(BackendContract, CanBeStoppedTwiceAndWithoutAStart) {
  FixedSource source(SnapshotOf(WriteCanonical));
  const auto backend = Make();
  ASSERT_TRUE(backend->Start(source));
  EXPECT_TRUE(backend->Stop(Soon()));
  EXPECT_TRUE(backend->Stop(Soon()));
  EXPECT_TRUE(Make()->Stop(Soon()));
}

TEST_P(BackendContract, EndsItsThreadsInItsDestructorWhenNobodyStoppedIt) {
  std::thread([] {}).join();  // a sanitizer starts a thread of its own with the first
  const std::size_t threads = EntriesOf("/proc/self/task");
  FixedSource source(SnapshotOf(WriteCanonical));
  {
    const auto backend = Make();
    ASSERT_TRUE(backend->Start(source));
  }
  EXPECT_EQ(EntriesOf("/proc/self/task"), threads);
  EXPECT_THAT(world_.Deliver(*Make()), IsEmpty());
}

TEST_P(BackendContract, StopsAtOnceWhenTheDeadlineHasPassed) {
  FixedSource source(SnapshotOf(WriteCorpus));
  const auto backend = Make();
  ASSERT_TRUE(backend->Start(source));
  const Deadline begin = std::chrono::steady_clock::now();
  static_cast<void>(backend->Stop(begin - 1s));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 2s);
}

// --- delivery --------------------------------------------------------------------------------

TEST_P(BackendContract, DeliversWhatItsEncoderWrites) {
  const Snapshot snapshot = SnapshotOf(WriteCorpus);
  FixedSource source(snapshot);
  const auto backend = Make();
  ASSERT_TRUE(backend->Start(source));
  constexpr int kDeliveries = 3;  // the caches are cold, then warm
  // A backend may know several formats and let its receiver choose, and may send totals or
  // differences of some kinds.
  std::vector<std::vector<std::vector<std::string>>> possible;
  for (const Case& c : EncoderCases()) {
    if (c.info != GetParam().info) continue;
    auto made = c.info->make_encoder(c.BackendOptions());
    ASSERT_TRUE(made) << made.message();
    for (const DeltaOptions& options : PossibleDeltas()) {
      detail::DeltaStage delta(options);
      auto& deliveries = possible.emplace_back();
      for (int i = 0; i < kDeliveries; ++i) {
        RecordingSink sink;
        static_cast<void>(made.value()->Encode(delta.Apply(snapshot), nullptr, sink));
        deliveries.push_back(sink.messages());
      }
    }
  }
  std::vector<std::vector<std::string>> delivered;
  for (int i = 0; i < kDeliveries; ++i) delivered.push_back(world_.Deliver(*backend));
  EXPECT_TRUE(std::find(possible.begin(), possible.end(), delivered) != possible.end())
      << "that is what no encoder of this backend writes";
  EXPECT_TRUE(backend->Stop(Soon()));
}

TEST_P(BackendContract, LosesNothingThatWasRecordedBeforeItsStart) {
  const Metrics metrics(Options().Consumer());
  metrics.Counter("early_total", "Before any backend.").Increment(kRareNumber);
  const auto backend = Make();
  ASSERT_TRUE(backend->Start(*detail::CoreAccess::Source(metrics)));
  EXPECT_TRUE(HoldsNumber(world_.Deliver(*backend), kRareNumber));
  EXPECT_TRUE(backend->Stop(Soon()));
}

TEST_P(BackendContract, DeliversWhatAMetricsRecords) {
  const Metrics metrics = MakeMetrics();
  ASSERT_TRUE(metrics.recording());
  const auto jobs = metrics.Counter("jobs_total", "Jobs.", {"kind"});
  jobs.With("first").Increment(kRareNumber);
  EXPECT_TRUE(HoldsNumber(world_.Deliver(metrics), kRareNumber));
  EXPECT_FALSE(HoldsNumber(world_.Deliver(metrics), kRareNumber + 1));
  jobs.With("second").Increment(kRareNumber + 1);
  EXPECT_TRUE(HoldsNumber(world_.Deliver(metrics), kRareNumber + 1));
  EXPECT_TRUE(metrics.Shutdown());
}

// --- reports ---------------------------------------------------------------------------------

TEST_P(BackendContract, ReportsAtAnyTimeAndBalances) {
  FixedSource source(SnapshotOf(WriteCanonical));
  const auto backend = Make();
  const auto check = [&] {
    const BackendReport report = backend->Report();
    EXPECT_EQ(report.name, GetParam().info->name);
    ExpectBalance(report);
    return report;
  };
  check();
  ASSERT_TRUE(backend->Start(source));
  const BackendReport before = check();
  EXPECT_FALSE(before.endpoint.empty());
  static_cast<void>(world_.Deliver(*backend));
  const BackendReport after = check();
  EXPECT_GT(after.scrapes + after.offered, before.scrapes + before.offered);
  EXPECT_EQ(after.failed_scrapes, 0u);
  EXPECT_EQ(after.last_error, "");
  EXPECT_TRUE(backend->Stop(Soon()));
  check();
}

TEST_P(BackendContract, TakesAReceiverOrPortThatIsNotThereForSomethingThatHeals) {
  world_.SetReachable(false);
  FixedSource source(SnapshotOf(WriteCanonical));
  const auto backend = Make();
  const Status started = backend->Start(source);
  EXPECT_TRUE(started) << started.message();
  ASSERT_TRUE(Eventually(world_, [&] { return world_.attempts() >= 3; })) << "tries again";
  EXPECT_NE(backend->Report().last_error, "");
  EXPECT_THAT(source.messages(), Not(IsEmpty())) << "says so";
  EXPECT_LT(source.messages().size(), 10u) << "and not at every attempt";
  world_.SetReachable(true);
  EXPECT_TRUE(Eventually(world_, [&] { return !world_.Deliver(*backend).empty(); }));
  EXPECT_EQ(backend->Report().last_error, "");
  EXPECT_TRUE(backend->Stop(Soon()));
}

TEST_P(BackendContract, StopsInTimeWhileItsReceiverOrPortIsNotThere) {
  world_.SetReachable(false);
  FixedSource source(SnapshotOf(WriteCanonical));
  const auto backend = Make();
  ASSERT_TRUE(backend->Start(source));
  const Deadline begin = std::chrono::steady_clock::now();
  static_cast<void>(backend->Stop(begin + 1s));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 2s);
}

// --- load ------------------------------------------------------------------------------------

TEST_P(BackendContract, StopsUnderLoad) {
  LogCapture log;
  const Metrics metrics = MakeMetrics(Options().Service("load").Log(log.callback()));
  const auto family = metrics.Counter("work_total", "Work.", {"thread", "item"});
  const auto histogram = metrics.Histogram("work_seconds", "Work.");
  std::atomic<bool> go_on{true};
  std::atomic<int> deliveries{0};
  std::atomic<std::uint64_t> increments{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&, t] {
      const auto cached = family.With(t, "cached");
      for (int i = 0; go_on; ++i) {
        cached.Increment();
        family.With(t, i % 2000).Increment();
        histogram.Observe(0.25);
        increments += 2;
      }
    });
  }
  threads.emplace_back([&] {
    while (go_on) {
      if (!world_.Deliver(metrics).empty()) ++deliveries;
      static_cast<void>(metrics.Reports());
    }
  });
  EXPECT_TRUE(Eventually(world_, [&] { return deliveries >= 3; }));
  const Deadline begin = std::chrono::steady_clock::now();
  const Status stopped = metrics.Shutdown(begin + 5s);
  EXPECT_TRUE(stopped) << stopped.message();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
  go_on = false;
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(world_.Deliver(metrics), IsEmpty());
  // Recording went on, and nothing of it was lost.
  std::uint64_t total = 0;
  const Snapshot snapshot = metrics.TakeSnapshot();
  for (const FamilyView& view : snapshot.families()) {
    if (view.name != "work_total") continue;
    for (const CounterPoint& point : std::get<CounterPoints>(view.points)) total += point.whole;
  }
  EXPECT_EQ(total, increments);
  for (const BackendReport& report : metrics.Reports()) ExpectBalance(report);
}

}  // namespace
}  // namespace testing
POLYMETER_END_NAMESPACE
