// Observes known distributions into histograms with exponential buckets, gives exemplars, and
// writes exact quantiles and the exemplars into a directory: receivers_native <directory>. Serves
// until its input ends; says where: "ready 127.0.0.1:12345". At the first byte of its input it
// observes more into one of the histograms, which becomes coarser by that, and says "done".
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <limits>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "polymeter/http.h"
#include "polymeter/polymeter.h"
#include "test/receivers/native_recorder.h"

namespace {

using polymeter::TraceContext;
using receivers::Example;
using receivers::NativeProducer;
using receivers::NativeRecorder;
using receivers::Resolution;

constexpr double kQuantiles[] = {0, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999, 1};
constexpr int kObservations = 20000;
constexpr int kThreads = 4;
constexpr const char* kTraceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

// Pieces of JSON, one a line in the end.
class Json {
 public:
  Json& Key(const char* name) {
    Comma();
    out_ += '"' + std::string(name) + "\":";
    fresh_ = true;
    return *this;
  }
  // Doubles are texts: JSON has no infinities.
  Json& Number(double value) {
    char text[40];
    std::snprintf(text, sizeof(text), "\"%.17g\"", value);
    return Raw(text);
  }
  Json& Integer(std::uint64_t value) { return Raw(std::to_string(value)); }
  Json& Text(const std::string& text) { return Raw('"' + text + '"'); }  // no escapes needed
  Json& Bool(bool value) { return Raw(value ? "true" : "false"); }
  Json& Open(char bracket) {
    Raw(std::string(1, bracket));
    fresh_ = true;
    return *this;
  }
  Json& Close(char bracket) {
    fresh_ = false;
    out_ += bracket;
    return *this;
  }
  const std::string& text() const { return out_; }

 private:
  Json& Raw(const std::string& text) {
    Comma();
    out_ += text;
    return *this;
  }
  void Comma() {
    if (!fresh_) out_ += ',';
    fresh_ = false;
  }
  std::string out_;
  bool fresh_ = true;
};

// The finest schema in which the values of each sign lie within so many buckets; computed from the
// outermost values, not as a histogram does it.
int FinestSchema(const std::vector<double>& values, const Resolution& resolution) {
  int schema = resolution.schema;
  for (const double sign : {1.0, -1.0}) {
    double least = std::numeric_limits<double>::infinity();
    double most = 0;
    for (const double value : values) {
      const double magnitude = sign * value;
      if (magnitude <= resolution.zero_threshold || std::isinf(magnitude)) continue;
      least = std::min(least, magnitude);
      most = std::max(most, magnitude);
    }
    const auto bucket = [](double v, int s) { return std::ceil(std::ldexp(std::log2(v), s)); };
    while (most > 0 && bucket(most, schema) - bucket(least, schema) >= resolution.max_buckets) {
      --schema;
    }
  }
  return schema;
}

class Judged {
 public:
  explicit Judged(NativeRecorder& recorder) : recorder_(recorder) { truth_.Open('{'); }

