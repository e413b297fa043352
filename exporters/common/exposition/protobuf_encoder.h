// Prometheus' protobuf exposition: io.prometheus.client.MetricFamily messages, each behind its
// length (https://github.com/prometheus/client_model; field numbers in protobuf_encoder_fields.h).
//
// - A family is one message, whatever the number of its series: a pass over the sizes comes before
//   the one that writes, so that nothing is held back. Only one above `max_message_bytes` goes on
//   in another message of the same name.
// - Names are those of text 0.0.4: a counter keeps its _total, an info is the gauge <name>_info of
//   value 1, unknown is untyped. The type is always there. The unit is, where the name ends in it.
// - Numbers are doubles: an integer above 2^53 is rounded to the nearest.
// - A histogram has explicit buckets, exponential ones or both; explicit ones without +Inf, which
//   is the count of all, unless that bucket has an exemplar. A reader that takes exponential
//   buckets takes no others from such a histogram, so its count is that of the exponential ones.
// - Exemplars stand on counters and on explicit buckets; beside exponential ones, all that have
//   a time stand once more on the histogram itself, the oldest first.
// - The resource becomes the gauge target_info of value 1, the first family, unless the snapshot
//   has one of that name.
// - Exponential buckets that contradict themselves would cost a reader the whole page: the
//   histogram has its explicit buckets only, and is left out where it has none
//   (`bad_native_histogram`). Families whose samples would have the names of another's are left
//   out too (`name_clash`).
#pragma once

#include <cstddef>
#include <memory>

#include "exporters/common/exposition/name_escaping.h"
#include "polymeter/encoder.h"

POLYMETER_BEGIN_NAMESPACE

struct ProtobufOptions {
  detail::NameEscaping escaping = detail::NameEscaping::kUnderscores;
  bool created_timestamps = false;  // start times of counters, histograms and summaries
  // No protobuf message may be longer than 2 GiB. A message holds at least one series.
  std::size_t max_message_bytes = std::size_t{1} << 30;
};

POLYMETER_EXPORT std::unique_ptr<Encoder> MakeProtobufEncoder(const ProtobufOptions& options = {});

POLYMETER_END_NAMESPACE
