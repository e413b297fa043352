// What a Collectable of a program's own may get wrong, through Attach.
#include <cmath>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "integrations/prometheus_cpp/bridge/collectables_for_test.h"
#include "integrations/prometheus_cpp/bridge/from_prometheus.h"
#include "polymeter/polymeter.h"
#include "polymeter/prometheus.h"
#include "sdk/testing/log_capture.h"
#include "sdk/testing/values.h"

namespace {

using bridge_test::GaugeFamily;
using bridge_test::HistogramFamily;
using bridge_test::OwnCollectable;
using polymeter::HistogramPoint;
using polymeter::Metrics;
using polymeter::MetricType;
using polymeter::Options;
using polymeter::Snapshot;
using polymeter::SummaryPoint;
using polymeter::testing::FindPoint;
using polymeter::testing::ValueOf;

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

class OwnFamilies : public ::testing::Test {
 protected:
  Snapshot Collected(std::vector<prometheus::MetricFamily> families) {
    own_ = std::make_shared<OwnCollectable>([families = std::move(families)] { return families; });
    attached_ = polymeter::Attach(metrics_, own_);
    return metrics_.TakeSnapshot();
  }
  // Bounds, buckets up to each and above, not cumulative, and the count.
  using Shape = std::pair<std::vector<double>, std::vector<std::uint64_t>>;
  std::optional<Shape> CollectedHistogram(
      std::uint64_t count, const std::vector<std::pair<double, std::uint64_t>>& buckets) {
    const Snapshot snapshot = Collected({HistogramFamily("h", count, 2.5, buckets)});
    const auto* point = FindPoint<HistogramPoint>(snapshot, "h");
    if (point == nullptr) return std::nullopt;
    EXPECT_EQ(point->sum, 2.5);
    Shape shape;
    shape.first.assign(point->bounds, point->bounds + point->bound_count);
    shape.second.assign(point->buckets, point->buckets + point->bound_count + 1);
    std::uint64_t total = 0;
    for (const std::uint64_t n : shape.second) total += n;
    EXPECT_EQ(point->count, total);
    return shape;
  }