  void Distributions() {
    std::mt19937_64 random(42);
    truth_.Key("distributions").Open('[');
    const auto many = [&](auto distribution) {
      std::vector<double> values;
      for (int i = 0; i < kObservations; ++i) values.push_back(distribution(random));
      return values;
    };
    std::uniform_real_distribution<double> unit(0, 1);
    Add("uniform", many(unit));
    Add("log_normal", many(std::lognormal_distribution<double>(-3, 1.5)));
    Add("pareto", many([&](auto& r) { return 0.01 / std::pow(1 - unit(r), 1 / 1.1); }));
    Add("negative", many([&](auto& r) { return -0.5 - 20 * unit(r); }));
    Add("both_signs", many(std::normal_distribution<double>(0, 10)));
    Add("all_zero", std::vector<double>(kObservations, 0.0));
    Add("few_zeros", many([&](auto& r) { return std::max(0.0, unit(r) - 0.1); }));
    // From 1e-9 to 1e9 there are 479 buckets of schema 3.
    Add("scaled_down", many([&](auto& r) { return std::pow(10, -9 + 18 * unit(r)); }));
    Add("scaled_down_negative", many([&](auto& r) { return -std::pow(10, -30 + 60 * unit(r)); }));
    Add("fine", many([&](auto& r) { return 100 + unit(r); }), {.schema = 8});
    Add("coarse", many([&](auto& r) { return std::exp(80 * unit(r)); }), {.schema = -4});
    Add("beside_explicit", many(unit), {.bounds = {0.25, 0.5, 1}});
    Add("one", {3.0});
    Add("empty", {});
    auto infinite = many(unit);
    for (std::size_t i = 0; i < 50; ++i) infinite[i] = std::numeric_limits<double>::infinity();
    Add("infinite", infinite);
    for (std::size_t i = 50; i < 90; ++i) infinite[i] = -infinite[0];
    Add("both_infinite", infinite);
    Add("near_zero", many([&](auto& r) { return unit(r) - 0.5; }), {.zero_threshold = 0.125});
    const auto far_apart = [&](auto& r) { return (unit(r) - 0.5) * std::pow(10, 40 * unit(r)); };
    Add("more_buckets", many(far_apart), {.schema = 5, .max_buckets = 1024});
    Add("scaled_down_by_threads", many(far_apart), {.schema = 8}, kThreads);
    const std::vector<double> ready_made(std::begin(NativeProducer::kValues),
                                         std::end(NativeProducer::kValues));
    Describe("produced", ready_made, {.schema = NativeProducer::kSchema});
    live_ = many([&](auto& r) { return 1 + unit(r); });
    Add("live", live_);
    truth_.Close(']');

    // What follows between two scrapes lies 400 buckets of schema 3 apart.
    added_ = many([&](auto& r) { return std::pow(10, -8 + 15 * unit(r)); });
    live_.insert(live_.end(), added_.begin(), added_.end());
    truth_.Key("live").Open('[');
    Describe("live", live_, {});
    truth_.Close(']').Key("increase").Open('[');
    Describe("live", added_, {});
    truth_.Close(']');
  }

  void More() const {
    for (const double value : added_) recorder_.Observe("live", value);
  }

  // Those that are shown: the newest of each bucket and of a counter. The program's clock says
  // between which times they were made.
  void Exemplars(const TraceContext& produced) {
    truth_.Key("exemplars").Open('[');
    int number = 0;
    for (const char* const name :
         {"traced_seconds", "traced_both_seconds", "traced_native_seconds"}) {
      const std::string family = name;
      const bool native = family != "traced_seconds";
      const bool explicit_too = family != "traced_native_seconds";
      Resolution resolution{.native = native, .exemplars = true};
      if (explicit_too) resolution.bounds = {0.5, 1};
      recorder_.Histogram(name, resolution);
      for (const double value : {0.25, 0.75, 4.0}) {
        // Of the same bucket, and the first one has no labels of its own.
        recorder_.Observe(name, value, {TraceOf(++number), {}});
        const Example newest{TraceOf(++number), {{"job_id", std::to_string(number)}}};
        recorder_.Observe(name, value, newest);
        recorder_.Observe(name, value, {TraceOf(++number, /*sampled=*/false), {}});
        recorder_.Observe(name, value);
        Expect(name, value, newest, explicit_too, !native || value == 0.25);
      }
    }
    const Example by_scope{TraceOf(++number), {}};
    recorder_.Histogram("traced_by_scope_seconds",
                        {.native = false, .bounds = {0.5, 1}, .exemplars = true});
    recorder_.Observe("traced_by_scope_seconds", 0.75, {TraceOf(++number), {{"job_id", "1"}}});
    recorder_.Observe("traced_by_scope_seconds", 0.875, by_scope);
    Expect("traced_by_scope_seconds", 0.875, by_scope, true, true);
    const Example counted{TraceOf(++number), {{"job_id", "of a counter"}}};
    recorder_.Count("traced_total", 3, {TraceOf(++number), {}});
    recorder_.Count("traced_total", 2, counted);
    Expect("traced_total", 2, counted, true, true);
    Expect("produced", 4, {produced, {}}, false, false);
    truth_.Close(']');
    // Its family keeps none.
    recorder_.Histogram("untraced_seconds", {.native = false, .bounds = {0.5, 1}});
    recorder_.Observe("untraced_seconds", 0.25, {TraceOf(++number), {}});
  }

  void Counts(std::size_t series) { truth_.Key("many_series").Integer(series); }

  // Times of exemplars are later than begin_ms_.
  void End() {
    truth_.Key("begin_ms").Integer(static_cast<std::uint64_t>(begin_ms_));
    truth_.Key("end_ms").Integer(static_cast<std::uint64_t>(NowMs()));
    truth_.Key("traceparent").Text(kTraceparent);
  }

