// Summary: its quantiles are estimates, so what is told is whether each is within the error that
// was asked for. The observations are counted exactly.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "prometheus/summary.h"
#include "test/dropin/surface/transcript.h"

namespace surface {
namespace {

const prometheus::Summary::Quantiles& Wanted() {
  static const prometheus::Summary::Quantiles kWanted{
      {0.5, 0.05}, {0.9, 0.01}, {0.95, 0.005}, {0.99, 0.001}};
  return kWanted;
}

// Whether each estimate has a rank within the tolerated error of the wanted one.
void SayWithin(const std::string& key, std::vector<double> values) {
  prometheus::Summary summary(Wanted());
  for (const double value : values) summary.Observe(value);
  const prometheus::ClientMetric metric = summary.Collect();
  std::sort(values.begin(), values.end());
  const double n = static_cast<double>(values.size());
  std::string text = std::to_string(metric.summary.sample_count);
  for (std::size_t i = 0; i < metric.summary.quantile.size(); ++i) {
    const prometheus::ClientMetric::Quantile& found = metric.summary.quantile[i];
    const double below = static_cast<double>(
        std::lower_bound(values.begin(), values.end(), found.value) - values.begin());
    const double upto = static_cast<double>(
        std::upper_bound(values.begin(), values.end(), found.value) - values.begin());
    const double error = Wanted()[i].error * n + 1;
    const double rank = found.quantile * n;
    text += " " + Text(found.quantile) + "=" +
            (rank + error >= below && rank - error <= upto ? "within" : "off");
  }
  Say("summary/" + key, text);
}

std::vector<double> Numbers(std::size_t count, const std::function<double(std::size_t)>& make) {
  std::vector<double> values;
  for (std::size_t i = 0; i < count; ++i) values.push_back(make(i));
  return values;
}

// 0 .. 1, the same in every run.
double Scattered(std::size_t i) {
  std::uint64_t x = (i + 1) * 0x9E3779B97F4A7C15u;
  x ^= x >> 31;
  x *= 0xBF58476D1CE4E5B9u;
  x ^= x >> 29;
  return static_cast<double>(x >> 11) / 9007199254740992.0;
}

}  // namespace

void Summaries() {
  prometheus::Summary few(prometheus::Summary::Quantiles{{0.5, 0.05}});
  Say("summary/new: count", static_cast<std::size_t>(few.Collect().summary.sample_count));
  Say("summary/new: quantiles", few.Collect().summary.quantile.size());
  Say("summary/new: a quantile is not a number",
      std::isnan(few.Collect().summary.quantile.at(0).value));
  few.Observe(7);
  Say("summary/one observation", Text(few.Collect()));
  Say("summary/type", Text(prometheus::Summary::metric_type));

  prometheus::Summary sums(prometheus::Summary::Quantiles{});
  sums.Observe(1.5);
  sums.Observe(-4);
  sums.Observe(0.25);
  Say("summary/without quantiles", Text(sums.Collect()));

  SayWithin("ascending", Numbers(10000, [](std::size_t i) { return static_cast<double>(i); }));
  SayWithin("descending",
            Numbers(10000, [](std::size_t i) { return 10000 - static_cast<double>(i); }));
  SayWithin("scattered", Numbers(10000, Scattered));
  SayWithin("long tail", Numbers(10000, [](std::size_t i) { return 1 / (1.0001 - Scattered(i)); }));
  SayWithin("all the same", Numbers(3000, [](std::size_t) { return 3.25; }));
  SayWithin("two values",
            Numbers(3000, [](std::size_t i) { return Scattered(i) < 0.7 ? 1.0 : 2.0; }));
  SayWithin("negative", Numbers(3000, [](std::size_t i) { return -1 - Scattered(i); }));
  SayWithin("three", Numbers(3, [](std::size_t i) { return static_cast<double>(i); }));

  // The window: what is older than max_age is forgotten by the quantiles, not by count and sum.
  prometheus::Summary window(prometheus::Summary::Quantiles{{0.5, 0.05}}, std::chrono::seconds(2),
                             2);
  for (int i = 0; i < 50; ++i) window.Observe(100);
  Say("summary/in the window", window.Collect().summary.quantile.at(0).value);
  std::this_thread::sleep_for(std::chrono::seconds(4));
  const prometheus::ClientMetric later = window.Collect();
  Say("summary/after it: not a number", std::isnan(later.summary.quantile.at(0).value));
  Say("summary/after it: count", static_cast<std::size_t>(later.summary.sample_count));
  Say("summary/after it: sum", later.summary.sample_sum);
  for (int i = 0; i < 50; ++i) window.Observe(5);
  Say("summary/a new window", window.Collect().summary.quantile.at(0).value);
}

}  // namespace surface
