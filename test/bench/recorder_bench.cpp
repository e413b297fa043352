// The recorder API against what it stands for: a macro's call site against a kept handle, and a
// call by name against a look-up in the family. The counter `allocations` is operator new's calls
// for an operation on one thread.
#include <benchmark/benchmark.h>

#include "polymeter/polymeter.h"
#include "polymeter/recorder.h"
#include "test/bench/allocations.h"

namespace polymeter_bench {
namespace {

constexpr int kTurn = 1000;

const polymeter::Metrics& DefaultMetrics() {
  static const polymeter::Metrics kMetrics(polymeter::Options().Consumer());
  static const polymeter::DefaultInstallation kInstalled = polymeter::InstallDefault(kMetrics);
  return kMetrics;
}

template <class Record>
void RunRecord(benchmark::State& state, const Record& record) {
  static_cast<void>(DefaultMetrics());
  if (state.thread_index() == 0) {
    record();  // makes the series
    if (state.threads() == 1) {
      const AllocationCount count;
      for (int i = 0; i < kTurn; ++i) record();
      state.counters["allocations"] = static_cast<double>(count.value()) / kTurn;
    }
  }
  while (state.KeepRunningBatch(kTurn)) {
    for (int i = 0; i < kTurn; ++i) {
      record();
      benchmark::ClobberMemory();
    }
  }
}

void Handle(benchmark::State& state) {
  static const auto kCounter = DefaultMetrics().Counter("bench_handle_total", "H.");
  RunRecord(state, [] { kCounter.Increment(); });
}
void Macro(benchmark::State& state) {
  RunRecord(state, [] { POLYMETER_COUNTER("bench_macro_total", "M.").Increment(); });
}
void With(benchmark::State& state) {
  static const auto kFamily = DefaultMetrics().Counter("bench_with_total", "W.", {"status"});
  RunRecord(state, [] { kFamily.With("200").Increment(); });
}
void ByName(benchmark::State& state) {
  RunRecord(state, [] { polymeter::RecordCount("bench_named", 1, {{"status", "200"}}); });
}
void ByNameWithoutLabels(benchmark::State& state) {
  RunRecord(state, [] { polymeter::RecordCount("bench_plain"); });
}

#define POLYMETER_BENCH(function, name) \
  BENCHMARK(function)->Name(name)->Threads(1)->Threads(8)->UseRealTime()

POLYMETER_BENCH(Handle, "recorder/handle");
POLYMETER_BENCH(Macro, "recorder/macro");
POLYMETER_BENCH(With, "recorder/with");
POLYMETER_BENCH(ByName, "recorder/by_name");
POLYMETER_BENCH(ByNameWithoutLabels, "recorder/by_name_no_labels");

}  // namespace
}  // namespace polymeter_bench
