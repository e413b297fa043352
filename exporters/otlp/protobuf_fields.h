// The fields of metrics.proto that are written by hand, and how: to memory that has room. Internal
// to protobuf_request.cpp, whose constants these are. opentelemetry-proto metrics/v1/metrics.proto,
// common/v1/common.proto
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <protozero/varint.hpp>
#include <string_view>

#include "exporters/otlp/family_form.h"
#include "polymeter/snapshot.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace otlp_wire {

// --- fields ------------------------------------------------------------------------------------

constexpr char kLengthDelimited = 2;
constexpr char kFixed64 = 1;
// A tag in one byte: fields up to 15.
constexpr char Tag(int field, char wire_type) { return static_cast<char>(field << 3 | wire_type); }

constexpr char kResourceMetrics = Tag(1, kLengthDelimited);  // of the request
constexpr char kScopeMetrics = Tag(2, kLengthDelimited);     // of ResourceMetrics
constexpr char kInner = Tag(1, kLengthDelimited);  // Resource there, InstrumentationScope here
constexpr char kResourceAttribute = Tag(1, kLengthDelimited);
constexpr char kMetric = Tag(2, kLengthDelimited);     // of ScopeMetrics
constexpr char kPoint = Tag(1, kLengthDelimited);      // of every kind of data
constexpr char kTemporality = Tag(2, 0);               // of Sum and both histograms
constexpr char kMonotonic = Tag(3, 0);                 // of Sum
constexpr char kMetadata = Tag(12, kLengthDelimited);  // of Metric
// Of every kind of point.
constexpr char kStart = Tag(2, kFixed64);
constexpr char kTime = Tag(3, kFixed64);
// Of numbers.
constexpr char kAsDouble = Tag(4, kFixed64);
constexpr char kAsInt = Tag(6, kFixed64);
// Of distributions.
constexpr char kCount = Tag(4, kFixed64);
constexpr char kSum = Tag(5, kFixed64);
constexpr char kBucketCounts = Tag(6, kLengthDelimited);
constexpr char kExplicitBounds = Tag(7, kLengthDelimited);
constexpr char kQuantileValues = Tag(6, kLengthDelimited);
// Of exponential histograms.
constexpr char kScale = Tag(6, 0);
constexpr char kZeroCount = Tag(7, kFixed64);
constexpr char kPositive = Tag(8, kLengthDelimited);
constexpr char kNegative = Tag(9, kLengthDelimited);
constexpr char kZeroThreshold = Tag(14, kFixed64);
// Of their Buckets.
constexpr char kOffset = Tag(1, 0);
constexpr char kOffsetCounts = Tag(2, kLengthDelimited);
// Of Exemplar.
constexpr char kExemplarTime = Tag(2, kFixed64);
constexpr char kExemplarDouble = Tag(3, kFixed64);
constexpr char kExemplarInt = Tag(6, kFixed64);
constexpr char kSpanId = Tag(4, kLengthDelimited);
constexpr char kTraceId = Tag(5, kLengthDelimited);
constexpr char kFilteredAttribute = Tag(7, kLengthDelimited);
// Of ValueAtQuantile.
constexpr char kQuantile = Tag(1, kFixed64);
constexpr char kQuantileValue = Tag(2, kFixed64);

constexpr char kAttribute = Tag(7, kLengthDelimited);  // of numbers and summaries
constexpr char kHistogramAttribute = Tag(9, kLengthDelimited);
constexpr char kExponentialAttribute = Tag(1, kLengthDelimited);
// Of KeyValue and AnyValue.
constexpr char kKey = Tag(1, kLengthDelimited);
constexpr char kValue = Tag(2, kLengthDelimited);
constexpr char kTextValue = Tag(1, kLengthDelimited);
constexpr char kBoolValue = Tag(2, 0);
constexpr char kIntegerValue = Tag(3, 0);

constexpr char kDelta = 1;
constexpr char kCumulative = 2;

constexpr std::size_t kFixedField = 9;   // its tag and eight bytes
constexpr std::size_t kMostLength = 10;  // of a varint
constexpr std::size_t kQuantileSize = 2 * kFixedField;

inline char DataTag(OtlpData data) noexcept {
  switch (data) {
    case OtlpData::kGauge:
      return Tag(5, kLengthDelimited);
    case OtlpData::kSum:
      return Tag(7, kLengthDelimited);
    case OtlpData::kHistogram:
      return Tag(9, kLengthDelimited);
    case OtlpData::kExponentialHistogram:
      return Tag(10, kLengthDelimited);
    case OtlpData::kSummary:
      break;
  }
  return Tag(11, kLengthDelimited);
}

