// Metrics attached to Metrics: chains work, loops are cut and reported.
#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "integrations/prometheus_cpp/bridge/collectables_for_test.h"
#include "polymeter/polymeter.h"
#include "polymeter/prometheus.h"
#include "sdk/testing/log_capture.h"
#include "sdk/testing/values.h"

namespace {

using namespace std::chrono_literals;
using bridge_test::OwnCollectable;
using polymeter::Attach;
using polymeter::Attachment;
using polymeter::Collectable;
using polymeter::Metrics;
using polymeter::Options;
using polymeter::Snapshot;
using polymeter::testing::FindFamily;
using polymeter::testing::ValueOf;

constexpr const char* kReport = "would then contain itself";

class Inclusion : public ::testing::Test {
 protected:
  // Whose own gauge bears its name. A collection that waits for itself would take the whole budget.
  Metrics Named(const std::string& name) {
    Metrics metrics(Options().Consumer().Log(log_.callback()).ProducerBudget(20s));
    metrics.Gauge(name, "Two\nlines.").Set(1);
    return metrics;
  }
  // Several times, as what a loop brings comes back one snapshot later.
  static Snapshot Settled(const Metrics& metrics) {
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < 4; ++i) static_cast<void>(metrics.TakeSnapshot());
    Snapshot snapshot = metrics.TakeSnapshot();
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 10s);
    return snapshot;
  }

  polymeter::testing::LogCapture log_;
};

TEST_F(Inclusion, InAChainBringsEverythingAlong) {
  const Metrics a = Named("a");
  const Metrics b = Named("b");
  const Metrics c = Named("c");
  const Attachment ab = Attach(a, Collectable(b));
  const Attachment bc = Attach(b, Collectable(c));
  const Snapshot snapshot = Settled(a);
  EXPECT_EQ(snapshot.families().size(), 3u);
  EXPECT_EQ(ValueOf(snapshot, "c"), 1);
  EXPECT_EQ(FindFamily(snapshot, "c")->help, "Two\nlines.");
  EXPECT_EQ(Settled(c).families().size(), 1u);
  EXPECT_TRUE(log_.messages().empty());
}

TEST_F(Inclusion, OfOneMetricsTwiceIsNoLoop) {
  const Metrics a = Named("a");
  const Metrics b = Named("b");
  const Metrics c = Named("c");
  const Metrics d = Named("d");
  const Attachment ab = Attach(a, Collectable(b));
  const Attachment ac = Attach(a, Collectable(c));
  const Attachment bd = Attach(b, Collectable(d));
  const Attachment cd = Attach(c, Collectable(d));
  EXPECT_EQ(ValueOf(Settled(a), "d"), 1);
  EXPECT_EQ(log_.Count(kReport), 0);
}

TEST_F(Inclusion, OfAMetricsInItselfIsCutAndReportedOnce) {
  const Metrics a(Options().Consumer().Prefix("p_").Log(log_.callback()).ProducerBudget(20s));
  a.Gauge("a", "A.").Set(1);
  const Attachment self = Attach(a, Collectable(a));
  const Snapshot snapshot = Settled(a);
  ASSERT_EQ(snapshot.families().size(), 1u);
  EXPECT_EQ(ValueOf(snapshot, "p_a"), 1);
  EXPECT_EQ(log_.Count(kReport), 1);
}

TEST_F(Inclusion, OfTwoInEachOtherIsCut) {
  const Metrics a = Named("a");
  const Metrics b = Named("b");
  const Attachment ab = Attach(a, Collectable(b));
  const Attachment ba = Attach(b, Collectable(a));
  const Snapshot in_a = Settled(a);
  EXPECT_EQ(ValueOf(in_a, "a"), 1);
  EXPECT_EQ(ValueOf(in_a, "b"), 1);
  EXPECT_EQ(ValueOf(Settled(b), "b"), 1);
  EXPECT_EQ(log_.Count(kReport), 1);
  EXPECT_EQ(log_.Count("longer than"), 0);
  EXPECT_EQ(log_.Count("clash"), 0);
}

TEST_F(Inclusion, ThroughAnotherCollectableIsCutToo) {
  const Metrics a = Named("a");
  const Metrics b = Named("b");
  const auto wrap = [](const Metrics& metrics) {
    return std::make_shared<OwnCollectable>(
        [inner = Collectable(metrics)] { return inner->Collect(); });
  };
  const auto b_wrapped = wrap(b);
  const auto a_wrapped = wrap(a);
  const Attachment ab = Attach(a, b_wrapped);
  const Attachment ba = Attach(b, a_wrapped);
  EXPECT_EQ(ValueOf(Settled(a), "b"), 1);
  EXPECT_EQ(ValueOf(Settled(b), "b"), 1);
  EXPECT_EQ(log_.Count(kReport), 1);
}

TEST_F(Inclusion, TheOtherWayRoundWorksOnceTheFirstIsDetached) {
  const Metrics a = Named("a");
  const Metrics b = Named("b");
  Attachment ab = Attach(a, Collectable(b));
  const Attachment ba = Attach(b, Collectable(a));
  EXPECT_EQ(ValueOf(Settled(a), "b"), 1);
  EXPECT_EQ(ValueOf(Settled(b), "a"), std::nullopt);
  ab.Detach();
  EXPECT_EQ(ValueOf(Settled(a), "b"), std::nullopt);
  EXPECT_EQ(ValueOf(Settled(b), "a"), 1);
}

TEST_F(Inclusion, InARingNeverStandsStillUnderManyReaders) {
  std::vector<Metrics> ring;
  for (int i = 0; i < 3; ++i) ring.push_back(Named("m" + std::to_string(i)));
  std::vector<Attachment> attached;
  for (std::size_t i = 0; i < ring.size(); ++i) {
    attached.push_back(Attach(ring[i], Collectable(ring[(i + 1) % ring.size()])));
  }
  const auto begin = std::chrono::steady_clock::now();
  std::vector<std::thread> readers;
  for (std::size_t i = 0; i < 2 * ring.size(); ++i) {
    readers.emplace_back([&, i] {
      for (int n = 0; n < 50; ++n) {
        const Snapshot snapshot = ring[i % ring.size()].TakeSnapshot();
        EXPECT_EQ(ValueOf(snapshot, "m" + std::to_string(i % ring.size())), 1);
        EXPECT_LE(snapshot.families().size(), ring.size());
      }
    });
  }
  for (std::thread& reader : readers) reader.join();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 15s);
  EXPECT_GE(log_.Count(kReport), 1);
}

}  // namespace
