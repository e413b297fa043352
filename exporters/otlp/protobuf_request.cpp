#include "exporters/otlp/protobuf_request.h"

#include <cstring>
#include <protozero/pbf_builder.hpp>
#include <protozero/varint.hpp>

#include "exporters/otlp/protobuf_fields.h"
#include "exporters/otlp/scope.h"
#include "sdk/src/text.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

using encoding::CopyPadded;
using encoding::PaddedText;
using encoding::TextBuffer;

using namespace otlp_wire;

enum class ScopeField : protozero::pbf_tag_type { kName = 1, kVersion = 2 };
enum class MetricField : protozero::pbf_tag_type { kName = 1, kDescription = 2, kUnit = 3 };

// --- texts -------------------------------------------------------------------------------------

std::string Checked(std::string_view text) {
  return IsUtf8(text) ? std::string(text) : ToUtf8(text);
}

std::size_t AnyValueSize(const Attribute& attribute) noexcept {
  switch (attribute.type) {
    case Attribute::Type::kText:
      return FieldSize(attribute.text.size());
    case Attribute::Type::kInteger:
      return 1 + LengthSize(static_cast<std::uint64_t>(attribute.integer));
    case Attribute::Type::kBool:
      break;
  }
  return 2;
}

// Written also when it is empty, 0 or false: it says which kind of value there is.
char* WriteAnyValue(char* to, const Attribute& attribute) noexcept {
  switch (attribute.type) {
    case Attribute::Type::kText:
      return WriteText(to, kTextValue, attribute.text);
    case Attribute::Type::kInteger:
      *to = kIntegerValue;
      return WriteVarint(to + 1, static_cast<std::uint64_t>(attribute.integer));
    case Attribute::Type::kBool:
      break;
  }
  *to++ = kBoolValue;
  *to++ = attribute.integer != 0 ? 1 : 0;
  return to;
}

std::size_t KeyValueSize(const Attribute& attribute) noexcept {
  return FieldSize(attribute.key.size()) + FieldSize(AnyValueSize(attribute));
}

// A KeyValue as the field `tag` of what contains it.
void AppendKeyValue(TextBuffer& out, char tag, const Attribute& attribute) {
  const std::size_t value_size = AnyValueSize(attribute);
  const std::size_t size = KeyValueSize(attribute);
  char* to = out.Room(FieldSize(size));
  *to = tag;
  to = WriteText(WriteVarint(to + 1, size), kKey, attribute.key);
  *to = kValue;
  out.Advance(WriteAnyValue(WriteVarint(to + 1, value_size), attribute));
}

void AppendExemplar(TextBuffer& out, char tag, const Exemplar& exemplar, bool integer,
                    const std::vector<Attribute>& attributes) {
  const std::uint64_t time = TimeOf(exemplar);
  const bool traced = exemplar.trace.valid();
  std::size_t size = kFixedField + (time != 0 ? kFixedField : 0);
  if (traced) {
    size += FieldSize(exemplar.trace.span_id.size()) + FieldSize(exemplar.trace.trace_id.size());
  }
  for (const Attribute& attribute : attributes) size += FieldSize(KeyValueSize(attribute));
  char* to = out.Room(FieldSize(size));
  *to = tag;
  to = WriteVarint(to + 1, size);
  if (time != 0) to = WriteFixedField(to, kExemplarTime, time);
  if (integer) {
    to = WriteFixedField(to, kExemplarInt,
                         static_cast<std::uint64_t>(static_cast<std::int64_t>(exemplar.value)));
  } else {
    to = WriteFixedField(to, kExemplarDouble, exemplar.value);
  }
  if (traced) {
    const auto bytes = [](const auto& id) {
      return std::string_view(reinterpret_cast<const char*>(id.data()), id.size());
    };
    to = WriteText(to, kSpanId, bytes(exemplar.trace.span_id));
    to = WriteText(to, kTraceId, bytes(exemplar.trace.trace_id));
  }
  out.Advance(to);
  for (const Attribute& attribute : attributes) AppendKeyValue(out, kFilteredAttribute, attribute);
}

std::string EncodedResource(const Resource& resource) {
  TextBuffer out;
  Attributes attributes;
  for (const Attribute& attribute : attributes.Of(resource)) {
    AppendKeyValue(out, kResourceAttribute, attribute);
  }
  return std::string(std::string_view(out.text()));
}

std::string EncodedScope() {
  std::string out;
  protozero::pbf_builder<ScopeField> builder(out);
  builder.add_string(ScopeField::kName, kScopeName.data(), kScopeName.size());
  builder.add_string(ScopeField::kVersion, kScopeVersion.data(), kScopeVersion.size());
  return out;
}

