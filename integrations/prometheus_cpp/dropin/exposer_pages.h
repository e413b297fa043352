// The pages of one Exposer: which Collectables are at which URI, who may see them, and what they
// say. Knows no server. Internal.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "exporters/common/transport/http_response.h"
#include "exporters/common/transport/http_server.h"
#include "exporters/prometheus/exposition.h"
#include "prometheus/collectable.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

class ExposerPage;

// Thread-safe. Shared with the server's threads.
class ExposerPages {
 public:
  using Allow = std::function<bool(const std::string& user, const std::string& password)>;

  explicit ExposerPages(const ExpositionOptions& options);
  ~ExposerPages();
  ExposerPages(const ExposerPages&) = delete;
  ExposerPages& operator=(const ExposerPages&) = delete;

  // Each makes the page, too.
  struct Change {
    bool new_page = false;
    bool collectables = false;  // one was added or removed
  };
  Change Register(const std::weak_ptr<::prometheus::Collectable>& collectable,
                  const std::string& uri);
  Change Remove(const std::weak_ptr<::prometheus::Collectable>& collectable,
                const std::string& uri);
  Change Guard(Allow allow, const std::string& realm, const std::string& uri);

  // Answers any request.
  void Answer(const HttpRequest& request, HttpResponse& response);
  // The two halves, for a server that looks for the URI itself. What is unknown is answered 404,
  // and may be seen by everybody.
  void AnswerPage(const std::string& uri, const HttpRequest& request, HttpResponse& response);
  bool Admit(const std::string& uri, const HttpRequest& request, HttpResponse& response);

  // Everything is answered 503 from now on. Returns when no Collect() and no Allow runs any more,
  // but for those that the calling thread is in.
  void Close();
  // Whether the calling thread is in such a call.
  bool InCall() const noexcept;

 private:
  struct Guarded {
    std::string uri;
    std::string realm;
    std::shared_ptr<const Allow> allow;
  };
  class Call;

  // The first exact one, else the first that `path` is below, else the first that it begins with:
  // civetweb's order.
  template <class Entry>
  static const Entry* Find(const std::vector<Entry>& entries, std::string_view path);
  std::shared_ptr<ExposerPage> PageOf(const std::string& uri, bool& is_new);
  static bool Admit(const Guarded& guarded, const HttpRequest& request, HttpResponse& response);

  const ExpositionOptions options_;
  std::mutex mutex_;
  std::condition_variable left_;
  bool closed_ = false;
  int calls_ = 0;
  std::vector<std::shared_ptr<ExposerPage>> pages_;  // as they were made
  std::vector<Guarded> guarded_;
};

}  // namespace detail
POLYMETER_END_NAMESPACE
