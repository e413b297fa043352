// Metrics of an HTTP server, whichever it is. C++17.
//
//   polymeter::HttpServerMetrics http(metrics);
//   ...
//   auto request = http.Begin(method, traceparent);  // when the request's head has been read
//   const auto active = request.Activate();          // this thread works for it now
//   request.Route("/jobs/{id}");                     // a template, never the path
//   request.Status(200).ResponseBytes(body.size());
//                                                    // counted when `request` leaves scope
//
// Families and their OpenTelemetry names: docs/adapters/http.md. Ready middleware is in
// polymeter/http_civetweb.h and polymeter/http_httplib.h. With a Metrics that records nothing,
// every call does nothing at all; the trace is then not read either.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "polymeter/metrics.h"
#include "polymeter/trace_context.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
struct HttpServerState;
class HttpRouteEntry;
struct HttpMethodEntry;
}  // namespace detail

// Of HttpServerMetrics.
class HttpServerOptions {
 public:
  // Route templates that are told apart; further ones are `other`, counted in
  // http_labels_folded_total and reported once. It bounds the harm of a raw path given by mistake.
  HttpServerOptions& RouteLimit(std::size_t routes) {
    route_limit_ = routes;
    return *this;
  }
  // Methods beside CONNECT, DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT, QUERY and TRACE that get
  // their own name ("PROPFIND"); all others are `_OTHER`. Case counts, as in RFC 9110.
  HttpServerOptions& ExtraMethods(std::vector<std::string> methods) {
    extra_methods_ = std::move(methods);
    return *this;
  }

  // http_request_duration_seconds keeps exemplars: the trace of the newest request in each bucket,
  // as its traceparent or the application's tracer gives it (FamilyOptions::Exemplars). Of two
  // HttpServerMetrics of one Metrics the first one decides.
  HttpServerOptions& Exemplars(bool exemplars = true) {
    exemplars_ = exemplars;
    return *this;
  }

  std::size_t route_limit() const noexcept { return route_limit_; }
  const std::vector<std::string>& extra_methods() const noexcept { return extra_methods_; }
  bool exemplars() const noexcept { return exemplars_; }

 private:
  std::size_t route_limit_ = 500;
  std::vector<std::string> extra_methods_;
  bool exemplars_ = false;
};

// A route template that HttpServerMetrics::Route has looked up: a copyable reference for the
// requests of that HttpServerMetrics, valid as long as it lives.
class HttpRoute {
 public:
  constexpr HttpRoute() noexcept = default;  // `_unmatched`

 private:
  friend class HttpServerMetrics;
  friend class HttpRequestScope;
  explicit constexpr HttpRoute(const detail::HttpRouteEntry* entry) noexcept : entry_(entry) {}
  const detail::HttpRouteEntry* entry_ = nullptr;
};

class HttpActivation;

// One request, from its head to the end of its response. Counted once, when it ends: in its
// destructor or End(), on any thread. Movable; used by one thread at a time. The
// HttpServerMetrics must outlive it. Nothing here throws.
class [[nodiscard]] POLYMETER_EXPORT HttpRequestScope {
 public:
  HttpRequestScope() noexcept = default;  // of no server: every call does nothing
  HttpRequestScope(HttpRequestScope&& other) noexcept;
  HttpRequestScope& operator=(HttpRequestScope&& other) noexcept;  // ends the one before
  HttpRequestScope(const HttpRequestScope&) = delete;
  HttpRequestScope& operator=(const HttpRequestScope&) = delete;
  ~HttpRequestScope() {
    if (state_ != nullptr) EndRecording();
  }

  // Makes it the current request of this thread, and its trace the current one (where it has
  // a valid one), until the result leaves scope on this thread. A handler that runs on several
  // threads one after the other activates on each.
  //
  // The object that is active ends or moves on this thread alone. Once it was moved (into a task of
  // another thread, say), no request is current here; what has it now activates it anew.
  HttpActivation Activate() noexcept;
  // The innermost request that is active on this thread; null when there is none, and when that one
  // was moved away. Lets a handler give what its server's middleware cannot see.
  static HttpRequestScope* Current() noexcept;

  // The template that matched ("/jobs/{id}"), never the path itself. Without one: `_unmatched`.
  HttpRequestScope& Route(std::string_view route_template) noexcept;
  HttpRequestScope& Route(HttpRoute route) noexcept {
    if (HttpRequestScope* const target = Target()) target->route_ = route.entry_;
    return *this;
  }
  // Whether Route was called.
  bool has_route() noexcept {
    const HttpRequestScope* const target = Target();
    return target != nullptr && target->route_ != nullptr;
  }
  // 100 to 599, else it is `other` and counted as folded. Without one: 500 when an exception ends
  // the scope, 499 after Abort, 101 after Upgrade, else 200.
  HttpRequestScope& Status(int status) noexcept {
    if (HttpRequestScope* const target = Target()) {
      target->status_ = status >= 100 && status <= 599 ? status : kFoldedStatus;
    }
    return *this;
  }
  // Whether Status was called.
  bool has_status() noexcept {
    const HttpRequestScope* const target = Target();
    return target != nullptr && target->status_ != 0;
  }
  // Bytes of the bodies as on the wire; not observed where never given.
  HttpRequestScope& RequestBytes(std::uint64_t bytes) noexcept {
    if (HttpRequestScope* const target = Target()) target->request_bytes_ = bytes;
    return *this;
  }
  // See RequestBytes.
  HttpRequestScope& ResponseBytes(std::uint64_t bytes) noexcept {
    if (HttpRequestScope* const target = Target()) target->response_bytes_ = bytes;
    return *this;
  }
  // Adds to ResponseBytes, for bodies that are sent in pieces.
  HttpRequestScope& AddResponseBytes(std::uint64_t bytes) noexcept {
    if (HttpRequestScope* const target = Target()) {
      target->response_bytes_ = target->response_bytes_.value_or(0) + bytes;
    }
    return *this;
  }
  // The client went away before the response was complete. Counted in http_requests_aborted_total
  // too, once.
  HttpRequestScope& Abort() noexcept {
    if (HttpRequestScope* const target = Target()) target->aborted_ = true;
    return *this;
  }
  // The response goes on for as long as the client likes (server-sent events, a live
  // download), or the connection became another protocol (WebSocket, CONNECT). From here on it is
  // in http_streams_open and no longer in flight; when it ends it is a request in
  // http_requests_total, and its time is in http_stream_duration_seconds instead of the requests'
  // durations. Give the route before. The first of the two calls counts.
  HttpRequestScope& Streaming() noexcept;
  // See Streaming.
  HttpRequestScope& Upgrade() noexcept;
  bool is_stream() noexcept {  // either of them
    const HttpRequestScope* const target = Target();
    return target != nullptr && target->kind_ != Kind::kRequest;
  }

