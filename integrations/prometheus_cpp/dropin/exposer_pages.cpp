#include "integrations/prometheus_cpp/dropin/exposer_pages.h"

#include <algorithm>
#include <cctype>
#include <exception>
#include <optional>
#include <utility>

#include "exporters/common/encoding/base64.h"
#include "integrations/prometheus_cpp/dropin/dropin_log.h"
#include "integrations/prometheus_cpp/dropin/exposer_page.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

struct Credentials {
  std::string user;
  std::string password;
};

// RFC 7617; the scheme's name in any case.
std::optional<Credentials> BasicCredentials(std::string_view header) {
  constexpr std::string_view kScheme = "basic ";
  const auto same = [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b; };
  if (header.size() < kScheme.size() || !std::equal(kScheme.begin(), kScheme.end(), header.begin(),
                                                    [&](char b, char a) { return same(a, b); })) {
    return std::nullopt;
  }
  header.remove_prefix(kScheme.size());
  while (header.starts_with(' ')) header.remove_prefix(1);
  const auto text = DecodeBase64(header);
  if (!text) return std::nullopt;
  const std::size_t colon = text->find(':');
  if (colon == std::string::npos) return std::nullopt;
  return Credentials{text->substr(0, colon), text->substr(colon + 1)};
}

// As a quoted-string of RFC 9110, without what would end the header.
std::string QuotedRealm(const std::string& realm) {
  std::string quoted = "\"";
  for (const char c : realm) {
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7F) continue;
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + '"';
}

}  // namespace

// The time in which the calling thread uses the pages.
class ExposerPages::Call {
 public:
  explicit Call(ExposerPages& pages) : pages_(pages), outer_(t_innermost) {
    const std::lock_guard lock(pages_.mutex_);
    open_ = !pages_.closed_;
    if (!open_) return;
    ++pages_.calls_;
    t_innermost = this;
  }
  ~Call() {
    if (!open_) return;
    t_innermost = outer_;
    {
      const std::lock_guard lock(pages_.mutex_);
      --pages_.calls_;
      pages_.left_.notify_all();
    }
  }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  bool open() const noexcept { return open_; }
  // How deep the calling thread is in these pages.
  static int DepthIn(const ExposerPages& pages) noexcept {
    int depth = 0;
    for (const Call* call = t_innermost; call != nullptr; call = call->outer_) {
      depth += &call->pages_ == &pages ? 1 : 0;
    }
    return depth;
  }

 private:
  inline static thread_local const Call* t_innermost = nullptr;

  ExposerPages& pages_;
  const Call* const outer_;
  bool open_ = false;
};

ExposerPages::ExposerPages(const ExpositionOptions& options) : options_(options) {}
ExposerPages::~ExposerPages() = default;

// --- what is where ------------------------------------------------------------------------------

template <class Entry>
const Entry* ExposerPages::Find(const std::vector<Entry>& entries, std::string_view path) {
  const auto uri = [](const Entry& entry) -> std::string_view {
    if constexpr (requires { entry->uri(); }) {
      return entry->uri();
    } else {
      return entry.uri;
    }
  };
  const auto first = [&](auto matches) -> const Entry* {
    for (const Entry& entry : entries) {
      if (matches(uri(entry))) return &entry;
    }
    return nullptr;
  };
  if (const Entry* const exact = first([&](std::string_view u) { return u == path; })) return exact;
  const Entry* const above = first([&](std::string_view u) {
    return path.size() > u.size() && path[u.size()] == '/' && path.starts_with(u);
  });
  if (above != nullptr) return above;
  return first([&](std::string_view u) { return path.starts_with(u); });
}

std::shared_ptr<ExposerPage> ExposerPages::PageOf(const std::string& uri, bool& is_new) {
  const auto known = [&]() -> std::shared_ptr<ExposerPage> {
    const std::lock_guard lock(mutex_);
    for (const auto& page : pages_) {
      if (page->uri() == uri) return page;
    }
    return nullptr;
  };
  is_new = false;
  if (auto page = known()) return page;
  auto made = std::make_shared<ExposerPage>(uri, options_);
  const std::lock_guard lock(mutex_);
  for (const auto& page : pages_) {
    if (page->uri() == uri) return page;
  }
  is_new = true;
  return pages_.emplace_back(std::move(made));
}

