#include "test/receivers/native_source.h"

#include <chrono>
#include <cmath>
#include <cstdio>
#include <limits>
#include <thread>

namespace receivers {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr std::chrono::milliseconds kTick(20);
constexpr std::int64_t kTickNanos = std::chrono::nanoseconds(kTick).count();
constexpr const char* kHelp = "Exponential buckets.";
constexpr double kBounds[] = {0.5, 1, 64};

std::int64_t Now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::string Hex(double value) {
  char text[64];
  std::snprintf(text, sizeof(text), "\"%a\"", value);
  return text;
}

polymeter::TraceContext TraceOf(std::uint8_t seed) {
  polymeter::TraceContext trace;
  for (std::size_t i = 0; i < trace.trace_id.size(); ++i) {
    trace.trace_id[i] = static_cast<std::uint8_t>(seed + 17 * i);
  }
  for (std::size_t i = 0; i < trace.span_id.size(); ++i) {
    trace.span_id[i] = static_cast<std::uint8_t>(seed ^ (i + 1));
  }
  trace.flags = polymeter::TraceContext::kSampled;
  return trace;
}

// With the example's trace as the current one, and its labels.
template <class Plain, class WithLabels>
void Record(const polymeter::TraceContext& trace,
            const std::vector<std::pair<std::string, std::string>>& own, Plain plain,
            WithLabels with_labels) {
  const polymeter::TraceScope scope(trace);
  if (own.empty()) {
    plain();
    return;
  }
  std::vector<polymeter::Label> labels;
  for (const auto& [name, value] : own) labels.push_back({name, value});
  with_labels(labels.data(), labels.size());
}

// Populated buckets by index, the definition's way: from the exponent where it decides alone.
std::map<std::int32_t, std::uint64_t> Buckets(const std::vector<double>& values, int schema,
                                              double zero_threshold, int sign) {
  std::map<std::int32_t, std::uint64_t> buckets;
  for (const double value : values) {
    const double magnitude = sign * value;
    if (!(magnitude > zero_threshold) || std::isinf(magnitude)) continue;
    int exponent;
    const double mantissa = std::frexp(magnitude, &exponent);
    const double log2 = mantissa == 0.5 ? exponent - 1 : exponent + std::log2(mantissa);
    ++buckets[static_cast<std::int32_t>(std::ceil(std::ldexp(log2, schema)))];
  }
  return buckets;
}

polymeter::NativeBuckets Dense(const std::map<std::int32_t, std::uint64_t>& buckets,
                               std::vector<std::uint64_t>& counts) {
  if (buckets.empty()) return {};
  const std::int32_t first = buckets.begin()->first;
  counts.resize(static_cast<std::size_t>(buckets.rbegin()->first - first) + 1);
  for (const auto& [index, count] : buckets) {
    counts[static_cast<std::size_t>(index - first)] = count;
  }
  return {first, static_cast<std::uint32_t>(counts.size()), counts.data()};
}

}  // namespace

NativeSource::NativeSource(const polymeter::Metrics& metrics, bool instruments)
    : instruments_(instruments) {
  AddSeries();
  AddExamples();
  if (instruments) {
    MakeInstruments(metrics);
  } else {
    attachment_ = metrics.AddProducer(*this);
  }
}

// Each in a bucket and a power of two of its own: there, the newest one is kept.
void NativeSource::AddExamples() {
  const auto value = [](const Series& series, std::size_t batch, std::size_t i) {
    return series.batches[batch][i];
  };
  Series& usual = series_.front();
  usual.examples[0] = {{value(usual, 0, 0), 0, TraceOf(0x4b), {}},
                       {value(usual, 0, 1), 0, {}, {{"user", "say \"hi\"\n"}, {"empty", ""}}}};
  usual.examples[1] = {{value(usual, 1, 0), 0, TraceOf(0xf0), {{"user", "7"}}}};
  Series& both = series_[series_.size() - 2];
  both.examples[0] = {{value(both, 0, 1), 0, TraceOf(0x11), {}}};
  both.examples[1] = {{value(both, 1, 1), 0, TraceOf(0x12), {{"user", "8"}}}};
}

void NativeSource::MakeInstruments(const polymeter::Metrics& metrics) {
  for (Series& series : series_) {
    polymeter::FamilyOptions options;
    options.Native(polymeter::NativeHistogramOptions()
                       .Schema(series.schemas[0])
                       .ZeroThreshold(series.zero_threshold));
    options.Exemplars(!series.examples[0].empty());
    if (series.explicit_too) options.Buckets({std::begin(kBounds), std::end(kBounds)});
    series.instrument = metrics.Histogram(series.family, kHelp, {"n"}, options).With(series.label);
  }
  counter_ = metrics.Counter("native_jobs_total", "With an exemplar.",
                             polymeter::FamilyOptions().Exemplars());
}

