// The fields of io.prometheus.client's messages (client_model, metrics.proto; proto2, so that what
// is 0 is written where it means something).
#pragma once

#include <cstdint>

#include "polymeter/export.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace prometheus_fields {

using Field = std::uint32_t;

// MetricFamily
constexpr Field kFamilyName = 1;
constexpr Field kFamilyHelp = 2;
constexpr Field kFamilyType = 3;  // MetricType
constexpr Field kFamilyMetric = 4;
constexpr Field kFamilyUnit = 5;

// MetricType
constexpr std::uint64_t kCounterType = 0;
constexpr std::uint64_t kGaugeType = 1;
constexpr std::uint64_t kSummaryType = 2;
constexpr std::uint64_t kUntypedType = 3;
constexpr std::uint64_t kHistogramType = 4;

// Metric
constexpr Field kMetricLabel = 1;
constexpr Field kMetricGauge = 2;
constexpr Field kMetricCounter = 3;
constexpr Field kMetricSummary = 4;
constexpr Field kMetricUntyped = 5;
constexpr Field kMetricHistogram = 7;

// LabelPair
constexpr Field kLabelName = 1;
constexpr Field kLabelValue = 2;

// Gauge, Untyped, Counter
constexpr Field kValue = 1;
constexpr Field kCounterExemplar = 2;
constexpr Field kCounterCreated = 3;

// Summary and Histogram
constexpr Field kSampleCount = 1;  // uint64
constexpr Field kSampleSum = 2;    // double
constexpr Field kSummaryQuantile = 3;
constexpr Field kSummaryCreated = 4;

// Quantile
constexpr Field kQuantile = 1;
constexpr Field kQuantileValue = 2;

// Histogram
constexpr Field kBucket = 3;
constexpr Field kSchema = 5;         // sint32
constexpr Field kZeroThreshold = 6;  // double
constexpr Field kZeroCount = 7;      // uint64
constexpr Field kNegativeSpan = 9;
constexpr Field kNegativeDelta = 10;  // sint64, packed
constexpr Field kPositiveSpan = 12;
constexpr Field kPositiveDelta = 13;
constexpr Field kHistogramCreated = 15;
constexpr Field kHistogramExemplar = 16;

// Bucket
constexpr Field kCumulativeCount = 1;  // uint64
constexpr Field kUpperBound = 2;       // double
constexpr Field kBucketExemplar = 3;

// BucketSpan
constexpr Field kSpanOffset = 1;  // sint32
constexpr Field kSpanLength = 2;  // uint32

// Exemplar
constexpr Field kExemplarLabel = 1;
constexpr Field kExemplarValue = 2;
constexpr Field kExemplarTime = 3;

// google.protobuf.Timestamp
constexpr Field kSeconds = 1;  // int64
constexpr Field kNanos = 2;    // int32

}  // namespace prometheus_fields
}  // namespace detail
POLYMETER_END_NAMESPACE
