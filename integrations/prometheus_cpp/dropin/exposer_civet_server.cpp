// An Exposer on a server of civetweb's: a handler for each URI. civetweb looks for the handler and
// the guard of a request; what they do is ours.
#include <CivetServer.h>
#include <unistd.h>

#include <deque>
#include <mutex>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "integrations/prometheus_cpp/dropin/exposer_server.h"
#include "sdk/src/left_to_parent.h"

namespace prometheus {
namespace detail {
namespace {

using polymeter::detail::ExposerPages;
using polymeter::detail::HttpRequest;
using polymeter::detail::HttpResponse;

std::string_view ViewOf(const char* text) { return text == nullptr ? "" : text; }

HttpRequest RequestOf(const mg_connection* connection) {
  const mg_request_info& info = *mg_get_request_info(connection);
  HttpRequest request;
  request.method = ViewOf(info.request_method);
  request.path = ViewOf(info.local_uri);
  request.query = ViewOf(info.query_string);
  for (int i = 0; i < info.num_headers; ++i) {
    request.headers.emplace_back(ViewOf(info.http_headers[i].name),
                                 ViewOf(info.http_headers[i].value));
  }
  return request;
}

// Calls `answer(request, response)`, and sends what it says where the result is true.
template <class Answer>
bool Respond(mg_connection* connection, Answer answer) {
  try {
    const HttpRequest request = RequestOf(connection);
    const bool http10 = ViewOf(mg_get_request_info(connection)->http_version) == "1.0";
    HttpResponse response(http10 ? HttpResponse::Version::kHttp10 : HttpResponse::Version::kHttp11,
                          request.method == "HEAD", [connection](std::string_view bytes) {
                            return mg_write(connection, bytes.data(), bytes.size()) ==
                                   static_cast<int>(bytes.size());
                          });
    if (!answer(request, response)) return false;
    response.Finish();
  } catch (...) {  // no memory: nothing may be thrown through civetweb's C
  }
  return true;
}

// At one URI. civetweb may be about to call it when it is taken off, so it is never destroyed.
class UriHandler final : public CivetHandler, public CivetAuthHandler {
 public:
  UriHandler(std::shared_ptr<ExposerPages> pages, std::string uri)
      : pages_(std::move(pages)), uri_(std::move(uri)) {}

  bool handleGet(CivetServer*, mg_connection* connection) override { return Page(connection); }
  bool handleHead(CivetServer*, mg_connection* connection) override { return Page(connection); }
  bool handlePost(CivetServer*, mg_connection* connection) override { return Page(connection); }
  bool handlePut(CivetServer*, mg_connection* connection) override { return Page(connection); }
  bool handleDelete(CivetServer*, mg_connection* connection) override { return Page(connection); }
  bool handleOptions(CivetServer*, mg_connection* connection) override { return Page(connection); }
  bool handlePatch(CivetServer*, mg_connection* connection) override { return Page(connection); }

  bool authorize(CivetServer*, mg_connection* connection) override {
    const auto pages = Pages();
    if (pages == nullptr) return true;
    const bool refused = Respond(connection, [&](const auto& request, auto& response) {
      return !pages->Admit(uri_, request, response);
    });
    return !refused;
  }

  const std::string& uri() const noexcept { return uri_; }
  void Forget() {
    const std::lock_guard lock(mutex_);
    pages_.reset();
  }

 private:
  std::shared_ptr<ExposerPages> Pages() {
    const std::lock_guard lock(mutex_);
    return pages_;
  }
  bool Page(mg_connection* connection) {
    const auto pages = Pages();
    return pages != nullptr && Respond(connection, [&](const auto& request, auto& response) {
             pages->AnswerPage(uri_, request, response);
             return true;
           });
  }

  std::mutex mutex_;
  std::shared_ptr<ExposerPages> pages_;
  const std::string uri_;
};

class ForeignServer final : public ExposerServer {
 public:
  explicit ForeignServer(std::shared_ptr<CivetServer> server) : server_(std::move(server)) {
    if (server_ == nullptr) throw std::invalid_argument("Exposer: the CivetServer is null");
    JoinHub();
  }
  ~ForeignServer() override {
    if (process_ != getpid()) {
      polymeter::detail::LeaveToParent(std::move(pages_));
      polymeter::detail::LeaveToParent(std::move(server_));
      return;
    }
    // From within one of its calls they are only forgotten: civetweb would wait for the handler
    // that the calling thread is in. Later they might be another Exposer's.
    const bool in_call = pages_->InCall();
    for (UriHandler* const handler : handlers_) {
      handler->Forget();
      if (in_call) continue;
      server_->removeHandler(handler->uri());  // first: never a page without its guard
      server_->removeAuthHandler(handler->uri());
    }
    pages_->Close();
  }

  ExposerPages& pages() noexcept override { return *pages_; }
  void Published(const std::string& uri) override { server_->addHandler(uri, HandlerOf(uri)); }
  void Guarded(const std::string& uri) override { server_->addAuthHandler(uri, HandlerOf(uri)); }
  std::vector<int> Ports() const override { return server_->getListeningPorts(); }

 private:
  UriHandler* HandlerOf(const std::string& uri) {
    const std::lock_guard lock(mutex_);
    for (UriHandler* const known : handlers_) {
      if (known->uri() == uri) return known;
    }
    auto handler = std::make_unique<UriHandler>(pages_, uri);
    return handlers_.emplace_back(Keep(std::move(handler)));
  }
  // For ever: civetweb says of a guard only that it is taken off, not that no thread is in it.
  static UriHandler* Keep(std::unique_ptr<UriHandler> handler) {
    static auto* const kMutex = new std::mutex;
    static auto* const kAll = new std::deque<std::unique_ptr<UriHandler>>;
    const std::lock_guard lock(*kMutex);
    return kAll->emplace_back(std::move(handler)).get();
  }

  const pid_t process_ = getpid();
  std::shared_ptr<CivetServer> server_;
  std::shared_ptr<ExposerPages> pages_ = std::make_shared<ExposerPages>(PagesOfProcess());
  std::mutex mutex_;
  std::vector<UriHandler*> handlers_;
};

}  // namespace

std::unique_ptr<ExposerServer> MakeCivetServer(std::shared_ptr<CivetServer> server) {
  return std::make_unique<ForeignServer>(std::move(server));
}

}  // namespace detail
}  // namespace prometheus