// Schemas become coarser where the observations need more than 160 buckets of either sign, which is
// what instruments have.
void NativeSource::AddSeries() {
  Series& usual = Add("usual", 3, 3);
  Series& coarse = Add("coarse", -4, -4);
  Series& scaled = Add("scaled_down", 3, -1);
  for (int i = 0; i < 400; ++i) {
    const double value = std::exp(3 * std::sin(i * 0.7) + 0.01 * i);
    for (Series* const series : {&usual, &coarse, &scaled}) {
      series->batches[i % 4 == 0 ? 1 : 0].push_back(value);
    }
  }
  scaled.batches[1].insert(scaled.batches[1].end(), {1e-30, 1e30});
  Series& fine = Add("fine", 8, 8);
  for (int i = 0; i < 100; ++i) fine.batches[i % 3 == 0 ? 1 : 0].push_back(1 + 0.005 * i);
  Series& powers = Add("powers", 2, 2);
  for (int exponent = -19; exponent <= 20; ++exponent) {
    powers.batches[exponent % 2 == 0 ? 0 : 1].push_back(std::ldexp(1.0, exponent));
  }
  Series& extremes = Add("extremes", 0, -4);
  extremes.batches[0] = {0, 1, 0.25};
  extremes.batches[1] = {std::numeric_limits<double>::max(), std::numeric_limits<double>::min()};
  extremes.zero_threshold = 0;
  Add("empty", 3, 3);
  Series& zeros = Add("zeros", 3, 3);
  zeros.zero_threshold = 0.125;
  zeros.batches[0] = {0, -0.0, 0.125, -0.125, 1e-9};
  zeros.batches[1] = {0};
  Series& below = Add("below_zero", 1, 1);
  below.batches[0] = {-1, -1, -1.5, -300, 2};
  below.batches[1] = {-0.001, 7};
  Series& infinite = Add("infinite", 3, 3);
  infinite.batches[0] = {1, kInfinity, 2};
  infinite.batches[1] = {-kInfinity, 3};
  for (const char* const label : {"explicit_too", "explicit_too_idle"}) {
    Series& both = Add(label, 3, 3);
    both.explicit_too = true;
    both.batches[0] = {0.5, 0.75, 100};
  }
  series_[series_.size() - 2].batches[1] = {0.5, 64};
}

NativeSource::Series& NativeSource::Add(std::string label, int first_schema, int last_schema) {
  Series& series = series_.emplace_back();
  series.family = "native_" + label;
  series.label = std::move(label);
  series.schemas[0] = first_schema;
  series.schemas[1] = last_schema;
  series.zero_threshold = 0x1p-128;
  series.explicit_too = false;
  return series;
}

void NativeSource::Observe(std::size_t batch) {
  // The time of an instrument's exemplar is that of the system's last tick. It is to be later than
  // the snapshot before.
  if (instruments_ && batch != 0) std::this_thread::sleep_for(kTick);
  const std::lock_guard lock(mutex_);
  for (Series& series : series_) {
    series.observed.insert(series.observed.end(), series.batches[batch].begin(),
                           series.batches[batch].end());
    series.schema = series.schemas[batch];
    Observe(series, batch);
  }
  Count(batch);
  batches_ = batch + 1;
}

void NativeSource::Observe(Series& series, std::size_t batch) {
  auto example = series.examples[batch].begin();
  for (const double value : series.batches[batch]) {
    if (example == series.examples[batch].end() || example->value != value) {
      series.instrument.Observe(value);
      continue;
    }
    example->unix_nanos = Now() - (instruments_ ? kTickNanos : 0);
    Record(
        example->trace, example->labels, [&] { series.instrument.Observe(value); },
        [&](const polymeter::Label* labels, std::size_t count) {
          series.instrument.ObserveWithExemplar(value, labels, count);
        });
    example->latest_unix_nanos = instruments_ ? Now() : example->unix_nanos;
    ++example;
  }
}

void NativeSource::Count(std::size_t batch) {
  const auto trace = TraceOf(static_cast<std::uint8_t>(batch + 1));
  Example example{3, Now() - (instruments_ ? kTickNanos : 0), trace, {}};
  {
    const polymeter::TraceScope scope(trace);
    counter_.Increment(3);
  }
  example.latest_unix_nanos = instruments_ ? Now() : example.unix_nanos;
  increments_.push_back(example);
}

