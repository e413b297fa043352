#include "integrations/prometheus_cpp/dropin/gateway_requests.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <string_view>

#include "exporters/common/exposition/text_encoder.h"
#include "exporters/pushgateway/grouping.h"
#include "exporters/pushgateway/pushgateway_transport.h"
#include "integrations/prometheus_cpp/dropin/dropin_log.h"

namespace prometheus {
namespace detail {

namespace {

using polymeter::Deadline;
using polymeter::detail::GroupingLabels;
using polymeter::detail::GroupingPath;
using polymeter::detail::HttpResult;
using polymeter::detail::PushgatewayClient;

// libcurl's numbers, which prometheus-cpp gives with a minus.
constexpr int kInterruptedCode = -42;  // CURLE_ABORTED_BY_CALLBACK
constexpr int kNoMemoryCode = -27;     // CURLE_OUT_OF_MEMORY

// A peer that hangs up must not end the program: some TLS libraries write without MSG_NOSIGNAL.
class SigpipeBlocked {
 public:
  SigpipeBlocked() noexcept {
    sigset_t pending;
    sigpending(&pending);
    was_pending_ = sigismember(&pending, SIGPIPE) == 1;
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  ~SigpipeBlocked() {
    const timespec now{};
    if (!was_pending_) sigtimedwait(&pipe_, nullptr, &now);
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  SigpipeBlocked(const SigpipeBlocked&) = delete;
  SigpipeBlocked& operator=(const SigpipeBlocked&) = delete;

 private:
  bool was_pending_;
  sigset_t pipe_;
  sigset_t before_;
};

class PageText final : public polymeter::MessageSink {
 public:
  explicit PageText(std::string& text) : text_(text) {}
  bool Append(std::string_view bytes) override {
    text_.append(bytes);
    return true;
  }
  bool EndMessage(std::size_t) override { return true; }

 private:
  std::string& text_;
};

GroupingLabels ToGrouping(const Labels& labels) { return {labels.begin(), labels.end()}; }

bool IsFailure(int code) { return code < 100 || code >= 400; }

int CodeOf(const HttpResult& result) {
  switch (result.outcome) {
    case HttpResult::Outcome::kAnswered:
      return result.status;
    case HttpResult::Outcome::kInterrupted:
      return kInterruptedCode;
    default:
      return -result.curl_code;
  }
}

}  // namespace

GatewayRequests::Entry::Entry(const std::weak_ptr<Collectable>& given, std::string path_of_group)
    : collectable(given), path(std::move(path_of_group)), source(polymeter::detail::DropinLog()) {
  source.Add(given);
}

GatewayRequests::GatewayRequests(polymeter::detail::PushgatewayClientOptions options,
                                 std::string job, Labels labels, std::chrono::seconds timeout)
    : job_(std::move(job)),
      labels_(std::move(labels)),
      timeout_(std::min(timeout, std::chrono::seconds(std::chrono::hours(24 * 365)))),
      encoder_(polymeter::MakeTextEncoder()),
      options_(std::move(options)) {}

void GatewayRequests::Register(const std::weak_ptr<Collectable>& collectable,
                               const Labels* labels) {
  // A server takes the last of two values for one label; it is sent once.
  Labels all = labels_;
  if (labels != nullptr) {
    for (const auto& label : *labels) all[label.first] = label.second;
  }
  auto entry = std::make_shared<Entry>(collectable, GroupingPath(job_, ToGrouping(all)));
  const std::lock_guard<std::mutex> lock(entries_mutex_);
  entries_.erase(std::remove_if(entries_.begin(), entries_.end(),
                                [](const auto& known) { return known->collectable.expired(); }),
                 entries_.end());
  entries_.push_back(std::move(entry));
}

// As libcurl takes them: "Name: value".
bool GatewayRequests::AddHeader(const std::string& header) {
  const auto colon = header.find(':');
  const bool control = std::any_of(header.begin(), header.end(), [](char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7F;
  });
  if (control || colon == std::string::npos || colon == 0 || header.find_first_of(" \t") < colon) {
    return false;
  }
  const auto begin = std::min(header.find_first_not_of(" \t", colon + 1), header.size());
  const auto end = header.find_last_not_of(" \t") + 1;
  const std::lock_guard<std::mutex> lock(client_mutex_);
  options_.headers.emplace_back(header.substr(0, colon),
                                begin < end ? header.substr(begin, end - begin) : std::string());
  client_.reset();
  return true;
}

std::vector<std::shared_ptr<GatewayRequests::Entry>> GatewayRequests::Entries() {
  const std::lock_guard<std::mutex> lock(entries_mutex_);
  return entries_;
}

// False: it is gone.
bool GatewayRequests::Encode(Entry& entry, std::string& text) {
  const std::shared_ptr<Collectable> alive = entry.collectable.lock();
  if (alive == nullptr) return false;
  const polymeter::Snapshot snapshot = entry.source.TakeSnapshot(Deadline::max());
  const std::lock_guard<std::mutex> lock(entry.mutex);
  if (entry.cache == nullptr) entry.cache = encoder_->MakeCache();
  PageText sink(text);
  encoder_->Encode(snapshot, entry.cache.get(), sink);
  return true;
}

std::vector<GatewayRequests::Page> GatewayRequests::Pages() {
  std::vector<Page> pages;
  for (const std::shared_ptr<Entry>& entry : Entries()) {
    Page page;
    if (!Encode(*entry, page.text)) continue;
    page.path = entry->path;
    pages.push_back(std::move(page));
  }
  return pages;
}

int GatewayRequests::Send(HttpMethod method, const std::string& path, const std::string& page) {
  const SigpipeBlocked blocked;
  const std::lock_guard<std::mutex> lock(client_mutex_);
  // A forked child must not speak on its parent's connections.
  if (client_ == nullptr || process_ != getpid()) {
    client_ = std::make_unique<PushgatewayClient>(options_);
    process_ = getpid();
  }
  const Deadline deadline =
      timeout_.count() > 0 ? polymeter::detail::Later(std::chrono::steady_clock::now(), timeout_)
                           : Deadline::max();
  const HttpResult result = method == HttpMethod::kDelete
                                ? client_->Delete(path, deadline)
                                : client_->Push(method, path, page, deadline);
  const int code = CodeOf(result);
  if (IsFailure(code)) {
    using polymeter::detail::ClassifyPushgateway;
    polymeter::detail::DropinLog()->Log(
        polymeter::LogLevel::kWarning,
        "Gateway: " + client_->Endpoint(path) + ": " +
            ClassifyPushgateway(result, std::chrono::system_clock::now()).message);
  }
  return code;
}

int GatewayRequests::SendAll(HttpMethod method, const std::vector<Page>& pages) noexcept try {
  int result = 200;
  for (const Page& page : pages) {
    const int code = Send(method, page.path, page.text);
    if (IsFailure(code)) result = code;
  }
  return result;
} catch (...) {
  return kNoMemoryCode;
}

int GatewayRequests::PushNow(HttpMethod method) noexcept try {
  Page page;
  for (const std::shared_ptr<Entry>& entry : Entries()) {
    page.text.clear();
    if (!Encode(*entry, page.text)) continue;
    const int code = Send(method, entry->path, page.text);
    if (IsFailure(code)) return code;
  }
  return 200;
} catch (...) {
  return kNoMemoryCode;
}

int GatewayRequests::DeleteGroup(bool with_labels) noexcept try {
  const GroupingLabels labels = with_labels ? ToGrouping(labels_) : GroupingLabels();
  return Send(HttpMethod::kDelete, GroupingPath(job_, labels), {});
} catch (...) {
  return kNoMemoryCode;
}

}  // namespace detail
}  // namespace prometheus
