// Answers one Prometheus scrape: negotiation, snapshot, encoding in pieces, gzip. Shared by the
// backend's own server and polymeter::Scrape.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>

#include "exporters/prometheus/negotiation.h"
#include "polymeter/encoder.h"
#include "polymeter/scrape.h"
#include "sdk/src/clock.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

struct ExpositionOptions {
  bool created_timestamps = false;  // `_created` in OpenMetrics
  int gzip_level = 1;               // 0: never compressed
  // The one format that is served; empty: what the client prefers.
  std::optional<ExpositionFormat> format;
};

// Thread-safe. Scrapes run beside each other; those of one format share a cache of line heads, and
// one that finds it taken (a slow client holds it while it reads) encodes without.
class POLYMETER_EXPORT Exposition {
 public:
  // The snapshot, taken before the deadline; nothing when there is none to be had any more.
  using Take = std::function<std::optional<Snapshot>(Deadline deadline)>;

  explicit Exposition(const ExpositionOptions& options, const Clock& clock = SystemClock());

  // Never throws. An error means that the body is not complete, or, when sink.Begin has not been
  // called, that there is none. It ends before request.timeout is over unless sink.Write blocks.
  Status Answer(const Take& take, const ScrapeRequest& request, ScrapeSink& sink);
  // The Content-Type that Answer would give.
  std::string_view ContentType(std::string_view accept) const;

 private:
  struct Format {
    std::unique_ptr<Encoder> encoder;
    std::mutex mutex;  // of the cache
    std::unique_ptr<EncoderCache> cache;
  };
  // Which of formats_.
  std::size_t FormatFor(std::string_view accept) const;
  Status Encode(Format& format, const Snapshot& snapshot, bool gzip, Deadline deadline,
                ScrapeSink& sink);

  const ExpositionOptions options_;
  const Clock& clock_;
  std::array<Format, 2> formats_;  // text 0.0.4, OpenMetrics 1.0
};

}  // namespace detail
POLYMETER_END_NAMESPACE
