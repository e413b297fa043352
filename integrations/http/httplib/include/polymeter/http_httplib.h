// Middleware for cpp-httplib (https://github.com/yhirose/cpp-httplib), 0.11 and later. C++17.
//
//   polymeter::HttpServerMetrics http(metrics);
//   httplib::Server server;
//   polymeter::InstrumentHttplib(server, http);
//   server.Get(R"(/jobs/(\d+))", polymeter::HttplibRoute(http, "/jobs/{id}", handler));
//
// The HttpServerMetrics must outlive the server. In a handler, HttpRequestScope::Current() is the
// request and CurrentTrace() its trace.
#pragma once

#include <httplib.h>

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "polymeter/http.h"

POLYMETER_BEGIN_NAMESPACE

// The application's own handlers in the places that the middleware takes: a server has one each.
struct HttplibHooks {
  httplib::Server::HandlerWithResponse pre_routing;  // for set_pre_routing_handler
  httplib::Logger logger;                            // for set_logger
};

namespace detail {

// Members that only some versions have.
template <class Request, class = void>
struct HttplibMatchedRoute {
  static std::string_view Of(const Request&) { return {}; }
};
template <class Request>
struct HttplibMatchedRoute<Request, std::void_t<decltype(std::declval<Request>().matched_route)>> {
  static std::string_view Of(const Request& request) { return request.matched_route; }
};
template <class Response, class = void>
struct HttplibUnfinished {
  static bool Is(const Response&) { return false; }
};
template <class Response>
struct HttplibUnfinished<Response,
                         std::void_t<decltype(std::declval<Response>().content_provider_success_),
                                     decltype(std::declval<Response>().content_provider_)>> {
  static bool Is(const Response& response) {
    return response.content_provider_ && !response.content_provider_success_;
  }
};

// Two headers are as invalid as a wrong one.
inline std::string HttplibTraceparent(const httplib::Request& request) {
  return request.get_header_value_count("traceparent") > 1
             ? "several"
             : request.get_header_value("traceparent");
}

template <class Message>
std::optional<std::uint64_t> HttplibContentLength(const Message& message) {
  const std::string text = message.get_header_value("Content-Length");
  std::uint64_t length = 0;
  const auto end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, length);
  if (text.empty() || read.ec != std::errc() || read.ptr != end) return std::nullopt;
  return length;
}

inline void HttplibEnd(HttpRequestScope& scope, const httplib::Request& request,
                       const httplib::Response& response) {
  const std::string_view matched = HttplibMatchedRoute<httplib::Request>::Of(request);
  if (!matched.empty() && !scope.has_route()) scope.Route(matched);
  scope.Status(response.status);
  if (const auto length = HttplibContentLength(request)) {
    scope.RequestBytes(*length);
  } else {
    scope.RequestBytes(request.body.size());
  }
  if (request.method == "HEAD") {
    scope.ResponseBytes(0);
  } else if (HttplibUnfinished<httplib::Response>::Is(response)) {
    scope.Abort();
  } else if (!response.body.empty()) {
    scope.ResponseBytes(response.body.size());
  } else if (const auto length = HttplibContentLength(response)) {
    scope.ResponseBytes(*length);
  }
}

}  // namespace detail

// Every request of `server` is counted from now on, also those that it refuses before routing (an
// unknown method is 400). Takes its pre-routing handler and its logger; give your own as hooks,
// they are called as ever. Call it before listening.
//
// A content provider that ends early, because the client went away or because it returns false,
// counts as an abort; cpp-httplib does not tell about a client that goes away while a plain body is
// sent. Bytes of a chunked response are not known.
inline void InstrumentHttplib(httplib::Server& server, HttpServerMetrics& http,
                              HttplibHooks hooks = {}) {
  using Response = httplib::Server::HandlerResponse;
  if (!http.recording()) {
    if (hooks.pre_routing) server.set_pre_routing_handler(std::move(hooks.pre_routing));
    if (hooks.logger) server.set_logger(std::move(hooks.logger));
    return;
  }
  server.set_pre_routing_handler(
      [&http, own = std::move(hooks.pre_routing)](const httplib::Request& request,
                                                  httplib::Response& response) -> Response {
        http.BeginOnThread(request.method, detail::HttplibTraceparent(request));
        return own ? own(request, response) : Response::Unhandled;
      });
  // The logger is called at the end of every response, also of one that could not be sent.
  server.set_logger([&http, own = std::move(hooks.logger)](const httplib::Request& request,
                                                           const httplib::Response& response) {
    struct AtEnd {
      ~AtEnd() { HttpServerMetrics::EndOnThread(); }
    } at_end;
    HttpRequestScope* scope = HttpServerMetrics::OnThread();
    if (scope == nullptr) {  // refused before routing
      scope = http.BeginOnThread(request.method, detail::HttplibTraceparent(request));
    }
    detail::HttplibEnd(*scope, request, response);
    if (own) own(request, response);
  });
}

// The handler, with the route template that its requests are counted under. Without it they are
// `_unmatched`, or what the server says (cpp-httplib with Request::matched_route: the pattern).
inline httplib::Server::Handler HttplibRoute(HttpServerMetrics& http,
                                             std::string_view route_template,
                                             httplib::Server::Handler handler) {
  if (!http.recording()) return handler;
  return [route = http.Route(route_template), handler = std::move(handler)](
             const httplib::Request& request, httplib::Response& response) {
    if (HttpRequestScope* const scope = HttpServerMetrics::OnThread()) scope->Route(route);
    handler(request, response);
  };
}

// The same of a handler that reads the body itself.
inline httplib::Server::HandlerWithContentReader HttplibRoute(
    HttpServerMetrics& http, std::string_view route_template,
    httplib::Server::HandlerWithContentReader handler) {
  if (!http.recording()) return handler;
  return [route = http.Route(route_template), handler = std::move(handler)](
             const httplib::Request& request, httplib::Response& response,
             const httplib::ContentReader& reader) {
    if (HttpRequestScope* const scope = HttpServerMetrics::OnThread()) scope->Route(route);
    handler(request, response, reader);
  };
}

POLYMETER_END_NAMESPACE
