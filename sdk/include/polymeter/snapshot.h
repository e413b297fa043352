// Snapshot: every family at one instant, typed, immutable, ordered by name. What encoders
// read. C++17.
//
// A snapshot owns its numbers and refers to names and labels, which stay valid as long as any
// copy of it lives, whatever happens to the series meanwhile. Copying is one reference count.
// Reading it from several threads is fine.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "polymeter/export.h"
#include "polymeter/trace_context.h"

POLYMETER_BEGIN_NAMESPACE

// What a family is.
enum class MetricType : std::uint8_t { kCounter, kGauge, kHistogram, kSummary, kInfo, kUnknown };
// "counter", "gauge", "histogram", "summary", "info", "unknown".
POLYMETER_EXPORT std::string_view ToString(MetricType type) noexcept;

// Time of day.
using SystemTime = std::chrono::system_clock::time_point;

// A label, referred to.
struct Label {
  std::string_view name;   // model
  std::string_view value;  // valid UTF-8
};

namespace detail {
// The label values of a series in one block of memory, with the names beside it. `ends[i]` is
// where value i ends in the bytes that follow the array.
struct SeriesRecord {
  const std::string_view* names;
  std::uintptr_t cell;
  std::int64_t start_unix_nanos;
  std::uint32_t index;       // dense within the family, reused after removal
  std::uint32_t generation;  // with index unique for ever; 0: do not cache
  std::uint32_t hash;
  std::uint32_t label_count;
  const std::uint32_t* ends() const noexcept {
    return reinterpret_cast<const std::uint32_t*>(this + 1);
  }
  const char* bytes() const noexcept { return reinterpret_cast<const char*>(ends() + label_count); }
  std::string_view value(std::size_t i) const noexcept {
    const std::uint32_t begin = i == 0 ? 0 : ends()[i - 1];
    return {bytes() + begin, ends()[i] - begin};
  }
};
struct SnapshotData;
}  // namespace detail

// The labels of one series, in the family's order. A view.
class LabelsView {
 public:
  explicit LabelsView(const detail::SeriesRecord* record) noexcept : record_(record) {}
  // How many.
  std::size_t size() const noexcept { return record_ == nullptr ? 0 : record_->label_count; }
  // The i-th, i < size().
  Label operator[](std::size_t i) const noexcept { return {record_->names[i], record_->value(i)}; }

 private:
  const detail::SeriesRecord* record_;
};

// Whose a point is. A view.
class SeriesView {
 public:
  explicit SeriesView(const detail::SeriesRecord* record) noexcept : record_(record) {}
  // Its own labels, without those of the family.
  LabelsView labels() const noexcept { return LabelsView(record_); }
  // Position in tables that an EncoderCache keeps for the family: small and dense; used anew after
  // a removal, then with another generation. Generation 0 means that the series has no identity
  // across snapshots and must not be cached.
  std::uint32_t index() const noexcept { return record_->index; }
  // See index().
  std::uint32_t generation() const noexcept { return record_->generation; }
  // When the series began to count from zero.
  SystemTime start_time() const noexcept {
    return SystemTime(std::chrono::duration_cast<SystemTime::duration>(
        std::chrono::nanoseconds(record_->start_unix_nanos)));
  }
  // The same in nanoseconds since 1970.
  std::int64_t start_unix_nanos() const noexcept { return record_->start_unix_nanos; }

 private:
  const detail::SeriesRecord* record_;
};

// One observation or increment as an example, with the trace that it belongs to.
struct Exemplar {
  double value;                   // what was observed or added
  std::int64_t unix_nanos;        // when, in nanoseconds since 1970
  TraceContext trace;             // not valid(): there was none
  const Label* labels = nullptr;  // besides the trace; with it at most 128 code points
  std::uint32_t label_count = 0;  // how many of them
  std::uint32_t bucket = 0;       // of a histogram: the index of the explicit bucket it is in
};

// A counter's value.
struct CounterPoint {
  SeriesView series;    // whose
  std::uint64_t whole;  // integer increments, exact (modulo 2^64)
  double part;          // increments that came as double
  // The newest one that was kept; null: none.
  const Exemplar* exemplar = nullptr;
  // Whether `whole` is all of it.
  bool is_integer() const noexcept { return part == 0; }
  // The total, rounded to a double.
  double value() const noexcept { return static_cast<double>(whole) + part; }
};

// A gauge's value.
struct GaugePoint {
  SeriesView series;  // whose
  double value;       // now
};

// The populated buckets of one sign, without gaps between the first and the last.
struct NativeBuckets {
  std::int32_t first = 0;                 // index of the first bucket
  std::uint32_t size = 0;                 // how many there are
  const std::uint64_t* counts = nullptr;  // so many, not cumulative
};

// Exponential buckets: Prometheus' native and OpenTelemetry's exponential histogram. With
// base = 2^(2^-schema), bucket i of the positive ones covers (base^(i-1), base^i], and of the
// negative ones [-base^i, -base^(i-1)). That is Prometheus' numbering; OpenTelemetry's index is
// i - 1.
// https://prometheus.io/docs/specs/native_histograms/
struct NativeHistogram {
  std::int32_t schema = 0;              // -4 to 8
  double zero_threshold = 0;            // |value| <= zero_threshold counts in zero_count
  std::uint64_t zero_count = 0;         // how many are that near to zero
  NativeBuckets positive;               // of values above the threshold
  NativeBuckets negative;               // of values below its negative
  std::uint64_t positive_infinite = 0;  // observations of +Inf, in no bucket above
  std::uint64_t negative_infinite = 0;  // of -Inf
  std::uint64_t count = 0;              // all of it
};