void NativeSource::Collect(polymeter::FamilySink& sink) {
  const std::lock_guard lock(mutex_);
  if (batches_ == 0) return;
  for (const Series& series : series_) {
    sink.BeginFamily(polymeter::MetricType::kHistogram, series.family, kHelp);
    Put(sink, series);
  }
  sink.BeginFamily(polymeter::MetricType::kCounter, "native_jobs_total", "With an exemplar.");
  const Example& last = increments_.back();
  polymeter::Exemplar exemplar{last.value, last.unix_nanos, last.trace};
  sink.Counter(nullptr, 0, 3 * std::uint64_t{increments_.size()}, exemplar);
}

void NativeSource::Put(polymeter::FamilySink& sink, const Series& series) const {
  polymeter::NativeHistogram native;
  std::uint64_t buckets[std::size(kBounds) + 1] = {};
  double sum = 0;
  for (const double value : series.observed) {
    sum += value;
    std::size_t i = 0;
    while (i < std::size(kBounds) && value > kBounds[i]) ++i;
    ++buckets[i];
    if (std::isinf(value)) {
      ++(value > 0 ? native.positive_infinite : native.negative_infinite);
    } else if (std::abs(value) <= series.zero_threshold) {
      ++native.zero_count;
    }
  }
  native.schema = series.schema;
  native.zero_threshold = series.zero_threshold;
  native.count = series.observed.size();
  std::vector<std::uint64_t> positive;
  std::vector<std::uint64_t> negative;
  const double threshold = series.zero_threshold;
  native.positive = Dense(Buckets(series.observed, series.schema, threshold, 1), positive);
  native.negative = Dense(Buckets(series.observed, series.schema, threshold, -1), negative);

  std::vector<polymeter::Exemplar> exemplars;
  std::deque<std::vector<polymeter::Label>> labels;
  for (std::size_t batch = 0; batch < batches_; ++batch) {
    for (const Example& example : series.examples[batch]) {
      auto& own = labels.emplace_back();
      for (const auto& [name, value] : example.labels) own.push_back({name, value});
      exemplars.push_back({example.value, example.unix_nanos, example.trace, own.data(),
                           static_cast<std::uint32_t>(own.size())});
    }
  }
  polymeter::HistogramPoint point{
      polymeter::SeriesView(nullptr), nullptr, &native.count, 0, native.count, sum};
  if (series.explicit_too) {
    point.bounds = kBounds;
    point.bound_count = std::size(kBounds);
    point.buckets = buckets;
  }
  point.native = &native;
  point.exemplars = exemplars.data();
  point.exemplar_count = static_cast<std::uint32_t>(exemplars.size());
  const polymeter::Label label{"n", series.label};
  sink.Histogram(&label, 1, point);
}

std::string NativeSource::Json() const {
  const auto ids = [](const Example& example) {
    if (!example.trace.valid()) return std::string("\"\",\"\"");
    const auto trace = example.trace.TraceIdHex();
    const auto span = example.trace.SpanIdHex();
    return "\"" + std::string(trace.data(), trace.size()) + "\",\"" +
           std::string(span.data(), span.size()) + "\"";
  };
  const auto quoted = [](const std::string& text) {
    std::string out = "\"";
    for (const char c : text) {
      if (c == '\n') {
        out += "\\n";
        continue;
      }
      if (c == '"') out += '\\';
      out += c;
    }
    return out + "\"";
  };
  const auto list = [](const auto& items, const auto& text) {
    std::string out = "[";
    for (const auto& item : items) out += (out.size() > 1 ? "," : "") + text(item);
    return out + "]";
  };
  const auto example_text = [&](const Example& example) {
    std::string out = "[" + Hex(example.value) + ",\"" + std::to_string(example.unix_nanos) +
                      "\",\"" + std::to_string(example.latest_unix_nanos) + "\"," + ids(example) +
                      ",{";
    for (const auto& [name, value] : example.labels) {
      out += (out.back() == '{' ? "" : ",") + quoted(name) + ":" + quoted(value);
    }
    return out + "}]";
  };
  const auto series_text = [&](const Series& series) {
    std::string out = "{\"family\":" + quoted(series.family) + ",\"n\":" + quoted(series.label) +
                      ",\"zero_threshold\":" + Hex(series.zero_threshold) + ",\"batches\":[";
    for (std::size_t batch = 0; batch < 2; ++batch) {
      if (batch != 0) out += ",";
      out += "{\"schema\":" + std::to_string(series.schemas[batch]) +
             ",\"observations\":" + list(series.batches[batch], Hex) +
             ",\"exemplars\":" + list(series.examples[batch], example_text) + "}";
    }
    return out + "]}";
  };
  return "{\"histograms\":" + list(series_, series_text) +
         ",\n\"increments\":" + list(increments_, example_text) + "}\n";
}

}  // namespace receivers
