// Target 16: a program written for prometheus-cpp. This file is one: it is compiled once with
// prometheus-cpp and once with the drop-in, into two programs, because the two exclude each other.
//
// dropin/<what>/<contender>/...: increment and observe through kept references; add is Family::Add
// of a series that is there, and an increment; collect is Registry::Collect; page is what a scrape
// does, from the live values to the text: Collect and TextSerializer here, snapshot and encoder
// there (the static build; a shared library does not show them); create makes 100,000 series; http
// is a scrape of an Exposer, a new connection each, `p50_ms` its median.
#include <benchmark/benchmark.h>
#include <prometheus/counter.h>
#include <prometheus/exposer.h>
#include <prometheus/family.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "test/bench/http_client.h"
#include "test/bench/loops.h"
#include "test/bench/workload.h"
#if defined(POLYMETER_BENCH_DROPIN)
#include "exporters/common/exposition/text_encoder.h"
#include "integrations/prometheus_cpp/dropin/collectables_source.h"
#include "polymeter/polymeter.h"
#define POLYMETER_CONTENDER "ours"
#else
#define POLYMETER_CONTENDER "prom"
#endif

namespace polymeter_bench {
namespace {

using prometheus::Counter;
using prometheus::Histogram;
using prometheus::Registry;

// --- recording --------------------------------------------------------------------------------

Registry& Recording() {
  static Registry registry;
  return registry;
}

template <std::size_t kCount>
const std::vector<Counter*>& Counters() {
  static const auto kHandles = [] {
    auto& family = prometheus::BuildCounter()
                       .Name("bench_" + std::to_string(kCount) + "_total")
                       .Register(Recording());
    std::vector<Counter*> made;
    for (std::size_t i = 0; i < kCount; ++i) {
      made.push_back(&family.Add({{"series", std::to_string(i)}}));
    }
    std::vector<Counter*> handles;
    for (const std::uint32_t i : ShuffledOrder(kCount)) handles.push_back(made[i]);
    return handles;
  }();
  return kHandles;
}

template <std::size_t kCount>
const std::vector<Histogram*>& Histograms() {
  static const auto kHandles = [] {
    auto& family = prometheus::BuildHistogram()
                       .Name("bench_" + std::to_string(kCount) + "_seconds")
                       .Register(Recording());
    std::vector<Histogram*> made;
    for (std::size_t i = 0; i < kCount; ++i) {
      made.push_back(&family.Add({{"series", std::to_string(i)}}, Bounds()));
    }
    std::vector<Histogram*> handles;
    for (const std::uint32_t i : ShuffledOrder(kCount)) handles.push_back(made[i]);
    return handles;
  }();
  return kHandles;
}

template <std::size_t kCount>
void Increment(benchmark::State& state) {
  RunOver(state, Counters<kCount>(), [](Counter* counter) { counter->Increment(); });
}
template <std::size_t kCount>
void Observe(benchmark::State& state) {
  ObserveOver(state, Histograms<kCount>(),
              [](Histogram* histogram, double value) { histogram->Observe(value); });
}

// Two labels, as a program that keeps no references writes it.
void Add(benchmark::State& state) {
  static auto& family = prometheus::BuildCounter().Name("bench_add_total").Register(Recording());
  constexpr std::size_t kPairs = 1000;
  static const auto kLabels = [] {
    std::vector<std::array<std::string, 2>> labels;
    for (const std::uint32_t i : ShuffledOrder(kPairs)) {
      labels.push_back({kMethods[i % 4], "/api/v1/items/" + std::to_string(i)});
    }
    return labels;
  }();
  for (const auto& pair : kLabels) family.Add({{"method", pair[0]}, {"route", pair[1]}});
  while (state.KeepRunningBatch(kPairs)) {
    for (const auto& pair : kLabels) {
      family.Add({{"method", pair[0]}, {"route", pair[1]}}).Increment();
    }
  }
}

#if defined(POLYMETER_BENCH_DROPIN)
// The native counterparts of the same work, in the same program.
const polymeter::Metrics& Native() {
  static const polymeter::Metrics kMetrics(polymeter::Options().Consumer().SeriesLimit(0));
  return kMetrics;
}
template <std::size_t kCount>
void NativeIncrement(benchmark::State& state) {
  static const auto kHandles = [] {
    const auto family =
        Native().Counter("native_" + std::to_string(kCount) + "_total", "Counters.", {"series"});
    std::vector<polymeter::Counter> handles;
    for (const std::uint32_t i : ShuffledOrder(kCount)) handles.push_back(family.With(i));
    return handles;
  }();
  RunOver(state, kHandles, [](polymeter::Counter counter) { counter.Increment(); });
}
template <std::size_t kCount>
void NativeObserve(benchmark::State& state) {
  static const auto kHandles = [] {
    const auto family =
        Native().Histogram("native_" + std::to_string(kCount) + "_seconds", "Histograms.",
                           {"series"}, polymeter::FamilyOptions().Buckets(Bounds()));
    std::vector<polymeter::Histogram> handles;
    for (const std::uint32_t i : ShuffledOrder(kCount)) handles.push_back(family.With(i));
    return handles;
  }();
  ObserveOver(state, kHandles,
              [](polymeter::Histogram histogram, double value) { histogram.Observe(value); });
}
#endif

// --- pages ------------------------------------------------------------------------------------

enum class Kind { kCounters, kHistograms };

void Fill(Registry& registry, Kind kind, std::size_t count) {
  if (kind == Kind::kHistograms) {
    auto& family = prometheus::BuildHistogram()
                       .Name("bench_duration_seconds")
                       .Help("What is measured.")
                       .Register(registry);
    for (std::size_t i = 0; i < count; ++i) {
      const SeriesLabels labels = LabelsOf(i);
      Histogram& histogram = family.Add(
          {{"method", labels.method}, {"route", labels.route}, {"status", labels.status}},
          Bounds());
      for (std::size_t n = 0; n < 5; ++n) histogram.Observe(Observations()[(i + n) % 4096]);
    }
    return;
  }
  auto& family = prometheus::BuildCounter()
                     .Name("bench_requests_total")
                     .Help("What is measured.")
                     .Register(registry);
  for (std::size_t i = 0; i < count; ++i) {
    const SeriesLabels labels = LabelsOf(i);
    family.Add({{"method", labels.method}, {"route", labels.route}, {"status", labels.status}})
        .Increment(static_cast<double>(AmountOf(i)));
  }
}

template <Kind kKind, std::size_t kCount>
const std::shared_ptr<Registry>& Filled() {
  static const auto kRegistry = [] {
    auto registry = std::make_shared<Registry>();
    Fill(*registry, kKind, kCount);
    return registry;
  }();
  return kRegistry;
}

template <Kind kKind, std::size_t kCount>
void Collect(benchmark::State& state) {
  const Registry& registry = *Filled<kKind, kCount>();
  for (auto _ : state) {
    const std::vector<prometheus::MetricFamily> families = registry.Collect();
    benchmark::DoNotOptimize(families.data());
  }
}

#if defined(POLYMETER_BENCH_DROPIN)
class Pages {
 public:
  explicit Pages(const std::shared_ptr<Registry>& registry) { source_.Add(registry); }
  std::size_t Write() {
    struct Counting : polymeter::MessageSink {
      bool Append(std::string_view bytes) override {
        const char* data = bytes.data();
        benchmark::DoNotOptimize(data);
        benchmark::ClobberMemory();
        size += bytes.size();
        return true;
      }
      bool EndMessage(std::size_t) override { return true; }
      std::size_t size = 0;
    } sink;
    encoder_->Encode(source_.TakeSnapshot(), cache_.get(), sink);
    return sink.size;
  }