  static TraceContext TraceOf(int number, bool sampled = true) {
    TraceContext trace;
    trace.trace_id.fill(static_cast<std::uint8_t>(number));
    trace.span_id.fill(static_cast<std::uint8_t>(0x80 + number));
    trace.flags = sampled ? TraceContext::kSampled : 0;
    return trace;
  }

  std::string Truth() const { return truth_.text() + "}\n"; }

 private:
  static std::int64_t NowMs() {
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
  }

  void Add(const std::string& name, const std::vector<double>& values,
           const Resolution& resolution = {}, std::size_t threads = 1) {
    recorder_.Histogram(name, resolution);
    std::vector<std::thread> others;
    const auto observe = [&](std::size_t first) {
      for (std::size_t i = first; i < values.size(); i += threads) {
        recorder_.Observe(name, values[i]);
      }
    };
    for (std::size_t i = 1; i < threads; ++i) others.emplace_back(observe, i);
    observe(0);
    for (std::thread& other : others) other.join();
    Describe(name, values, resolution);
  }

  void Describe(const std::string& name, std::vector<double> values, const Resolution& resolution) {
    double sum = 0;
    for (const double value : values) sum += value;
    truth_.Open('{').Key("name").Text(name).Key("count").Integer(values.size());
    truth_.Key("sum").Number(sum).Key("schema");
    truth_.Number(FinestSchema(values, resolution));
    truth_.Key("zero_threshold").Number(resolution.zero_threshold);
    std::sort(values.begin(), values.end());
    truth_.Key("quantiles").Open('[');
    for (const double quantile : kQuantiles) {
      if (values.empty()) break;
      const double rank = std::ceil(quantile * static_cast<double>(values.size()));
      const double exact = values[static_cast<std::size_t>(std::max(rank, 1.0)) - 1];
      if (std::isinf(exact)) continue;
      truth_.Open('[').Number(quantile).Number(exact).Close(']');
    }
    truth_.Close(']').Close('}');
  }

  // `on_bucket`: on an explicit bucket or a counter. `first`: of those of its series.
  void Expect(const std::string& name, double value, const Example& example, bool on_bucket,
              bool first) {
    const auto trace = example.trace.TraceIdHex();
    const auto span = example.trace.SpanIdHex();
    truth_.Open('{').Key("name").Text(name).Key("on_bucket").Bool(on_bucket);
    truth_.Key("first").Bool(first).Key("value").Number(value);
    truth_.Key("labels").Open('{').Key("trace_id").Text({trace.data(), trace.size()});
    truth_.Key("span_id").Text({span.data(), span.size()});
    for (const auto& [label, text] : example.labels) truth_.Key(label.c_str()).Text(text);
    truth_.Close('}').Close('}');
  }

  NativeRecorder& recorder_;
  // The clock of exemplars is that of the system's last tick.
  const std::int64_t begin_ms_ = NowMs() - 20;
  std::vector<double> live_;
  std::vector<double> added_;
  Json truth_;
};

// One request with a traceparent through the HTTP adapter.
void ServeARequest(const polymeter::Metrics& metrics) {
  polymeter::HttpServerMetrics http(metrics, polymeter::HttpServerOptions().Exemplars());
  auto request = http.Begin("GET", kTraceparent);
  const auto active = request.Activate();
  request.Route("/jobs/{id}").Status(200).ResponseBytes(7);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 64;
  const polymeter::Metrics metrics = polymeter::Build(polymeter::Options()
                                                          .Service("judged")
                                                          .Backends("prometheus")
                                                          .Set("METRICS_PROMETHEUS_PORT", "0"));
  NativeRecorder recorder(metrics);
  Judged judged(recorder);
  const polymeter::TraceContext produced = Judged::TraceOf(99);
  NativeProducer producer(produced);
  const auto attached = metrics.AddProducer(producer);

  judged.Distributions();
  judged.Exemplars(produced);
  const auto many = metrics.Counter("many_total", "Many series.", {"i"});
  constexpr std::size_t kMany = 5000;
  for (std::size_t i = 0; i < kMany; ++i) many.With(i).Increment(i);
  judged.Counts(kMany);
  ServeARequest(metrics);
  judged.End();
  std::ofstream(std::string(argv[1]) + "/truth.json") << judged.Truth();

  std::printf("ready %s\n", metrics.Endpoint().c_str());
  std::fflush(stdout);
  char byte;
  bool more = true;
  while (read(STDIN_FILENO, &byte, 1) > 0) {
    if (!more) continue;
    more = false;
    judged.More();
    std::printf("done\n");
    std::fflush(stdout);
  }
  return 0;
}