  // Counts it now; later calls do nothing.
  void End() noexcept {
    if (state_ != nullptr) EndRecording();
    nested_ = false;
  }

  // What came with the request; invalid when nothing valid did.
  const TraceContext& trace() const noexcept { return trace_; }

 private:
  friend class HttpServerMetrics;
  friend class HttpActivation;
  enum class Kind : std::uint8_t { kRequest, kStream, kUpgrade };

  static constexpr std::int32_t kFoldedStatus = -1;  // given, but none of HTTP's

  // The scope that a call is meant for: itself, or the one around a nested one.
  HttpRequestScope* Target() noexcept {
    return state_ != nullptr ? this : nested_ ? Current() : nullptr;
  }
  // It is no longer the one of any activation of this thread.
  void LeaveThread() noexcept;
  void EndRecording() noexcept;
  void LeaveFlight() noexcept;
  void OpenStream(Kind kind) noexcept;
  void Count() noexcept;
  void Observe(std::chrono::steady_clock::duration elapsed, int status) const noexcept;

  detail::HttpServerState* state_ = nullptr;  // null: does nothing, or nested
  const detail::HttpMethodEntry* method_ = nullptr;
  const detail::HttpRouteEntry* route_ = nullptr;
  std::chrono::steady_clock::time_point start_{};
  std::optional<std::uint64_t> request_bytes_;
  std::optional<std::uint64_t> response_bytes_;
  Gauge stream_;
  std::int32_t status_ = 0;
  std::int32_t exceptions_ = 0;  // in flight on the thread when it began
  std::uint32_t forks_ = 0;
  Kind kind_ = Kind::kRequest;
  bool aborted_ = false;
  bool nested_ = false;
  TraceContext trace_;
};

// See HttpRequestScope::Activate. Ends on the thread where it began, in reverse order.
class [[nodiscard]] POLYMETER_EXPORT HttpActivation {
 public:
  explicit HttpActivation(HttpRequestScope& request) noexcept {
    if (request.state_ != nullptr) Begin(request);  // a nested one: the outer is active
  }
  HttpActivation(const HttpActivation&) = delete;
  HttpActivation& operator=(const HttpActivation&) = delete;
  ~HttpActivation() {
    if (active_) End();
  }

 private:
  friend class HttpRequestScope;
  void Begin(HttpRequestScope& request) noexcept;
  void End() noexcept;

  HttpRequestScope* request_ = nullptr;  // null: it was moved away or has ended
  HttpActivation* around_ = nullptr;     // which this thread has begun before
  bool active_ = false;
  std::optional<TraceScope> trace_;
};

inline HttpActivation HttpRequestScope::Activate() noexcept { return HttpActivation(*this); }

// Makes the families; outlives its requests. Two of one Metrics share the families. Thread-safe.
class POLYMETER_EXPORT HttpServerMetrics {
 public:
  explicit HttpServerMetrics(const Metrics& metrics, const HttpServerOptions& options = {});
  HttpServerMetrics(const HttpServerMetrics&) = delete;
  HttpServerMetrics& operator=(const HttpServerMetrics&) = delete;
  ~HttpServerMetrics();

  // A request whose head has been read. `traceparent`: the header's text, empty without one; an
  // invalid one is counted in traceparent_headers_total. The texts are not kept.
  //
  // While another request of this HttpServerMetrics is active on the thread (middleware inside
  // middleware), it is the same request: the result passes what it is told on to that one and
  // counts nothing. An event loop that has several open activates each only while it works for it.
  HttpRequestScope Begin(std::string_view method, std::string_view traceparent = {}) noexcept {
    return state_ == nullptr ? HttpRequestScope() : BeginRecording(method, traceparent);
  }

  // For servers that call back before and after the handler on the same thread (civetweb,
  // cpp-httplib): begins and activates a request that the thread keeps until EndOnThread. One that
  // was left open there is ended as aborted. Null when nothing is recorded.
  HttpRequestScope* BeginOnThread(std::string_view method,
                                  std::string_view traceparent = {}) noexcept;
  // Does nothing when there is none.
  static void EndOnThread() noexcept;
  // What BeginOnThread began on this thread, until EndOnThread; null when there is none.
  static HttpRequestScope* OnThread() noexcept;

  // Looks a template up once, for routes that are known when the server starts.
  HttpRoute Route(std::string_view route_template) noexcept;

  // Whether anything is recorded.
  bool recording() const noexcept { return state_ != nullptr; }

 private:
  HttpRequestScope BeginRecording(std::string_view method, std::string_view traceparent) noexcept;

  std::unique_ptr<detail::HttpServerState> state_;
};

POLYMETER_END_NAMESPACE
