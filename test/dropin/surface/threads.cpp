// Many threads on the same instruments, families and registry: nothing is lost.
#include <atomic>
#include <cmath>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "prometheus/counter.h"
#include "prometheus/family.h"
#include "prometheus/gauge.h"
#include "prometheus/histogram.h"
#include "prometheus/registry.h"
#include "prometheus/summary.h"
#include "test/dropin/surface/transcript.h"

namespace surface {

void Threads() {
  const int threads = 8;
  const int rounds = 2000;
  prometheus::Registry registry;
  auto& counters = prometheus::BuildCounter().Name("threads_total").Register(registry);
  prometheus::Counter& shared = counters.Add({{"who", "all"}});
  prometheus::Gauge& gauge = prometheus::BuildGauge().Name("threads").Register(registry).Add({});
  prometheus::Histogram& histogram = prometheus::BuildHistogram()
                                         .Name("threads_seconds")
                                         .Register(registry)
                                         .Add({}, prometheus::Histogram::BucketBoundaries{1, 2, 3});
  prometheus::Summary& summary = prometheus::BuildSummary()
                                     .Name("threads_bytes")
                                     .Register(registry)
                                     .Add({}, prometheus::Summary::Quantiles{{0.5, 0.05}});
  std::atomic<bool> done{false};
  std::atomic<bool> consistent{true};
  std::thread reader([&] {
    double last = 0;
    while (!done) {
      for (const prometheus::MetricFamily& family : registry.Collect()) {
        for (const prometheus::ClientMetric& metric : family.metric) {
          if (family.type != prometheus::MetricType::Histogram) continue;
          const double now = static_cast<double>(metric.histogram.sample_count);
          if (now < last ||
              metric.histogram.bucket.back().cumulative_count != metric.histogram.sample_count) {
            consistent = false;
          }
          last = now;
        }
      }
      std::this_thread::yield();
    }
  });
  std::vector<std::thread> crowd;
  for (int t = 0; t < threads; ++t) {
    crowd.emplace_back([&, t] {
      for (int i = 0; i < rounds; ++i) {
        shared.Increment();
        counters.Add({{"who", std::to_string(t)}}).Increment(0.5);
        gauge.Increment(2);
        gauge.Decrement();
        histogram.Observe(i % 4);
        summary.Observe(i % 4);
        prometheus::Counter& mine = counters.Add({{"mine", std::to_string(t)}});
        mine.Increment();
        if (i % 100 == 0) counters.Remove(&mine);
      }
    });
  }
  for (std::thread& thread : crowd) thread.join();
  done = true;
  reader.join();
  Say("threads/counter", shared.Value());
  Say("threads/one of each", counters.Add({{"who", "3"}}).Value());
  Say("threads/gauge", gauge.Value());
  Say("threads/histogram", Text(histogram.Collect()));
  Say("threads/summary", static_cast<std::size_t>(summary.Collect().summary.sample_count));
  Say("threads/summary sum", summary.Collect().summary.sample_sum);
  Say("threads/what was seen meanwhile is consistent", consistent.load());
}

}  // namespace surface
