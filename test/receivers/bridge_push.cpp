// A prometheus-cpp program behind the bridge, for METRICS_BACKEND=otlp,statsd: counts, flushes,
// removes one series, makes it again, counts on, and says at the end what its own objects hold.
#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/summary.h>

#include <chrono>
#include <cstdio>
#include <memory>
#include <utility>

#include "polymeter/polymeter.h"
#include "polymeter/prometheus.h"

namespace {

bool Flush(const polymeter::Metrics& metrics) {
  const auto status = metrics.Flush(std::chrono::steady_clock::now() + std::chrono::seconds(10));
  if (!status) std::fprintf(stderr, "Flush: %s\n", status.message().c_str());
  return status.ok();
}

}  // namespace

int main() {
  const auto registry = std::make_shared<prometheus::Registry>();
  const auto metrics = polymeter::FromEnvironment("bridge_push");
  polymeter::Attach(metrics, registry).Forever();

  auto& files = prometheus::BuildCounter().Name("files_total").Help("F.").Register(*registry);
  auto& good = files.Add({{"result", "good"}});
  auto* bad = &files.Add({{"result", "bad"}});
  auto& level = prometheus::BuildGauge().Name("level").Help("L.").Register(*registry).Add({});
  auto& duration = prometheus::BuildHistogram()
                       .Name("duration_seconds")
                       .Help("D.")
                       .Register(*registry)
                       .Add({{"kind", "x"}}, prometheus::Histogram::BucketBoundaries{0.5, 1, 2.5});
  auto& size = prometheus::BuildSummary()
                   .Name("size_bytes")
                   .Help("S.")
                   .Register(*registry)
                   .Add({}, prometheus::Summary::Quantiles{{0.5, 0.01}, {0.9, 0.01}});

  good.Increment(5);
  bad->Increment(2.5);
  level.Set(-7.5);
  for (const double value : {0.25, 0.75, 2.0, 4.0}) duration.Observe(value);
  for (int i = 1; i <= 9; ++i) size.Observe(i);
  if (!Flush(metrics)) return 1;

  files.Remove(bad);
  good.Increment(3);
  duration.Observe(0.25);
  size.Observe(10);
  if (!Flush(metrics)) return 1;
  bad = &files.Add({{"result", "bad"}});
  bad->Increment(4);
  level.Set(-1);
  if (!Flush(metrics)) return 1;
  good.Increment();  // the last flush is the destructor's

  const auto summary = size.Collect().summary;
  std::printf(
      "{\"good\": %g, \"bad\": %g, \"bad_in_all\": 6.5, \"level\": %g, "
      "\"duration_sum\": %g, \"size_count\": %lu, \"size_sum\": %g, "
      "\"quantiles\": [%g, %g]}\n",
      good.Value(), bad->Value(), level.Value(), duration.Collect().histogram.sample_sum,
      static_cast<unsigned long>(summary.sample_count), summary.sample_sum,
      summary.quantile[0].value, summary.quantile[1].value);
  return 0;
}
