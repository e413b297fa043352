// The corpus that every encoder must carry or count: canonical families of every kind, and hostile
// texts, numbers and sizes. Written into a FamilySink, so that the same families come out of
// a SnapshotBuilder (encoders) and of a Producer in a running service (receivers).
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "polymeter/options.h"
#include "polymeter/producer.h"
#include "sdk/testing/snapshot_builder.h"
#include "test/conformance/hostile_names.h"

POLYMETER_BEGIN_NAMESPACE
namespace testing {

constexpr std::uint64_t kTwoTo53Plus1 = 9007199254740993;

// What a well-behaved service has: every kind, with and without labels.
inline void WriteCanonical(FamilySink& sink) {
  sink.BeginFamily(MetricType::kCounter, "http_requests_total", "Requests answered.");
  sink.Counter({{"method", "GET"}, {"code", "200"}}, std::uint64_t{1027});
  sink.Counter({{"method", "POST"}, {"code", "500"}}, std::uint64_t{3});
  sink.BeginFamily(MetricType::kCounter, "cpu_seconds_total", "Time used.", "seconds");
  sink.Counter({}, 12.25);
  sink.BeginFamily(MetricType::kCounter, "retries", "A counter without _total.");
  sink.Counter({}, std::uint64_t{7});
  sink.BeginFamily(MetricType::kGauge, "queue_length", "Jobs that wait.");
  sink.Gauge({{"queue", "fast"}}, 4);
  sink.Gauge({{"queue", "slow"}}, 0);
  sink.BeginFamily(MetricType::kGauge, "room_temperature_celsius", "Air.", "celsius");
  sink.Gauge({}, -3.5);
  sink.BeginFamily(MetricType::kHistogram, "job_duration_seconds", "Run time.", "seconds");
  const Label fast[] = {{"queue", "fast"}};
  const double bounds[] = {0.005, 0.1, 2.5};
  const std::uint64_t buckets[] = {2, 5, 0, 1};
  sink.Histogram(fast, 1, bounds, 3, buckets, 4.75);
  const std::uint64_t none[] = {0, 0, 0, 0};
  const Label slow[] = {{"queue", "slow"}};
  sink.Histogram(slow, 1, bounds, 3, none, 0);
  sink.BeginFamily(MetricType::kSummary, "rpc_duration_seconds", "Latency.", "seconds");
  const Label service[] = {{"service", "users"}};
  const Quantile quantiles[] = {{0.5, 0.012}, {0.9, 0.034}, {0.99, 0.2}};
  sink.Summary(service, 1, quantiles, 3, 2693, 17.5);
  sink.BeginFamily(MetricType::kInfo, "build_info", "What runs.");
  sink.Info({{"version", "1.2.3"}, {"commit", "0f3c"}});
  sink.BeginFamily(MetricType::kUnknown, "legacy_value", "From a system that knows no kinds.");
  sink.Unknown({}, 42);
}

// Label values that break formats which do not escape.
inline const std::vector<std::string>& HostileTexts() {
  using namespace std::string_literals;
  static const auto* const kTexts = new std::vector<std::string>{
      ""s,
      " "s,
      "\""s,
      "\\"s,
      "\\\\\"\\"s,
      "line\nbreak"s,
      "not\\na line break"s,
      "\r\n"s,
      "tab\there"s,
      "nul\0inside"s,
      "\x01\x1f\x7f"s,
      "{a=\"b\",c=\"d\"} 1 # EOF"s,
      "a,b=c;d|e#f:g@h/i"s,
      "'quoted', \"quoted\""s,
      "%41 +1"s,
      "gr\xC3\xBC\xC3\x9F dich"s,
      "\xE6\x97\xA5\xE6\x9C\xAC\xE8\xAA\x9E"s,
      "\xF0\x9F\x8E\x89\xF4\x8F\xBF\xBF"s,
      "\xEF\xBB\xBF\xE2\x80\xA8\xE2\x80\xAE"s,  // BOM, line separator, right-to-left
      "bad\xFFutf\xC3"s,                        // the sink repairs it to U+FFFD
      std::string(5000, 'x'),
  };
  return *kTexts;
}

inline void WriteHostileTexts(FamilySink& sink) {
  sink.BeginFamily(MetricType::kGauge, "hostile_text",
                   "Help with \"quotes\", a \\ backslash, a\nbreak, gr\xC3\xBC\xC3\x9F, and \\");
  std::size_t n = 0;
  for (const std::string& text : HostileTexts()) {
    sink.Gauge({{"n", std::to_string(n)}, {"text", text}}, static_cast<double>(n));
    ++n;
  }
  sink.BeginFamily(MetricType::kCounter, "hostile_help_total", "# HELP x y\n# EOF\n");
  sink.Counter({}, std::uint64_t{1});
  sink.BeginFamily(MetricType::kGauge, "hostile_no_help", "");
  sink.Gauge({}, 1);
  sink.BeginFamily(MetricType::kGauge, "hostile:with:colons", "A recording rule's name.");
  sink.Gauge({}, 1);
  sink.BeginFamily(MetricType::kUnknown, "_", "The shortest name.");
  sink.Unknown({{"_", "the shortest label"}}, 1);
  // A label that some format reserves for another kind, or for the receiver.
  sink.BeginFamily(MetricType::kCounter, "hostile_labels_total", "Reserved elsewhere.");
  sink.Counter({{"le", "0.5"}, {"quantile", "0.5"}}, std::uint64_t{1});
  sink.Counter({{"job", "x"}, {"instance", "y"}, {"host", "z"}}, std::uint64_t{2});
  // Labels that differ within a family.
  sink.BeginFamily(MetricType::kGauge, "hostile_ragged", "One series has a label more.");
  sink.Gauge({}, 1);
  sink.Gauge({{"a", "1"}}, 2);
  sink.Gauge({{"b", "1"}}, 3);
  sink.Gauge({{"b", "1"}, {"a", "1"}}, 4);
  sink.BeginFamily(MetricType::kHistogram, "hostile_histogram_text", "Text on buckets.");
  const double bounds[] = {1};
  const std::uint64_t buckets[] = {1, 2};
  const Label label[] = {{"text", "a\"b\\c\nd"}};
  sink.Histogram(label, 1, bounds, 1, buckets, 9);
}

inline void WriteHostileNumbers(FamilySink& sink) {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  constexpr double kTiny = 5e-324;
  constexpr double kHuge = std::numeric_limits<double>::max();
  const std::pair<const char*, double> doubles[] = {
      {"nan", kNan},          {"inf", kInf},          {"minus_inf", -kInf},
      {"tiny", kTiny},        {"minus_tiny", -kTiny}, {"huge", kHuge},
      {"minus_huge", -kHuge}, {"zero", 0.0},          {"minus_zero", -0.0},
      {"third", 1.0 / 3},     {"sum", 0.1 + 0.2},     {"2_53", 9007199254740992.0},
      {"million", 1e6},       {"1e21", 1e21},         {"1e22", 1e22},
      {"1e_7", 1e-7},         {"next_1", 1 + 0x1p-52}};
  sink.BeginFamily(MetricType::kGauge, "number_gauge", "Doubles.");
  for (const auto& [name, value] : doubles) sink.Gauge({{"value", name}}, value);
  sink.BeginFamily(MetricType::kUnknown, "number_unknown", "Doubles.");
  for (const auto& [name, value] : doubles) sink.Unknown({{"value", name}}, value);
  sink.BeginFamily(MetricType::kCounter, "number_integer_total", "Integers, exact to 2^64.");
  sink.Counter({{"value", "0"}}, std::uint64_t{0});
  sink.Counter({{"value", "2_53"}}, kTwoTo53Plus1 - 1);
  sink.Counter({{"value", "2_53_plus_1"}}, kTwoTo53Plus1);
  sink.Counter({{"value", "2_63"}}, std::uint64_t{1} << 63);
  sink.Counter({{"value", "2_64_minus_1"}}, std::numeric_limits<std::uint64_t>::max());
  sink.BeginFamily(MetricType::kCounter, "number_real_total", "Doubles.");
  sink.Counter({{"value", "tiny"}}, kTiny);
  sink.Counter({{"value", "third"}}, 1.0 / 3);
  sink.Counter({{"value", "huge"}}, kHuge);
  sink.Counter({{"value", "inf"}}, kInf);

  sink.BeginFamily(MetricType::kHistogram, "number_histogram", "Bounds, counts and sums.");
  const auto histogram = [&sink](std::string_view name, const std::vector<double>& bounds,
                                 const std::vector<std::uint64_t>& buckets, double sum) {
    const Label label{"value", name};
    sink.Histogram(&label, 1, bounds.data(), bounds.size(), buckets.data(), sum);
  };
  histogram("no_bounds", {}, {3}, 6);
  histogram("negative", {-1.5, 0, 1e-9, 1e9}, {1, 2, 3, 4, 5}, -17);
  histogram("nan_sum", {1}, {1, 1}, kNan);
  histogram("inf_sum", {1}, {1, 1}, kInf);
  histogram("tiny_bound", {kTiny, 0.1 + 0.2, kHuge}, {1, 0, 0, 1}, kTiny);
  histogram("2_53", {1}, {kTwoTo53Plus1 - 1, 2}, 1e16);

  sink.BeginFamily(MetricType::kSummary, "number_summary", "Quantiles.");
  const auto summary = [&sink](std::string_view name, const std::vector<Quantile>& quantiles,
                               std::uint64_t count, double sum) {
    const Label label{"value", name};
    sink.Summary(&label, 1, quantiles.data(), quantiles.size(), count, sum);
  };
  summary("no_quantiles", {}, 3, 6);
  summary("empty", {{0.5, kNan}, {0.99, kNan}}, 0, 0);
  summary("extremes", {{0, -kInf}, {0.999, 1.0 / 3}, {1, kInf}}, kTwoTo53Plus1, kNan);
}

inline void WriteManySeries(FamilySink& sink, std::size_t series = 10000) {
  sink.BeginFamily(MetricType::kCounter, "many_total", "One of many.");
  for (std::size_t i = 0; i < series; ++i) {
    sink.Counter({{"shard", std::to_string(i % 97)}, {"user", std::to_string(i)}},
                 static_cast<std::uint64_t>(i));
  }
}

inline void WriteManyFamilies(FamilySink& sink, std::size_t families = 300) {
  for (std::size_t i = 0; i < families; ++i) {
    sink.BeginFamily(MetricType::kGauge, "family_" + std::to_string(i), "One of many.");
    sink.Gauge({}, static_cast<double>(i));
  }
}

// Every part of the corpus into one sink, as a running service would have it.
inline void WriteCorpus(FamilySink& sink) {
  WriteCanonical(sink);
  WriteHostileTexts(sink);
  WriteHostileNumbers(sink);
  WriteManySeries(sink);
}

// A snapshot with a resource, a fixed time and cacheable series.
template <class Write>
Snapshot SnapshotOf(Write&& write) {
  using namespace std::chrono_literals;
  SnapshotBuilder builder;
  write(builder.sink());
  builder.Resource("service.name", "conformance")
      .Resource("service.version", "1.0 \"beta\"")
      .Resource("team", "gr\xC3\xBC\xC3\x9F\n")
      .Time(SystemTime(1800000000s + 250ms))
      .Generation(1, SystemTime(1700000000s + 125ms));
  return builder.Build();
}

// Names of every kind that only UTF-8 takes, and what becomes one where they are escaped.
inline Snapshot SnapshotOfUtf8Names() {
  SnapshotBuilder builder;
  FamilySink& sink = builder.Names(NameValidation::kUtf8).sink();
  const double bounds[] = {0.5, 2};
  const std::uint64_t buckets[] = {3, 2, 1};
  for (const std::string& name : HostileNames()) {
    sink.BeginFamily(MetricType::kGauge, name, "Named " + name);
    sink.Gauge({{name, "x"}}, 1);
    sink.Gauge({{name + ".", "x"}}, 2);
    sink.BeginFamily(MetricType::kCounter, name + "x_total", "");
    sink.Counter({{name, "x"}, {name + ".", "y"}}, std::uint64_t{3});
    sink.BeginFamily(MetricType::kHistogram, "h" + name, "");
    const std::string own = "l" + name;
    const Label label{own, "x"};
    sink.Histogram(&label, 1, bounds, 2, buckets, 7);
  }
  return builder.Generation(1).Build();
}

struct NamedSnapshot {
  std::string name;
  Snapshot snapshot;
};

inline std::vector<NamedSnapshot> CorpusSnapshots() {
  return {{"Empty", Snapshot()},
          {"Canonical", SnapshotOf(WriteCanonical)},
          {"HostileTexts", SnapshotOf(WriteHostileTexts)},
          {"HostileNumbers", SnapshotOf(WriteHostileNumbers)},
          {"ManySeries", SnapshotOf([](FamilySink& sink) { WriteManySeries(sink); })},
          {"ManyFamilies", SnapshotOf([](FamilySink& sink) { WriteManyFamilies(sink); })},
          {"Utf8Names", SnapshotOfUtf8Names()},
          {"Everything", SnapshotOf(WriteCorpus)}};
}

}  // namespace testing
POLYMETER_END_NAMESPACE
