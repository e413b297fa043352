// OTLP metrics: from a Snapshot to ExportMetricsServiceRequests, in protobuf or JSON. What becomes
// of each kind of family: family_form.h.
//
// A message is a complete request: the resource, one scope, metrics. A snapshot that is larger than
// a request may be goes in several, cut between points. EncodeReport counts points of the
// snapshot; the format carries all of them, and only one that is larger than a whole request is
// dropped ("too_large"), after it was tried without its exemplars. An empty snapshot is no message.
//
// Exemplars go with the points of counters and histograms.
#pragma once

#include <cstddef>
#include <memory>

#include "polymeter/encoder.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

struct OtlpEncoderOptions {
  bool json = false;
  // The largest message. gRPC servers take 4 MiB unless they are told otherwise.
  std::size_t max_request_bytes = std::size_t{3} << 20;
  // Histograms with both kinds of buckets are sent with their explicit ones.
  bool explicit_histograms = false;
};

std::unique_ptr<Encoder> MakeOtlpEncoder(const OtlpEncoderOptions& options = {});

}  // namespace detail
POLYMETER_END_NAMESPACE
