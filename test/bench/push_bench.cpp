// Targets 8 and 9: what pushing costs. The encoding of an OTLP request beside protozero alone with
// cached attributes; recording beside four backends, and with single observations kept for StatsD.
//
// Contenders are named <operation>/<contender>/<series>.
#include <benchmark/benchmark.h>

#include <memory>
#include <protozero/pbf_writer.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "polymeter/polymeter.h"
#include "test/bench/workload.h"
#if defined(POLYMETER_STATIC)
#include "exporters/otlp/otlp_encoder.h"
#endif

namespace polymeter_bench {
namespace {

constexpr std::size_t kTurn = 1000;
constexpr std::size_t kSeries = 1000;
constexpr std::size_t kEncoded = 10000;

// --- recording --------------------------------------------------------------------------------

const polymeter::Metrics& Alone() {
  static const polymeter::Metrics kMetrics(polymeter::Options().Consumer());
  return kMetrics;
}

// Four backends that run: a server, datagrams that nobody reads, two files.
const polymeter::Metrics& FanOut() {
  static const polymeter::Metrics kMetrics =
      polymeter::Build(polymeter::Options()
                           .Backends("prometheus,statsd,jsonl,csv")
                           .Set("METRICS_PROMETHEUS_PORT", "0")
                           .Set("METRICS_STATSD_PORT", "9")
                           .Set("METRICS_JSONL_PATH", "/dev/null")
                           .Set("METRICS_CSV_PATH", "/dev/null")
                           .Log([](polymeter::LogLevel, std::string_view) {}));
  return kMetrics;
}

// A backend that has single observations kept and takes them away.
class Sampler : public polymeter::Backend {
 public:
  polymeter::Status Start(polymeter::SnapshotSource& source) override {
    source_ = &source;
    source.TapObservations(std::size_t{1} << 20);
    return {};
  }
  polymeter::Status Stop(polymeter::Deadline) noexcept override { return {}; }
  polymeter::BackendReport Report() const override { return {}; }
  void Drain() { source_->TakeSnapshotWithSamples(polymeter::Deadline::max()); }

 private:
  polymeter::SnapshotSource* source_ = nullptr;
};

const std::shared_ptr<Sampler>& TheSampler() {
  static const auto kSampler = std::make_shared<Sampler>();
  return kSampler;
}
const polymeter::Metrics& Sampled() {
  static const polymeter::Metrics kMetrics(polymeter::Options().AddBackend(TheSampler()));
  return kMetrics;
}

template <class Handle, class Family>
std::vector<Handle> Shuffled(const Family& family) {
  std::vector<Handle> handles;
  for (const std::uint32_t i : ShuffledOrder(kSeries)) handles.push_back(family.With(i));
  return handles;
}
std::vector<polymeter::Counter> CountersOf(const polymeter::Metrics& metrics) {
  return Shuffled<polymeter::Counter>(metrics.Counter("bench_total", "C.", {"series"}));
}
std::vector<polymeter::Histogram> HistogramsOf(const polymeter::Metrics& metrics) {
  return Shuffled<polymeter::Histogram>(metrics.Histogram(
      "bench_seconds", "H.", {"series"}, polymeter::FamilyOptions().Buckets(Bounds())));
}

template <const polymeter::Metrics& (*kMetrics)()>
void Increment(benchmark::State& state) {
  static const auto kHandles = CountersOf(kMetrics());
  while (state.KeepRunningBatch(kTurn)) {
    for (const polymeter::Counter& counter : kHandles) counter.Increment();
    benchmark::ClobberMemory();
  }
}

template <const polymeter::Metrics& (*kMetrics)()>
void Observe(benchmark::State& state) {
  static const auto kHandles = HistogramsOf(kMetrics());
  const bool sampled = kMetrics == &Sampled;
  const std::vector<double>& values = Observations();
  std::size_t next = 0;
  std::size_t kept = 0;
  while (state.KeepRunningBatch(kTurn)) {
    for (const polymeter::Histogram& histogram : kHandles) {
      histogram.Observe(values[next]);
      next = (next + 1) & (kObservations - 1);
    }
    benchmark::ClobberMemory();
    // Before the ring is full: an observation that is not kept would be cheaper.
    if (sampled && (kept += kTurn) > 1000000) {
      state.PauseTiming();
      TheSampler()->Drain();
      kept = 0;
      state.ResumeTiming();
    }
  }
  if (sampled) TheSampler()->Drain();
}

BENCHMARK(Increment<Alone>)->Name("increment/alone/1000");
BENCHMARK(Increment<FanOut>)->Name("increment/fanout/1000");
BENCHMARK(Observe<Alone>)->Name("observe/alone/1000");
BENCHMARK(Observe<Sampled>)->Name("observe/sampled/1000");

// --- encoding ---------------------------------------------------------------------------------
#if defined(POLYMETER_STATIC)

class CountingSink : public polymeter::MessageSink {
 public:
  bool Append(std::string_view bytes) override {
    bytes_ += bytes.size();
    return true;
  }
  bool EndMessage(std::size_t) override { return true; }
  std::size_t bytes() const { return bytes_; }

