// Middleware for civetweb (https://github.com/civetweb/civetweb), 1.15 and later. C++17.
//
//   polymeter::HttpServerMetrics http(metrics);
//   polymeter::CivetwebMiddleware middleware(http);
//   mg_callbacks callbacks{};
//   middleware.Install(callbacks);
//   mg_context* context = mg_start(&callbacks, &middleware, options);   // it is the user data
//   middleware.Handle(context, "/jobs/*", "/jobs/{id}", handler, data);
//
// Both must outlive the server. In a handler, HttpRequestScope::Current() is the request and
// CurrentTrace() its trace.
#pragma once

#include <civetweb.h>
#include <strings.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string_view>

#include "polymeter/http.h"

POLYMETER_BEGIN_NAMESPACE

// Counts every request that civetweb begins to handle, also those without a handler and those
// answered by civetweb itself. It does not see a request that civetweb cannot parse or whose method
// it does not know.
//
// The status is what the handler returns (civetweb's convention: 100 to 599), or what civetweb
// answered. A handler that returns 1 tells nothing: give the status by
// HttpRequestScope::Current()->Status(), else it is counted as `other`. civetweb does not tell the
// bytes of a response: use CivetwebWrite, or ResponseBytes. In a WebSocket's ready handler call
// HttpRequestScope::Current()->Upgrade().
class CivetwebMiddleware {
 public:
  // `user_data` is for the application: UserData() gives it back.
  explicit CivetwebMiddleware(HttpServerMetrics& http, void* user_data = nullptr) noexcept
      : http_(http), user_data_(user_data) {}
  CivetwebMiddleware(const CivetwebMiddleware&) = delete;
  CivetwebMiddleware& operator=(const CivetwebMiddleware&) = delete;

  // Puts itself into begin_request and end_request; what was there is called as ever. mg_start must
  // get this object as user data.
  void Install(mg_callbacks& callbacks) noexcept {
    if (!http_.recording()) return;
    begin_request_ = callbacks.begin_request;
    end_request_ = callbacks.end_request;
    callbacks.begin_request = &OnBegin;
    callbacks.end_request = &OnEnd;
  }

  // mg_set_request_handler with the route template for its requests. An exception of the handler,
  // which must not reach civetweb's C code, is answered with 500. From one thread at a time.
  void Handle(mg_context* context, const char* uri, std::string_view route_template,
              mg_request_handler handler, void* data = nullptr) {
    routes_.push_back(Routed{http_.Route(route_template), handler, data});
    mg_set_request_handler(context, uri, &OnRequest, &routes_.back());
  }

  // What mg_start got as user_data: the middleware takes its place.
  static void* UserData(const mg_connection* connection) noexcept {
    return Of(connection).user_data_;
  }

 private:
  struct Routed {
    HttpRoute route;
    mg_request_handler handler;
    void* data;
  };

  static CivetwebMiddleware& Of(const mg_connection* connection) noexcept {
    return *static_cast<CivetwebMiddleware*>(mg_get_user_data(mg_get_context(connection)));
  }

  // Two headers are as invalid as a wrong one.
  static std::string_view Traceparent(const mg_request_info& info) noexcept {
    std::string_view found;
    for (int i = 0; i < info.num_headers; ++i) {
      if (strcasecmp(info.http_headers[i].name, "traceparent") != 0) continue;
      if (!found.empty()) return "several";
      found = info.http_headers[i].value;
    }
    return found;
  }

  HttpRequestScope* Begin(const mg_connection* connection) noexcept {
    const mg_request_info* const info = mg_get_request_info(connection);
    if (info == nullptr) return nullptr;
    HttpRequestScope* const scope = http_.BeginOnThread(
        info->request_method == nullptr ? "" : info->request_method, Traceparent(*info));
    if (scope == nullptr) return nullptr;
    if (info->content_length >= 0) {
      scope->RequestBytes(static_cast<std::uint64_t>(info->content_length));
    } else if (mg_get_header(connection, "Transfer-Encoding") == nullptr) {
      scope->RequestBytes(0);
    }
    return scope;
  }

  // civetweb handles a request from its begin to its end on one thread.
  static int OnBegin(mg_connection* connection) {
    CivetwebMiddleware& self = Of(connection);
    self.Begin(connection);
    return self.begin_request_ == nullptr ? 0 : self.begin_request_(connection);
  }
  static void OnEnd(const mg_connection* connection, int status) {
    CivetwebMiddleware& self = Of(connection);
    HttpRequestScope* scope = HttpServerMetrics::OnThread();
    if (scope == nullptr) scope = self.Begin(connection);  // answered before its begin
    // What is no status is given too, so that it is seen as `other`; a WebSocket has none.
    const bool known = status >= 100 && status <= 599;
    if (scope != nullptr && (known || !(scope->has_status() || scope->is_stream()))) {
      scope->Status(status);
    }
    if (self.end_request_ != nullptr) self.end_request_(connection, status);
    HttpServerMetrics::EndOnThread();
  }

  static int OnRequest(mg_connection* connection, void* data) noexcept {
    const Routed& routed = *static_cast<const Routed*>(data);
    if (HttpRequestScope* const scope = HttpServerMetrics::OnThread()) scope->Route(routed.route);
#if defined(__cpp_exceptions)
    try {
      return routed.handler(connection, routed.data);
    } catch (...) {
      mg_send_http_error(connection, 500, "%s", "");
      return 500;
    }
#else
    return routed.handler(connection, routed.data);
#endif
  }

  HttpServerMetrics& http_;
  void* const user_data_;
  int (*begin_request_)(mg_connection*) = nullptr;
  void (*end_request_)(const mg_connection*, int) = nullptr;
  std::deque<Routed> routes_;  // addresses stay
};

// mg_write of a part of the response's body: counts its bytes, and the client as gone when it
// fails. Returns what mg_write does.
inline int CivetwebWrite(mg_connection* connection, const void* data, std::size_t size) noexcept {
  const int written = mg_write(connection, data, size);
  if (HttpRequestScope* const scope = HttpServerMetrics::OnThread()) {
    if (written > 0) scope->AddResponseBytes(static_cast<std::uint64_t>(written));
    if (size > 0 && (written < 0 || static_cast<std::size_t>(written) < size)) scope->Abort();
  }
  return written;
}

POLYMETER_END_NAMESPACE
