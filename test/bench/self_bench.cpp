// What self-accounting costs a scrape: the page of 10,000 counters in 100 families with the
// families polymeter_* and without, of Metrics that are alike but for that. Both are scraped in
// turn, so that what disturbs one disturbs the other: `off` is the median of its scrapes, `on` that
// and the median of the differences. prometheus: OpenMetrics and gzip, as Prometheus asks for;
// plain: the bare text page; http: the same from the server, which is what a scrape is.
#include <benchmark/benchmark.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "polymeter/polymeter.h"
#include "test/bench/http_client.h"
#include "test/bench/workload.h"

namespace polymeter_bench {
namespace {

// One that has accounts, as a running service has; the scrape itself goes past it.
class Accounted final : public polymeter::Backend {
 public:
  polymeter::Status Start(polymeter::SnapshotSource&) override { return {}; }
  polymeter::Status Stop(polymeter::Deadline) noexcept override { return {}; }
  polymeter::BackendReport Report() const override {
    polymeter::BackendReport report;
    report.name = "bench";
    report.scrapes = report.encodes = 1000;
    report.encode_seconds = 1.25;
    report.sent_bytes = 987654321;
    return report;
  }
};

class NullSink final : public polymeter::ScrapeSink {
 public:
  void Begin(std::string_view, std::string_view) override {}
  bool Write(std::string_view bytes) override {
    const char* data = bytes.data();
    benchmark::DoNotOptimize(data);
    return true;
  }
};

polymeter::Metrics Filled(const polymeter::Options& options) {
  polymeter::Metrics metrics = polymeter::Build(options);
  for (std::size_t f = 0; f < 100; ++f) {
    const auto family = metrics.Counter("bench_" + std::to_string(f) + "_total", "Measured.",
                                        {"method", "route", "status"});
    for (std::size_t i = 0; i < 100; ++i) {
      const SeriesLabels labels = LabelsOf(i);
      family.With(labels.method, labels.route, labels.status).Increment(AmountOf(i));
    }
  }
  return metrics;
}

double Median(std::vector<double>& values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

double CpuSeconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

// Seconds of CPU time that scrape(0), without, and scrape(1), with, take, of all threads: what a
// client waits depends more on where the server's thread is woken.
template <class Scrape>
std::array<double, 2> Measure(int pairs, const Scrape& scrape) {
  std::vector<double> off;
  std::vector<double> more;
  for (int i = 0; i < pairs; ++i) {
    std::array<double, 2> took = {};
    for (int turn = 0; turn < 2; ++turn) {
      const auto which = static_cast<std::size_t>((i + turn) % 2);
      const double begin = CpuSeconds();
      scrape(which);
      took[which] = CpuSeconds() - begin;
    }
    if (i < 10) continue;  // the first ones fill the caches
    off.push_back(took[0]);
    more.push_back(took[1] - took[0]);
  }
  const double median = Median(off);
  return {median, median + Median(more)};
}

std::array<double, 2> MeasurePages(const polymeter::ScrapeRequest& request, int pairs) {
  const auto filled = [](bool self) {
    return Filled(polymeter::Options().AddBackend(std::make_shared<Accounted>()).SelfMetrics(self));
  };
  const std::array<polymeter::Metrics, 2> metrics = {filled(false), filled(true)};
  return Measure(pairs, [&](std::size_t which) {
    NullSink sink;
    const auto status = polymeter::Scrape(metrics[which], request, sink);
    benchmark::DoNotOptimize(status.ok());
  });
}

const std::array<double, 2>& Plain() {
  static const auto kMedians = MeasurePages(polymeter::ScrapeRequest(), 1000);
  return kMedians;
}
const std::array<double, 2>& Prometheus() {
  static const auto kMedians = [] {
    polymeter::ScrapeRequest request;
    request.accept = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5";
    request.accept_encoding = "gzip";
    return MeasurePages(request, 400);
  }();
  return kMedians;
}
const std::array<double, 2>& Http() {
  static const auto kMedians = [] {
    const auto filled = [](bool self) {
      return Filled(polymeter::Options()
                        .Backends("prometheus")
                        .Set("METRICS_PROMETHEUS_PORT", "0")
                        .SelfMetrics(self));
    };
    const std::array<polymeter::Metrics, 2> metrics = {filled(false), filled(true)};
    return Measure(1000, [&](std::size_t which) {
      benchmark::DoNotOptimize(Get(PortOf(metrics[which].Endpoint("prometheus")), false));
    });
  }();
  return kMedians;
}

void Page(benchmark::State& state, const std::array<double, 2>& (*medians)(), std::size_t which) {
  for (auto _ : state) state.SetIterationTime(medians()[which]);
  // Of one run: the best time of either may come from different ones.
  if (which == 1) state.counters["ratio"] = medians()[1] / medians()[0];
}

#define POLYMETER_BENCH(medians, which, name)             \
  BENCHMARK_CAPTURE(Page, medians##which, medians, which) \
      ->Name(name)                                        \
      ->UseManualTime()                                   \
      ->Iterations(1)

POLYMETER_BENCH(Plain, 0, "self/plain/off");
POLYMETER_BENCH(Plain, 1, "self/plain/on");
POLYMETER_BENCH(Http, 0, "self/http/off");
POLYMETER_BENCH(Http, 1, "self/http/on");
POLYMETER_BENCH(Prometheus, 0, "self/prometheus/off");
POLYMETER_BENCH(Prometheus, 1, "self/prometheus/on");

}  // namespace
}  // namespace polymeter_bench