  polymeter::testing::LogCapture log_;
  Metrics metrics_{Options().Consumer().Log(log_.callback())};
  std::shared_ptr<OwnCollectable> own_;
  polymeter::Attachment attached_;
};

TEST_F(OwnFamilies, HistogramBucketsLoseTheirAccumulation) {
  EXPECT_EQ(CollectedHistogram(9, {{1, 2}, {2, 5}, {kInf, 9}}), (Shape{{1, 2}, {2, 3, 4}}));
  EXPECT_TRUE(log_.messages().empty());
}

TEST_F(OwnFamilies, HistogramWithoutAnInfiniteBucketTakesTheRestFromItsCount) {
  EXPECT_EQ(CollectedHistogram(9, {{1, 2}, {2, 5}}), (Shape{{1, 2}, {2, 3, 4}}));
  EXPECT_TRUE(log_.messages().empty());
}

TEST_F(OwnFamilies, HistogramWithoutBucketsIsItsCount) {
  EXPECT_EQ(CollectedHistogram(9, {}), (Shape{{}, {9}}));
}

TEST_F(OwnFamilies, HistogramCountsThatDecreaseAreRaised) {
  EXPECT_EQ(CollectedHistogram(9, {{1, 5}, {2, 3}, {3, 6}, {kInf, 9}}),
            (Shape{{1, 2, 3}, {5, 0, 1, 3}}));
  EXPECT_EQ(log_.Count("attached family h: a histogram's cumulative counts decrease"), 1);
}

TEST_F(OwnFamilies, HistogramCountBelowItsBucketsIsRaised) {
  EXPECT_EQ(CollectedHistogram(0, {{1, 5}, {kInf, 7}}), (Shape{{1}, {5, 2}}));
  EXPECT_EQ(log_.Count("hold more than its count"), 1);
}

TEST_F(OwnFamilies, HistogramBoundsAreSortedAndJoined) {
  EXPECT_EQ(CollectedHistogram(9, {{kInf, 9}, {2, 5}, {1, 2}, {2, 6}}), (Shape{{1, 2}, {2, 4, 3}}));
  EXPECT_EQ(log_.Count("do not ascend"), 1);
}

TEST_F(OwnFamilies, HistogramBoundsThatAreNoNumbersLeaveTheRest) {
  EXPECT_EQ(CollectedHistogram(9, {{-kInf, 1}, {kNan, 100}, {1, 2}, {kInf, 9}}),
            (Shape{{1}, {2, 7}}));
  EXPECT_EQ(log_.Count("bound is NaN"), 1);
}

TEST_F(OwnFamilies, SummaryQuantilesAreSortedAndChecked) {
  prometheus::MetricFamily family;
  family.name = "s";
  family.type = prometheus::MetricType::Summary;
  auto& summary = family.metric.emplace_back().summary;
  summary.sample_count = 3;
  summary.sample_sum = 4.5;
  for (const auto& [quantile, value] : std::vector<std::pair<double, double>>{
           {0.9, 9}, {0.5, kNan}, {1.5, 1}, {-0.1, 1}, {kNan, 1}, {0.9, 7}, {1, 10}, {0, 0}}) {
    auto& q = summary.quantile.emplace_back();
    q.quantile = quantile;
    q.value = value;
  }
  const Snapshot snapshot = Collected({family});
  const auto* point = FindPoint<SummaryPoint>(snapshot, "s");
  ASSERT_NE(point, nullptr);
  EXPECT_EQ(point->count, 3u);
  EXPECT_EQ(point->sum, 4.5);
  ASSERT_EQ(point->quantile_count, 4u);
  EXPECT_EQ(point->quantiles[0].quantile, 0);
  EXPECT_EQ(point->quantiles[1].quantile, 0.5);
  EXPECT_TRUE(std::isnan(point->quantiles[1].value));
  EXPECT_EQ(point->quantiles[2].value, 9);
  EXPECT_EQ(point->quantiles[3].value, 10);
  EXPECT_EQ(log_.Count("attached family s"), 1);
}

TEST_F(OwnFamilies, UntypedIsUnknownAndTimestampsAreIgnored) {
  prometheus::MetricFamily family;
  family.name = "u";
  family.type = prometheus::MetricType::Untyped;
  family.metric.emplace_back().untyped.value = -kInf;
  family.metric.back().timestamp_ms = 1;
  const Snapshot snapshot = Collected({family});
  EXPECT_EQ(ValueOf(snapshot, "u"), -kInf);
  EXPECT_EQ(polymeter::testing::FindFamily(snapshot, "u")->type(), MetricType::kUnknown);
  const std::string page = bridge_test::PageText(metrics_);
  EXPECT_NE(page.find("\nu -Inf\n"), std::string::npos) << page;
}

TEST_F(OwnFamilies, OfAnUnknownTypeAreLeftOutWithAMessage) {
  auto family = GaugeFamily("x", 1);
  family.type = static_cast<prometheus::MetricType>(99);
  const Snapshot snapshot = Collected({family, GaugeFamily("y", 2)});
  EXPECT_EQ(ValueOf(snapshot, "x"), std::nullopt);
  EXPECT_EQ(ValueOf(snapshot, "y"), 2);
  EXPECT_EQ(log_.Count("attached family x: its type is not known"), 1);
}

TEST_F(OwnFamilies, WithBadNamesAndLabelsLeaveTheRest) {
  auto twice = GaugeFamily("twice", 1);
  twice.metric.push_back(twice.metric.front());
  twice.metric.back().gauge.value = 2;
  auto reserved = GaugeFamily("reserved", 1);
  reserved.metric.front().label.push_back({"__name__", "y"});
  const Snapshot snapshot = Collected(
      {GaugeFamily("bad name", 1), GaugeFamily("", 1), twice, reserved, GaugeFamily("ok", 3)});
  EXPECT_EQ(ValueOf(snapshot, "ok"), 3);
  EXPECT_EQ(ValueOf(snapshot, "twice"), 1);
  EXPECT_EQ(polymeter::testing::FindFamily(snapshot, "bad name"), nullptr);
  EXPECT_EQ(polymeter::testing::FindFamily(snapshot, "reserved"), nullptr);
  bridge_test::ExpectPromtoolReads(bridge_test::PageText(metrics_));
}

// prometheus-cpp 1.0 has no Info, 1.1 has; both must be understood by the same source.
enum class OlderType { Counter, Gauge, Summary, Untyped, Histogram };
enum class NewerType { Counter, Gauge, Summary, Untyped, Histogram, Info };

TEST(PrometheusType, IsUnderstoodWithAndWithoutInfo) {
  using polymeter::detail::FromPrometheusType;
  EXPECT_EQ(FromPrometheusType(NewerType::Info), MetricType::kInfo);
  EXPECT_EQ(FromPrometheusType(NewerType::Summary), MetricType::kSummary);
  EXPECT_EQ(FromPrometheusType(OlderType::Counter), MetricType::kCounter);
  EXPECT_EQ(FromPrometheusType(OlderType::Untyped), MetricType::kUnknown);
  EXPECT_EQ(FromPrometheusType(static_cast<OlderType>(5)), std::nullopt);
}

}  // namespace