std::string AsField(char tag, const std::string& message) {
  std::string out(1 + kMostLength, '\0');
  out[0] = tag;
  out.resize(static_cast<std::size_t>(WriteVarint(out.data() + 1, message.size()) - out.data()));
  return out + message;
}

}  // namespace

void ProtobufRequest::AppendHead(TextBuffer& out, const FamilyForm& form) {
  std::string head;
  protozero::pbf_builder<MetricField> builder(head);
  builder.add_string(MetricField::kName, Checked(form.name));
  if (!form.description.empty()) {
    builder.add_string(MetricField::kDescription, Checked(form.description));
  }
  if (!form.unit.empty()) builder.add_string(MetricField::kUnit, Checked(form.unit));
  out.Append(head);
}

void ProtobufRequest::AppendAttributes(TextBuffer& out, OtlpData data,
                                       const std::vector<Attribute>& attributes) {
  for (const Attribute& attribute : attributes) {
    AppendKeyValue(out, AttributeTag(data), attribute);
  }
}

void ProtobufRequest::AppendExemplars(TextBuffer& out, OtlpData data, const ExemplarList& list,
                                      Attributes& scratch) {
  for (const Exemplar* const exemplar : list.exemplars) {
    AppendExemplar(out, ExemplarTag(data), *exemplar, IsInteger(*exemplar, list.integers),
                   scratch.Of(*exemplar));
  }
}

ProtobufRequest::ProtobufRequest(const Resource& resource, TextBuffer& body)
    : body_(body),
      resource_(AsField(kInner, EncodedResource(resource))),
      scope_(AsField(kInner, EncodedScope())),
      before_(2 * (1 + kMostLength) + resource_.size() + scope_.size()) {
  body_.Clear();
}

void ProtobufRequest::Open(const FamilyForm& form, PaddedText head) {
  form_ = form;
  head_ = head;
  metric_begin_ = body_.size();
  const std::size_t room = head.size + 2 * (1 + kMostLength);
  body_.Advance(body_.Room(room) + room);
  points_begin_ = body_.size();
}

void ProtobufRequest::Close() {
  const char* const begin = body_.text().data;
  if (body_.size() == points_begin_) {
    body_.Advance(begin + metric_begin_);
    return;
  }
  char* to = body_.Room(kMostTail);
  if (HasTemporality(form_.data)) {
    *to++ = kTemporality;
    *to++ = form_.delta ? kDelta : kCumulative;
    if (form_.monotonic) {
      *to++ = kMonotonic;
      *to++ = 1;
    }
  }
  body_.Advance(to);
  const std::size_t data_size = body_.size() - points_begin_;
  if (!form_.prometheus_type.empty()) {
    AppendKeyValue(body_, kMetadata,
                   {"prometheus.type", Attribute::Type::kText, form_.prometheus_type});
  }
  const std::size_t tail_size = body_.size() - points_begin_ - data_size;

  const std::size_t data_head = 1 + LengthSize(data_size);
  const std::size_t metric_size = head_.size + data_head + data_size + tail_size;
  const std::size_t metric_head = 1 + LengthSize(metric_size);
  const std::size_t start = points_begin_ - data_head - head_.size - metric_head;
  // In the room that Open left.
  to = body_.Room(0) - body_.size() + start;
  *to = kMetric;
  to = WriteVarint(to + 1, metric_size);
  if (head_.size != 0) std::memcpy(to, head_.data, head_.size);
  to += head_.size;
  *to = DataTag(form_.data);
  WriteVarint(to + 1, data_size);
  gaps_.emplace_back(metric_begin_, start);
}

char* ProtobufRequest::StartPoint(std::size_t size) {
  char* const to = body_.Room(1 + kMostLength + size);
  *to = kPoint;
  return WriteVarint(to + 1, size);
}

void ProtobufRequest::Integer(PaddedText attributes, std::uint64_t start, std::uint64_t time,
                              std::int64_t value) {
  char* to = StartPoint(TimesSize(start) + kFixedField + attributes.size);
  to = WriteTimes(to, start, time);
  to = WriteFixedField(to, kAsInt, static_cast<std::uint64_t>(value));
  body_.Advance(CopyPadded(to, attributes));
}

void ProtobufRequest::Double(PaddedText attributes, std::uint64_t start, std::uint64_t time,
                             double value) {
  char* to = StartPoint(TimesSize(start) + kFixedField + attributes.size);
  to = WriteTimes(to, start, time);
  to = WriteFixedField(to, kAsDouble, value);
  body_.Advance(CopyPadded(to, attributes));
}

