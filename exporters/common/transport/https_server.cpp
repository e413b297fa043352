#include "exporters/common/transport/https_server.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <exception>
#include <mutex>
#include <system_error>
#include <utility>

#include "exporters/common/transport/listen_address.h"
#include "exporters/common/transport/tls_front.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

using std::chrono::milliseconds;

// The header with which the front proves itself to the plain server. A header and no list of ports:
// a port may be another process's as soon as a connection was broken off.
constexpr std::string_view kHopHeader = "X-Polymeter-Hop";

// 256 random bits in hexadecimal; empty when there are none to be had.
std::string RandomSecret() {
  unsigned char bytes[32];
  if (RAND_bytes(bytes, sizeof(bytes)) != 1) return {};
  std::string text;
  for (const unsigned char byte : bytes) {
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  return text;
}

bool IsSecret(std::string_view value, const std::string& secret) {
  return value.size() == secret.size() &&
         CRYPTO_memcmp(value.data(), secret.data(), secret.size()) == 0;
}

// Lets through what the front passed on, without the header that says so.
HttpHandler Guarded(HttpHandler handler, std::string secret) {
  return [handler = std::move(handler), secret = std::move(secret)](const HttpRequest& request,
                                                                    HttpResponse& response) {
    HttpRequest seen = request;
    const auto shown =
        std::remove_if(seen.headers.begin(), seen.headers.end(), [&](const auto& header) {
          return IsSecret(header.second, secret) && header.first == kHopHeader;
        });
    if (shown == seen.headers.end()) return response.Answer(403, "forbidden\n");
    seen.headers.erase(shown, seen.headers.end());
    handler(seen, response);
  };
}

class HttpsServer final : public HttpServer {
 public:
  explicit HttpsServer(const HttpServerOptions& options)
      : options_(options), host_(options.host, /*ipv6=*/true) {}
  ~HttpsServer() override {
    static_cast<void>(Stop(std::chrono::steady_clock::now() + std::chrono::seconds(1)));
  }

  HttpStartResult Start(HttpHandler handler) override;
  Status Stop(Deadline deadline) noexcept override;
  std::string endpoint() const override {
    const std::lock_guard lock(endpoint_mutex_);
    return endpoint_;
  }

 private:
  HttpStartResult StartHop(HttpHandler handler, TlsFrontOptions& front);
  Status StopBoth(Deadline deadline);
  void SetEndpoint(std::string endpoint) {
    const std::lock_guard lock(endpoint_mutex_);
    endpoint_ = std::move(endpoint);
  }

  const HttpServerOptions options_;
  std::mutex mutex_;  // held by Start and Stop to their ends
  ListenHost host_;
  ListenAddress address_;  // once it is resolved
  // Of its own, because a handler that Stop waits for may ask for the endpoint.
  mutable std::mutex endpoint_mutex_;
  std::string endpoint_;
  std::unique_ptr<HttpServer> hop_;
  std::unique_ptr<TlsFront> front_;
  std::atomic<pid_t> process_{getpid()};  // a fork while Start has the mutex is seen, too
};

HttpStartResult HttpsServer::StartHop(HttpHandler handler, TlsFrontOptions& front) {
  const std::string secret = RandomSecret();
  if (secret.empty()) return {HttpStart::kFailed, "the system gives no random numbers"};
  front.relay.hop_header = std::string(kHopHeader) + ": " + secret + "\r\n";
  front.relay.max_header_bytes = options_.max_header_bytes;
  front.relay.request_timeout = options_.request_timeout;
  front.relay.response_timeout = options_.response_timeout;
  front.max_connections = std::max(1, options_.threads) + std::max(1, options_.max_connections);
  front.log = options_.log;

  HttpServerOptions plain = options_;
  plain.tls.reset();
  plain.host = "127.0.0.1";
  plain.port = 0;
  plain.max_header_bytes += front.relay.hop_header.size();
  hop_ = MakeHttpServer(plain);
  HttpStartResult result = hop_->Start(Guarded(std::move(handler), secret));
  if (result.outcome != HttpStart::kStarted) return result;
  const std::string endpoint = hop_->endpoint();
  const FoundAddress found = FindListenAddress(plain.host, /*ipv6=*/false);
  ListenAddress hop = found.address;
  hop.SetPort(static_cast<std::uint16_t>(std::stoi(endpoint.substr(endpoint.rfind(':') + 1))));
  front.relay.hop = hop.storage;
  front.relay.hop_size = hop.size;
  return {};
}

HttpStartResult HttpsServer::Start(HttpHandler handler) {
  const std::lock_guard lock(mutex_);
  if (front_ != nullptr) return {HttpStart::kImpossible, "the server runs already"};
  TlsCertificates certificates(*options_.tls);
  const Status loaded = certificates.Load();
  if (!loaded.ok()) return {HttpStart::kImpossible, loaded.message()};
  if (address_.size == 0) {
    FoundAddress found = host_.Find();
    if (!found.error.empty()) {
      return {found.may_heal ? HttpStart::kFailed : HttpStart::kImpossible, std::move(found.error)};
    }
    address_ = found.address;
  }
  auto front = std::make_unique<TlsFront>();
  const int why = front->Listen(address_, options_.port, options_.max_connections);
  const std::string where = address_.Text(options_.port);
  if (why == EADDRINUSE) return {HttpStart::kBusy, where + " is in use"};
  if (why != 0) {
    return {HttpStart::kFailed,
            "cannot listen at " + where + ": " + std::generic_category().message(why)};
  }
  const std::string endpoint = address_.Text(front->port());
  TlsFrontOptions front_options;
  HttpStartResult result = StartHop(std::move(handler), front_options);
  if (result.outcome == HttpStart::kStarted) {
    const Status started = front->Start(std::move(certificates), std::move(front_options));
    if (!started.ok()) result = {HttpStart::kFailed, started.message()};
  }
  if (result.outcome != HttpStart::kStarted) {
    hop_.reset();
    return result;
  }
  front_ = std::move(front);
  SetEndpoint(endpoint);
  process_ = getpid();
  return {};
}

Status HttpsServer::Stop(Deadline deadline) noexcept {
  try {
    if (process_ != 0 && process_ != getpid()) {
      // Its threads are the parent's, and one of them may have had the mutex.
      if (front_ != nullptr) front_->Forget();
      front_.reset();
      Status status = hop_ != nullptr ? hop_->Stop(deadline) : Status();
      endpoint_.clear();
      return status;
    }
    const std::lock_guard lock(mutex_);
    return front_ == nullptr ? Status() : StopBoth(deadline);
  } catch (const std::exception& e) {
    return Status::Error(e.what());
  }
}

Status HttpsServer::StopBoth(Deadline deadline) {
  const auto front = std::move(front_);
  const auto hop = std::move(hop_);
  SetEndpoint({});
  front->BeginStop();
  // Running answers go out through the front, so that it ends last.
  Status status = hop->Stop(deadline);
  const Status front_status = front->Stop(deadline, milliseconds(200));
  return status.ok() ? front_status : status;
}

}  // namespace

std::unique_ptr<HttpServer> MakeHttpsServer(const HttpServerOptions& options) {
  return std::make_unique<HttpsServer>(options);
}

}  // namespace detail
POLYMETER_END_NAMESPACE
