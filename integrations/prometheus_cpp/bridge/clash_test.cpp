// The same name in both worlds: found, reported, and the page stays a page.
#include <memory>
#include <string>
#include <vector>

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include "gtest/gtest.h"
#include "integrations/prometheus_cpp/bridge/collectables_for_test.h"
#include "integrations/prometheus_cpp/bridge/page_for_test.h"
#include "polymeter/polymeter.h"
#include "polymeter/prometheus.h"
#include "sdk/testing/log_capture.h"

namespace {

using bridge_test::Page;
using polymeter::Attachment;
using polymeter::Metrics;
using polymeter::Options;

class NameClash : public ::testing::Test {
 protected:
  // Parsed by both judges.
  Page ReadPage() {
    const std::string text = bridge_test::PageText(metrics_);
    bridge_test::ExpectPromtoolReads(text);
    return bridge_test::PageParser::Parse(text);
  }
  static double Clashes(const Page& page) {
    return page.Value("polymeter_refused_total", {{"reason", "name_clash"}});
  }

  polymeter::testing::LogCapture log_;
  const Metrics metrics_{Options().Consumer().Log(log_.callback())};
  const std::shared_ptr<prometheus::Registry> registry_ = std::make_shared<prometheus::Registry>();
  const Attachment attached_ = polymeter::Attach(metrics_, registry_);
};

TEST_F(NameClash, OfOneTypeJoinsTheSeriesInOneFamily) {
  metrics_.Counter("jobs_total", "Jobs.", {"from"}).With("here").Increment(3);
  prometheus::BuildCounter()
      .Name("jobs_total")
      .Help("Other words.")
      .Register(*registry_)
      .Add({{"from", "there"}})
      .Increment(4);
  const Page page = ReadPage();
  EXPECT_EQ(page.Value("jobs_total", {{"from", "here"}}), 3);
  EXPECT_EQ(page.Value("jobs_total", {{"from", "there"}}), 4);
  EXPECT_EQ(page.help.at("jobs_total"), "Jobs.");
  EXPECT_EQ(log_.Count("clash"), 0);
}

TEST_F(NameClash, OfOneSeriesKeepsOursAndCountsTheOther) {
  metrics_.Counter("jobs_total", "Jobs.", {"from"}).With("here").Increment(3);
  prometheus::BuildCounter()
      .Name("jobs_total")
      .Help("Jobs.")
      .Register(*registry_)
      .Add({{"from", "here"}})
      .Increment(4);
  EXPECT_EQ(ReadPage().Value("jobs_total", {{"from", "here"}}), 3);
  EXPECT_EQ(Clashes(ReadPage()), 1);
  EXPECT_EQ(log_.Count("counter jobs_total"), 1);
}

TEST_F(NameClash, OfTwoTypesKeepsOursAndNamesBoth) {
  metrics_.Gauge("jobs", "Jobs.").Set(3);
  prometheus::BuildHistogram()
      .Name("jobs")
      .Help("Jobs.")
      .Register(*registry_)
      .Add({}, prometheus::Histogram::BucketBoundaries{1})
      .Observe(0.5);
  const Page page = ReadPage();
  EXPECT_EQ(page.Value("jobs"), 3);
  EXPECT_FALSE(page.Has("jobs_count"));
  EXPECT_EQ(Clashes(ReadPage()), 1);
  EXPECT_EQ(log_.Count("histogram jobs"), 1);
  EXPECT_EQ(log_.Count("gauge jobs"), 1);
}

TEST_F(NameClash, OfAnAttachedGaugeWithASampleOfOurHistogramIsFound) {
  metrics_.Histogram("wait_seconds", "Wait.").Observe(0.5);
  prometheus::BuildGauge().Name("wait_seconds_sum").Help("S.").Register(*registry_).Add({}).Set(9);
  EXPECT_EQ(ReadPage().Value("wait_seconds_sum"), 0.5);
  EXPECT_EQ(Clashes(ReadPage()), 1);
  EXPECT_EQ(log_.Count("gauge wait_seconds_sum"), 1);
}

TEST_F(NameClash, OfAnAttachedHistogramsSampleWithOurGaugeIsFound) {
  metrics_.Gauge("wait_seconds_count", "Count.").Set(7);
  prometheus::BuildHistogram()
      .Name("wait_seconds")
      .Help("W.")
      .Register(*registry_)
      .Add({}, prometheus::Histogram::BucketBoundaries{1})
      .Observe(0.5);
  const Page page = ReadPage();
  EXPECT_EQ(page.Value("wait_seconds_count"), 7);
  EXPECT_FALSE(page.Has("wait_seconds_sum"));
  EXPECT_EQ(Clashes(ReadPage()), 1);
}

TEST_F(NameClash, OfTwoAttachedRegistriesKeepsTheOneAttachedFirst) {
  const auto second = std::make_shared<prometheus::Registry>();
  const Attachment attached = polymeter::Attach(metrics_, second);
  prometheus::BuildGauge().Name("x").Help("X.").Register(*registry_).Add({}).Set(1);
  prometheus::BuildCounter().Name("x").Help("X.").Register(*second).Add({}).Increment(2);
  const Page page = ReadPage();
  EXPECT_EQ(page.types.at("x"), "gauge");
  EXPECT_EQ(page.Value("x"), 1);
  EXPECT_EQ(Clashes(ReadPage()), 1);
}

TEST_F(NameClash, WithinOneRegistryAndAConstantLabelGivesEachSeriesOnce) {
  const Metrics metrics(Options().Consumer().ConstLabels({{"zone", "eu"}}).Log(log_.callback()));
  const Attachment attached = polymeter::Attach(metrics, registry_);
  metrics.Gauge("depth", "Depth.").Set(1);
  // Says by itself what ours say by the constant label.
  prometheus::BuildGauge()
      .Name("depth")
      .Help("D.")
      .Register(*registry_)
      .Add({{"zone", "eu"}})
      .Set(2);
  const std::string text = bridge_test::PageText(metrics);
  bridge_test::ExpectPromtoolReads(text);
  EXPECT_EQ(bridge_test::PageParser::Parse(text).Value("depth", {{"zone", "eu"}}), 1);
}

TEST_F(NameClash, WithAFamilyThatHasConstantLabelsLendsThemToNobody) {
  const auto options = polymeter::FamilyOptions().ConstLabels({{"kind", "batch"}});
  metrics_.Gauge("depth", "Depth.", options).Set(1);
  prometheus::BuildGauge().Name("depth").Help("D.").Register(*registry_).Add({{"q", "x"}}).Set(2);
  const Page page = ReadPage();
  EXPECT_EQ(page.Value("depth", {{"kind", "batch"}}), 1);
  EXPECT_FALSE(page.Has("depth", {{"kind", "batch"}, {"q", "x"}}));
}

}  // namespace
