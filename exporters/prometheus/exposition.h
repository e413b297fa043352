// Answers one Prometheus scrape: negotiation, snapshot, encoding in pieces, gzip. Shared by the
// backend's own server and polymeter::Scrape.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "exporters/prometheus/negotiation.h"
#include "polymeter/encoder.h"
#include "polymeter/scrape.h"
#include "sdk/src/clock.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

struct ExpositionOptions {
  bool created_timestamps = false;  // `_created` in OpenMetrics, created_timestamp in protobuf
  int gzip_level = 1;               // 0: never compressed
  // The one format that is served; empty: what the client prefers.
  std::optional<ExpositionFormat> format;
  bool protobuf = true;  // whether it is among what a client may prefer
};

// Thread-safe. Scrapes run beside each other; those of one kind of page (a format, and how names
// are escaped in it) share a cache of line heads, and one that finds it taken (a slow client
// holds it while it reads) encodes without. Clients choose the kind, so only the caches of the
// kMostCaches that were asked for last are kept.
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

  // Points that pages could not carry, by reason, of all pages so far.
  std::vector<std::pair<std::string, std::uint64_t>> Dropped() const;

  static constexpr std::size_t kMostCaches = 3;
  // How many caches there are.
  std::size_t caches() const;

 private:
  // A format with one way to escape names.
  struct Kind {
    std::once_flag made;
    std::unique_ptr<Encoder> encoder;
    std::string content_type;  // with `escaping`

    std::mutex mutex;  // of the cache
    std::unique_ptr<EncoderCache> cache;
    std::uint64_t used = 0;  // under caches_mutex_: when there was a scrape; 0: no cache
  };
  Negotiated Negotiate(std::string_view accept) const {
    return NegotiateFormat(accept, options_.format, options_.protobuf);
  }
  Kind& KindOf(const Negotiated& negotiated) const;
  std::unique_ptr<Encoder> MakeEncoder(const Negotiated& negotiated) const;
  Status Encode(Kind& kind, std::string_view content_type, const Snapshot& snapshot, bool gzip,
                Deadline deadline, ScrapeSink& sink);
  void Count(const EncodeReport& report);
  // `kind` is about to be used with its cache: forgets the one that was not used for the longest
  // time where there would be too many.
  void NoteUse(Kind& kind);

  const ExpositionOptions options_;
  const Clock& clock_;
  mutable std::array<std::array<Kind, 4>, kExpositionFormats> kinds_;  // by format and escaping
  mutable std::mutex caches_mutex_;
  std::uint64_t scrapes_ = 0;  // under caches_mutex_
  mutable std::mutex dropped_mutex_;
  std::map<std::string, std::uint64_t, std::less<>> dropped_;
};

}  // namespace detail
POLYMETER_END_NAMESPACE
