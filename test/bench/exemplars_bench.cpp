// What a family with exemplars costs beside a plain one: an increment and an observation without a
// trace, within a sampled one, and with labels.
//
// Named exemplars/<operation>/<which>/<series>, at 1 and 8 threads; the loops are those of
// hot_path_bench.cpp.
#include <benchmark/benchmark.h>

#include <optional>
#include <string>
#include <vector>

#include "polymeter/polymeter.h"
#include "test/bench/loops.h"
#include "test/bench/workload.h"

namespace polymeter_bench {
namespace {

enum class Which { kPlain, kNoTrace, kTraced };

const polymeter::Metrics& Recording() {
  static const polymeter::Metrics kMetrics(polymeter::Options().Consumer().SeriesLimit(0));
  return kMetrics;
}

polymeter::FamilyOptions OptionsOf(bool exemplars) {
  return polymeter::FamilyOptions().Buckets(Bounds()).Exemplars(exemplars);
}
std::string NameOf(bool exemplars, std::size_t count, const char* suffix) {
  return "bench_" + std::to_string(count) + (exemplars ? "_exemplars" : "_plain") + suffix;
}

template <class Handle, class Family>
std::vector<Handle> Handles(const Family& family, std::size_t count) {
  std::vector<Handle> handles;
  for (const std::uint32_t i : ShuffledOrder(count)) handles.push_back(family.With(i));
  return handles;
}
template <bool kExemplars, std::size_t kCount>
const std::vector<polymeter::Counter>& Counters() {
  static const auto kHandles = Handles<polymeter::Counter>(
      Recording().Counter(NameOf(kExemplars, kCount, "_total"), "Counters.", {"series"},
                          OptionsOf(kExemplars)),
      kCount);
  return kHandles;
}
template <bool kExemplars, std::size_t kCount>
const std::vector<polymeter::Histogram>& Histograms() {
  static const auto kHandles = Handles<polymeter::Histogram>(
      Recording().Histogram(NameOf(kExemplars, kCount, "_seconds"), "Histograms.", {"series"},
                            OptionsOf(kExemplars)),
      kCount);
  return kHandles;
}

// A sampled trace for the loop's time where the contender has one.
class TraceOfLoop {
 public:
  explicit TraceOfLoop(Which which) {
    if (which != Which::kTraced) return;
    polymeter::TraceContext trace;
    trace.trace_id.fill(0xAB);
    trace.span_id.fill(0xCD);
    trace.flags = polymeter::TraceContext::kSampled;
    scope_.emplace(trace);
  }

 private:
  std::optional<polymeter::TraceScope> scope_;
};

template <Which kWhich, std::size_t kCount>
void Increment(benchmark::State& state) {
  const TraceOfLoop trace(kWhich);
  RunOver(state, Counters<kWhich != Which::kPlain, kCount>(),
          [](polymeter::Counter counter) { counter.Increment(); });
}
template <Which kWhich, std::size_t kCount>
void Observe(benchmark::State& state) {
  const TraceOfLoop trace(kWhich);
  ObserveOver(state, Histograms<kWhich != Which::kPlain, kCount>(),
              [](polymeter::Histogram histogram, double value) { histogram.Observe(value); });
}
template <std::size_t kCount>
void IncrementWithLabels(benchmark::State& state) {
  const TraceOfLoop trace(Which::kTraced);
  RunOver(state, Counters<true, kCount>(), [](polymeter::Counter counter) {
    counter.IncrementWithExemplar(1, {{"job_id", "4711"}, {"queue", "default"}});
  });
}

#define POLYMETER_BENCH(function, name) \
  BENCHMARK(function)->Name("exemplars/" name)->Threads(1)->Threads(8)->UseRealTime()

POLYMETER_BENCH((Increment<Which::kPlain, 1000>), "increment/plain/1000");
POLYMETER_BENCH((Increment<Which::kNoTrace, 1000>), "increment/no_trace/1000");
POLYMETER_BENCH((Increment<Which::kTraced, 1000>), "increment/traced/1000");
POLYMETER_BENCH((Increment<Which::kTraced, 1>), "increment/traced/1");
POLYMETER_BENCH(IncrementWithLabels<1000>, "increment/labels/1000");
POLYMETER_BENCH((Observe<Which::kPlain, 1000>), "observe/plain/1000");
POLYMETER_BENCH((Observe<Which::kNoTrace, 1000>), "observe/no_trace/1000");
POLYMETER_BENCH((Observe<Which::kTraced, 1000>), "observe/traced/1000");
POLYMETER_BENCH((Observe<Which::kTraced, 1>), "observe/traced/1");

}  // namespace
}  // namespace polymeter_bench