inline char AttributeTag(OtlpData data) noexcept {
  switch (data) {
    case OtlpData::kHistogram:
      return kHistogramAttribute;
    case OtlpData::kExponentialHistogram:
      return kExponentialAttribute;
    default:
      return kAttribute;
  }
}

inline char ExemplarTag(OtlpData data) noexcept {
  switch (data) {
    case OtlpData::kHistogram:
      return Tag(8, kLengthDelimited);
    case OtlpData::kExponentialHistogram:
      return Tag(11, kLengthDelimited);
    default:
      return Tag(5, kLengthDelimited);
  }
}

// --- writing to memory that has room -----------------------------------------------------------

inline std::size_t LengthSize(std::size_t length) noexcept {
  return static_cast<std::size_t>(protozero::length_of_varint(length));
}

// Of a length-delimited field.
inline std::size_t FieldSize(std::size_t length) noexcept {
  return 1 + LengthSize(length) + length;
}

inline char* WriteVarint(char* to, std::uint64_t value) noexcept {
  return to + protozero::add_varint_to_buffer(to, value);
}

inline char* WriteFixed(char* to, std::uint64_t value) noexcept {
  if constexpr (std::endian::native == std::endian::little) {
    std::memcpy(to, &value, 8);
  } else {
    for (int i = 0; i < 8; ++i) to[i] = static_cast<char>(value >> (8 * i));
  }
  return to + 8;
}
inline char* WriteFixed(char* to, double value) noexcept {
  return WriteFixed(to, std::bit_cast<std::uint64_t>(value));
}

template <class T>
char* WriteFixedField(char* to, char tag, T value) noexcept {
  *to = tag;
  return WriteFixed(to + 1, value);
}

inline char* WriteText(char* to, char tag, std::string_view text) noexcept {
  *to = tag;
  to = WriteVarint(to + 1, text.size());
  if (!text.empty()) std::memcpy(to, text.data(), text.size());
  return to + text.size();
}

inline std::size_t PackedSize(std::size_t count) noexcept {
  return count == 0 ? 0 : FieldSize(8 * count);
}
template <class T>
char* WritePacked(char* to, char tag, const T* values, std::size_t count) noexcept {
  if (count == 0) return to;
  *to = tag;
  to = WriteVarint(to + 1, 8 * count);
  for (std::size_t i = 0; i < count; ++i) to = WriteFixed(to, values[i]);
  return to;
}

// Prometheus' index of the first bucket is the index above OpenTelemetry's.
inline std::uint64_t OffsetOf(const NativeBuckets& buckets) noexcept {
  return protozero::encode_zigzag32(buckets.first - 1);
}
// The packed counts alone.
inline std::size_t CountsSize(const NativeBuckets& buckets) noexcept {
  std::size_t size = 0;
  for (std::uint32_t i = 0; i < buckets.size; ++i) size += LengthSize(buckets.counts[i]);
  return size;
}
// What is in Buckets that have `counts` bytes of counts.
inline std::size_t RangeSize(const NativeBuckets& buckets, std::size_t counts) noexcept {
  return 1 + LengthSize(OffsetOf(buckets)) + FieldSize(counts);
}
inline std::size_t RangeFieldSize(const NativeBuckets& buckets, std::size_t counts) noexcept {
  return buckets.size == 0 ? 0 : FieldSize(RangeSize(buckets, counts));
}
inline char* WriteRange(char* to, char tag, const NativeBuckets& buckets,
                        std::size_t counts) noexcept {
  if (buckets.size == 0) return to;
  *to = tag;
  to = WriteVarint(to + 1, RangeSize(buckets, counts));
  *to = kOffset;
  to = WriteVarint(to + 1, OffsetOf(buckets));
  *to = kOffsetCounts;
  to = WriteVarint(to + 1, counts);
  for (std::uint32_t i = 0; i < buckets.size; ++i) to = WriteVarint(to, buckets.counts[i]);
  return to;
}

inline std::size_t TimesSize(std::uint64_t start) noexcept {
  return start == 0 ? kFixedField : 2 * kFixedField;
}
inline char* WriteTimes(char* to, std::uint64_t start, std::uint64_t time) noexcept {
  if (start != 0) to = WriteFixedField(to, kStart, start);
  return WriteFixedField(to, kTime, time);
}

}  // namespace otlp_wire
}  // namespace detail
POLYMETER_END_NAMESPACE
