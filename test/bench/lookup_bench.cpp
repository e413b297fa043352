// Target 4: find a series by its two label values and increment it. The counter
// `allocations` is operator new's calls for an operation on one thread.
#include <benchmark/benchmark.h>
#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/registry.h>

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "polymeter/polymeter.h"
#include "test/bench/allocations.h"
#include "test/bench/workload.h"

namespace polymeter_bench {
namespace {

struct Pair {
  std::string_view first;
  std::string_view status;
};

// One pair again and again, or 1,000 different routes in random order.
template <std::size_t kCount>
const std::vector<Pair>& Pairs() {
  static const auto kTexts = [] {
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < kCount; ++i) texts.push_back(LabelsOf(i * 20).route);
    return texts;
  }();
  static const auto kPairs = [] {
    std::vector<Pair> pairs;
    for (const std::uint32_t i : ShuffledOrder(kCount)) {
      pairs.push_back(kCount == 1 ? Pair{"GET", "200"} : Pair{kTexts[i], kStatuses[i % 5]});
    }
    return pairs;
  }();
  return kPairs;
}

template <std::size_t kCount, class Record>
void RunOver(benchmark::State& state, const Record& record) {
  constexpr std::size_t kTurn = 1000;
  const std::vector<Pair>& pairs = Pairs<kCount>();
  if (state.thread_index() == 0) {
    for (const Pair& pair : pairs) record(pair);  // creates the series
    if (state.threads() == 1) {
      const AllocationCount count;
      for (std::size_t i = 0; i < kTurn; ++i) record(pairs[i % pairs.size()]);
      state.counters["allocations"] = static_cast<double>(count.value()) / kTurn;
    }
  }
  while (state.KeepRunningBatch(kTurn)) {
    std::size_t at = 0;
    for (std::size_t i = 0; i < kTurn; ++i) {
      record(pairs[at]);
      if (++at == pairs.size()) at = 0;
    }
    benchmark::ClobberMemory();
  }
}

template <std::size_t kCount>
void LookUpPolymeter(benchmark::State& state) {
  static const polymeter::Metrics kMetrics(polymeter::Options().Consumer());
  static const auto kFamily =
      kMetrics.Counter("bench_requests_total", "Requests.", {"route", "status"});
  RunOver<kCount>(state,
                  [](const Pair& pair) { kFamily.With(pair.first, pair.status).Increment(); });
}

template <std::size_t kCount>
void LookUpProm(benchmark::State& state) {
  static prometheus::Registry registry;
  static auto& family = prometheus::BuildCounter().Name("bench_requests_total").Register(registry);
  RunOver<kCount>(state, [](const Pair& pair) {
    family.Add({{"route", std::string(pair.first)}, {"status", std::string(pair.status)}})
        .Increment();
  });
}

// Values that have no room under the limit, all but one.
void LookUpOverflow(benchmark::State& state) {
  static const polymeter::Metrics kMetrics(
      polymeter::Options().Consumer().SeriesLimit(1).Log([](polymeter::LogLevel, auto) {}));
  static const auto kFamily =
      kMetrics.Counter("bench_requests_total", "Requests.", {"route", "status"});
  RunOver<1000>(state, [](const Pair& pair) { kFamily.With(pair.first, pair.status).Increment(); });
}

#define POLYMETER_BENCH(function, name) \
  BENCHMARK(function)->Name(name)->Threads(1)->Threads(8)->UseRealTime()

POLYMETER_BENCH(LookUpPolymeter<1>, "lookup/polymeter/1");
POLYMETER_BENCH(LookUpProm<1>, "lookup/prom/1");
POLYMETER_BENCH(LookUpPolymeter<1000>, "lookup/polymeter/1000");
POLYMETER_BENCH(LookUpProm<1000>, "lookup/prom/1000");
POLYMETER_BENCH(LookUpOverflow, "lookup/overflow/1000");

}  // namespace
}  // namespace polymeter_bench