ExposerPages::Change ExposerPages::Register(
    const std::weak_ptr<::prometheus::Collectable>& collectable, const std::string& uri) {
  Change change;
  const auto page = PageOf(uri, change.new_page);
  const auto living = collectable.lock();
  change.collectables = living != nullptr && page->Add(living);
  return change;
}

ExposerPages::Change ExposerPages::Remove(
    const std::weak_ptr<::prometheus::Collectable>& collectable, const std::string& uri) {
  Change change;
  const auto page = PageOf(uri, change.new_page);
  const auto living = collectable.lock();
  change.collectables = living != nullptr && page->Remove(living);
  return change;
}

ExposerPages::Change ExposerPages::Guard(Allow allow, const std::string& realm,
                                         const std::string& uri) {
  Change change;
  PageOf(uri, change.new_page);
  Guarded guarded{uri, QuotedRealm(realm), std::make_shared<const Allow>(std::move(allow))};
  std::shared_ptr<const Allow> before;  // destroyed under no lock
  const std::lock_guard lock(mutex_);
  for (Guarded& known : guarded_) {
    if (known.uri != uri) continue;
    before = std::exchange(known.allow, std::move(guarded.allow));
    known.realm = std::move(guarded.realm);
    return change;
  }
  guarded_.push_back(std::move(guarded));
  return change;
}

// --- requests -----------------------------------------------------------------------------------

void ExposerPages::Answer(const HttpRequest& request, HttpResponse& response) {
  const std::string path(request.path);
  if (Admit(path, request, response)) AnswerPage(path, request, response);
}

bool ExposerPages::Admit(const std::string& uri, const HttpRequest& request,
                         HttpResponse& response) {
  const Call call(*this);
  if (!call.open()) {
    response.Answer(503, "shutting down\n");
    return false;
  }
  std::optional<Guarded> guarded;
  {
    const std::lock_guard lock(mutex_);
    if (const Guarded* const found = Find(guarded_, uri)) guarded = *found;
  }
  return !guarded || Admit(*guarded, request, response);
}

bool ExposerPages::Admit(const Guarded& guarded, const HttpRequest& request,
                         HttpResponse& response) {
  const auto credentials = BasicCredentials(request.Header("Authorization"));
  bool allowed = false;
  try {
    allowed =
        credentials && *guarded.allow && (*guarded.allow)(credentials->user, credentials->password);
  } catch (...) {
    std::string why = "threw what is no std::exception";
    try {
      throw;
    } catch (const std::exception& e) {
      why = std::string("threw: ") + e.what();
    } catch (...) {
    }
    DropinLog()->Log(LogLevel::kError, "Exposer: the authorization function of " + guarded.uri +
                                           " " + why + "; the request is refused");
    response.Answer(500, "internal error\n");
    return false;
  }
  if (allowed) return true;
  response.AddHeader("WWW-Authenticate", "Basic realm=" + guarded.realm);
  response.Answer(401, "unauthorized\n");
  return false;
}

void ExposerPages::AnswerPage(const std::string& uri, const HttpRequest& request,
                              HttpResponse& response) {
  const Call call(*this);
  if (!call.open()) return response.Answer(503, "shutting down\n");
  std::shared_ptr<ExposerPage> page;
  {
    const std::lock_guard lock(mutex_);
    if (const auto* const found = Find(pages_, uri)) page = *found;
  }
  if (page == nullptr) return response.Answer(404, "not found\n");
  if (request.method != "GET" && request.method != "HEAD") {
    response.AddHeader("Allow", "GET, HEAD");
    return response.Answer(405, "method not allowed\n");
  }
  page->Answer(request, response);
}

void ExposerPages::Close() {
  const int own = Call::DepthIn(*this);
  std::unique_lock lock(mutex_);
  closed_ = true;
  left_.wait(lock, [&] { return calls_ == own; });
}

bool ExposerPages::InCall() const noexcept { return Call::DepthIn(*this) != 0; }

}  // namespace detail
POLYMETER_END_NAMESPACE
