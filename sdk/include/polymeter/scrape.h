// Prometheus exposition for a service that has an HTTP server of its own. C++17.
#pragma once

#include <chrono>
#include <string_view>

#include "polymeter/export.h"
#include "polymeter/fwd.h"
#include "polymeter/status.h"

POLYMETER_BEGIN_NAMESPACE

// What a scraper asks for.
struct ScrapeRequest {
  std::string_view accept;                   // the Accept header; empty when there is none
  std::string_view accept_encoding;          // the Accept-Encoding header
  std::chrono::milliseconds timeout{10000};  // for the whole answer
};

// Takes the response. Called by one thread, within Scrape.
class ScrapeSink {
 public:
  virtual ~ScrapeSink() = default;
  // Once, before the first Write. `content_encoding` is "gzip" or empty.
  virtual void Begin(std::string_view content_type, std::string_view content_encoding) = 0;
  // False ends the scrape: the client is gone.
  virtual bool Write(std::string_view bytes) = 0;
};

// Answers one scrape from `metrics` in the format that the request prefers: text 0.0.4,
// OpenMetrics 1.0 or protobuf, gzip where offered. Thread-safe. An error when the Metrics does not
// record (declare Options().Consumer()), when Write failed, or when the time ran out: the body is
// then not complete and the connection must be closed without its regular end.
POLYMETER_EXPORT Status Scrape(const Metrics& metrics, const ScrapeRequest& request,
                               ScrapeSink& sink);

POLYMETER_END_NAMESPACE
