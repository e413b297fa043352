// The families of language servers. Internal.
#pragma once

#include <iterator>

#include "integrations/common/family_row.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// OpenTelemetry's name: semantic conventions 1.44, RPC metrics (release candidate).
inline constexpr FamilyRow kLspFamilies[] = {
    {MetricType::kCounter, "lsp_requests_total", "Requests that ended, by method and outcome.", "",
     "server,method,direction,outcome", "", "method=rpc.method"},
    {MetricType::kHistogram, "lsp_request_duration_seconds",
     "Time from a request to its reply, whatever it says.", "seconds", "server,method,direction",
     "rpc.server.call.duration", "method=rpc.method,=rpc.system.name=jsonrpc"},
    {.type = MetricType::kGauge,
     .name = "lsp_requests_in_flight",
     .help = "Requests of the client that the server has not answered.",
     .labels = "server",
     .additive = true},
    {MetricType::kGauge, "lsp_oldest_request_age_seconds",
     "How long the oldest of them has been waiting; 0 without any.", "seconds", "server"},
    {MetricType::kCounter, "lsp_notifications_total", "Notifications, by method.", "",
     "method,direction", "", "method=rpc.method"},
    {MetricType::kCounter, "lsp_cancellations_total",
     "Cancellations of requests, by what came of them.", "", "effect"},
    {.type = MetricType::kGauge,
     .name = "lsp_diagnostics",
     .help = "Diagnostics that are published now, over all documents.",
     .labels = "severity",
     .additive = true},
    {MetricType::kHistogram, "lsp_diagnostic_latency_seconds",
     "Time from an edit to the first diagnostics that cover it.", "seconds"},
    {.type = MetricType::kGauge,
     .name = "lsp_open_documents",
     .help = "Documents that the client has open.",
     .additive = true},
    {MetricType::kCounter, "lsp_document_changes_total",
     "Changes of documents, by what they carry: the full text or ranges of it.", "", "sync"},
    {MetricType::kHistogram, "lsp_message_bytes", "Size of messages' bodies.", "bytes",
     "direction"},
    {MetricType::kCounter, "lsp_sessions_total",
     "Sessions that ended: clean, no_shutdown, eof, crash or signal.", "", "server,client,end"},
    {MetricType::kHistogram, "lsp_initialize_duration_seconds",
     "Time from initialize to its result.", "seconds", "server"},
    {MetricType::kCounter, "lsp_server_cpu_seconds_total", "CPU time of the server process.",
     "seconds", "server"},
    {MetricType::kGauge, "lsp_server_resident_memory_bytes",
     "Resident memory of the server process.", "bytes", "server"},
    {MetricType::kHistogram, "lsp_request_cpu_seconds",
     "CPU time of the server while a request was in flight: exclusive where it was the only one, "
     "else its equal share, which is an estimate.",
     "seconds", "method,attribution", "", "method=rpc.method"},
    {MetricType::kCounter, "lsp_proxy_frame_errors_total",
     "What is wrong with frames and messages that passed.", "", "kind"},
    {MetricType::kHistogram, "lsp_proxy_overhead_seconds",
     "Time that bytes take through the proxy.", "seconds", "direction"},
    {MetricType::kCounter, "lsp_labels_folded_total",
     "Values that are on no list and were counted as other.", "", "label"},
    {MetricType::kCounter, "lsp_untracked_total",
     "What could not be followed: replies to no request, and what is beyond a limit.", "", "kind"},
};
enum LspFamily : unsigned char {
  kLspRequests,
  kLspDuration,
  kLspInFlight,
  kLspOldest,
  kLspNotifications,
  kLspCancellations,
  kLspDiagnostics,
  kLspDiagnosticLatency,
  kLspOpenDocuments,
  kLspChanges,
  kLspMessageBytes,
  kLspSessions,
  kLspInitialize,
  kLspServerCpu,
  kLspServerMemory,
  kLspRequestCpu,
  kLspFrameErrors,
  kLspOverhead,
  kLspFolded,
  kLspUntracked,
};
static_assert(std::size(kLspFamilies) == kLspUntracked + 1);

}  // namespace detail
POLYMETER_END_NAMESPACE
