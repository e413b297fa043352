// Options of a Metrics and of a family. C++17.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "polymeter/backend.h"
#include "polymeter/export.h"
#include "polymeter/views.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
struct Configured;
struct ViewOverrides;
}  // namespace detail

// Names with values, in their order.
using StringPairs = std::vector<std::pair<std::string, std::string>>;

// Called from any thread, under no lock; must not block for long. An exception is swallowed.
using LogCallback = std::function<void(LogLevel, std::string_view message)>;

// Which names of metrics and labels are accepted: Prometheus' metric_name_validation_scheme
// (https://prometheus.io/docs/concepts/data_model/). In neither may a name begin with "__".
enum class NameValidation : std::uint8_t {
  // Metrics [a-zA-Z_:][a-zA-Z0-9_:]*, labels [a-zA-Z_][a-zA-Z0-9_]*.
  kLegacy,
  // UTF-8, not empty and without NUL. Each backend writes such a name as its format can: as it is,
  // quoted or escaped; of names that become one by that, one is written and the others are
  // counted as dropped.
  kUtf8,
};

// Exponential buckets of a histogram: Prometheus' native histograms, OpenTelemetry's exponential
// ones. Their resolution is relative, so they need no bounds that somebody has to guess.
class NativeHistogramOptions {
 public:
  // Bucket boundaries grow by 2^(2^-schema): 3 is 9 %, 0 doubles, 8 is 0.27 %. -4 to 8.
  NativeHistogramOptions& Schema(int schema) {
    schema_ = schema;
    return *this;
  }
  // The coarsest schema that grows by at most `factor`: 1.1 is schema 3. Below 1.0027 it is 8, the
  // finest that there is. What is not above 1 makes the family an error.
  POLYMETER_EXPORT NativeHistogramOptions& GrowthFactor(double factor);
  // How many buckets, of either sign, a series may have. Where observations lie too far apart for
  // them, the series changes to the next coarser schema. 160 to 1,024: with 160, observations may
  // lie as far apart as 1 to 1,000,000 at schema 3, and every double has its bucket at schema -4.
  NativeHistogramOptions& MaxBuckets(int buckets) {
    max_buckets_ = buckets;
    return *this;
  }
  // Observations as near to zero count as zero. Not negative, finite.
  NativeHistogramOptions& ZeroThreshold(double threshold) {
    zero_threshold_ = threshold;
    return *this;
  }

  int schema() const noexcept { return schema_; }
  int max_buckets() const noexcept { return max_buckets_; }
  double zero_threshold() const noexcept { return zero_threshold_; }

 private:
  int schema_ = 3;
  int max_buckets_ = 160;
  double zero_threshold_ = 2.938735877055719e-39;  // 2^-128, as other Prometheus libraries have it
};

// The quantiles of a summary and the window they are taken of. What is out of the ranges below
// makes the family an error.
class SummaryOptions {
 public:
  // 0 to 1, ascending, 64 at most: 0.5 is the median. None: only count and sum.
  POLYMETER_EXPORT SummaryOptions& Quantiles(std::vector<double> quantiles);
  // Observations that are older do not count in the quantiles. Up to a year. The window ends now
  // and begins MaxAge ago, or up to MaxAge / AgeBuckets later.
  SummaryOptions& MaxAge(std::chrono::milliseconds age) {
    max_age_ = age;
    return *this;
  }
  // In how many steps the window moves: 1 to 64, of 10 ms at least. Each takes the memory of what
  // was observed in it.
  SummaryOptions& AgeBuckets(int buckets) {
    age_buckets_ = buckets;
    return *this;
  }

  const std::vector<double>& quantiles() const noexcept { return quantiles_; }
  std::chrono::milliseconds max_age() const noexcept { return max_age_; }
  int age_buckets() const noexcept { return age_buckets_; }

 private:
  std::vector<double> quantiles_ = {0.5, 0.9, 0.99};
  std::chrono::milliseconds max_age_ = std::chrono::minutes(10);
  int age_buckets_ = 5;
};

