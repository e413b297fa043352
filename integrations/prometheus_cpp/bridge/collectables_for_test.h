// Collectables and expectations that several tests of the bridge use.
#pragma once

#include <atomic>
#include <functional>
#include <limits>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include "integrations/prometheus_cpp/bridge/page_for_test.h"

namespace bridge_test {

// A Collectable as a program may write it itself.
class OwnCollectable final : public prometheus::Collectable {
 public:
  using Make = std::function<std::vector<prometheus::MetricFamily>()>;
  explicit OwnCollectable(Make make) : make_(std::move(make)) {}
  std::vector<prometheus::MetricFamily> Collect() const override {
    ++calls_;
    return make_();
  }
  int calls() const { return calls_; }

 private:
  Make make_;
  mutable std::atomic<int> calls_{0};
};

inline prometheus::MetricFamily GaugeFamily(std::string name, double value,
                                            std::string help = "Help.") {
  prometheus::MetricFamily family;
  family.name = std::move(name);
  family.help = std::move(help);
  family.type = prometheus::MetricType::Gauge;
  family.metric.emplace_back().gauge.value = value;
  return family;
}

inline prometheus::MetricFamily HistogramFamily(
    std::string name, std::uint64_t count, double sum,
    const std::vector<std::pair<double, std::uint64_t>>& buckets) {
  prometheus::MetricFamily family;
  family.name = std::move(name);
  family.help = "Help.";
  family.type = prometheus::MetricType::Histogram;
  auto& histogram = family.metric.emplace_back().histogram;
  histogram.sample_count = count;
  histogram.sample_sum = sum;
  for (const auto& [bound, cumulative] : buckets) {
    auto& bucket = histogram.bucket.emplace_back();
    bucket.upper_bound = bound;
    bucket.cumulative_count = cumulative;
  }
  return family;
}

inline std::string BoundText(double bound) {
  if (bound == std::numeric_limits<double>::infinity()) return "+Inf";
  std::ostringstream text;
  text << bound;
  return text.str();
}

// The samples that a page must have for what a prometheus-cpp registry holds.
inline Samples SamplesOf(const std::vector<prometheus::MetricFamily>& families) {
  Samples samples;
  for (const auto& family : families) {
    for (const auto& metric : family.metric) {
      Labels labels;
      for (const auto& label : metric.label) labels[label.name] = label.value;
      const auto with = [&](const char* name, double value) {
        Labels more = labels;
        more[name] = BoundText(value);
        return more;
      };
      switch (family.type) {
        case prometheus::MetricType::Counter:
          samples[{family.name, labels}] = metric.counter.value;
          break;
        case prometheus::MetricType::Gauge:
          samples[{family.name, labels}] = metric.gauge.value;
          break;
        case prometheus::MetricType::Histogram:
          for (const auto& bucket : metric.histogram.bucket) {
            samples[{family.name + "_bucket", with("le", bucket.upper_bound)}] =
                static_cast<double>(bucket.cumulative_count);
          }
          samples[{family.name + "_sum", labels}] = metric.histogram.sample_sum;
          samples[{family.name + "_count", labels}] =
              static_cast<double>(metric.histogram.sample_count);
          break;
        case prometheus::MetricType::Summary:
          for (const auto& quantile : metric.summary.quantile) {
            samples[{family.name, with("quantile", quantile.quantile)}] = quantile.value;
          }
          samples[{family.name + "_sum", labels}] = metric.summary.sample_sum;
          samples[{family.name + "_count", labels}] =
              static_cast<double>(metric.summary.sample_count);
          break;
        default:
          samples[{family.name, labels}] = metric.untyped.value;
          break;
      }
    }
  }
  return samples;
}

// Every sample of `expected` is on the page with the same value, NaN included.
inline void ExpectSamples(const Page& page, const Samples& expected) {
  ASSERT_FALSE(expected.empty());
  for (const auto& [series, value] : expected) {
    const auto found = page.samples.find(series);
    ASSERT_NE(found, page.samples.end()) << "no sample of " << series.first;
    if (std::isnan(value)) {
      EXPECT_TRUE(std::isnan(found->second)) << series.first;
    } else {
      EXPECT_EQ(found->second, value) << series.first;
    }
  }
}

// The samples of a page whose names do not begin with `prefix`.
inline Samples Without(const Samples& samples, const std::string& prefix) {
  Samples rest;
  for (const auto& [series, value] : samples) {
    if (series.first.rfind(prefix, 0) != 0) rest.emplace(series, value);
  }
  return rest;
}

}  // namespace bridge_test
