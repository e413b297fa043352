#include "polymeter/testing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <limits>
#include <string>

#include "polymeter/testing_gmock.h"
#include "sdk/testing/snapshot_builder.h"

POLYMETER_BEGIN_NAMESPACE
namespace {

using namespace std::chrono_literals;
using testing::BucketOf;
using testing::CountOf;
using testing::Delta;
using ::testing::DoubleNear;
using ::testing::Ge;
using testing::HasCounter;
using testing::HasGauge;
using testing::HasHistogram;
using ::testing::HasSubstr;
using ::testing::Lt;
using ::testing::Not;
using testing::QuantileOf;
using testing::SumOf;
using testing::ToText;
using testing::ValueOf;

constexpr double kInf = std::numeric_limits<double>::infinity();

class TestingTest : public ::testing::Test {
 protected:
  const Metrics metrics_{Options().Consumer()};
  const CounterFamily<2> jobs_ = metrics_.Counter("jobs_total", "Jobs.", {"model", "status"});
  const Histogram seconds_ =
      metrics_.Histogram("job_seconds", "Time.", FamilyOptions().Buckets({1, 2, 4}));
};

// One series of each kind that only producers have.
Snapshot Produced() {
  testing::SnapshotBuilder builder;
  auto& sink = builder.sink();
  sink.BeginFamily(MetricType::kSummary, "rpc_seconds", "R.");
  const Quantile quantiles[] = {{0.5, 0.1}, {0.99, 0.8}};
  const Label label{"a", "b"};
  sink.Summary(&label, 1, quantiles, 2, 10, 2.5);
  sink.BeginFamily(MetricType::kInfo, "build_info", "B.");
  sink.Info({{"version", "1.2"}});
  sink.BeginFamily(MetricType::kUnknown, "what", "W.");
  sink.Unknown({}, 4.5);
  return builder.Build();
}

TEST_F(TestingTest, ReadsEveryKindOfValue) {
  jobs_.With("base", 200).Increment(3);
  seconds_.Observe(0.5);
  seconds_.Observe(1.5);
  seconds_.Observe(9);
  EXPECT_EQ(ValueOf(metrics_, "jobs_total", {{"status", 200}, {"model", "base"}}), 3);
  EXPECT_EQ(CountOf(metrics_, "job_seconds"), 3u);
  EXPECT_EQ(SumOf(metrics_, "job_seconds"), 11);
  EXPECT_EQ(BucketOf(metrics_, "job_seconds", 1), 1u);
  EXPECT_EQ(BucketOf(metrics_, "job_seconds", 4), 2u);
  EXPECT_EQ(BucketOf(metrics_, "job_seconds", kInf), 3u);
  EXPECT_EQ(BucketOf(metrics_, "job_seconds", 3), std::nullopt);  // no such bound

  const Snapshot produced = Produced();
  EXPECT_EQ(CountOf(produced, "rpc_seconds", {{"a", "b"}}), 10u);
  EXPECT_EQ(SumOf(produced, "rpc_seconds", {{"a", "b"}}), 2.5);
  EXPECT_EQ(QuantileOf(produced, "rpc_seconds", 0.99, {{"a", "b"}}), 0.8);
  EXPECT_EQ(QuantileOf(produced, "rpc_seconds", 0.9, {{"a", "b"}}), std::nullopt);
  EXPECT_EQ(ValueOf(produced, "build_info", {{"version", "1.2"}}), 1);
  EXPECT_EQ(ValueOf(produced, "what"), 4.5);
}

TEST_F(TestingTest, WhatIsNotThereIsNothing) {
  jobs_.With("base", 200).Increment();
  EXPECT_EQ(ValueOf(metrics_, "jobs"), std::nullopt);
  EXPECT_EQ(ValueOf(metrics_, "jobs_total"), std::nullopt);  // labels are missing
  EXPECT_EQ(ValueOf(metrics_, "jobs_total", {{"model", "base"}}), std::nullopt);
  EXPECT_EQ(ValueOf(metrics_, "jobs_total", {{"model", "base"}, {"status", 200}, {"x", "y"}}),
            std::nullopt);
  EXPECT_EQ(ValueOf(metrics_, "job_seconds"), std::nullopt);  // a histogram has no value
  EXPECT_EQ(CountOf(metrics_, "jobs_total", {{"model", "base"}, {"status", 200}}), std::nullopt);
  EXPECT_TRUE(testing::Exists(metrics_, "job_seconds"));
  EXPECT_FALSE(testing::Exists(metrics_, "job_seconds", {{"a", "b"}}));
  EXPECT_EQ(testing::SeriesCount(metrics_, "jobs_total"), 1u);
  EXPECT_EQ(testing::SeriesCount(metrics_, "none"), 0u);
}

TEST(Testing, ConstantLabelsBelongToASeries) {
  const Metrics metrics{Options().Consumer().ConstLabels({{"zone", "eu"}})};
  metrics.Counter("c_total", "C.").Increment();
  EXPECT_EQ(ValueOf(metrics, "c_total", {{"zone", "eu"}}), 1);
  EXPECT_EQ(ValueOf(metrics, "c_total"), std::nullopt);
}

TEST_F(TestingTest, QuantilesOfHistogramsAreLinearWithinTheBucket) {
  EXPECT_EQ(QuantileOf(metrics_, "job_seconds", 0.5), std::nullopt);  // empty
  for (int i = 0; i < 10; ++i) seconds_.Observe(0.5);
  for (int i = 0; i < 10; ++i) seconds_.Observe(3);
  // PromQL: histogram_quantile over buckets 1: 10, 2: 10, 4: 20, +Inf: 20.
  EXPECT_DOUBLE_EQ(*QuantileOf(metrics_, "job_seconds", 0.25), 0.5);
  EXPECT_DOUBLE_EQ(*QuantileOf(metrics_, "job_seconds", 0.5), 1);
  EXPECT_DOUBLE_EQ(*QuantileOf(metrics_, "job_seconds", 0.75), 3);
  EXPECT_DOUBLE_EQ(*QuantileOf(metrics_, "job_seconds", 1), 4);
  for (int i = 0; i < 80; ++i) seconds_.Observe(100);
  EXPECT_DOUBLE_EQ(*QuantileOf(metrics_, "job_seconds", 0.9), 4);  // the last bound
  EXPECT_EQ(*QuantileOf(metrics_, "job_seconds", 1.5), kInf);
  EXPECT_EQ(*QuantileOf(metrics_, "job_seconds", -1), -kInf);
}

TEST(Testing, AHistogramWithoutBoundsHasNoQuantile) {
  testing::SnapshotBuilder builder;
  builder.sink().BeginFamily(MetricType::kHistogram, "job_seconds", "Time.");
  const std::uint64_t above[] = {3};  // the +Inf bucket alone
  builder.sink().Histogram(nullptr, 0, nullptr, 0, above, 4.5);
  ASSERT_EQ(builder.refused(), 0u);
  const Snapshot snapshot = builder.Build();
  EXPECT_EQ(CountOf(snapshot, "job_seconds"), 3u);
  for (const double quantile : {0.0, 0.5, 1.0}) {
    EXPECT_EQ(QuantileOf(snapshot, "job_seconds", quantile), std::nullopt) << quantile;
  }
}

TEST_F(TestingTest, ADeltaIsWhatChangedSinceItsBeginning) {
  const auto series = jobs_.With("base", 200);
  series.Increment(5);
  seconds_.Observe(1);
  const auto level = metrics_.Gauge("level", "L.");
  level.Set(10);
  const Delta jobs(metrics_, "jobs_total", {{"model", "base"}, {"status", 200}});
  const Delta times(metrics_, "job_seconds");
  const Delta levels(metrics_, "level");
  const Delta later(metrics_, "later_total");
  EXPECT_EQ(jobs.value(), 0);
  series.Increment(2);
  seconds_.Observe(3);
  level.Set(4);
  EXPECT_EQ(jobs.value(), 2);
  EXPECT_EQ(times.count(), 1);
  EXPECT_EQ(times.sum(), 3);
  EXPECT_EQ(levels.value(), -6);
  EXPECT_EQ(later.value(), 0);
  metrics_.Counter("later_total", "Made within the scope.").Increment(7);
  EXPECT_EQ(later.value(), 7);
}

TEST_F(TestingTest, ADeltaOfASeriesThatWasMadeAnewCountsFromItsNewZero) {
  jobs_.With("base", 200).Increment(5);
  const Delta jobs(metrics_, "jobs_total", {{"model", "base"}, {"status", 200}});
  jobs_.Remove("base", 200);
  EXPECT_EQ(jobs.value(), 0);
  jobs_.With("base", 200).Increment(6);
  EXPECT_EQ(jobs.value(), 6);
}

TEST(Testing, AManualClockIsTheTimeOfTheMetrics) {
  testing::ManualClock clock;
  const Metrics metrics{Options().Consumer().Clock(clock).SeriesTtl(1h)};
  EXPECT_EQ(metrics.TakeSnapshot().time(), SystemTime(std::chrono::seconds(1767225600)));
  metrics.Counter("c_total", "C.").Increment();
  EXPECT_TRUE(testing::Exists(metrics, "c_total"));
  clock.Advance(30min);
  EXPECT_TRUE(testing::Exists(metrics, "c_total"));
  clock.Advance(31min);
  EXPECT_FALSE(testing::Exists(metrics, "c_total"));  // expired
  clock.Set(SystemTime(1000s));
  EXPECT_EQ(metrics.TakeSnapshot().time(), SystemTime(1000s));
}

TEST_F(TestingTest, TextIsStableAndOrdered) {
  jobs_.With("small", 500).Increment(0.5);
  jobs_.With("base", "a\"b\\c\nd").Increment(1ull << 63);
  seconds_.Observe(0.25);
  seconds_.Observe(1.5);
  seconds_.Observe(9);
  EXPECT_EQ(ToText(metrics_),
            "job_seconds{} count=3 sum=10.75 le(1)=1 le(2)=2 le(+Inf)=3\n"
            "jobs_total{model=\"base\",status=\"a\\\"b\\\\c\\nd\"} 9223372036854775808\n"
            "jobs_total{model=\"small\",status=\"500\"} 0.5\n");
  EXPECT_EQ(ToText(metrics_, "job_seconds"),
            "job_seconds{} count=3 sum=10.75 le(1)=1 le(2)=2 le(+Inf)=3\n");
  EXPECT_EQ(ToText(metrics_, "none"), "");
  EXPECT_EQ(ToText(Produced()),
            "build_info{version=\"1.2\"} 1\n"
            "rpc_seconds{a=\"b\"} count=10 sum=2.5 quantile(0.5)=0.1 quantile(0.99)=0.8\n"
            "what{} 4.5\n");
}

// --- matchers --------------------------------------------------------------------------------

template <class Matcher>
std::string Explained(const Matcher& matcher, const Metrics& metrics) {
  ::testing::StringMatchResultListener listener;
  EXPECT_FALSE(::testing::ExplainMatchResult(matcher, metrics, &listener));
  return listener.str();
}

TEST_F(TestingTest, MatchersTakeValuesAndMatchers) {
  jobs_.With("base", 200).Increment(3);
  metrics_.Gauge("level", "L.").Set(0.5);
  seconds_.Observe(1.5);
  EXPECT_THAT(metrics_, HasCounter("jobs_total", {{"model", "base"}, {"status", 200}}, 3));
  EXPECT_THAT(metrics_, HasCounter("jobs_total", {{"model", "base"}, {"status", 200}}, Ge(2)));
  EXPECT_THAT(metrics_, HasCounter("jobs_total", {{"model", "base"}, {"status", 200}}));
  EXPECT_THAT(metrics_, Not(HasCounter("jobs_total", {{"model", "base"}, {"status", 200}}, 4)));
  EXPECT_THAT(metrics_, HasGauge("level", {}, DoubleNear(0.5, 0.01)));
  EXPECT_THAT(metrics_, HasGauge("level", {}, 0.5));
  EXPECT_THAT(metrics_, HasHistogram("job_seconds"));
  EXPECT_THAT(metrics_, HasHistogram("job_seconds", {}, 1));
  EXPECT_THAT(metrics_, HasHistogram("job_seconds", {}, Ge(1u), Lt(2.0)));
  EXPECT_THAT(metrics_, Not(HasHistogram("job_seconds", {}, 2)));
  EXPECT_THAT(metrics_, Not(HasHistogram("job_seconds", {}, 1, 2)));
  EXPECT_THAT(metrics_.TakeSnapshot(), Not(HasGauge("jobs_total")));
}

TEST_F(TestingTest, MatchersShowWhatIsThereInstead) {
  jobs_.With("small", 200).Increment(7);
  jobs_.With("base", 200).Increment(3);
  EXPECT_EQ(Explained(HasCounter("jobs_total", {{"model", "base"}}), metrics_),
            "where jobs_total has\n"
            "  jobs_total{model=\"base\",status=\"200\"} 3\n"
            "  jobs_total{model=\"small\",status=\"200\"} 7");
  EXPECT_EQ(Explained(HasCounter("jobs_total", {{"model", "base"}, {"status", 200}}, 4), metrics_),
            "whose value is 3");
  EXPECT_EQ(Explained(HasGauge("jobs_total"), metrics_), "where jobs_total is a counter");
  EXPECT_EQ(Explained(HasCounter("job_total"), metrics_),
            "which has no family job_total; did you mean jobs_total?");
  EXPECT_EQ(Explained(HasCounter("jobs"), metrics_),
            "which has no family jobs; there is jobs_total");
  EXPECT_EQ(Explained(HasCounter("unheard_of"), metrics_), "which has no family unheard_of");
  EXPECT_EQ(Explained(HasHistogram("job_seconds", {}, 4), metrics_), "whose count is 0 and sum 0");
  for (int i = 0; i < 100; ++i) jobs_.With("x", i).Increment();
  EXPECT_THAT(Explained(HasCounter("jobs_total"), metrics_), HasSubstr("and 82 more"));
}

TEST_F(TestingTest, MatchersDescribeThemselves) {
  const ::testing::Matcher<const Metrics&> counter =
      HasCounter("jobs_total", {{"model", "base"}}, 3);
  const ::testing::Matcher<const Metrics&> histogram = HasHistogram("h_seconds", {}, 1, Lt(2.0));
  EXPECT_EQ(::testing::DescribeMatcher<const Metrics&>(counter),
            "has the counter jobs_total{model=\"base\"} with a value that is equal to 3");
  EXPECT_EQ(::testing::DescribeMatcher<const Metrics&>(histogram, /*negation=*/true),
            "does not have the histogram h_seconds{} with a count that is equal to 1 with a sum "
            "that is < 2");
}

}  // namespace
POLYMETER_END_NAMESPACE
