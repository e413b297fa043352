// One observation of a summary, beside prometheus-cpp's and a histogram's, and what reading one
// costs. Named as in hot_path_bench.cpp.
#include <benchmark/benchmark.h>
#include <prometheus/registry.h>
#include <prometheus/summary.h>

#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "polymeter/polymeter.h"
#include "test/bench/loops.h"
#include "test/bench/workload.h"

namespace polymeter_bench {
namespace {

const polymeter::Metrics& SummaryMetrics() {
  static const polymeter::Metrics kMetrics(polymeter::Options().Consumer().SeriesLimit(0));
  return kMetrics;
}

template <class Handle, class Family>
std::vector<Handle> HandlesOf(const Family& family, std::size_t count) {
  std::vector<Handle> handles;
  for (const std::uint32_t i : ShuffledOrder(count)) handles.push_back(family.With(i));
  return handles;
}

template <std::size_t kCount>
const std::vector<polymeter::Summary>& Summaries() {
  static const auto kHandles = HandlesOf<polymeter::Summary>(
      SummaryMetrics().Summary("summary_" + std::to_string(kCount), "Summaries.", {"series"}),
      kCount);
  return kHandles;
}

template <std::size_t kCount>
const std::vector<polymeter::Histogram>& PlainHistograms() {
  static const auto kHandles = HandlesOf<polymeter::Histogram>(
      SummaryMetrics().Histogram("histogram_" + std::to_string(kCount), "Histograms.", {"series"},
                                 polymeter::FamilyOptions().Buckets(Bounds())),
      kCount);
  return kHandles;
}

const prometheus::Summary::Quantiles& PromQuantiles() {
  static const prometheus::Summary::Quantiles kQuantiles = {
      {0.5, 0.05}, {0.9, 0.01}, {0.99, 0.001}};
  return kQuantiles;
}

template <std::size_t kCount>
const std::vector<prometheus::Summary*>& PromSummaries() {
  static const auto kHandles = [] {
    static prometheus::Registry registry;
    auto& family =
        prometheus::BuildSummary().Name("summary_" + std::to_string(kCount)).Register(registry);
    std::vector<prometheus::Summary*> handles;
    for (const std::uint32_t i : ShuffledOrder(kCount)) {
      handles.push_back(&family.Add({{"series", std::to_string(i)}}, PromQuantiles(),
                                    std::chrono::minutes(10), 5));
    }
    return handles;
  }();
  return kHandles;
}

template <std::size_t kCount>
void ObserveSummaryPolymeter(benchmark::State& state) {
  ObserveOver(state, Summaries<kCount>(),
              [](polymeter::Summary summary, double value) { summary.Observe(value); });
}
template <std::size_t kCount>
void ObserveHistogram(benchmark::State& state) {
  ObserveOver(state, PlainHistograms<kCount>(),
              [](polymeter::Histogram histogram, double value) { histogram.Observe(value); });
}
template <std::size_t kCount>
void ObserveSummaryProm(benchmark::State& state) {
  ObserveOver(state, PromSummaries<kCount>(),
              [](prometheus::Summary* summary, double value) { summary->Observe(value); });
}

// A snapshot of 1,000 summaries that have observed.
void ReadPolymeter(benchmark::State& state) {
  const polymeter::Metrics metrics(polymeter::Options().Consumer());
  const auto family = metrics.Summary("read", "Read.", {"series"});
  for (std::size_t i = 0; i < 1000; ++i) {
    const polymeter::Summary summary = family.With(i);
    for (const double value : Observations()) summary.Observe(value);
  }
  for (auto _ : state) benchmark::DoNotOptimize(metrics.TakeSnapshot());
}
void ReadProm(benchmark::State& state) {
  prometheus::Registry registry;
  auto& family = prometheus::BuildSummary().Name("read").Register(registry);
  for (std::size_t i = 0; i < 1000; ++i) {
    auto& summary =
        family.Add({{"series", std::to_string(i)}}, PromQuantiles(), std::chrono::minutes(10), 5);
    for (std::size_t n = 0; n < kObservations; n += 8) summary.Observe(Observations()[n]);
  }
  for (auto _ : state) benchmark::DoNotOptimize(registry.Collect());
}

#define POLYMETER_SUMMARY_BENCH(function, name) \
  BENCHMARK(function)->Name(name)->Threads(1)->Threads(8)->UseRealTime()

POLYMETER_SUMMARY_BENCH(ObserveSummaryPolymeter<1>, "summary/polymeter/1");
POLYMETER_SUMMARY_BENCH(ObserveHistogram<1>, "summary/histogram/1");
POLYMETER_SUMMARY_BENCH(ObserveSummaryProm<1>, "summary/prom/1");
POLYMETER_SUMMARY_BENCH(ObserveSummaryPolymeter<1000>, "summary/polymeter/1000");
POLYMETER_SUMMARY_BENCH(ObserveHistogram<1000>, "summary/histogram/1000");
BENCHMARK(ReadPolymeter)->Name("summary_read/polymeter/1000")->Unit(benchmark::kMicrosecond);
BENCHMARK(ReadProm)->Name("summary_read/prom/1000")->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace polymeter_bench
