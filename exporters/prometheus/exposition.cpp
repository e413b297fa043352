#include "exporters/prometheus/exposition.h"

#include <algorithm>
#include <exception>
#include <string>

#include "exporters/common/exposition/openmetrics_encoder.h"
#include "exporters/common/exposition/protobuf_encoder.h"
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
    : options_(options), clock_(clock) {}

std::unique_ptr<Encoder> Exposition::MakeEncoder(const Negotiated& negotiated) const {
  const bool created = options_.created_timestamps;
  switch (negotiated.format) {
    case ExpositionFormat::kProtobuf:
      return MakeProtobufEncoder(
          ProtobufOptions{.escaping = negotiated.escaping, .created_timestamps = created});
    case ExpositionFormat::kOpenMetrics100:
      return MakeOpenMetricsEncoder(
          OpenMetricsOptions{.created_timestamps = created, .escaping = negotiated.escaping});
    case ExpositionFormat::kText004:
      break;
  }
  return MakeTextEncoder(TextOptions{.escaping = negotiated.escaping});
}

Exposition::Kind& Exposition::KindOf(const Negotiated& negotiated) const {
  Kind& kind = kinds_[static_cast<std::size_t>(negotiated.format)]
                     [static_cast<std::size_t>(negotiated.escaping)];
  std::call_once(kind.made, [&] {
    kind.encoder = MakeEncoder(negotiated);
    kind.content_type = kind.encoder->content_type();
    if (kind.content_type.find("; escaping=") == std::string::npos) {
      kind.content_type.append("; escaping=").append(ToString(negotiated.escaping));
    }
  });
  return kind;
}

std::string_view Exposition::ContentType(std::string_view accept) const {
  const Negotiated negotiated = Negotiate(accept);
  const Kind& kind = KindOf(negotiated);
  return negotiated.escaping_asked ? std::string_view(kind.content_type)
                                   : kind.encoder->content_type();
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
    return Encode(KindOf(Negotiate(request.accept)), ContentType(request.accept), *snapshot, gzip,
                  now + timeout * 19 / 20, sink);
  } catch (const std::exception& e) {
    return Status::Error(std::string("the scrape was broken off: ") + e.what());
  } catch (...) {
    return Status::Error("the scrape was broken off by an exception");
  }
}

void Exposition::NoteUse(Kind& kind) {
  const std::lock_guard lock(caches_mutex_);
  kind.used = ++scrapes_;
  std::size_t caches = 0;
  Kind* oldest = nullptr;
  for (auto& escapings : kinds_) {
    for (Kind& other : escapings) {
      if (other.used == 0) continue;
      ++caches;
      if (oldest == nullptr || other.used < oldest->used) oldest = &other;
    }
  }
  if (caches <= kMostCaches) return;
  const std::unique_lock others(oldest->mutex, std::try_to_lock);
  if (!others) return;  // in use after all: the next scrape looks again
  oldest->cache.reset();
  oldest->used = 0;
}

std::size_t Exposition::caches() const {
  const std::lock_guard lock(caches_mutex_);
  std::size_t count = 0;
  for (const auto& escapings : kinds_) {
    for (const Kind& kind : escapings) count += kind.used != 0 ? 1 : 0;
  }
  return count;
}

void Exposition::Count(const EncodeReport& report) {
  if (report.dropped.empty()) return;
  const std::lock_guard lock(dropped_mutex_);
  for (const EncodeReport::Drop& drop : report.dropped) {
    dropped_[std::string(drop.reason)] += drop.points;
  }
}

std::vector<std::pair<std::string, std::uint64_t>> Exposition::Dropped() const {
  const std::lock_guard lock(dropped_mutex_);
  return {dropped_.begin(), dropped_.end()};
}

Status Exposition::Encode(Kind& kind, std::string_view content_type, const Snapshot& snapshot,
                          bool gzip, Deadline deadline, ScrapeSink& sink) {
  Body page(content_type, gzip ? options_.gzip_level : 0, deadline, clock_, sink);
  const std::unique_lock lock(kind.mutex, std::try_to_lock);
  if (lock) {
    NoteUse(kind);
    if (kind.cache == nullptr) kind.cache = kind.encoder->MakeCache();
  }
  bool complete = false;
  try {
    const EncodeReport report =
        kind.encoder->Encode(snapshot, lock ? kind.cache.get() : nullptr, page);
    complete = report.complete;
    Count(report);
  } catch (...) {
    if (lock) kind.cache.reset();  // left in the middle of something
    throw;
  }
  if (complete && page.Finish()) return {};
  return Status::Error(page.late() ? "the scrape ran out of time" : "the client is gone");
}

}  // namespace detail
POLYMETER_END_NAMESPACE
