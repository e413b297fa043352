// Target of the adapters: what a job's instrumentation costs beside two reads of the clock, which
// whoever times a job by hand pays too. (A wait and a duration need three.)
//
// Contenders are named job/<contender>.
#include <benchmark/benchmark.h>

#include <chrono>
#include <string>
#include <vector>

#include "polymeter/job_queue.h"

namespace polymeter_bench {
namespace {

const polymeter::Metrics& Recording() {
  static const polymeter::Metrics kMetrics(polymeter::Options().Consumer());
  return kMetrics;
}
const polymeter::JobQueueMetrics& Queue() {
  static const polymeter::JobQueueMetrics kQueue(
      Recording(), polymeter::JobQueueOptions::Whisper().Prefix("bench"));
  return kQueue;
}
const polymeter::JobQueueMetrics& LeasedQueue() {
  static const polymeter::JobQueueMetrics kQueue(
      Recording(),
      polymeter::JobQueueOptions::Whisper().Prefix("leased").Lease(std::chrono::minutes(1)));
  return kQueue;
}

template <int kReads>
void Clock(benchmark::State& state) {
  for (auto _ : state) {
    for (int i = 0; i < kReads; ++i) {
      auto now = std::chrono::steady_clock::now();
      benchmark::DoNotOptimize(now);
    }
  }
}
BENCHMARK(Clock<2>)->Name("job/clock2");
BENCHMARK(Clock<3>)->Name("job/clock3");
BENCHMARK(Clock<4>)->Name("job/clock4");

// A whole job by its label values: submitted, started, completed, gone.
template <const polymeter::JobQueueMetrics& (*kQueue)()>
void Whole(benchmark::State& state) {
  const polymeter::JobQueueMetrics& queue = kQueue();
  const std::string model = "base.en";
  const std::string language = "auto";
  for (auto _ : state) {
    const polymeter::Job job = queue.Submit(model, language);
    job.Start();
    job.Complete();
  }
}
BENCHMARK(Whole<Queue>)->Name("job/whole");
BENCHMARK(Whole<Queue>)->Name("job/whole")->Threads(8)->UseRealTime();
BENCHMARK(Whole<LeasedQueue>)->Name("job/leased");

// With everything that the whisper preset takes: the detected language, the audio.
void Transcription(benchmark::State& state) {
  const polymeter::JobQueueMetrics& queue = Queue();
  for (auto _ : state) {
    const polymeter::Job job = queue.Submit(
        polymeter::JobInfo().Audio(std::chrono::duration<double>(12.5)), "base.en", "auto");
    job.Start();
    job.Relabel("language", "de");
    job.Complete();
  }
}
BENCHMARK(Transcription)->Name("job/transcription");

// 1000 jobs in the queue at any time: each is taken from memory that is not in the nearest cache.
void Long(benchmark::State& state) {
  const polymeter::JobQueueMetrics& queue = Queue();
  std::vector<polymeter::Job> jobs(1000);
  std::size_t next = 0;
  for (auto _ : state) {
    polymeter::Job& job = jobs[next];
    next = next + 1 == jobs.size() ? 0 : next + 1;
    job.Start();
    job.Complete();
    job = queue.Submit("base.en", "auto");
  }
}
BENCHMARK(Long)->Name("job/long_queue");

// What is left where nothing is recorded.
void Off(benchmark::State& state) {
  static const polymeter::Metrics kMetrics;
  const polymeter::JobQueueMetrics queue(kMetrics);
  for (auto _ : state) {
    const polymeter::Job job = queue.Submit("base.en", "auto");
    job.Start();
    job.Complete();
    benchmark::ClobberMemory();
  }
}
BENCHMARK(Off)->Name("job/off");

}  // namespace
}  // namespace polymeter_bench
