// The families of the http adapter. Internal.
#pragma once

#include "integrations/common/family_row.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// OpenTelemetry's names: semantic conventions 1.44, HTTP metrics (stable but for the body sizes and
// active requests).
inline constexpr std::string_view kHttpAttributes =
    "method=http.request.method,path=http.route,status=http.response.status_code";

inline constexpr FamilyRow kHttpFamilies[] = {
    {MetricType::kCounter,
     "http_requests_total",
     "Requests that ended, by route template and status.",
     {},
     "method,path,status",
     {},
     kHttpAttributes},
    {MetricType::kHistogram, "http_request_duration_seconds",
     "Time from a request's head to the end of its response; not of streams.", "seconds",
     "method,path,status", "http.server.request.duration", kHttpAttributes},
    {MetricType::kHistogram, "http_request_size_bytes", "Size of request bodies as received.",
     "bytes", "method,path,status", "http.server.request.body.size", kHttpAttributes},
    {MetricType::kHistogram, "http_response_size_bytes", "Size of response bodies as sent.",
     "bytes", "method,path,status", "http.server.response.body.size", kHttpAttributes},
    {MetricType::kGauge,
     "http_requests_in_flight",
     "Requests that are being answered; not streams.",
     {},
     "method",
     "http.server.active_requests",
     "method=http.request.method",
     true},
    {MetricType::kCounter,
     "http_requests_aborted_total",
     "Requests whose client went away before the response was complete.",
     {},
     "method,path",
     {},
     "method=http.request.method,path=http.route"},
    {MetricType::kGauge,
     "http_streams_open",
     "Streams and upgraded connections (WebSocket) that are open.",
     {},
     "path,kind",
     {},
     "path=http.route",
     true},
    {MetricType::kHistogram,
     "http_stream_duration_seconds",
     "Life of streams and upgraded connections.",
     "seconds",
     "path,kind",
     {},
     "path=http.route"},
    {MetricType::kCounter,
     "http_labels_folded_total",
     "Requests with a method, path or status that became _OTHER or other.",
     {},
     "label"},
};
enum HttpFamily : unsigned char {
  kHttpRequests,
  kHttpDuration,
  kHttpRequestSize,
  kHttpResponseSize,
  kHttpInFlight,
  kHttpAborted,
  kHttpStreams,
  kHttpStreamDuration,
  kHttpFolded,
};
static_assert(std::size(kHttpFamilies) == kHttpFolded + 1);

}  // namespace detail
POLYMETER_END_NAMESPACE
