#include "integrations/prometheus_cpp/dropin/exposer_page.h"

#include <chrono>
#include <cstddef>
#include <optional>
#include <string_view>
#include <utility>

#include "integrations/prometheus_cpp/dropin/dropin_log.h"
#include "polymeter/scrape.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

using ::prometheus::BuildCounter;
using ::prometheus::BuildSummary;
using ::prometheus::Summary;

void BeginPage(HttpResponse& response, std::string_view content_type) {
  response.AddHeader("Content-Type", content_type);
  response.AddHeader("Vary", "Accept, Accept-Encoding");
}

class CountedBody final : public ScrapeSink {
 public:
  explicit CountedBody(HttpResponse& response) noexcept : response_(response) {}
  void Begin(std::string_view content_type, std::string_view content_encoding) override {
    BeginPage(response_, content_type);
    if (!content_encoding.empty()) response_.AddHeader("Content-Encoding", content_encoding);
  }
  bool Write(std::string_view bytes) override {
    bytes_ += bytes.size();
    return response_.Write(bytes);
  }
  std::size_t bytes() const noexcept { return bytes_; }

 private:
  HttpResponse& response_;
  std::size_t bytes_ = 0;
};

}  // namespace

ExposerPage::ExposerPage(std::string uri, const ExpositionOptions& options)
    : uri_(std::move(uri)),
      exposition_(options),
      own_(std::make_shared<::prometheus::Registry>()),
      transferred_(BuildCounter()
                       .Name("exposer_transferred_bytes_total")
                       .Help("Bytes of the bodies that this page has sent.")
                       .Register(*own_)
                       .Add({})),
      scrapes_(BuildCounter()
                   .Name("exposer_scrapes_total")
                   .Help("Times that this page has been scraped.")
                   .Register(*own_)
                   .Add({})),
      latencies_(BuildSummary()
                     .Name("exposer_request_latencies")
                     .Help("Times to answer a scrape of this page, in microseconds.")
                     .Register(*own_)
                     .Add({}, Summary::Quantiles{{0.5, 0.05}, {0.9, 0.01}, {0.99, 0.001}})),
      source_(DropinLog()) {
  source_.Add(own_);
}

bool ExposerPage::Add(const std::shared_ptr<::prometheus::Collectable>& collectable) {
  const std::lock_guard lock(mutex_);
  if (there_.Add(collectable) > 1) {
    there_.RemoveOne(collectable);
    return false;
  }
  source_.Add(collectable);
  return true;
}

bool ExposerPage::Remove(const std::shared_ptr<::prometheus::Collectable>& collectable) {
  const std::lock_guard lock(mutex_);
  if (there_.RemoveOne(collectable) == 0) return false;
  source_.Remove(collectable);
  return true;
}

void ExposerPage::Answer(const HttpRequest& request, HttpResponse& response) {
  if (request.method == "HEAD") {
    BeginPage(response, exposition_.ContentType(request.HeaderList("Accept")));
    return;
  }
  const auto begin = std::chrono::steady_clock::now();
  const auto take = [this](Deadline deadline) -> std::optional<Snapshot> {
    return source_.TakeSnapshot(deadline);
  };
  // prometheus-cpp gives a Collect() all the time that it takes; it is the client that gives up.
  const std::string accept = request.HeaderList("Accept");
  const std::string accept_encoding = request.HeaderList("Accept-Encoding");
  const ScrapeRequest scrape{accept, accept_encoding, std::chrono::hours(1)};
  CountedBody body(response);
  const Status status = exposition_.Answer(take, scrape, body);
  if (!status.ok()) {
    response.Fail(503, status.message() + "\n");
  }
  response.Finish();
  transferred_.Increment(static_cast<double>(body.bytes()));
  scrapes_.Increment();
  latencies_.Observe(
      std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - begin).count());
}

}  // namespace detail
POLYMETER_END_NAMESPACE