// How one family differs from the default. Setters, so that it reads the same in C++17. What is for
// families of another type is ignored; one message says so when the family is made.
class FamilyOptions {
 public:
  FamilyOptions() = default;
  // The same as FamilyOptions().Summary(summary).
  FamilyOptions(SummaryOptions summary) : summary_(std::move(summary)) {}  // NOLINT: implicit

  // A unit as Prometheus writes it ("seconds", "bytes") or a UCUM code ("s", "By"), which is
  // turned into Prometheus' word. OpenMetrics shows it only where the family's name ends in it
  // (before _total); otherwise one message says so where a backend writes OpenMetrics.
  FamilyOptions& Unit(std::string unit) {
    unit_ = std::move(unit);
    return *this;
  }
  // Upper bounds of a histogram, ascending, finite, without +Inf.
  POLYMETER_EXPORT FamilyOptions& Buckets(std::vector<double> bounds);
  // Exponential buckets of a histogram: instead of explicit ones, or beside those of Buckets().
  POLYMETER_EXPORT FamilyOptions& Native(NativeHistogramOptions native = {});
  // What a summary tells.
  POLYMETER_EXPORT FamilyOptions& Summary(SummaryOptions summary);
  // A counter or histogram keeps exemplars, the newest of a counter and of each bucket: of the
  // traces that record into it (see Options::ExemplarFilter), and those that it is given. Backends
  // show them where their format can. Of several registrations of a family the first one decides.
  FamilyOptions& Exemplars(bool exemplars = true) {
    exemplars_ = exemplars;
    return *this;
  }
  // A gauge that is a sum over instances (queue length, open connections).
  FamilyOptions& Additive(bool additive = true) {
    additive_ = additive;
    return *this;
  }
  // The name that OTLP uses instead ("http.server.request.duration").
  FamilyOptions& OtelName(std::string name) {
    otel_name_ = std::move(name);
    return *this;
  }
  // label -> OpenTelemetry attribute; not to the name of another label. Of no label, an attribute
  // that every series has in OTLP alone: {"", "rpc.system.name=jsonrpc"}.
  POLYMETER_EXPORT FamilyOptions& OtelAttributes(StringPairs map);
  // Labels with one value for every series of the family.
  POLYMETER_EXPORT FamilyOptions& ConstLabels(StringPairs labels);

  const std::string& unit() const noexcept { return unit_; }
  const std::optional<std::vector<double>>& buckets() const noexcept { return buckets_; }
  const std::optional<NativeHistogramOptions>& native() const noexcept { return native_; }
  const std::optional<SummaryOptions>& summary() const noexcept { return summary_; }
  bool exemplars() const noexcept { return exemplars_; }
  bool additive() const noexcept { return additive_; }
  const std::string& otel_name() const noexcept { return otel_name_; }
  const StringPairs& otel_attributes() const noexcept { return otel_attributes_; }
  const StringPairs& const_labels() const noexcept { return const_labels_; }

 private:
  friend struct detail::ViewOverrides;
  std::string unit_;
  std::optional<std::vector<double>> buckets_;
  std::optional<NativeHistogramOptions> native_;
  std::optional<SummaryOptions> summary_;
  bool exemplars_ = false;
  bool additive_ = false;
  std::string otel_name_;
  StringPairs otel_attributes_;
  StringPairs const_labels_;
};

// Which increments and observations become exemplars, in families that keep some
// (FamilyOptions::Exemplars). OpenTelemetry's filters:
// https://opentelemetry.io/docs/specs/otel/metrics/sdk/#exemplarfilter
enum class ExemplarFilter : std::uint8_t {
  kAlwaysOff,   // none, not even those given with IncrementWithExemplar and ObserveWithExemplar
  kTraceBased,  // those made while the current trace is valid and sampled
  kAlwaysOn,    // every one; where there is no trace, without ids
};

