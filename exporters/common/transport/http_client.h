// An HTTP client for one server: a request at a time, within a deadline, that another thread can
// interrupt. Over libcurl, which no other file sees.
//
// What libcurl might do by itself and does not here: follow redirects, read .netrc, take a proxy
// from the environment, raise or handle signals, wait for 100 Continue, speak anything but HTTP and
// HTTPS.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "polymeter/backend.h"
#include "sdk/src/clock.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

struct HttpClientOptions {
  std::string url;  // http:// or https://; a user name and password in it are sent as basic auth
  // Basic auth (RFC 7617); no user name: none but the URL's. A user name cannot contain ':'.
  std::string username;
  std::string password;
  // Sent with every request. Names and values must not contain control characters.
  std::vector<std::pair<std::string, std::string>> headers;
  // Sent with those that have a body: what it is and how it is coded.
  std::vector<std::pair<std::string, std::string>> body_headers;
  // HTTP/2: over http:// without asking first (h2c, prior knowledge), over https:// by ALPN.
  // Otherwise HTTP/1.1.
  bool http2 = false;
  // PEM files. Empty: the system's authorities; no certificate of our own.
  std::string ca_file;
  std::string client_certificate;
  std::string client_key;  // empty: in the certificate's file
  std::string proxy;       // empty: none, whatever the environment says
  // The environment does say (http_proxy, https_proxy, no_proxy), where `proxy` is empty.
  bool environment_proxy = false;
  std::size_t most_answer_bytes = std::size_t{4} << 20;
};

struct HttpResult {
  enum class Outcome : std::uint8_t {
    kAnswered,     // all of the answer is there
    kFailed,       // no answer: not resolved, refused, reset, TLS, not HTTP
    kTimedOut,     // no whole answer by the deadline
    kInterrupted,  // Interrupt was called
    kTooLarge,     // an answer of more than most_answer_bytes: not read to its end
  };
  Outcome outcome = Outcome::kFailed;
  std::string error;  // of all but kAnswered: for a person
  int curl_code = 0;  // of all but kAnswered and kInterrupted: libcurl's number for it (CURLcode)
  // 0 until the answer's head is there as a whole, whatever becomes of its body.
  int status = 0;
  bool http2 = false;  // what the answer came by
  // Names in lower case, in order; trailers, too.
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;

  // The first of that name (lower case), empty without one.
  std::string_view Header(std::string_view name) const noexcept;
};

enum class HttpMethod : std::uint8_t {
  kPost,
  kPut,
  kDelete,  // never has a body
};

// Requests come from one thread at a time, which should block SIGPIPE, Interrupt from any.
// Connections are kept for the next request, close on exec, and belong to the process that made
// them: in a forked child the destructor leaves them alone.
class HttpClient {
 public:
  explicit HttpClient(HttpClientOptions options);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // Whether the libcurl that runs here has HTTP/2.
  static bool SupportsHttp2();

  // Throws only std::bad_alloc. Deadline::max() is none.
  HttpResult Post(std::string_view body, Deadline deadline, const Clock& clock = SystemClock());
  // The same with another method, for another path of the same server (`url` in full).
  HttpResult Request(HttpMethod method, const std::string& url, std::string_view body,
                     Deadline deadline, const Clock& clock = SystemClock());
  // A request that is under way comes back soon; the next one is not affected.
  void Interrupt() noexcept;

 private:
  class Session;
  const HttpClientOptions options_;
  const std::unique_ptr<Session> session_;
};

}  // namespace detail
POLYMETER_END_NAMESPACE
