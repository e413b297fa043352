#include "exporters/prometheus/exposition.h"

#include <algorithm>
#include <exception>
#include <string>

#include "exporters/common/exposition/openmetrics_encoder.h"
#include "exporters/common/exposition/text_encoder.h"
#include "exporters/common/transport/gzip_stream.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

// Passes the encoder's blocks on, compressed or not. Only a page of a few bytes is held back: it is
// not worth compressing, which shows when it ends.
class Body final : public MessageSink {
 public:
  // `gzip_level` 0: not compressed.
  Body(std::string_view content_type, int gzip_level, Deadline deadline, const Clock& clock,
       ScrapeSink& sink)
      : content_type_(content_type),
        gzip_level_(gzip_level),
        deadline_(deadline),
        clock_(clock),
        sink_(sink) {}

  bool Append(std::string_view bytes) override {
    if (!begun_ && held_.size() + bytes.size() <= kWorthGzip) {
      held_ += bytes;
      return true;
    }
    if (clock_.SteadyNow() >= deadline_) {
      late_ = true;
      return false;
    }
    if (!begun_) {
      if (gzip_level_ > 0) {
        gzip_.emplace(gzip_level_, [this](std::string_view piece) { return sink_.Write(piece); });
      }
      if (!Begin()) return false;
    }
    return Pass(bytes);
  }
  bool EndMessage(std::size_t) override { return true; }

  bool Finish() {
    if (!begun_ && !Begin()) return false;
    return !gzip_ || gzip_->Finish();
  }
  bool late() const { return late_; }

 private:
  static constexpr std::size_t kWorthGzip = 1024;

  bool Begin() {
    begun_ = true;
    sink_.Begin(content_type_, gzip_ ? "gzip" : "");
    return held_.empty() || Pass(held_);
  }
  bool Pass(std::string_view bytes) { return gzip_ ? gzip_->Write(bytes) : sink_.Write(bytes); }

  const std::string_view content_type_;
  const int gzip_level_;
  const Deadline deadline_;
  const Clock& clock_;
  ScrapeSink& sink_;
  std::string held_;
  bool begun_ = false;
  bool late_ = false;
  std::optional<GzipStream> gzip_;
};

}  // namespace

Exposition::Exposition(const ExpositionOptions& options, const Clock& clock)
    : options_(options), clock_(clock) {
  formats_[0].encoder = MakeTextEncoder();
  formats_[1].encoder =
      MakeOpenMetricsEncoder(OpenMetricsOptions{.created_timestamps = options.created_timestamps});
}

std::size_t Exposition::FormatFor(std::string_view accept) const {
  const ExpositionFormat format = options_.format ? *options_.format : NegotiateFormat(accept);
  return format == ExpositionFormat::kOpenMetrics100 ? 1 : 0;
}

std::string_view Exposition::ContentType(std::string_view accept) const {
  return formats_[FormatFor(accept)].encoder->content_type();
}

Status Exposition::Answer(const Take& take, const ScrapeRequest& request, ScrapeSink& sink) {
  using std::chrono::milliseconds;
  try {
    const auto timeout =
        std::clamp<milliseconds>(request.timeout, milliseconds(10), std::chrono::hours(1));
    const Deadline now = clock_.SteadyNow();
    // A twentieth is left for the way, a quarter for encoding and sending.
    const auto snapshot = take(now + timeout * 3 / 4);
    if (!snapshot) return Status::Error("shutting down");
    const bool gzip = options_.gzip_level > 0 && AcceptsGzip(request.accept_encoding);
    return Encode(formats_[FormatFor(request.accept)], *snapshot, gzip, now + timeout * 19 / 20,
                  sink);
  } catch (const std::exception& e) {
    return Status::Error(std::string("the scrape was broken off: ") + e.what());
  } catch (...) {
    return Status::Error("the scrape was broken off by an exception");
  }
}

Status Exposition::Encode(Format& format, const Snapshot& snapshot, bool gzip, Deadline deadline,
                          ScrapeSink& sink) {
  Body page(format.encoder->content_type(), gzip ? options_.gzip_level : 0, deadline, clock_, sink);
  const std::unique_lock lock(format.mutex, std::try_to_lock);
  if (lock && format.cache == nullptr) format.cache = format.encoder->MakeCache();
  bool complete = false;
  try {
    complete = format.encoder->Encode(snapshot, lock ? format.cache.get() : nullptr, page).complete;
  } catch (...) {
    if (lock) format.cache.reset();  // left in the middle of something
    throw;
  }
  if (complete && page.Finish()) return {};
  return Status::Error(page.late() ? "the scrape ran out of time" : "the client is gone");
}

}  // namespace detail
POLYMETER_END_NAMESPACE
