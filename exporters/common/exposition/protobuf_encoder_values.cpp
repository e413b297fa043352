#include "exporters/common/exposition/protobuf_encoder_values.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "exporters/common/encoding/protobuf_wire.h"
#include "exporters/common/exposition/protobuf_encoder_fields.h"
#include "sdk/src/text.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

namespace fields = prometheus_fields;
using encoding::PaddedText;
using encoding::TextBuffer;

constexpr std::size_t kMostTimestamp = 2 * encoding::kMostFieldHead;
constexpr std::size_t kDoubleSize = 9;  // of a field: its tag and eight bytes

// Of a Bucket without an exemplar: below 128, so that its length is one byte.
std::size_t BucketSize(std::uint64_t cumulative) noexcept {
  return 1 + encoding::VarintSize(cumulative) + kDoubleSize;
}

char* WriteTimestamp(char* to, std::uint32_t field, std::int64_t unix_nanos) noexcept {
  constexpr std::int64_t kSecond = 1000000000;
  const auto seconds = static_cast<std::uint64_t>(unix_nanos / kSecond);
  const auto nanos = static_cast<std::uint64_t>(unix_nanos % kSecond);
  const std::size_t size =
      1 + encoding::VarintSize(seconds) + (nanos == 0 ? 0 : 1 + encoding::VarintSize(nanos));
  to = encoding::WriteFieldHead(to, field, size);
  to = encoding::WriteVarintField(to, fields::kSeconds, seconds);
  return nanos == 0 ? to : encoding::WriteVarintField(to, fields::kNanos, nanos);
}

// Whether it is an example of the explicit bucket that it names.
bool IsInItsBucket(const HistogramPoint& point, const Exemplar& exemplar) noexcept {
  const std::uint32_t bucket = exemplar.bucket;
  return (bucket == point.bound_count || exemplar.value <= point.bounds[bucket]) &&
         (bucket == 0 || exemplar.value > point.bounds[bucket - 1]);
}

}  // namespace

std::size_t LabelPairSize(std::uint32_t field, std::size_t name, std::size_t value) noexcept {
  return encoding::FieldSize(field, encoding::FieldSize(fields::kLabelName, name) +
                                        encoding::FieldSize(fields::kLabelValue, value));
}

void AppendLabelPair(TextBuffer& out, std::uint32_t field, std::string_view name,
                     std::string_view value) {
  if (!IsAscii(name) || !IsAscii(value)) {
    if (!IsUtf8(name)) return AppendLabelPair(out, field, ToUtf8(name), value);
    if (!IsUtf8(value)) return AppendLabelPair(out, field, name, ToUtf8(value));
  }
  const std::size_t size = encoding::FieldSize(fields::kLabelName, name.size()) +
                           encoding::FieldSize(fields::kLabelValue, value.size());
  char* to = out.Room(3 * encoding::kMostFieldHead + name.size() + value.size());
  const auto text = [&to](std::uint32_t of, std::string_view bytes) {
    to = encoding::WriteFieldHead(to, of, bytes.size());
    if (!bytes.empty()) std::memcpy(to, bytes.data(), bytes.size());
    to += bytes.size();
  };
  to = encoding::WriteFieldHead(to, field, size);
  text(fields::kLabelName, name);
  text(fields::kLabelValue, value);
  out.Advance(to);
}

PaddedText ProtobufValues::Number(std::uint32_t metric_field, double value) {
  value_.Clear();
  char* to = value_.Room(2 * encoding::kMostFieldHead);
  to = encoding::WriteFieldHead(to, metric_field, kDoubleSize);
  value_.Advance(encoding::WriteDoubleField(to, fields::kValue, value));
  return value_.text();
}

void ProtobufValues::BeginBody() {
  body_.Clear();
  body_.Advance(body_.Room(encoding::kMostFieldHead) + encoding::kMostFieldHead);
}

PaddedText ProtobufValues::Body(std::uint32_t metric_field) {
  const std::size_t size = body_.size() - encoding::kMostFieldHead;
  const std::size_t whole = encoding::FieldSize(metric_field, size);
  // In front of what follows it, in the room that BeginBody left.
  char* const begin = body_.Room(0) - whole;
  encoding::WriteFieldHead(begin, metric_field, size);
  return {begin, whole};
}

PaddedText ProtobufValues::Of(const GaugePoint& point) {
  return Number(fields::kMetricGauge, point.value);
}
PaddedText ProtobufValues::Of(const UnknownPoint& point) {
  return Number(fields::kMetricUntyped, point.value);
}
PaddedText ProtobufValues::Of(const InfoPoint&) { return Number(fields::kMetricGauge, 1); }

PaddedText ProtobufValues::Of(const CounterPoint& point) {
  if (point.exemplar == nullptr && !created_) {
    return Number(fields::kMetricCounter, point.value());
  }
  BeginBody();
  encoding::AppendDoubleField(body_, fields::kValue, point.value());
  if (point.exemplar != nullptr) {
    encoding::AppendField(body_, fields::kCounterExemplar, Message(*point.exemplar));
  }
  AppendCreated(fields::kCounterCreated, point.series);
  return Body(fields::kMetricCounter);
}

PaddedText ProtobufValues::Of(const SummaryPoint& point) {
  constexpr std::size_t kQuantileSize = 2 * kDoubleSize;
  BeginBody();
  encoding::AppendVarintField(body_, fields::kSampleCount, point.count);
  encoding::AppendDoubleField(body_, fields::kSampleSum, point.sum);
  for (std::uint32_t i = 0; i < point.quantile_count; ++i) {
    char* to = body_.Room(2 + kQuantileSize);
    to = encoding::WriteFieldHead(to, fields::kSummaryQuantile, kQuantileSize);
    to = encoding::WriteDoubleField(to, fields::kQuantile, point.quantiles[i].quantile);
    body_.Advance(encoding::WriteDoubleField(to, fields::kQuantileValue, point.quantiles[i].value));
  }
  AppendCreated(fields::kSummaryCreated, point.series);
  return Body(fields::kMetricSummary);
}

