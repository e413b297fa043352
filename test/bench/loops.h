// The loops of the hot-path benchmarks: the same for every contender, so that their own cost is the
// same for everyone.
#pragma once

#include <benchmark/benchmark.h>

#include <cstddef>
#include <vector>

#include "test/bench/workload.h"

namespace polymeter_bench {

constexpr std::size_t kTurn = 1000;  // operations between two looks at the clock's end

// Calls record(handle) for every handle in turn; a single one kTurn times.
template <class Handle, class Record>
void RunOver(benchmark::State& state, const std::vector<Handle>& handles, const Record& record) {
  const Handle* const begin = handles.data();
  const Handle* const end = begin + handles.size();
  if (handles.size() == 1) {
    while (state.KeepRunningBatch(kTurn)) {
      for (std::size_t i = 0; i < kTurn; ++i) record(*begin);
      benchmark::ClobberMemory();
    }
    return;
  }
  const auto turn = static_cast<benchmark::IterationCount>(handles.size());
  while (state.KeepRunningBatch(turn)) {
    for (const Handle* handle = begin; handle != end; ++handle) record(*handle);
    benchmark::ClobberMemory();
  }
}

// The same with a value for each call.
template <class Handle, class Record>
void ObserveOver(benchmark::State& state, const std::vector<Handle>& handles,
                 const Record& record) {
  const std::vector<double>& values = Observations();
  const Handle* const begin = handles.data();
  const std::size_t size = handles.size();
  std::size_t next = 0;
  while (state.KeepRunningBatch(kTurn)) {
    std::size_t at = 0;
    for (std::size_t i = 0; i < kTurn; ++i) {
      record(begin[at], values[next]);
      next = (next + 1) & (kObservations - 1);
      if (++at == size) at = 0;
    }
    benchmark::ClobberMemory();
  }
}

}  // namespace polymeter_bench
