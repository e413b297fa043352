#include "exporters/otlp/json_request.h"

#include <cmath>
#include <cstdlib>

#include "exporters/common/encoding/json_text.h"
#include "exporters/otlp/scope.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

using encoding::AppendJsonString;
using encoding::kMostDigits;
using encoding::PaddedText;
using encoding::TextBuffer;

void AppendInteger(TextBuffer& out, std::uint64_t value) {
  out.Advance(encoding::WriteInteger(out.Room(kMostDigits), value));
}

// As a string: readers that know doubles only keep 2^53 and more.
void AppendQuotedInteger(TextBuffer& out, std::uint64_t value) {
  out.Append("\"");
  AppendInteger(out, value);
  out.Append("\"");
}

void AppendQuotedInteger(TextBuffer& out, std::int64_t value) {
  out.Append(value < 0 ? "\"-" : "\"");
  const auto bits = static_cast<std::uint64_t>(value);
  AppendInteger(out, value < 0 ? 0 - bits : bits);
  out.Append("\"");
}

// What is not finite has protobuf's words.
void AppendDouble(TextBuffer& out, double value) {
  if (std::isnan(value)) {
    out.Append("\"NaN\"");
  } else if (std::isinf(value)) {
    out.Append(value > 0 ? "\"Infinity\"" : "\"-Infinity\"");
  } else {
    out.Advance(encoding::WriteJsonDouble(out.Room(encoding::kMostJsonNumber), value));
  }
}

void AppendKeyValue(TextBuffer& out, const Attribute& attribute) {
  out.Append("{\"key\":");
  AppendJsonString(out, attribute.key);
  out.Append(",\"value\":{");
  switch (attribute.type) {
    case Attribute::Type::kText:
      out.Append("\"stringValue\":");
      AppendJsonString(out, attribute.text);
      break;
    case Attribute::Type::kInteger:
      out.Append("\"intValue\":");
      AppendQuotedInteger(out, attribute.integer);
      break;
    case Attribute::Type::kBool:
      out.Append(attribute.integer != 0 ? "\"boolValue\":true" : "\"boolValue\":false");
      break;
  }
  out.Append("}}");
}

void AppendKeyValues(TextBuffer& out, const std::vector<Attribute>& attributes) {
  bool first = true;
  for (const Attribute& attribute : attributes) {
    if (!first) out.Append(",");
    first = false;
    AppendKeyValue(out, attribute);
  }
}

template <class T, class Append>
void AppendList(TextBuffer& out, const T* values, std::size_t count, Append append) {
  for (std::size_t i = 0; i < count; ++i) {
    if (i != 0) out.Append(",");
    append(out, values[i]);
  }
}

void AppendNumber(TextBuffer& out, std::int32_t value) {
  if (value < 0) out.Append("-");
  AppendInteger(out, static_cast<std::uint64_t>(std::abs(std::int64_t{value})));
}

// A range of an exponential histogram, after another member; nothing where it is empty.
void AppendRange(TextBuffer& out, std::string_view key, const NativeBuckets& buckets) {
  if (buckets.size == 0) return;
  out.Append(",\"");
  out.Append(key);
  out.Append("\":{\"offset\":");
  AppendNumber(out, buckets.first - 1);  // Prometheus' index is the one above OpenTelemetry's
  out.Append(",\"bucketCounts\":[");
  AppendList(out, buckets.counts, buckets.size,
             [](TextBuffer& to, std::uint64_t count) { AppendQuotedInteger(to, count); });
  out.Append("]}");
}