PaddedText ProtobufValues::Of(const HistogramPoint& point) {
  const bool native = point.native != nullptr && IsWritableNative(*point.native, point.sum);
  if (point.native != nullptr && !native && point.bound_count == 0) return TextBuffer().text();
  // Readers of exponential buckets want their sum here and nothing else. They are read after the
  // explicit ones: where those are behind, the difference is above the last bound.
  const std::uint64_t count = native ? point.native->count : point.count;
  BeginBody();
  encoding::AppendVarintField(body_, fields::kSampleCount, count);
  encoding::AppendDoubleField(body_, fields::kSampleSum, point.sum);
  if (!native || point.bound_count != 0) AppendBuckets(point, count);
  if (native) native_.Append(body_, *point.native);
  AppendCreated(fields::kHistogramCreated, point.series);
  if (native) AppendExemplars(point);
  return Body(fields::kMetricHistogram);
}

std::size_t ProtobufValues::SizeOf(const HistogramPoint& point) {
  if (point.native != nullptr || point.exemplar_count != 0 || created_) return Of(point).size;
  std::size_t size = 1 + encoding::VarintSize(point.count) + kDoubleSize;
  std::uint64_t cumulative = 0;
  for (std::uint32_t i = 0; i < point.bound_count; ++i) {
    cumulative = std::min(cumulative + point.buckets[i], point.count);  // as AppendBuckets does
    size += 2 + BucketSize(cumulative);
  }
  return encoding::FieldSize(fields::kMetricHistogram, size);
}

void ProtobufValues::AppendBuckets(const HistogramPoint& point, std::uint64_t most) {
  std::uint64_t cumulative = 0;
  std::uint32_t next = 0;
  for (std::uint32_t i = 0; i <= point.bound_count; ++i) {
    const bool last = i == point.bound_count;
    const Exemplar* exemplar = nullptr;
    for (; next < point.exemplar_count && point.exemplars[next].bucket <= i; ++next) {
      const Exemplar& candidate = point.exemplars[next];
      if (candidate.bucket == i && IsInItsBucket(point, candidate)) exemplar = &candidate;
    }
    if (last && exemplar == nullptr) return;
    cumulative = last ? most : std::min(cumulative + point.buckets[i], most);
    const double bound = last ? std::numeric_limits<double>::infinity() : point.bounds[i];
    std::size_t size = BucketSize(cumulative);
    if (exemplar != nullptr) {
      size += encoding::FieldSize(fields::kBucketExemplar, Message(*exemplar).size);
    }
    char* to = body_.Room(3 * encoding::kMostFieldHead);
    to = encoding::WriteFieldHead(to, fields::kBucket, size);
    to = encoding::WriteVarintField(to, fields::kCumulativeCount, cumulative);
    body_.Advance(encoding::WriteDoubleField(to, fields::kUpperBound, bound));
    if (exemplar != nullptr) {
      encoding::AppendField(body_, fields::kBucketExemplar, exemplar_.text());
    }
  }
}

// Readers of exponential buckets keep those of all buckets in one series: they drop one without a
// time, and one that is older than another before it.
void ProtobufValues::AppendExemplars(const HistogramPoint& point) {
  by_time_.clear();
  for (std::uint32_t i = 0; i < point.exemplar_count; ++i) {
    if (point.exemplars[i].unix_nanos > 0) by_time_.push_back(&point.exemplars[i]);
  }
  std::stable_sort(by_time_.begin(), by_time_.end(), [](const Exemplar* a, const Exemplar* b) {
    return a->unix_nanos < b->unix_nanos;
  });
  for (const Exemplar* const exemplar : by_time_) {
    encoding::AppendField(body_, fields::kHistogramExemplar, Message(*exemplar));
  }
}

void ProtobufValues::AppendCreated(std::uint32_t field, SeriesView series) {
  if (!created_ || series.start_unix_nanos() <= 0) return;
  body_.Advance(WriteTimestamp(body_.Room(kMostTimestamp), field, series.start_unix_nanos()));
}

PaddedText ProtobufValues::Message(const Exemplar& exemplar) {
  constexpr std::string_view kTraceId = "trace_id";
  constexpr std::string_view kSpanId = "span_id";
  exemplar_.Clear();
  const bool traced = exemplar.trace.valid();
  if (traced) {
    const auto trace = exemplar.trace.TraceIdHex();
    const auto span = exemplar.trace.SpanIdHex();
    AppendLabelPair(exemplar_, fields::kExemplarLabel, kTraceId, {trace.data(), trace.size()});
    AppendLabelPair(exemplar_, fields::kExemplarLabel, kSpanId, {span.data(), span.size()});
  }
  for (std::uint32_t i = 0; i < exemplar.label_count; ++i) {
    const Label& label = exemplar.labels[i];
    if (traced && (label.name == kTraceId || label.name == kSpanId)) continue;
    AppendLabelPair(exemplar_, fields::kExemplarLabel, EscapedLabelName(label.name, escaping_),
                    label.value);
  }
  encoding::AppendDoubleField(exemplar_, fields::kExemplarValue, exemplar.value);
  if (exemplar.unix_nanos > 0) {
    exemplar_.Advance(
        WriteTimestamp(exemplar_.Room(kMostTimestamp), fields::kExemplarTime, exemplar.unix_nanos));
  }
  return exemplar_.text();
}

}  // namespace detail
POLYMETER_END_NAMESPACE