// A histogram's buckets. One with exponential buckets alone has no bounds, and one explicit bucket
// that counts everything.
struct HistogramPoint {
  SeriesView series;             // whose
  const double* bounds;          // bound_count upper bounds, ascending, without +Inf
  const std::uint64_t* buckets;  // bound_count + 1, not cumulative; the last is up to +Inf
  std::uint32_t bound_count;     // without +Inf
  std::uint64_t count;           // sum of the buckets
  double sum;                    // of the observations
  // Observations one by one, as far as they were kept: at most `count`. Only in a snapshot for a
  // backend that asked for them.
  const double* samples = nullptr;
  std::uint32_t sample_count = 0;  // how many of them
  // The exponential buckets; null: there are none. Read after the explicit ones, so that its
  // count is not below theirs.
  const NativeHistogram* native = nullptr;
  const Exemplar* exemplars = nullptr;  // ascending by bucket; of explicit buckets one a bucket
  std::uint32_t exemplar_count = 0;     // how many of them
};

// A quantile of a summary.
struct Quantile {
  double quantile;  // 0 to 1
  double value;     // NaN where there were no observations
};

// A summary's quantiles.
struct SummaryPoint {
  SeriesView series;             // whose
  const Quantile* quantiles;     // ascending
  std::uint32_t quantile_count;  // how many
  std::uint64_t count;           // observations
  double sum;                    // of the observations
};

// The labels are the information; the value is 1.
struct InfoPoint {
  SeriesView series;  // whose
};

// A value of a family whose type is not known.
struct UnknownPoint {
  SeriesView series;  // whose
  double value;       // now
};

using CounterPoints = std::vector<CounterPoint>;      // of a counter family
using GaugePoints = std::vector<GaugePoint>;          // of a gauge family
using HistogramPoints = std::vector<HistogramPoint>;  // of a histogram family
using SummaryPoints = std::vector<SummaryPoint>;      // of a summary family
using InfoPoints = std::vector<InfoPoint>;            // of an info family
using UnknownPoints = std::vector<UnknownPoint>;      // of a family without a type

// A new kind does not compile until every encoder's std::visit handles it.
using FamilyPoints = std::variant<CounterPoints, GaugePoints, HistogramPoints, SummaryPoints,
                                  InfoPoints, UnknownPoints>;

// One family with its series. Texts and arrays are the snapshot's.
struct FamilyView {
  std::uint64_t id;            // identity for caches: never reused within a Metrics
  std::string_view name;       // the Prometheus name, prefix included: jobs_submitted_total
  std::string_view help;       // valid UTF-8, may be empty
  std::string_view unit;       // "seconds"; may be empty
  std::string_view otel_name;  // empty: derived from name and unit
  // label -> OpenTelemetry attribute, where they differ; "" -> attribute=value of every series
  const std::pair<std::string, std::string>* otel_attributes = nullptr;
  std::size_t otel_attribute_count = 0;  // how many of them
  bool additive = false;                 // a gauge that is a sum (OpenTelemetry: UpDownCounter)
  // Whether a name, its own or a label's, is not a legacy one (NameValidation): what a format
  // with narrower rules has to look at.
  bool utf8_names = false;
  // The points are differences since `delta_start_unix_nanos` (backends that asked for them);
  // otherwise totals since each series' start.
  bool delta = false;
  std::int64_t delta_start_unix_nanos = 0;  // nanoseconds since 1970
  // Labels that every series has besides its own (a series' own label of the same name
  // wins). Valid names, none twice.
  const Label* constant_labels = nullptr;
  std::size_t constant_label_count = 0;  // how many of them
  FamilyPoints points;                   // the values, one for each series

  // What the points are.
  MetricType type() const noexcept { return static_cast<MetricType>(points.index()); }
  // How many points there are.
  POLYMETER_EXPORT std::size_t size() const noexcept;
};

// Calls visit(name, value) for every label of a series: the constant ones that the series does
// not have itself, then its own.
template <class Visit>
void VisitLabels(const FamilyView& family, SeriesView series, Visit&& visit) {
  const LabelsView own = series.labels();
  for (std::size_t c = 0; c < family.constant_label_count; ++c) {
    bool shadowed = false;
    for (std::size_t i = 0; i < own.size() && !shadowed; ++i) {
      shadowed = own[i].name == family.constant_labels[c].name;
    }
    if (!shadowed) visit(family.constant_labels[c].name, family.constant_labels[c].value);
  }
  for (std::size_t i = 0; i < own.size(); ++i) {
    const Label label = own[i];
    visit(label.name, label.value);
  }
}

// Who measures: OpenTelemetry's resource, target_info in OpenMetrics. Attribute names are
// OpenTelemetry's (service.name, service.version, service.instance.id, ...).
struct Resource {
  std::vector<std::pair<std::string, std::string>> attributes;  // name, value
};

// All families of a Metrics at one instant.
class Snapshot {
 public:
  Snapshot() noexcept = default;  // no families, time 0
  explicit Snapshot(std::shared_ptr<const detail::SnapshotData> data) noexcept
      : data_(std::move(data)) {}

  // By name, ascending.
  POLYMETER_EXPORT const std::vector<FamilyView>& families() const noexcept;
  // Who measured.
  POLYMETER_EXPORT const Resource& resource() const noexcept;
  // When it was taken.
  POLYMETER_EXPORT SystemTime time() const noexcept;
  // The number of points in all families.
  POLYMETER_EXPORT std::size_t size() const noexcept;

 private:
  std::shared_ptr<const detail::SnapshotData> data_;
};

POLYMETER_END_NAMESPACE
