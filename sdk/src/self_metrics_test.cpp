// The families polymeter_*: what they say and when they are there.
#include "sdk/src/self_metrics.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "polymeter/metrics.h"
#include "sdk/src/chunk_pool.h"
#include "sdk/testing/values.h"

namespace polymeter {
namespace {

using testing::FindFamily;
using testing::ValueOf;

// One that has sent something.
class Accounted final : public Backend {
 public:
  Status Start(SnapshotSource&) override { return {}; }
  Status Stop(Deadline) noexcept override { return {}; }
  BackendReport Report() const override { return report; }

  BackendReport report;
};

std::shared_ptr<Accounted> Busy() {
  auto backend = std::make_shared<Accounted>();
  backend->report.name = "busy";
  backend->report.offered = 10;
  backend->report.accepted = 7;
  backend->report.dropped = {{"http_400", 3}};
  backend->report.encodes = 4;
  backend->report.encode_seconds = 0.25;
  backend->report.sent_bytes = 12345;
  return backend;
}

bool HasOwn(const Snapshot& snapshot) {
  for (const FamilyView& family : snapshot.families()) {
    if (family.name.substr(0, 10) == "polymeter_") return true;
  }
  return false;
}

TEST(SelfMetrics, SayWhatABackendEncodedSentAndDropped) {
  const Metrics metrics(Options().AddBackend(Busy()));
  const Snapshot snapshot = metrics.TakeSnapshot();
  const testing::LabelSet busy = {{"backend", "busy"}};
  EXPECT_EQ(ValueOf(snapshot, "polymeter_encodes_total", busy), 4);
  EXPECT_EQ(ValueOf(snapshot, "polymeter_encode_seconds_total", busy), 0.25);
  EXPECT_EQ(ValueOf(snapshot, "polymeter_sent_bytes_total", busy), 12345);
  EXPECT_EQ(ValueOf(snapshot, "polymeter_accepted_points_total", busy), 7);
  EXPECT_EQ(ValueOf(snapshot, "polymeter_dropped_points_total",
                    {{"backend", "busy"}, {"reason", "http_400"}}),
            3);
  EXPECT_EQ(FindFamily(snapshot, "polymeter_encode_seconds_total")->unit, "seconds");
  EXPECT_EQ(FindFamily(snapshot, "polymeter_sent_bytes_total")->unit, "bytes");
}

TEST(SelfMetrics, LeaveOutTheEncodingOfABackendThatDoesNotSay) {
  const auto silent = std::make_shared<Accounted>();
  silent->report.name = "silent";
  const Metrics metrics(Options().AddBackend(silent));
  EXPECT_EQ(FindFamily(metrics.TakeSnapshot(), "polymeter_encodes_total"), nullptr);
}

TEST(SelfMetrics, CountFamiliesSeriesAndMemory) {
  const Metrics metrics(Options().Consumer().SelfMetrics(true));
  const auto family = metrics.Counter("c_total", "C.", {"user"});
  metrics.Gauge("g", "G.").Set(1);
  family.With("first").Increment();
  const Snapshot before = metrics.TakeSnapshot();
  EXPECT_EQ(ValueOf(before, "polymeter_families"), 2);
  EXPECT_EQ(ValueOf(before, "polymeter_series"), 2);
  const double small = *ValueOf(before, "polymeter_memory_bytes", {{"part", "series"}});
  const double cells = *ValueOf(before, "polymeter_memory_bytes", {{"part", "cells"}});
  // A page of gauges, and one for each lane and half of the counters.
  EXPECT_EQ(cells, 4096.0 + 2 * 4096.0 * detail::LaneCount());

  const std::string text(100, 'x');
  for (int i = 0; i < 1000; ++i) family.With(text + std::to_string(i)).Increment();
  const Snapshot grown = metrics.TakeSnapshot();
  EXPECT_EQ(ValueOf(grown, "polymeter_series"), 1002);
  const double large = *ValueOf(grown, "polymeter_memory_bytes", {{"part", "series"}});
  EXPECT_GT(large - small, 1000 * 150.0);
  EXPECT_LT(large - small, 1000 * 250.0);
  EXPECT_GT(*ValueOf(grown, "polymeter_memory_bytes", {{"part", "cells"}}), cells);

  family.RemoveAll();
  const Snapshot removed = metrics.TakeSnapshot();
  EXPECT_EQ(ValueOf(removed, "polymeter_series"), 1);
  EXPECT_LT(*ValueOf(removed, "polymeter_memory_bytes", {{"part", "series"}}),
            large - 1000 * 140.0);
}

TEST(SelfMetrics, TimeSnapshotsWithTheirProducers) {
  const Metrics metrics(Options().Consumer().SelfMetrics(true));
  const Attachment slow = metrics.GaugeCallback("slow", "S.", [] {
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    return 1.0;
  });
  EXPECT_EQ(ValueOf(metrics.TakeSnapshot(), "polymeter_snapshots_total"), 1);
  const Snapshot second = metrics.TakeSnapshot();
  EXPECT_EQ(ValueOf(second, "polymeter_snapshots_total"), 2);
  EXPECT_GE(*ValueOf(second, "polymeter_snapshot_seconds_total"), 0.06);
  EXPECT_LT(*ValueOf(second, "polymeter_snapshot_seconds_total"), 60);
}

TEST(SelfMetrics, CountLookUpsThatOverflowed) {
  const Metrics metrics(
      Options().Consumer().SelfMetrics(true).SeriesLimit(2).Log([](LogLevel, auto) {}));
  EXPECT_FALSE(testing::Exists(metrics, "polymeter_overflowed_lookups_total"));
  const auto family = metrics.Counter("c_total", "C.", {"user"});
  for (int i = 0; i < 10; ++i) family.With(i).Increment();
  EXPECT_EQ(ValueOf(metrics, "polymeter_overflowed_lookups_total"), 8);
}

TEST(SelfMetrics, ShowTheirCostByDefaultOnlyWhereABackendRuns) {
  const Metrics own_reader(Options().Consumer());
  EXPECT_FALSE(HasOwn(own_reader.TakeSnapshot()));
  const Metrics exported(Options().AddBackend(Busy()));
  EXPECT_TRUE(testing::Exists(exported, "polymeter_series"));
}

TEST(SelfMetrics, FollowTheReportsFromSnapshotToSnapshotAndLeaveOlderOnesAsTheyWere) {
  const auto backend = Busy();
  const Metrics metrics(Options().AddBackend(backend));
  const testing::LabelSet busy = {{"backend", "busy"}};
  const auto dropped = [](const Snapshot& snapshot, const char* reason) {
    return ValueOf(snapshot, "polymeter_dropped_points_total",
                   {{"backend", "busy"}, {"reason", reason}});
  };
  const Snapshot first = metrics.TakeSnapshot();
  backend->report.accepted = 8;
  const Snapshot second = metrics.TakeSnapshot();
  backend->report.dropped = {{"http_400", 4}, {"queue_full", 5}};
  const Snapshot third = metrics.TakeSnapshot();
  backend->report.dropped = {{"queue_full", 6}};
  const Snapshot fourth = metrics.TakeSnapshot();
  backend->report.dropped.clear();
  backend->report.offered = 0;
  const Snapshot fifth = metrics.TakeSnapshot();

  EXPECT_EQ(ValueOf(first, "polymeter_accepted_points_total", busy), 7);
  EXPECT_EQ(ValueOf(second, "polymeter_accepted_points_total", busy), 8);
  EXPECT_EQ(dropped(second, "http_400"), 3);
  EXPECT_EQ(dropped(third, "http_400"), 4);
  EXPECT_EQ(dropped(third, "queue_full"), 5);
  EXPECT_EQ(dropped(fourth, "http_400"), std::nullopt);
  EXPECT_EQ(dropped(fourth, "queue_full"), 6);
  EXPECT_EQ(FindFamily(fifth, "polymeter_dropped_points_total"), nullptr);
  EXPECT_EQ(FindFamily(fifth, "polymeter_accepted_points_total"), nullptr);
  EXPECT_EQ(ValueOf(fifth, "polymeter_encodes_total", busy), 4);
}

TEST(SelfMetrics, AreRightInSnapshotsThatAreTakenAtTheSameTime) {
  const Metrics metrics(Options().AddBackend(Busy()));
  const auto family = metrics.Counter("c_total", "C.", {"user"});
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      double before = 0;
      for (int i = 0; i < 200; ++i) {
        family.With(t * 1000 + i).Increment();
        const Snapshot snapshot = metrics.TakeSnapshot();
        const double series = ValueOf(snapshot, "polymeter_series").value_or(-1);
        EXPECT_GE(series, i + 1);
        EXPECT_LE(series, 800);
        EXPECT_GE(series, before);
        before = series;
        EXPECT_EQ(ValueOf(snapshot, "polymeter_sent_bytes_total", {{"backend", "busy"}}), 12345);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(ValueOf(metrics, "polymeter_snapshots_total"), 801);
  EXPECT_EQ(ValueOf(metrics, "polymeter_series"), 800);
}

TEST(SelfMetrics, CanBeTurnedOff) {
  const Metrics metrics(Options().AddBackend(Busy()).SelfMetrics(false).Log([](LogLevel, auto) {}));
  metrics.Counter("bad name", "Refused.");
  EXPECT_FALSE(HasOwn(metrics.TakeSnapshot()));
  EXPECT_EQ(metrics.Reports().front().sent_bytes, 12345u) << "the reports stay";
}

}  // namespace
}  // namespace polymeter