void AppendJsonExemplar(TextBuffer& out, const Exemplar& exemplar, bool integer,
                        const std::vector<Attribute>& attributes) {
  out.Append("{");
  if (!attributes.empty()) {
    out.Append("\"filteredAttributes\":[");
    AppendKeyValues(out, attributes);
    out.Append("],");
  }
  if (const std::uint64_t time = TimeOf(exemplar); time != 0) {
    out.Append("\"timeUnixNano\":");
    AppendQuotedInteger(out, time);
    out.Append(",");
  }
  if (integer) {
    out.Append("\"asInt\":");
    AppendQuotedInteger(out, static_cast<std::int64_t>(exemplar.value));
  } else {
    out.Append("\"asDouble\":");
    AppendDouble(out, exemplar.value);
  }
  if (exemplar.trace.valid()) {
    // In hex, unlike other bytes.
    const auto span = exemplar.trace.SpanIdHex();
    const auto trace = exemplar.trace.TraceIdHex();
    out.Append(",\"spanId\":\"");
    out.Append({span.data(), span.size()});
    out.Append("\",\"traceId\":\"");
    out.Append({trace.data(), trace.size()});
    out.Append("\"");
  }
  out.Append("}");
}

std::string_view DataKey(OtlpData data) noexcept {
  switch (data) {
    case OtlpData::kGauge:
      return "\"gauge\":{\"dataPoints\":[";
    case OtlpData::kSum:
      return "\"sum\":{\"dataPoints\":[";
    case OtlpData::kHistogram:
      return "\"histogram\":{\"dataPoints\":[";
    case OtlpData::kExponentialHistogram:
      return "\"exponentialHistogram\":{\"dataPoints\":[";
    case OtlpData::kSummary:
      break;
  }
  return "\"summary\":{\"dataPoints\":[";
}

}  // namespace

void JsonRequest::AppendHead(TextBuffer& out, const FamilyForm& form) {
  out.Append("{\"name\":");
  AppendJsonString(out, form.name);
  if (!form.description.empty()) {
    out.Append(",\"description\":");
    AppendJsonString(out, form.description);
  }
  if (!form.unit.empty()) {
    out.Append(",\"unit\":");
    AppendJsonString(out, form.unit);
  }
  out.Append(",");
}

void JsonRequest::AppendAttributes(TextBuffer& out, OtlpData,
                                   const std::vector<Attribute>& attributes) {
  if (attributes.empty()) return;
  out.Append(",\"attributes\":[");
  AppendKeyValues(out, attributes);
  out.Append("]");
}

void JsonRequest::AppendExemplars(TextBuffer& out, OtlpData, const ExemplarList& list,
                                  Attributes& scratch) {
  out.Append(",\"exemplars\":[");
  bool first = true;
  for (const Exemplar* const exemplar : list.exemplars) {
    if (!first) out.Append(",");
    first = false;
    AppendJsonExemplar(out, *exemplar, IsInteger(*exemplar, list.integers), scratch.Of(*exemplar));
  }
  out.Append("]");
}

JsonRequest::JsonRequest(const Resource& resource, TextBuffer& body) : body_(body) {
  body_.Clear();
  TextBuffer before;
  before.Append("{\"resourceMetrics\":[{\"resource\":{\"attributes\":[");
  Attributes attributes;
  AppendKeyValues(before, attributes.Of(resource));
  before.Append("]},\"scopeMetrics\":[{\"scope\":{\"name\":");
  AppendJsonString(before, kScopeName);
  before.Append(",\"version\":");
  AppendJsonString(before, kScopeVersion);
  before.Append("},\"metrics\":[");
  before_ = std::string_view(before.text());
}

void JsonRequest::Open(const FamilyForm& form, PaddedText head) {
  form_ = form;
  metric_begin_ = body_.size();
  if (metric_begin_ != 0) body_.Append(",");
  body_.Append(head);
  body_.Append(DataKey(form.data));
  points_begin_ = body_.size();
}

void JsonRequest::Close() {
  if (body_.size() == points_begin_) return TakeBack(metric_begin_);
  body_.Append("]");
  if (HasTemporality(form_.data)) {
    body_.Append(form_.delta ? ",\"aggregationTemporality\":1" : ",\"aggregationTemporality\":2");
    if (form_.monotonic) body_.Append(",\"isMonotonic\":true");
  }
  body_.Append("}");
  if (!form_.prometheus_type.empty()) {
    body_.Append(",\"metadata\":[");
    AppendKeyValue(body_, {"prometheus.type", Attribute::Type::kText, form_.prometheus_type});
    body_.Append("]");
  }
  body_.Append("}");
}