// What a Metrics is made of. `Build` and `FromEnvironment` (polymeter.h) take it.
class Options {
 public:
  // The service's name: service.name in OTLP, in target_info and where a backend has a place for
  // it.
  Options& Service(std::string name) {
    service_ = std::move(name);
    return *this;
  }
  // The service's version: service.version.
  Options& Version(std::string version) {
    version_ = std::move(version);
    return *this;
  }
  // service.instance.id; a random UUID unless given.
  Options& Instance(std::string id) {
    instance_ = std::move(id);
    return *this;
  }
  // Further resource attributes (OTLP, target_info).
  POLYMETER_EXPORT Options& ResourceAttributes(StringPairs attributes);
  // Labels of every series.
  POLYMETER_EXPORT Options& ConstLabels(StringPairs labels);
  // Put in front of every family name.
  Options& Prefix(std::string prefix) {
    prefix_ = std::move(prefix);
    return *this;
  }
  // Which names are accepted; kLegacy unless given. METRICS_NAME_VALIDATION wins over it.
  Options& Names(NameValidation names) {
    names_ = names;
    return *this;
  }
  // Backends by name, comma-separated ("prometheus,otlp"). METRICS_BACKEND wins over it.
  POLYMETER_EXPORT Options& Backends(std::string names);
  // One option by its environment name ("METRICS_PROMETHEUS_PORT", "0"). The environment wins.
  POLYMETER_EXPORT Options& Set(std::string variable, std::string value);
  // The application's own backend; it always runs, and makes the Metrics record.
  POLYMETER_EXPORT Options& AddBackend(std::shared_ptr<Backend> backend);
  // Declares that the application reads the values itself (Scrape, Collectable, Render, tests):
  // the Metrics then records whatever backend is selected.
  Options& Consumer() {
    consumer_ = true;
    return *this;
  }
  // stderr, rate-limited, unless given.
  POLYMETER_EXPORT Options& Log(LogCallback log);
  // The time of snapshots and start times; the system's unless given (tests).
  POLYMETER_EXPORT Options& Clock(std::function<SystemTime()> clock);
  // Series a family, above which new ones are counted in one overflow series. 0: no limit.
  Options& SeriesLimit(std::size_t limit) {
    series_limit_ = limit;
    return *this;
  }
  // From so many series of a family on, and again at ten times as many, a message names the label
  // with the most values. 0: never. 2,000 unless given.
  Options& SeriesWarning(std::size_t series) {
    series_warning_ = series;
    return *this;
  }
  // A series that has not changed for so long is left out of snapshots until it changes again, then
  // with its old total and start time. 0: never. It still counts for SeriesLimit: a handle may
  // write to it at any time.
  Options& SeriesTtl(std::chrono::milliseconds ttl) {
    series_ttl_ = ttl;
    return *this;
  }
  // Upper bounds for one histogram family by name, over what the code says. Views that have buckets
  // for it win over these, and so does METRICS_BUCKETS.
  POLYMETER_EXPORT Options& Buckets(std::string family, std::vector<double> bounds);
  // Exponential buckets for one histogram family by name, over what the code says; beside explicit
  // ones where `bounds` has any.
  POLYMETER_EXPORT Options& Buckets(std::string family, NativeHistogramOptions native,
                                    std::vector<double> bounds = {});
  // What becomes of families that match, after the views that are there already; those of
  // METRICS_VIEWS come before.
  POLYMETER_EXPORT Options& AddView(View view);
  // These views instead of those that are there.
  POLYMETER_EXPORT Options& Views(std::vector<View> views);
  // Which exemplars are kept; kTraceBased unless given. METRICS_EXEMPLARS wins over it.
  Options& ExemplarFilter(polymeter::ExemplarFilter filter) {
    exemplar_filter_ = filter;
    return *this;
  }
  // How long producers may take in one snapshot.
  Options& ProducerBudget(std::chrono::milliseconds budget) {
    producer_budget_ = budget;
    return *this;
  }
  // Whether the families polymeter_* say what the library refused, delivered and costs. Without it:
  // yes, but what it costs only where a backend runs.
  Options& SelfMetrics(bool self) {
    self_metrics_ = self;
    return *this;
  }
  // How long the last Metrics' destructor waits for the backends.
  Options& StopDeadline(std::chrono::milliseconds time) {
    stop_deadline_ = time;
    return *this;
  }

