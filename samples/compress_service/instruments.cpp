// Names, help, units and buckets.
#include "instruments.h"

#include <zlib.h>

#include <algorithm>
#include <array>

namespace compress_service {
namespace {

polymeter::FamilyOptions Seconds() { return polymeter::FamilyOptions().Unit("seconds"); }
polymeter::FamilyOptions Bytes() { return polymeter::FamilyOptions().Unit("bytes"); }

// Summed over the service's instances, these gauges make sense.
polymeter::FamilyOptions Additive() { return polymeter::FamilyOptions().Additive(); }

}  // namespace

std::string_view LabelValue(Route route) {
  switch (route) {
    case Route::kCompress:
      return "/compress";
    case Route::kHealth:
      return "/healthz";
    case Route::kUnmatched:
      break;
  }
  return "_unmatched";
}

Route RouteOf(std::string_view path) {
  for (const Route route : {Route::kCompress, Route::kHealth}) {
    if (path == LabelValue(route)) return route;
  }
  return Route::kUnmatched;
}

std::string_view MethodLabel(std::string_view method) {
  constexpr std::array<std::string_view, 7> kKnown = {"GET",    "HEAD",    "POST", "PUT",
                                                      "DELETE", "OPTIONS", "PATCH"};
  const auto known = std::find(kKnown.begin(), kKnown.end(), method);
  return known == kKnown.end() ? std::string_view("_OTHER") : *known;
}

HttpInstruments::HttpInstruments(const polymeter::Metrics& metrics)
    : requests(metrics.Counter("http_requests_total", "Requests answered.",
                               {"route", "method", "status"})),
      request_duration(metrics.Histogram(
          "http_request_duration_seconds", "From the request's head to the response's last byte.",
          {"route"}, Seconds().OtelName("http.server.request.duration"))),
      request_size(metrics.Histogram("http_request_size_bytes", "Bodies received.", {"route"},
                                     Bytes().Buckets(polymeter::SizeBuckets()))),
      response_size(metrics.Histogram("http_response_size_bytes", "Bodies sent.", {"route"},
                                      Bytes().Buckets(polymeter::SizeBuckets()))),
      requests_in_flight(metrics.Gauge(
          "http_requests_in_flight", "Requests being read, worked on or answered.", Additive())) {}

CompressionInstruments::CompressionInstruments(const polymeter::Metrics& metrics)
    : queue_depth(
          metrics.Gauge("compression_queue_depth", "Jobs that wait for a worker.", Additive())),
      queue_wait(metrics.Histogram("compression_queue_wait_seconds",
                                   "From a job's arrival in the queue to its worker.", Seconds())),
      workers(metrics.Gauge("compression_workers", "Worker threads.", Additive())),
      workers_busy(
          metrics.Gauge("compression_workers_busy", "Worker threads that compress.", Additive())),
      duration(metrics.Histogram("compression_duration_seconds", "A worker's time for one job.",
                                 {"level"}, Seconds())),
      ratio(metrics.Histogram(
          "compression_ratio", "Bytes in for each byte out.", {"level"},
          polymeter::FamilyOptions().Buckets({0.5, 1, 1.5, 2, 3, 4, 6, 10, 20, 50, 100, 500}))),
      input_bytes(metrics.Counter("compression_input_bytes_total", "Bytes compressed.", Bytes())),
      output_bytes(metrics.Counter("compression_output_bytes_total",
                                   "Bytes that came out of the compression.", Bytes())) {}

void ShowBuildInfo(const polymeter::Metrics& metrics, std::string_view version) {
  metrics.Gauge("compress_service_build_info", "The running build; always 1.", {"version", "zlib"})
      .With(version, zlibVersion())
      .Set(1);
}

}  // namespace compress_service
