// Targets 1, 2, 3 and 11: one increment, one observation, through a handle that is kept.
//
// A benchmark is named <operation>/<contender>/<series> and runs at 1 and 8 threads. Real time an
// iteration is wall time divided by the operations of all threads. Each turn
// of the outer loop goes once over all series in a shuffled order, so that the loop's own cost is
// the same for everyone.
#include <benchmark/benchmark.h>
#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <memory>
#include <string>
#include <vector>

#include "polymeter/polymeter.h"
#include "test/bench/floor.h"
#include "test/bench/loops.h"
#include "test/bench/workload.h"

namespace polymeter_bench {
namespace {

// --- instruments, made once -------------------------------------------------------------------

const polymeter::Metrics& Recording() {
  static const polymeter::Metrics kMetrics(polymeter::Options().Consumer().SeriesLimit(0));
  return kMetrics;
}

// Handles of `count` series in shuffled order.
template <class Handle, class Family>
std::vector<Handle> Shuffled(const Family& family, std::size_t count) {
  std::vector<Handle> made;
  for (std::size_t i = 0; i < count; ++i) made.push_back(family.With(i));
  std::vector<Handle> handles;
  for (const std::uint32_t i : ShuffledOrder(count)) handles.push_back(made[i]);
  return handles;
}

template <std::size_t kCount>
const std::vector<polymeter::Counter>& Counters() {
  static const auto kHandles = Shuffled<polymeter::Counter>(
      Recording().Counter("bench_" + std::to_string(kCount) + "_total", "Counters.", {"series"}),
      kCount);
  return kHandles;
}

template <std::size_t kCount>
const std::vector<polymeter::Histogram>& Histograms() {
  static const auto kHandles = Shuffled<polymeter::Histogram>(
      Recording().Histogram("bench_" + std::to_string(kCount) + "_seconds", "Histograms.",
                            {"series"}, polymeter::FamilyOptions().Buckets(Bounds())),
      kCount);
  return kHandles;
}

#if defined(POLYMETER_BENCH_NATIVE)  // a program of its own: it would change how the others are
                                     // laid out
// With exponential buckets, alone and beside explicit ones.
template <std::size_t kCount>
const std::vector<polymeter::Histogram>& NativeHistograms() {
  static const auto kHandles = Shuffled<polymeter::Histogram>(
      Recording().Histogram("bench_native_" + std::to_string(kCount) + "_seconds", "Histograms.",
                            {"series"}, polymeter::FamilyOptions().Native()),
      kCount);
  return kHandles;
}
template <std::size_t kCount>
const std::vector<polymeter::Histogram>& BothHistograms() {
  static const auto kHandles = Shuffled<polymeter::Histogram>(
      Recording().Histogram("bench_both_" + std::to_string(kCount) + "_seconds", "Histograms.",
                            {"series"}, polymeter::FamilyOptions().Buckets(Bounds()).Native()),
      kCount);
  return kHandles;
}
#endif

// A backend named null, or none: a Metrics that records nothing.
const std::vector<polymeter::Counter>& NullCounters() {
  static const auto kHandles = Shuffled<polymeter::Counter>(
      polymeter::Metrics().Counter("bench_total", "Counters.", {"series"}), 1000);
  return kHandles;
}

prometheus::Registry& PromRegistry() {
  static prometheus::Registry registry;
  return registry;
}

template <std::size_t kCount>
const std::vector<prometheus::Counter*>& PromCounters() {
  static const auto kHandles = [] {
    auto& family = prometheus::BuildCounter()
                       .Name("bench_" + std::to_string(kCount) + "_total")
                       .Register(PromRegistry());
    std::vector<prometheus::Counter*> made;
    for (std::size_t i = 0; i < kCount; ++i) {
      made.push_back(&family.Add({{"series", std::to_string(i)}}));
    }
    std::vector<prometheus::Counter*> handles;
    for (const std::uint32_t i : ShuffledOrder(kCount)) handles.push_back(made[i]);
    return handles;
  }();
  return kHandles;
}

prometheus::Histogram& PromHistogram() {
  static prometheus::Histogram& histogram =
      prometheus::BuildHistogram().Name("bench_seconds").Register(PromRegistry()).Add({}, Bounds());
  return histogram;
}

// --- loops ------------------------------------------------------------------------------------

template <std::size_t kCount>
void IncrementFloor(benchmark::State& state) {
  RunOver(state, FloorSlots(state.thread_index(), kCount),
          [](FloorSlot* slot) { FloorIncrement(slot); });
}
template <std::size_t kCount>
void IncrementFloorShared(benchmark::State& state) {
  RunOver(state, FloorOffsets(state.thread_index(), kCount),
          [](std::size_t offset) { FloorIncrementShared(offset); });
}
template <std::size_t kCount>
void IncrementPolymeter(benchmark::State& state) {
  RunOver(state, Counters<kCount>(), [](polymeter::Counter counter) { counter.Increment(); });
}
template <std::size_t kCount>
void IncrementPolymeterDouble(benchmark::State& state) {
  RunOver(state, Counters<kCount>(), [](polymeter::Counter counter) { counter.Increment(0.5); });
}
template <std::size_t kCount>
void IncrementProm(benchmark::State& state) {
  RunOver(state, PromCounters<kCount>(),
          [](prometheus::Counter* counter) { counter->Increment(); });
}
void IncrementNull(benchmark::State& state) {
  RunOver(state, NullCounters(), [](polymeter::Counter counter) { counter.Increment(); });
}
// What the loop itself costs: every handle is read, nothing is done with it.
void IncrementNothing(benchmark::State& state) {
  RunOver(state, NullCounters(),
          [](polymeter::Counter counter) { benchmark::DoNotOptimize(counter); });
}

template <std::size_t kCount>
void ObserveFloor(benchmark::State& state) {
  ObserveOver(state, FloorHistograms(state.thread_index(), kCount),
              [](FloorHistogram* histogram, double value) { histogram->Observe(value); });
}
template <std::size_t kCount>
void ObserveFloorSse2(benchmark::State& state) {
  ObserveOver(state, FloorHistograms(state.thread_index(), kCount),
              [](FloorHistogram* histogram, double value) { histogram->ObserveSse2(value); });
}
template <std::size_t kCount>
void ObservePolymeter(benchmark::State& state) {
  ObserveOver(state, Histograms<kCount>(),
              [](polymeter::Histogram histogram, double value) { histogram.Observe(value); });
}
#if defined(POLYMETER_BENCH_NATIVE)
template <std::size_t kCount>
void ObserveNative(benchmark::State& state) {
  ObserveOver(state, NativeHistograms<kCount>(),
              [](polymeter::Histogram histogram, double value) { histogram.Observe(value); });
}
template <std::size_t kCount>
void ObserveBoth(benchmark::State& state) {
  ObserveOver(state, BothHistograms<kCount>(),
              [](polymeter::Histogram histogram, double value) { histogram.Observe(value); });
}
#endif
void ObserveProm(benchmark::State& state) {
  ObserveOver(state, std::vector<prometheus::Histogram*>{&PromHistogram()},
              [](prometheus::Histogram* histogram, double value) { histogram->Observe(value); });
}

#define POLYMETER_BENCH(function, name) \
  BENCHMARK(function)->Name(name)->Threads(1)->Threads(8)->UseRealTime()

POLYMETER_BENCH(IncrementFloor<1>, "increment/floor/1");
POLYMETER_BENCH(IncrementPolymeter<1>, "increment/polymeter/1");
POLYMETER_BENCH(IncrementProm<1>, "increment/prom/1");
POLYMETER_BENCH(IncrementFloor<1000>, "increment/floor/1000");
POLYMETER_BENCH(IncrementFloorShared<1000>, "increment/floor_shared/1000");
POLYMETER_BENCH(IncrementPolymeter<1000>, "increment/polymeter/1000");
POLYMETER_BENCH(IncrementPolymeterDouble<1000>, "increment/polymeter_double/1000");
POLYMETER_BENCH(IncrementProm<1000>, "increment/prom/1000");
POLYMETER_BENCH(IncrementNull, "increment/null/1000");
POLYMETER_BENCH(IncrementNothing, "increment/loop/1000");
POLYMETER_BENCH(IncrementFloor<100000>, "increment/floor/100000");
POLYMETER_BENCH(IncrementPolymeter<100000>, "increment/polymeter/100000");
POLYMETER_BENCH(ObserveFloor<1>, "observe/floor/1");
POLYMETER_BENCH(ObserveFloorSse2<1>, "observe/floor_sse2/1");
POLYMETER_BENCH(ObservePolymeter<1>, "observe/polymeter/1");
#if defined(POLYMETER_BENCH_NATIVE)
POLYMETER_BENCH(ObserveNative<1>, "observe/native/1");
POLYMETER_BENCH(ObserveBoth<1>, "observe/both/1");
#endif
POLYMETER_BENCH(ObserveProm, "observe/prom/1");
POLYMETER_BENCH(ObserveFloor<1000>, "observe/floor/1000");
POLYMETER_BENCH(ObserveFloorSse2<1000>, "observe/floor_sse2/1000");
POLYMETER_BENCH(ObservePolymeter<1000>, "observe/polymeter/1000");
#if defined(POLYMETER_BENCH_NATIVE)
POLYMETER_BENCH(ObserveNative<1000>, "observe/native/1000");
POLYMETER_BENCH(ObserveBoth<1000>, "observe/both/1000");
#endif

}  // namespace
}  // namespace polymeter_bench