void JsonRequest::StartPoint(PaddedText attributes, std::uint64_t start, std::uint64_t time) {
  if (body_.size() != points_begin_) body_.Append(",");
  body_.Append("{");
  if (start != 0) {
    body_.Append("\"startTimeUnixNano\":");
    AppendQuotedInteger(body_, start);
    body_.Append(",");
  }
  body_.Append("\"timeUnixNano\":");
  AppendQuotedInteger(body_, time);
  body_.Append(attributes);
}

void JsonRequest::Integer(PaddedText attributes, std::uint64_t start, std::uint64_t time,
                          std::int64_t value) {
  StartPoint(attributes, start, time);
  body_.Append(",\"asInt\":");
  AppendQuotedInteger(body_, value);
  EndPoint();
}

void JsonRequest::Double(PaddedText attributes, std::uint64_t start, std::uint64_t time,
                         double value) {
  StartPoint(attributes, start, time);
  body_.Append(",\"asDouble\":");
  AppendDouble(body_, value);
  EndPoint();
}

void JsonRequest::Histogram(PaddedText attributes, std::uint64_t start, std::uint64_t time,
                            const HistogramPoint& point) {
  StartPoint(attributes, start, time);
  body_.Append(",\"count\":");
  AppendQuotedInteger(body_, point.count);
  if (HasSum(point)) {
    body_.Append(",\"sum\":");
    AppendDouble(body_, point.sum);
  }
  body_.Append(",\"bucketCounts\":[");
  AppendList(body_, point.buckets, std::size_t{point.bound_count} + 1,
             [](TextBuffer& out, std::uint64_t count) { AppendQuotedInteger(out, count); });
  body_.Append("],\"explicitBounds\":[");
  AppendList(body_, point.bounds, point.bound_count, AppendDouble);
  body_.Append("]");
  EndPoint();
}

void JsonRequest::ExponentialHistogram(PaddedText attributes, std::uint64_t start,
                                       std::uint64_t time, const HistogramPoint& point) {
  const NativeHistogram& native = *point.native;
  const std::uint64_t count = ExponentialCount(native);
  StartPoint(attributes, start, time);
  body_.Append(",\"count\":");
  AppendQuotedInteger(body_, count);
  if (HasExponentialSum(point, count)) {
    body_.Append(",\"sum\":");
    AppendDouble(body_, point.sum);
  }
  body_.Append(",\"scale\":");
  AppendNumber(body_, native.schema);
  body_.Append(",\"zeroCount\":");
  AppendQuotedInteger(body_, native.zero_count);
  AppendRange(body_, "positive", native.positive);
  AppendRange(body_, "negative", native.negative);
  if (native.zero_threshold != 0) {
    body_.Append(",\"zeroThreshold\":");
    AppendDouble(body_, native.zero_threshold);
  }
  EndPoint();
}

void JsonRequest::Summary(PaddedText attributes, std::uint64_t start, std::uint64_t time,
                          std::uint64_t count, double sum, const std::vector<Quantile>& quantiles) {
  StartPoint(attributes, start, time);
  body_.Append(",\"count\":");
  AppendQuotedInteger(body_, count);
  if (sum != 0) {  // not optional: 0 is what is not there
    body_.Append(",\"sum\":");
    AppendDouble(body_, sum);
  }
  body_.Append(",\"quantileValues\":[");
  AppendList(body_, quantiles.data(), quantiles.size(), [](TextBuffer& out, const Quantile& q) {
    out.Append("{\"quantile\":");
    AppendDouble(out, q.quantile);
    out.Append(",\"value\":");
    AppendDouble(out, q.value);
    out.Append("}");
  });
  body_.Append("]");
  EndPoint();
}

void JsonRequest::TakeBack(std::size_t mark) noexcept { body_.Advance(body_.text().data + mark); }

bool JsonRequest::Flush(MessageSink& sink) {
  body_.Append("]}]}]}");
  const bool ok = sink.Append(before_) && sink.Append(body_.text());
  body_.Clear();
  return ok;
}

}  // namespace detail
POLYMETER_END_NAMESPACE