 private:
  std::size_t bytes_ = 0;
};

void OtlpPolymeter(benchmark::State& state) {
  const polymeter::Metrics metrics(polymeter::Options().Consumer().SeriesLimit(0));
  const auto family =
      metrics.Counter("bench_requests_total", "What is measured.", {"method", "route", "status"});
  for (std::size_t i = 0; i < kEncoded; ++i) {
    const SeriesLabels labels = LabelsOf(i);
    family.With(labels.method, labels.route, labels.status).Increment(AmountOf(i));
  }
  const polymeter::Snapshot snapshot = metrics.TakeSnapshot();
  const auto encoder = polymeter::detail::MakeOtlpEncoder();
  const auto cache = encoder->MakeCache();
  std::size_t bytes = 0;
  for (auto _ : state) {
    CountingSink sink;
    const auto report = encoder->Encode(snapshot, cache.get(), sink);
    if (report.points < kEncoded) state.SkipWithError("points are missing");
    bytes = sink.bytes();
  }
  state.counters["bytes"] = static_cast<double>(bytes);
}

// A loop that knows everything: values in an array, attributes as bytes, one family.
void OtlpLimit(benchmark::State& state) {
  std::vector<std::string> attributes;
  std::vector<std::int64_t> values;
  for (std::size_t i = 0; i < kEncoded; ++i) {
    const SeriesLabels labels = LabelsOf(i);
    std::string bytes;
    protozero::pbf_writer point(bytes);
    for (const auto& [name, value] :
         {std::pair("method", labels.method), std::pair("route", labels.route),
          std::pair("status", labels.status)}) {
      protozero::pbf_writer key_value(point, 7);
      key_value.add_string(1, name);
      protozero::pbf_writer any(key_value, 2);
      any.add_string(1, value);
    }
    attributes.push_back(std::move(bytes));
    values.push_back(static_cast<std::int64_t>(AmountOf(i)));
  }
  std::string request;
  for (auto _ : state) {
    request.clear();
    protozero::pbf_writer root(request);
    protozero::pbf_writer resource_metrics(root, 1);
    protozero::pbf_writer scope_metrics(resource_metrics, 2);
    protozero::pbf_writer metric(scope_metrics, 2);
    metric.add_string(1, "bench_requests_total");
    metric.add_string(2, "What is measured.");
    protozero::pbf_writer sum(metric, 7);
    for (std::size_t i = 0; i < kEncoded; ++i) {
      protozero::pbf_writer point(sum, 1);
      point.add_fixed64(2, 1700000000000000000u);
      point.add_fixed64(3, 1700000001000000000u);
      point.add_sfixed64(6, values[i]);
      request.append(attributes[i]);
    }
    sum.add_enum(2, 2);
    sum.add_bool(3, true);
    benchmark::DoNotOptimize(request.data());
  }
  state.counters["bytes"] = static_cast<double>(request.size());
}

BENCHMARK(OtlpPolymeter)->Name("otlp/polymeter/10000")->Unit(benchmark::kMicrosecond);
BENCHMARK(OtlpLimit)->Name("otlp/limit/10000")->Unit(benchmark::kMicrosecond);
#endif

}  // namespace
}  // namespace polymeter_bench
