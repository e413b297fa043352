#include "test/receivers/native_recorder.h"

#include <chrono>
#include <iterator>

namespace receivers {
namespace {

std::vector<polymeter::Label> LabelsOf(const Example& example) {
  std::vector<polymeter::Label> labels;
  for (const auto& [name, value] : example.labels) labels.push_back({name, value});
  return labels;
}

}  // namespace

void NativeRecorder::Histogram(const std::string& name, const Resolution& resolution) {
  polymeter::FamilyOptions options;
  options.Exemplars(resolution.exemplars);
  if (resolution.native) {
    options.Native(polymeter::NativeHistogramOptions()
                       .Schema(resolution.schema)
                       .MaxBuckets(resolution.max_buckets)
                       .ZeroThreshold(resolution.zero_threshold));
  }
  if (!resolution.bounds.empty()) options.Buckets(resolution.bounds);
  histograms_[name] = metrics_.Histogram(name, "Observations.", options);
}

void NativeRecorder::Observe(const std::string& name, double value, const Example& example) const {
  const polymeter::TraceScope scope(example.trace);
  const polymeter::Histogram& histogram = histograms_.at(name);
  if (example.labels.empty()) {
    histogram.Observe(value);
    return;
  }
  const auto labels = LabelsOf(example);
  histogram.ObserveWithExemplar(value, labels.data(), labels.size());
}

void NativeRecorder::Count(const std::string& name, std::uint64_t amount, const Example& example) {
  const polymeter::TraceScope scope(example.trace);
  const auto counter =
      metrics_.Counter(name, "A counter with an exemplar.", polymeter::FamilyOptions().Exemplars());
  if (example.labels.empty()) {
    counter.Increment(amount);
    return;
  }
  const auto labels = LabelsOf(example);
  counter.IncrementWithExemplar(amount, labels.data(), labels.size());
}

NativeProducer::NativeProducer(const polymeter::TraceContext& trace)
    : exemplar_{kValues[std::size(kValues) - 1],
                std::chrono::duration_cast<std::chrono::nanoseconds>(
                    std::chrono::system_clock::now().time_since_epoch())
                    .count(),
                trace} {}

void NativeProducer::Collect(polymeter::FamilySink& sink) {
  constexpr std::uint64_t kPositive[] = {1, 1, 2};
  polymeter::NativeHistogram native;
  native.schema = kSchema;
  native.zero_threshold = Resolution().zero_threshold;
  native.positive = {0, static_cast<std::uint32_t>(std::size(kPositive)), kPositive};
  native.count = std::size(kValues);
  double sum = 0;
  for (const double value : kValues) sum += value;
  polymeter::HistogramPoint point{
      polymeter::SeriesView(nullptr), nullptr, &native.count, 0, native.count, sum};
  point.native = &native;
  point.exemplars = &exemplar_;
  point.exemplar_count = 1;
  sink.BeginFamily(polymeter::MetricType::kHistogram, "produced", "Ready-made buckets.");
  sink.Histogram(nullptr, 0, point);
}

}  // namespace receivers