void ProtobufRequest::Histogram(PaddedText attributes, std::uint64_t start, std::uint64_t time,
                                const HistogramPoint& point) {
  const bool has_sum = HasSum(point);
  const std::size_t bounds = point.bound_count;
  char* to = StartPoint(TimesSize(start) + kFixedField + (has_sum ? kFixedField : 0) +
                        PackedSize(bounds + 1) + PackedSize(bounds) + attributes.size);
  to = WriteTimes(to, start, time);
  to = WriteFixedField(to, kCount, point.count);
  if (has_sum) to = WriteFixedField(to, kSum, point.sum);
  to = WritePacked(to, kBucketCounts, point.buckets, bounds + 1);
  to = WritePacked(to, kExplicitBounds, point.bounds, bounds);
  body_.Advance(CopyPadded(to, attributes));
}

void ProtobufRequest::ExponentialHistogram(PaddedText attributes, std::uint64_t start,
                                           std::uint64_t time, const HistogramPoint& point) {
  const NativeHistogram& native = *point.native;
  const std::uint64_t count = ExponentialCount(native);
  const bool has_sum = HasExponentialSum(point, count);
  const bool has_threshold = native.zero_threshold != 0;
  const std::uint64_t scale = protozero::encode_zigzag32(native.schema);
  const std::size_t positive = CountsSize(native.positive);
  const std::size_t negative = CountsSize(native.negative);
  char* to = StartPoint(TimesSize(start) + 2 * kFixedField + (has_sum ? kFixedField : 0) + 1 +
                        LengthSize(scale) + RangeFieldSize(native.positive, positive) +
                        RangeFieldSize(native.negative, negative) +
                        (has_threshold ? kFixedField : 0) + attributes.size);
  to = WriteTimes(to, start, time);
  to = WriteFixedField(to, kCount, count);
  if (has_sum) to = WriteFixedField(to, kSum, point.sum);
  *to = kScale;
  to = WriteVarint(to + 1, scale);
  to = WriteFixedField(to, kZeroCount, native.zero_count);
  to = WriteRange(to, kPositive, native.positive, positive);
  to = WriteRange(to, kNegative, native.negative, negative);
  if (has_threshold) to = WriteFixedField(to, kZeroThreshold, native.zero_threshold);
  body_.Advance(CopyPadded(to, attributes));
}

void ProtobufRequest::Summary(PaddedText attributes, std::uint64_t start, std::uint64_t time,
                              std::uint64_t count, double sum,
                              const std::vector<Quantile>& quantiles) {
  static_assert(kQuantileSize < 128);  // one byte of length
  const bool has_sum = sum != 0;       // not optional: 0 is what is not there
  char* to = StartPoint(TimesSize(start) + kFixedField + (has_sum ? kFixedField : 0) +
                        quantiles.size() * (2 + kQuantileSize) + attributes.size);
  to = WriteTimes(to, start, time);
  to = WriteFixedField(to, kCount, count);
  if (has_sum) to = WriteFixedField(to, kSum, sum);
  for (const Quantile& quantile : quantiles) {
    *to++ = kQuantileValues;
    *to++ = static_cast<char>(kQuantileSize);
    to = WriteFixedField(to, kQuantile, quantile.quantile);
    to = WriteFixedField(to, kQuantileValue, quantile.value);
  }
  body_.Advance(CopyPadded(to, attributes));
}

void ProtobufRequest::TakeBack(std::size_t mark) noexcept {
  body_.Advance(body_.text().data + mark);
}

bool ProtobufRequest::Flush(MessageSink& sink) {
  std::size_t metrics = body_.size();
  for (const auto& [begin, end] : gaps_) metrics -= end - begin;
  const std::size_t scope_metrics = scope_.size() + metrics;
  const std::size_t resource_metrics =
      resource_.size() + 1 + LengthSize(scope_metrics) + scope_metrics;
  char lengths[2 * (1 + kMostLength)];
  char* to = lengths;
  *to = kResourceMetrics;
  to = WriteVarint(to + 1, resource_metrics);
  std::string before(lengths, to);
  before += resource_;
  to = lengths;
  *to = kScopeMetrics;
  to = WriteVarint(to + 1, scope_metrics);
  before.append(lengths, to);
  before += scope_;

  bool ok = sink.Append(before);
  const std::string_view body = body_.text();
  std::size_t next = 0;
  for (const auto& [begin, end] : gaps_) {
    if (ok && begin != next) ok = sink.Append(body.substr(next, begin - next));
    next = end;
  }
  if (ok) ok = sink.Append(body.substr(next));
  body_.Clear();
  gaps_.clear();
  return ok;
}

}  // namespace detail
POLYMETER_END_NAMESPACE