 private:
  polymeter::detail::CollectablesSource source_;
  std::unique_ptr<polymeter::Encoder> encoder_ = polymeter::MakeTextEncoder();
  std::unique_ptr<polymeter::EncoderCache> cache_ = encoder_->MakeCache();
};
#else
class Pages {
 public:
  explicit Pages(const std::shared_ptr<Registry>& registry) : registry_(registry) {}
  std::size_t Write() const {
    const std::string page = prometheus::TextSerializer().Serialize(registry_->Collect());
    benchmark::DoNotOptimize(page.data());
    return page.size();
  }

 private:
  const std::shared_ptr<Registry> registry_;
};
#endif

template <Kind kKind, std::size_t kCount>
void Page(benchmark::State& state) {
  static Pages pages(Filled<kKind, kCount>());
  std::size_t bytes = pages.Write();
  // A page that lost series would be fast: the shortest line of these has 60 bytes.
  if (bytes < 60 * kCount) {
    state.SkipWithError("the page is too short");
    return;
  }
  for (auto _ : state) bytes = pages.Write();
  state.counters["bytes"] = static_cast<double>(bytes);
}

void Create(benchmark::State& state) {
  for (auto _ : state) {
    auto registry = std::make_unique<Registry>();
    Fill(*registry, Kind::kCounters, 100'000);
    benchmark::DoNotOptimize(registry.get());
    state.PauseTiming();
    registry.reset();
    state.ResumeTiming();
  }
}

// --- HTTP -------------------------------------------------------------------------------------

template <std::size_t kCount, bool kGzip>
void Scrape(benchmark::State& state) {
  using Clock = std::chrono::steady_clock;
  prometheus::Exposer exposer("127.0.0.1:0");
  exposer.RegisterCollectable(Filled<Kind::kCounters, kCount>());
  const auto port = static_cast<std::uint16_t>(exposer.GetListeningPorts().at(0));
  std::size_t bytes = 0;
  try {
    for (int warm = 0; warm < 3; ++warm) bytes = Get(port, kGzip);
  } catch (const std::exception& error) {
    state.SkipWithError(error.what());
    return;
  }
  std::vector<double> times;
  for (auto _ : state) {
    const Clock::time_point begin = Clock::now();
    benchmark::DoNotOptimize(Get(port, kGzip));
    times.push_back(std::chrono::duration<double, std::milli>(Clock::now() - begin).count());
  }
  std::sort(times.begin(), times.end());
  state.counters["p50_ms"] = times[times.size() / 2];
  state.counters["bytes"] = static_cast<double>(bytes);
}

#define POLYMETER_NAME(what, rest) "dropin/" what "/" POLYMETER_CONTENDER rest
#define POLYMETER_HOT(function, name) \
  BENCHMARK(function)->Name(name)->Threads(1)->Threads(8)->UseRealTime()
#define POLYMETER_SLOW(function, name) \
  BENCHMARK(function)->Name(name)->UseRealTime()->Unit(benchmark::kMillisecond)

POLYMETER_HOT(Increment<1>, POLYMETER_NAME("increment", "/1"));
POLYMETER_HOT(Increment<1000>, POLYMETER_NAME("increment", "/1000"));
POLYMETER_HOT(Observe<1>, POLYMETER_NAME("observe", "/1"));
POLYMETER_HOT(Observe<1000>, POLYMETER_NAME("observe", "/1000"));
#if defined(POLYMETER_BENCH_DROPIN)
POLYMETER_HOT(NativeIncrement<1>, "dropin/increment/native/1");
POLYMETER_HOT(NativeIncrement<1000>, "dropin/increment/native/1000");
POLYMETER_HOT(NativeObserve<1>, "dropin/observe/native/1");
POLYMETER_HOT(NativeObserve<1000>, "dropin/observe/native/1000");
#endif
POLYMETER_HOT(Add, POLYMETER_NAME("add", "/1000"));
POLYMETER_SLOW((Collect<Kind::kCounters, 100000>), POLYMETER_NAME("collect", "/counters/100000"));
POLYMETER_SLOW((Page<Kind::kCounters, 100000>), POLYMETER_NAME("page", "/counters/100000"));
POLYMETER_SLOW((Page<Kind::kHistograms, 10000>), POLYMETER_NAME("page", "/histograms/10000"));
POLYMETER_SLOW(Create, POLYMETER_NAME("create", "/100000"))->Iterations(2);
POLYMETER_SLOW((Scrape<10000, false>), POLYMETER_NAME("http", "/10000/plain"))->Iterations(20);
POLYMETER_SLOW((Scrape<10000, true>), POLYMETER_NAME("http", "/10000/gzip"))->Iterations(15);
POLYMETER_SLOW((Scrape<100000, false>), POLYMETER_NAME("http", "/100000/plain"))->Iterations(8);
POLYMETER_SLOW((Scrape<100000, true>), POLYMETER_NAME("http", "/100000/gzip"))->Iterations(6);

}  // namespace
}  // namespace polymeter_bench
