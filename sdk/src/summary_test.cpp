// Summary and Info through a Metrics.
#include "polymeter/summary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "polymeter/metrics.h"
#include "polymeter/testing_gmock.h"
#include "sdk/testing/log_capture.h"
#include "sdk/testing/values.h"

namespace polymeter {
namespace {

using namespace std::chrono_literals;
using testing::CountOf;
using testing::Exists;
using testing::FindFamily;
using testing::FindPoint;
using ::testing::HasSubstr;
using testing::LogCapture;
using testing::ManualClock;
using testing::QuantileOf;
using testing::SeriesCount;
using testing::SumOf;
using testing::ToText;
using testing::ValueOf;

constexpr double kNotANumber = std::numeric_limits<double>::quiet_NaN();

TEST(Summary, CountsSumsAndTellsTheUsualQuantiles) {
  const Metrics metrics(Options().Consumer());
  const Summary summary = metrics.Summary("rpc_seconds", "RPCs.");
  ASSERT_TRUE(summary);
  for (int i = 1; i <= 100; ++i) summary.Observe(i);
  EXPECT_EQ(summary.Count(), 100u);
  EXPECT_EQ(summary.Sum(), 5050);
  EXPECT_EQ(summary.Value(), 5050);
  const Snapshot snapshot = metrics.TakeSnapshot();
  const auto* const point = FindPoint<SummaryPoint>(snapshot, "rpc_seconds");
  ASSERT_NE(point, nullptr);
  EXPECT_EQ(point->count, 100u);
  EXPECT_EQ(point->sum, 5050);
  ASSERT_EQ(point->quantile_count, 3u);
  const double wanted[] = {0.5, 0.9, 0.99};
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(point->quantiles[i].quantile, wanted[i]);
    EXPECT_NEAR(point->quantiles[i].value, 100 * wanted[i], 100 * wanted[i] / 65);
  }
}

TEST(Summary, ObservesWhatAHistogramDoes) {
  const Metrics metrics(Options().Consumer());
  const Summary summary = metrics.Summary("s_seconds", "S.", FamilyOptions().Unit("s"));
  summary.Observe(1);
  summary.Observe(0.25f);
  summary.Observe(250ms);
  EXPECT_EQ(summary.Sum(), 1.5);
  { const auto timing = summary.Time(); }
  {
    auto timing = summary.Time();
    timing.Finish();
  }
  {
    auto timing = summary.Time();
    timing.Discard();
  }
  EXPECT_EQ(summary.Measure([] { return 7; }), 7);
  EXPECT_THROW(summary.Measure([] { throw std::runtime_error("thrown"); }), std::runtime_error);
  EXPECT_EQ(summary.Count(), 7u);
  EXPECT_EQ(FindFamily(metrics.TakeSnapshot(), "s_seconds")->unit, "seconds");
}

TEST(Summary, OfNobodyIsANoOp) {
  const Summary none;
  none.Observe(1);
  { const auto timing = none.Time(); }
  EXPECT_FALSE(none);
  EXPECT_EQ(none.Count(), 0u);
  EXPECT_EQ(none.Sum(), 0);
  const Metrics off;
  EXPECT_FALSE(off.Summary("s", "S."));
  EXPECT_FALSE(off.Summary("s", "S.", {"a"}).With("x"));
  EXPECT_FALSE(off.Info("i", "I.", {{"a", "x"}}));
}

TEST(Summary, RefusesNanAndSaysSoOnce) {
  LogCapture log;
  const Metrics metrics(Options().Consumer().Log(log.callback()));
  const Summary summary = metrics.Summary("s_seconds", "S.");
  summary.Observe(kNotANumber);
  summary.Observe(kNotANumber);
  summary.Observe(1);
  metrics.TakeSnapshot();
  const Snapshot snapshot = metrics.TakeSnapshot();
  EXPECT_EQ(CountOf(snapshot, "s_seconds"), 1u);
  EXPECT_EQ(ValueOf(snapshot, "polymeter_refused_total", {{"reason", "bad_value"}}), 2);
  EXPECT_EQ(log.Count("refused 2"), 1);
  EXPECT_EQ(log.Count("at first on s_seconds"), 1);
}

TEST(Summary, HasLabels) {
  const Metrics metrics(Options().Consumer().ConstLabels({{"zone", "a"}}));
  const SummaryFamily<2> family =
      metrics.Summary("s", "S.", {"method", "code"}, SummaryOptions().Quantiles({0.5}));
  family.With("GET", 200).Observe(3);
  family.With({{"code", 200}, {"method", "GET"}}).Observe(3);
  EXPECT_EQ(CountOf(metrics, "s", {{"method", "GET"}, {"code", 200}, {"zone", "a"}}), 2u);
  EXPECT_EQ(QuantileOf(metrics, "s", 0.5, {{"method", "GET"}, {"code", 200}, {"zone", "a"}}), 3);
  const SummaryFamily<> dynamic = metrics.Summary("d", "D.", std::vector<std::string>{"a"});
  dynamic.With("x").Observe(1);
  EXPECT_EQ(SumOf(metrics, "d", {{"a", "x"}, {"zone", "a"}}), 1);
}

TEST(Summary, WithoutQuantilesCountsAndSums) {
  const Metrics metrics(Options().Consumer());
  const Summary summary = metrics.Summary("s", "S.", SummaryOptions().Quantiles({}));
  summary.Observe(2);
  EXPECT_EQ(ToText(metrics, "s"), "s{} count=1 sum=2\n");
}

TEST(Summary, LeavesTheWindowInRealTime) {
  const Metrics metrics(Options().Consumer());
  const Summary summary =
      metrics.Summary("s", "S.", SummaryOptions().Quantiles({0.5}).MaxAge(200ms).AgeBuckets(2));
  summary.Observe(5);
  EXPECT_EQ(QuantileOf(metrics, "s", 0.5), 5);
  std::this_thread::sleep_for(450ms);
  EXPECT_TRUE(std::isnan(QuantileOf(metrics, "s", 0.5).value()));
  summary.Observe(7);
  EXPECT_EQ(QuantileOf(metrics, "s", 0.5), 7);
  EXPECT_EQ(CountOf(metrics, "s"), 2u);
}

TEST(Summary, SaysWhatIsAccepted) {
  const Metrics metrics(Options().Consumer().Log([](LogLevel, std::string_view) {}));
  const auto error = [&](const SummaryOptions& options) {
    const auto made = metrics.TrySummary("s", "S.", options);
    return made ? std::string("no error") : made.message();
  };
  EXPECT_THAT(error(SummaryOptions().Quantiles({0.5, 0.5})), HasSubstr("quantile 1"));
  EXPECT_THAT(error(SummaryOptions().Quantiles({0.9, 0.5})), HasSubstr("ascend"));
  EXPECT_THAT(error(SummaryOptions().Quantiles({-0.1})), HasSubstr("0 to 1"));
  EXPECT_THAT(error(SummaryOptions().Quantiles({1.1})), HasSubstr("0 to 1"));
  EXPECT_THAT(error(SummaryOptions().Quantiles({kNotANumber})), HasSubstr("0 to 1"));
  std::vector<double> many;
  for (int i = 0; i <= 64; ++i) many.push_back(i / 64.0);
  EXPECT_THAT(error(SummaryOptions().Quantiles(many)), HasSubstr("64 are accepted"));
  EXPECT_THAT(error(SummaryOptions().AgeBuckets(0)), HasSubstr("1 to 64"));
  EXPECT_THAT(error(SummaryOptions().AgeBuckets(65)), HasSubstr("1 to 64"));
  EXPECT_THAT(error(SummaryOptions().MaxAge(49ms)), HasSubstr("10 ms a step"));
  EXPECT_THAT(error(SummaryOptions().MaxAge(-1ms)), HasSubstr("10 ms a step"));
  EXPECT_THAT(error(SummaryOptions().MaxAge(24h * 367)), HasSubstr("366 days"));
  EXPECT_FALSE(metrics.TrySummary("s", "S.", {"quantile"}));
  EXPECT_FALSE(metrics.TrySummary("s", "S.", FamilyOptions().ConstLabels({{"quantile", "x"}})));
  EXPECT_TRUE(metrics.TrySummary("s", "S.", {"le"}));
}

TEST(Summary, IsTheSameOnlyWithTheSameOptions) {
  const Metrics metrics(Options().Consumer().Log([](LogLevel, std::string_view) {}));
  const auto made = metrics.TrySummary("s", "S.", SummaryOptions().MaxAge(1min));
  ASSERT_TRUE(made);
  made.value().Observe(1);
  EXPECT_EQ(metrics.Summary("s", "Other help.", SummaryOptions().MaxAge(60s)).Count(), 1u);
  const auto other = metrics.TrySummary("s", "S.");
  ASSERT_FALSE(other);
  EXPECT_THAT(other.message(), HasSubstr("quantiles 0.5 0.9 0.99 of 600000 ms in 5 steps"));
  EXPECT_THAT(other.message(), HasSubstr("of 60000 ms"));
  EXPECT_FALSE(metrics.TryHistogram("s", "S."));
}

TEST(Summary, HasItsSampleNamesForItself) {
  const Metrics metrics(Options().Consumer().Log([](LogLevel, std::string_view) {}));
  EXPECT_TRUE(metrics.Summary("a", "A."));
  EXPECT_FALSE(metrics.TryGauge("a_sum", "Clashes."));
  EXPECT_FALSE(metrics.TryCounter("a_count", "Clashes."));
  EXPECT_FALSE(metrics.TryGauge("a_created", "Clashes."));
  EXPECT_TRUE(metrics.TryGauge("a_bucket", "A summary has no buckets."));
  EXPECT_TRUE(metrics.TryGauge("a_something_sum", "Another name."));
  EXPECT_TRUE(metrics.Gauge("b_count", "B."));
  EXPECT_FALSE(metrics.TrySummary("b", "Clashes."));
  EXPECT_TRUE(metrics.Info("c", "C.", {{"x", "y"}}));
  EXPECT_FALSE(metrics.TryGauge("c_info", "Clashes."));
  EXPECT_TRUE(metrics.Gauge("d_info", "D."));
  EXPECT_FALSE(metrics.TryInfo("d", "Clashes.", {{"x", "y"}}));
}

TEST(Summary, IsRemovedAndMadeAnewFromZero) {
  const Metrics metrics(Options().Consumer());
  const auto family = metrics.Summary("s", "S.", {"a"});
  const Summary stale = family.With("x");
  stale.Observe(1);
  EXPECT_TRUE(family.Remove("x"));
  EXPECT_FALSE(Exists(metrics, "s", {{"a", "x"}}));
  stale.Observe(2);
  stale.Observe(1e9);
  EXPECT_EQ(ValueOf(metrics, "polymeter_removed_series_increments_total"), 2);
  const Summary made = family.With("x");
  EXPECT_EQ(made.Count(), 0u);
  made.Observe(5);
  EXPECT_EQ(QuantileOf(metrics, "s", 0.5, {{"a", "x"}}), 5);
  family.RemoveAll();
  EXPECT_EQ(SeriesCount(metrics, "s"), 0u);
}

TEST(Summary, HandlesAreHarmlessAfterTheirMetrics) {
  Summary stale;
  SummaryFamily<1> family;
  Info info;
  {
    const Metrics metrics(Options().Consumer());
    stale = metrics.Summary("s", "S.");
    family = metrics.Summary("t", "T.", {"a"});
    info = metrics.Info("i", "I.", {{"a", "b"}});
    stale.Observe(1);
  }
  for (int i = 0; i < 100; ++i) stale.Observe(std::ldexp(1, i));
  stale.Observe(kNotANumber);
  EXPECT_FALSE(family.With("x"));
  EXPECT_TRUE(info);
}

TEST(Summary, IsLeftOutWhileIdleAndComesBackWithItsTotals) {
  ManualClock clock;
  const Metrics metrics(Options().Consumer().Clock(clock).SeriesTtl(1min));
  const Summary summary = metrics.Summary("s", "S.");
  const Info info = metrics.Info("i", "I.", {{"a", "b"}});
  summary.Observe(1);
  EXPECT_TRUE(Exists(metrics, "s"));
  clock.Advance(2min);
  EXPECT_FALSE(Exists(metrics, "s"));
  EXPECT_TRUE(Exists(metrics, "i", {{"a", "b"}})) << "an info does not change, and is not idle";
  summary.Observe(2);
  EXPECT_EQ(CountOf(metrics, "s"), 2u);
  EXPECT_TRUE(info);
}

TEST(Summary, BeyondTheLimitCountsInTheOverflowSeries) {
  const Metrics metrics(Options().Consumer().SeriesLimit(2).Log([](LogLevel, std::string_view) {}));
  const auto family = metrics.Summary("s", "S.", {"a"});
  const auto infos = metrics.Info("i", "I.", {"a"});
  for (int i = 0; i < 10; ++i) {
    family.With(i).Observe(i);
    EXPECT_TRUE(infos.With(i));
  }
  EXPECT_EQ(SeriesCount(metrics, "s"), 3u);
  EXPECT_EQ(CountOf(metrics, "s", {{"otel_metric_overflow", "true"}}), 8u);
  EXPECT_EQ(SumOf(metrics, "s", {{"otel_metric_overflow", "true"}}), 44);
  EXPECT_EQ(SeriesCount(metrics, "i"), 3u);
}

TEST(Summary, IsMatchedInTests) {
  const Metrics metrics(Options().Consumer());
  metrics.Summary("s", "S.").Observe(2);
  metrics.Info("i", "I.", {{"a", "b"}});
  EXPECT_THAT(metrics, testing::HasSummary("s", {}, 1, 2));
  EXPECT_THAT(metrics, ::testing::Not(testing::HasSummary("s", {}, 2)));
  EXPECT_THAT(metrics, ::testing::Not(testing::HasHistogram("s")));
  EXPECT_THAT(metrics, testing::HasInfo("i", {{"a", "b"}}));
  EXPECT_THAT(metrics, ::testing::Not(testing::HasInfo("i", {{"a", "c"}})));
  EXPECT_EQ(ToText(metrics),
            "i{a=\"b\"} 1\ns{} count=1 sum=2 quantile(0.5)=2 "
            "quantile(0.9)=2 quantile(0.99)=2\n");
}

// --- Info ------------------------------------------------------------------------------------

TEST(Info, SaysItsLabels) {
  const Metrics metrics(Options().Consumer());
  const Info info = metrics.Info("build", "Build.", {{"version", "1.2"}, {"commit", "abc"}});
  EXPECT_TRUE(info);
  EXPECT_EQ(info.Value(), 1);
  EXPECT_EQ(Info().Value(), 0);
  EXPECT_EQ(ToText(metrics, "build"), "build{commit=\"abc\",version=\"1.2\"} 1\n");
  const Snapshot snapshot = metrics.TakeSnapshot();
  EXPECT_EQ(FindFamily(snapshot, "build")->type(), MetricType::kInfo);
  // One label, as its braces could be taken for the two ends of a text.
  EXPECT_TRUE(metrics.Info("one", "One.", {{"version", "1.2"}}));
  EXPECT_EQ(ToText(metrics, "one"), "one{version=\"1.2\"} 1\n");
}

TEST(Info, HasSeriesThatComeAndGo) {
  const Metrics metrics(Options().Consumer());
  const InfoFamily<2> disks = metrics.Info("disk", "Disks.", {"name", "model"});
  disks.With("sda", "a");
  disks.With("sdb", "b");
  EXPECT_EQ(ValueOf(metrics, "disk", {{"name", "sda"}, {"model", "a"}}), 1);
  EXPECT_EQ(SeriesCount(metrics, "disk"), 2u);
  EXPECT_TRUE(disks.Remove("sda", "a"));
  EXPECT_EQ(SeriesCount(metrics, "disk"), 1u);
  const InfoFamily<> dynamic = metrics.Info("dyn", "D.", std::vector<std::string>{"a"});
  EXPECT_TRUE(dynamic.With("x"));
  EXPECT_TRUE(Exists(metrics, "dyn", {{"a", "x"}}));
}

TEST(Info, SaysWhyItIsNone) {
  const Metrics metrics(Options().Consumer());
  EXPECT_FALSE(metrics.TryInfo("not a name", "I.", {{"a", "b"}}));
  EXPECT_FALSE(metrics.TryInfo("i", "I.", {{"a", "b"}, {"a", "c"}}));
  EXPECT_TRUE(metrics.TryInfo("i", "I.", {{"a", "b"}}));
  EXPECT_FALSE(metrics.TryInfo("i", "I.", {{"other", "b"}}));
  EXPECT_TRUE(metrics.TryInfo("j", "J.", {"a", "b"}));
}

}  // namespace
}  // namespace polymeter