  const std::string& service() const noexcept { return service_; }
  const std::string& version() const noexcept { return version_; }
  const std::string& instance() const noexcept { return instance_; }
  const StringPairs& resource_attributes() const noexcept { return resource_; }
  const StringPairs& const_labels() const noexcept { return const_labels_; }
  const std::string& prefix() const noexcept { return prefix_; }
  NameValidation names() const noexcept { return names_; }
  const std::optional<std::string>& backends() const noexcept { return backends_; }
  // What Set() says, in the order of the calls.
  const StringPairs& settings() const noexcept { return settings_; }
  // What AddBackend() says.
  const std::vector<std::shared_ptr<Backend>>& own_backends() const noexcept {
    return own_backends_;
  }
  bool consumer() const noexcept { return consumer_; }
  const LogCallback& log() const noexcept { return log_; }
  const std::function<SystemTime()>& clock() const noexcept { return clock_; }
  std::optional<std::size_t> series_limit() const noexcept { return series_limit_; }
  std::optional<std::size_t> series_warning() const noexcept { return series_warning_; }
  std::chrono::milliseconds series_ttl() const noexcept { return series_ttl_; }
  const std::vector<std::pair<std::string, std::vector<double>>>& buckets() const noexcept {
    return buckets_;
  }
  // As many as buckets(), for the same calls of Buckets().
  const std::vector<std::optional<NativeHistogramOptions>>& native_buckets() const noexcept {
    return native_buckets_;
  }
  const std::vector<View>& views() const noexcept { return views_; }
  std::optional<polymeter::ExemplarFilter> exemplar_filter() const noexcept {
    return exemplar_filter_;
  }
  // What SelfMetrics() says.
  std::optional<bool> self_metrics() const noexcept { return self_metrics_; }
  std::chrono::milliseconds producer_budget() const noexcept { return producer_budget_; }
  std::chrono::milliseconds stop_deadline() const noexcept { return stop_deadline_; }

 private:
  friend struct detail::Configured;
  std::string service_;
  std::string version_;
  std::string instance_;
  StringPairs resource_;
  StringPairs const_labels_;
  std::string prefix_;
  NameValidation names_ = NameValidation::kLegacy;
  std::optional<std::string> backends_;
  StringPairs settings_;
  std::vector<std::shared_ptr<Backend>> own_backends_;
  bool consumer_ = false;
  LogCallback log_;
  std::function<SystemTime()> clock_;
  std::optional<std::size_t> series_limit_;
  std::optional<std::size_t> series_warning_;
  std::chrono::milliseconds series_ttl_{0};
  std::vector<std::pair<std::string, std::vector<double>>> buckets_;
  std::vector<std::optional<NativeHistogramOptions>> native_buckets_;
  std::vector<View> views_;
  // Of effective options: the last of buckets_ are METRICS_BUCKETS', the first of views_
  // METRICS_VIEWS', the others the code's.
  std::size_t configured_buckets_ = 0;
  std::size_t configured_views_ = 0;
  std::optional<polymeter::ExemplarFilter> exemplar_filter_;
  std::optional<bool> self_metrics_;
  std::chrono::milliseconds producer_budget_{500};
  std::chrono::milliseconds stop_deadline_{5000};
};

// One effective setting and where it came from.
struct Setting {
  std::string name;    // METRICS_PROMETHEUS_PORT
  std::string value;   // secrets are "***"
  std::string source;  // "default", "options", or the name of the environment variable
};

POLYMETER_END_NAMESPACE
