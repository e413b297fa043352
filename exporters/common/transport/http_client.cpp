#include "exporters/common/transport/http_client.h"

#include <curl/curl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <new>

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// Of members, so not in the unnamed namespace.
struct FreeEasy {
  void operator()(CURL* easy) const noexcept { curl_easy_cleanup(easy); }
};
struct FreeMulti {
  void operator()(CURLM* multi) const noexcept { curl_multi_cleanup(multi); }
};
struct FreeList {
  void operator()(curl_slist* list) const noexcept { curl_slist_free_all(list); }
};
using HeaderList = std::unique_ptr<curl_slist, FreeList>;

namespace {

// Of all headers of an answer together; libcurl limits a single one.
constexpr std::size_t kMostHeaderBytes = 256 * 1024;

// Once, and never undone: the application may use libcurl, too. (Before libcurl 7.84 an application
// that does should call curl_global_init itself before it starts threads.)
bool CurlIsReady() {
  static const bool kReady = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
  return kReady;
}

void AppendHeader(HeaderList& list, const std::string& line) {
  curl_slist* const longer = curl_slist_append(list.get(), line.c_str());
  if (longer == nullptr) throw std::bad_alloc();
  static_cast<void>(list.release());
  list.reset(longer);
}

// libcurl takes "Name:" for a header to be left out, and "Name;" for an empty one.
HeaderList MakeHeaders(const HttpClientOptions& options, bool body) {
  HeaderList list;
  const auto append = [&list](const auto& headers) {
    for (const auto& [name, value] : headers) {
      AppendHeader(list, value.empty() ? name + ";" : name + ": " + value);
    }
  };
  AppendHeader(list, "Expect:");  // a second's wait with servers that do not know it
  if (body) append(options.body_headers);
  append(options.headers);
  return list;
}

std::string_view Trimmed(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

// The scheme in any case, as libcurl takes it.
bool IsHttps(std::string_view url) {
  constexpr std::string_view kScheme = "https:";
  return url.size() >= kScheme.size() &&
         std::equal(kScheme.begin(), kScheme.end(), url.begin(), [](char scheme, char c) {
           return scheme == (c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c);
         });
}

curl_socket_t OpenSocket(void*, curlsocktype, curl_sockaddr* address) {
  return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

// What an answer is collected in.
struct Receiver {
  HttpResult result;
  std::size_t most_body = 0;
  std::size_t header_bytes = 0;
  bool head_ended = false;
  bool too_large = false;
  bool no_memory = false;
};

// For curl's callbacks, through which nothing must be thrown. Gives what tells libcurl to go on or
// to stop.
template <class Take>
std::size_t Receive(void* user, std::size_t bytes, Take take) noexcept {
  auto& receiver = *static_cast<Receiver*>(user);
  try {
    return take(receiver) ? bytes : 0;
  } catch (const std::bad_alloc&) {
    receiver.no_memory = true;
    return 0;
  }
}

std::size_t OnHeader(char* data, std::size_t size, std::size_t count, void* user) {
  const std::string_view line(data, size * count);
  return Receive(user, line.size(), [line](Receiver& receiver) {
    receiver.header_bytes += line.size();
    if (receiver.header_bytes > kMostHeaderBytes) {
      receiver.too_large = true;
      return false;
    }
    if (line.starts_with("HTTP/")) {  // a new answer: after 100 Continue, after a proxy's
      receiver.result.headers.clear();
      receiver.head_ended = false;
      return true;
    }
    if (Trimmed(line).empty()) receiver.head_ended = true;
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) return true;
    std::string name(Trimmed(line.substr(0, colon)));
    std::transform(name.begin(), name.end(), name.begin(), [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    receiver.result.headers.emplace_back(std::move(name), Trimmed(line.substr(colon + 1)));
    return true;
  });
}

std::size_t OnBody(char* data, std::size_t size, std::size_t count, void* user) {
  const std::string_view bytes(data, size * count);
  return Receive(user, bytes.size(), [bytes](Receiver& receiver) {
    if (bytes.size() > receiver.most_body - receiver.result.body.size()) {
      receiver.too_large = true;
      return false;
    }
    receiver.result.body.append(bytes);
    return true;
  });
}

}  // namespace

std::string_view HttpResult::Header(std::string_view name) const noexcept {
  for (const auto& [known, value] : headers) {
    if (known == name) return value;
  }
  return {};
}

// libcurl's handles.
class HttpClient::Session {
 public:
  explicit Session(const HttpClientOptions& options)
      : process_(getpid()),
        headers_(MakeHeaders(options, /*body=*/false)),
        body_headers_(MakeHeaders(options, /*body=*/true)),
        multi_(CurlIsReady() ? curl_multi_init() : nullptr),
        easy_(CurlIsReady() ? curl_easy_init() : nullptr) {
    if (easy_ != nullptr && multi_ != nullptr) usable_ = SetUp(options);
  }
  ~Session() {
    // A forked child shares the connections with its parent: a farewell from it would end them.
    if (getpid() == process_) return;
    static_cast<void>(easy_.release());
    static_cast<void>(multi_.release());
  }

  HttpResult Request(HttpMethod method, const std::string& url, std::string_view body,
                     std::size_t most_answer_bytes, Deadline deadline, const Clock& clock);
  void Interrupt() noexcept {
    interrupted_.store(true);
    if (multi_ != nullptr) curl_multi_wakeup(multi_.get());
  }

 private:
  template <class T>
  bool Set(CURLoption option, T value) {
    const CURLcode code = curl_easy_setopt(easy_.get(), option, value);
    if (code != CURLE_OK && set_up_error_.empty()) set_up_error_ = curl_easy_strerror(code);
    return code == CURLE_OK;
  }
  bool SetFile(CURLoption option, const std::string& file) {
    return file.empty() || Set(option, file.c_str());
  }
  bool SetUp(const HttpClientOptions& options);
  bool SetRequest(HttpMethod method, const std::string& url, std::string_view body);
  bool SetProtocols();
  bool SetVersion(const HttpClientOptions& options);
  // Until it is over or there is a reason to stop. `code` is libcurl's verdict, if there is one.
  HttpResult::Outcome Run(Deadline deadline, const Clock& clock, CURLcode& code);
  std::string ErrorText(CURLcode code) const;

  const pid_t process_;
  std::atomic<bool> interrupted_{false};
  const HeaderList headers_;
  const HeaderList body_headers_;
  // The easy handle is cleaned up first: it is out of the multi handle by then.
  std::unique_ptr<CURLM, FreeMulti> multi_;
  std::unique_ptr<CURL, FreeEasy> easy_;
  char error_[CURL_ERROR_SIZE] = {};
  std::string set_up_error_;
  bool usable_ = false;
};

bool HttpClient::Session::SetProtocols() {
#if LIBCURL_VERSION_NUM >= 0x075500
  return Set(CURLOPT_PROTOCOLS_STR, "http,https");
#else
  return Set(CURLOPT_PROTOCOLS, CURLPROTO_HTTP | CURLPROTO_HTTPS);
#endif
}

bool HttpClient::Session::SetVersion(const HttpClientOptions& options) {
  if (!options.http2) return Set(CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
  if (IsHttps(options.url)) return Set(CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_2TLS);
  // libcurl 7.88 fails on the second request of such a connection (error 16, HTTP/2 framing).
  return Set(CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE) &&
         Set(CURLOPT_FORBID_REUSE, 1L);
}

bool HttpClient::Session::SetUp(const HttpClientOptions& options) {
  bool ok = SetProtocols() && SetVersion(options);
  if (!options.username.empty()) {
    ok = ok && Set(CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BASIC)) &&
         Set(CURLOPT_USERNAME, options.username.c_str()) &&
         Set(CURLOPT_PASSWORD, options.password.c_str());
  }
  ok = ok && Set(CURLOPT_NOSIGNAL, 1L) && Set(CURLOPT_FOLLOWLOCATION, 0L) &&
       Set(CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  if (!options.environment_proxy || !options.proxy.empty()) {
    ok = ok && Set(CURLOPT_PROXY, options.proxy.c_str()) && Set(CURLOPT_NOPROXY, "");
  }
#if LIBCURL_VERSION_NUM >= 0x075700
  // Not to wait for a resolver that hangs; its thread ends when it can. Older versions do wait.
  ok = ok && Set(CURLOPT_QUICK_EXIT, 1L);
#endif
  ok = ok && Set(CURLOPT_OPENSOCKETFUNCTION, &OpenSocket) && Set(CURLOPT_ERRORBUFFER, error_) &&
       Set(CURLOPT_HEADERFUNCTION, &OnHeader) && Set(CURLOPT_WRITEFUNCTION, &OnBody);
  // Without a deadline, too, the wait for a peer that is gone must end.
  ok = ok && Set(CURLOPT_TCP_KEEPALIVE, 1L);
  // The deadline is ours; libcurl's own limit for connecting would come after five minutes.
  ok = ok && Set(CURLOPT_CONNECTTIMEOUT_MS, 24L * 3600 * 1000);
  if (IsHttps(options.url) || IsHttps(options.proxy)) {
    ok = ok && Set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2)) &&
         SetFile(CURLOPT_CAINFO, options.ca_file) &&
         SetFile(CURLOPT_SSLCERT, options.client_certificate) &&
         SetFile(CURLOPT_SSLKEY, options.client_key);
  }
  return ok;
}

HttpResult::Outcome HttpClient::Session::Run(Deadline deadline, const Clock& clock,
                                             CURLcode& code) {
  using std::chrono::milliseconds;
  for (;;) {
    int running = 0;
    if (curl_multi_perform(multi_.get(), &running) != CURLM_OK) return HttpResult::Outcome::kFailed;
    int left = 0;
    while (const CURLMsg* const message = curl_multi_info_read(multi_.get(), &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      code = message->data.result;
      return code == CURLE_OK ? HttpResult::Outcome::kAnswered : HttpResult::Outcome::kFailed;
    }
    if (interrupted_.load()) return HttpResult::Outcome::kInterrupted;
    const Deadline now = clock.SteadyNow();
    if (now >= deadline) return HttpResult::Outcome::kTimedOut;
    // Looks at the clock now and then, because a test's does not run by itself.
    constexpr milliseconds kMostWait(1000);
    const auto wait =
        deadline - now > kMostWait
            ? kMostWait
            : std::chrono::duration_cast<milliseconds>(deadline - now) + milliseconds(1);
    if (curl_multi_poll(multi_.get(), nullptr, 0, static_cast<int>(wait.count()), nullptr) !=
        CURLM_OK) {
      return HttpResult::Outcome::kFailed;
    }
  }
}

std::string HttpClient::Session::ErrorText(CURLcode code) const {
  if (error_[0] != '\0') return std::string(Trimmed(error_));
  return code == CURLE_OK ? "libcurl failed" : curl_easy_strerror(code);
}

bool HttpClient::Session::SetRequest(HttpMethod method, const std::string& url,
                                     std::string_view body) {
  if (!Set(CURLOPT_URL, url.c_str())) return false;
  if (method == HttpMethod::kDelete) {
    return Set(CURLOPT_HTTPGET, 1L) && Set(CURLOPT_CUSTOMREQUEST, "DELETE") &&
           Set(CURLOPT_HTTPHEADER, headers_.get());
  }
  // As a POST of another name: what libcurl takes for a PUT would read the body by a callback.
  const char* const name = method == HttpMethod::kPut ? "PUT" : nullptr;
  return Set(CURLOPT_POST, 1L) && Set(CURLOPT_CUSTOMREQUEST, name) &&
         Set(CURLOPT_HTTPHEADER, body_headers_.get()) &&
         Set(CURLOPT_POSTFIELDS, body.empty() ? "" : body.data()) &&
         Set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
}

HttpResult HttpClient::Session::Request(HttpMethod method, const std::string& url,
                                        std::string_view body, std::size_t most_answer_bytes,
                                        Deadline deadline, const Clock& clock) {
  using Outcome = HttpResult::Outcome;
  interrupted_.store(false);
  Receiver receiver;
  receiver.most_body = most_answer_bytes;
  HttpResult& result = receiver.result;
  error_[0] = '\0';
  if (!usable_ ||
      !(SetRequest(method, url, body) && Set(CURLOPT_HEADERDATA, &receiver) &&
        Set(CURLOPT_WRITEDATA, &receiver)) ||
      curl_multi_add_handle(multi_.get(), easy_.get()) != CURLM_OK) {
    result.error = "libcurl cannot be used: " + set_up_error_;
    result.curl_code = CURLE_FAILED_INIT;
    return std::move(result);
  }
  CURLcode code = CURLE_OK;
  result.outcome = Run(deadline, clock, code);
  long status = 0;
  long version = 0;
  curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &status);
  curl_easy_getinfo(easy_.get(), CURLINFO_HTTP_VERSION, &version);
  if (status >= 200 && receiver.head_ended) result.status = static_cast<int>(status);
  result.http2 = version == CURL_HTTP_VERSION_2_0;
  // Ends what is not over.
  curl_multi_remove_handle(multi_.get(), easy_.get());
  if (receiver.no_memory) throw std::bad_alloc();
  switch (result.outcome) {
    case Outcome::kAnswered:
      break;
    case Outcome::kTimedOut:
      result.error = "no answer in time";
      result.curl_code = CURLE_OPERATION_TIMEDOUT;
      break;
    case Outcome::kInterrupted:
      result.error = "interrupted";
      break;
    case Outcome::kFailed:
    case Outcome::kTooLarge:
      if (receiver.too_large) {
        result.outcome = Outcome::kTooLarge;
        result.error = "the answer is too large";
      } else {
        result.error = ErrorText(code);
      }
      result.curl_code = code == CURLE_OK ? CURLE_FAILED_INIT : code;
      break;
  }
  return std::move(result);
}

HttpClient::HttpClient(HttpClientOptions options)
    : options_(std::move(options)), session_(std::make_unique<Session>(options_)) {}

HttpClient::~HttpClient() = default;

bool HttpClient::SupportsHttp2() {
  if (!CurlIsReady()) return false;
  return (curl_version_info(CURLVERSION_NOW)->features & CURL_VERSION_HTTP2) != 0;
}

HttpResult HttpClient::Post(std::string_view body, Deadline deadline, const Clock& clock) {
  return Request(HttpMethod::kPost, options_.url, body, deadline, clock);
}

HttpResult HttpClient::Request(HttpMethod method, const std::string& url, std::string_view body,
                               Deadline deadline, const Clock& clock) {
  return session_->Request(method, url, body, options_.most_answer_bytes, deadline, clock);
}

void HttpClient::Interrupt() noexcept { session_->Interrupt(); }

}  // namespace detail
POLYMETER_END_NAMESPACE
