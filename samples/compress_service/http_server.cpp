// Every request is answered from civetweb's begin_request callback, before its file handling can
// see it (CVE-2025-55763), and no document root is set: this server has no files.
#include "http_server.h"

#include <civetweb.h>

#include <array>
#include <cstdint>
#include <exception>
#include <new>
#include <optional>
#include <string_view>
#include <utility>

namespace compress_service {
namespace {

std::string_view OrEmpty(const char* text) {
  return text == nullptr ? std::string_view() : std::string_view(text);
}

// The body; nothing when it is longer than `limit` (then the rest is left unread).
std::optional<std::string> ReadBody(mg_connection* connection, std::size_t limit) {
  const std::int64_t announced = mg_get_request_info(connection)->content_length;
  if (announced > static_cast<std::int64_t>(limit)) return std::nullopt;
  std::string body;
  if (announced > 0) body.reserve(static_cast<std::size_t>(announced));
  std::array<char, 16384> part;
  for (int n; (n = mg_read(connection, part.data(), part.size())) > 0;) {
    if (body.size() + static_cast<std::size_t>(n) > limit) return std::nullopt;
    body.append(part.data(), static_cast<std::size_t>(n));
  }
  return body;
}

// The bytes of the body that were sent; nothing when the client has gone away.
std::optional<std::size_t> Write(mg_connection* connection, const Response& response) {
  std::string message = "HTTP/1.1 " + std::to_string(response.status) + " " +
                        mg_get_response_code_text(connection, response.status) +
                        "\r\nContent-Type: " + response.content_type +
                        "\r\nContent-Length: " + std::to_string(response.body.size()) + "\r\n";
  if (!response.extra_header.empty()) message.append(response.extra_header).append("\r\n");
  message += "Connection: close\r\n\r\n";
  const bool head_only = OrEmpty(mg_get_request_info(connection)->request_method) == "HEAD";
  if (!head_only) message += response.body;
  if (mg_write(connection, message.data(), message.size()) != static_cast<int>(message.size())) {
    return std::nullopt;
  }
  return head_only ? 0 : response.body.size();
}

}  // namespace

// One request that is being answered.
class HttpServer::Activity {
 public:
  explicit Activity(HttpServer& server) : server_(server) {
    const std::lock_guard lock(server_.mutex_);
    counted_ = !server_.finishing_;
    if (counted_) ++server_.active_;
  }
  ~Activity() {
    const std::lock_guard lock(server_.mutex_);
    if (counted_ && --server_.active_ == 0) server_.finished_.notify_all();
  }
  Activity(const Activity&) = delete;
  Activity& operator=(const Activity&) = delete;

 private:
  HttpServer& server_;
  bool counted_;
};

HttpServer::HttpServer(const Settings& settings, const polymeter::Metrics& metrics,
                       Service& service)
    : settings_(settings), metrics_(metrics), service_(service) {}

std::unique_ptr<HttpServer> HttpServer::Start(const Settings& settings,
                                              const polymeter::Metrics& metrics, Service& service) {
  mg_init_library(0);
  std::unique_ptr<HttpServer> server(new HttpServer(settings, metrics, service));
  const std::string threads = std::to_string(settings.threads);
  const char* options[] = {"listening_ports",
                           settings.listen.c_str(),
                           "num_threads",
                           threads.c_str(),
                           "request_timeout_ms",
                           "5000",
                           "tcp_nodelay",
                           "1",
                           nullptr};
  mg_callbacks callbacks{};
  callbacks.begin_request = &HttpServer::OnRequest;
  callbacks.http_error = &HttpServer::OnRefusal;
  server->context_ = mg_start(&callbacks, server.get(), options);
  if (server->context_ == nullptr) return nullptr;
  return server;
}

HttpServer::~HttpServer() {
  if (context_ != nullptr) mg_stop(context_);
  mg_exit_library();
}

std::string HttpServer::address() const {
  mg_server_port port{};
  mg_get_server_ports(context_, 1, &port);
  return settings_.listen.substr(0, settings_.listen.rfind(':') + 1) + std::to_string(port.port);
}

bool HttpServer::FinishRequests(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  finishing_ = true;
  return finished_.wait_for(lock, time, [this] { return active_ == 0; });
}

// No exception may reach civetweb, which is C.
int HttpServer::OnRequest(mg_connection* connection) noexcept try {
  auto* const self = static_cast<HttpServer*>(mg_get_request_info(connection)->user_data);
  const Activity activity(*self);
  self->Answer(connection);
  return status::kOk;  // "answered": civetweb goes no further
} catch (const std::exception&) {
  return status::kInternalServerError;  // closes the connection
}

// What civetweb refuses by itself, because it is no HTTP, never reaches OnRequest.
int HttpServer::OnRefusal(mg_connection* connection, int status, const char* /*reason*/) noexcept {
  auto* const self = static_cast<HttpServer*>(mg_get_request_info(connection)->user_data);
  self->metrics_.Begin("_OTHER").Status(status);
  return 1;  // civetweb writes the answer
}

void HttpServer::Answer(mg_connection* connection) {
  const mg_request_info* const info = mg_get_request_info(connection);
  polymeter::HttpRequestScope measured = metrics_.Begin(
      OrEmpty(info->request_method), OrEmpty(mg_get_header(connection, "traceparent")));
  const auto active = measured.Activate();
  const Route route = RouteOf(OrEmpty(info->local_uri));
  if (route != Route::kUnmatched) measured.Route(TemplateOf(route));
  const Response response = Handle(connection, route, measured);
  measured.Status(response.status);
  if (const auto sent = Write(connection, response)) {
    measured.ResponseBytes(*sent);
  } else {
    measured.Abort();  // no error of ours
  }
}

// Out of memory is an answer too, and is counted like the others.
Response HttpServer::Handle(mg_connection* connection, Route route,
                            polymeter::HttpRequestScope& measured) try {
  const mg_request_info* const info = mg_get_request_info(connection);
  std::optional<std::string> body = ReadBody(connection, settings_.max_body);
  if (!body) {
    return {status::kContentTooLarge, "text/plain", "body too large\n", {}};
  }
  measured.RequestBytes(body->size());
  return service_.Handle(
      {route, OrEmpty(info->request_method), OrEmpty(info->query_string), *std::move(body)});
} catch (const std::bad_alloc&) {
  return {status::kInternalServerError, "text/plain", "out of memory\n", {}};
}

}  // namespace compress_service
