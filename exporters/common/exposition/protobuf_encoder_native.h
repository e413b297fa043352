// Exponential buckets as spans of populated buckets and differences between their counts
// (https://prometheus.io/docs/specs/native_histograms/, "Spans and deltas").
#pragma once

#include <cstdint>

#include "exporters/common/encoding/padded_text.h"
#include "polymeter/snapshot.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// Whether every reader takes it: Prometheus refuses a whole page for a count that is not the sum
// of the buckets (unless the sum of the observations is NaN: such an observation is in none), and
// for a schema that it does not know. Counts are below 2^63, because differences have a sign.
bool IsWritableNative(const NativeHistogram& native, double sum) noexcept;

// Appends schema, zero bucket and the buckets of both signs, as fields of a Histogram. Up to two
// empty buckets between populated ones are written rather than skipped: that is shorter. Infinite
// observations are in the bucket behind the one of the largest number. A zero threshold of 0
// becomes 1e-128: by being positive it shows that the histogram is a native one even without any
// observation, for which a span of no buckets stands too.
class NativeBucketsWriter {
 public:
  void Append(encoding::TextBuffer& out, const NativeHistogram& native);

 private:
  void AppendSide(encoding::TextBuffer& out, std::uint32_t span_field, std::uint32_t delta_field,
                  const NativeBuckets& buckets, std::uint64_t infinite, std::int32_t overflow);

  encoding::TextBuffer deltas_;  // of one side
};

}  // namespace detail
POLYMETER_END_NAMESPACE
