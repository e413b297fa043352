// Exemplars in OpenMetrics text: what stands behind the value of a sample.
// https://prometheus.io/docs/specs/om/open_metrics_spec/#exemplars
#pragma once

#include <cstdint>

#include "exporters/common/encoding/padded_text.h"
#include "exporters/common/exposition/name_escaping.h"
#include "polymeter/snapshot.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// ` # {trace_id="...",span_id="...",free="..."} 0.67 1700000000.5`: the trace first, then its other
// labels as long as names and values have at most 128 code points together; `{}` where there are
// none. No time where it has none. Left out is a label that no reader takes: a name that is empty,
// begins with "__" or comes twice, and a NUL in either.
void AppendExemplarText(encoding::TextBuffer& out, const Exemplar& exemplar, NameEscaping escaping);

// The exemplars of a histogram, bucket by bucket.
class BucketExemplars {
 public:
  explicit BucketExemplars(const HistogramPoint& point) noexcept : point_(point) {}
  // The newest one of a bucket whose value lies in it; null: there is none. Buckets ascend from
  // call to call.
  const Exemplar* Of(std::uint32_t bucket) noexcept;

 private:
  const HistogramPoint& point_;
  std::uint32_t next_ = 0;
};

}  // namespace detail
POLYMETER_END_NAMESPACE
