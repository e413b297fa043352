// A request's life: begin, what it is told, and the one place where it is counted.
#include "polymeter/http.h"

#include <array>
#include <exception>

#include "integrations/common/forks.h"
#include "integrations/http/http_state.h"

POLYMETER_BEGIN_NAMESPACE
namespace {

using Clock = std::chrono::steady_clock;

constinit thread_local HttpActivation* t_innermost = nullptr;

// What BeginOnThread keeps. Members end in reverse order: first inactive, then counted.
struct ThreadRequest {
  HttpRequestScope scope;
  std::optional<HttpActivation> activation;
};
thread_local std::optional<ThreadRequest> t_request;

std::string_view StatusText(int status, std::array<char, 3>& digits) noexcept {
  if (status == 0) return "other";
  digits = {static_cast<char>('0' + status / 100), static_cast<char>('0' + status / 10 % 10),
            static_cast<char>('0' + status % 10)};
  return {digits.data(), digits.size()};
}

}  // namespace

// --- the server -------------------------------------------------------------------------------

HttpServerMetrics::HttpServerMetrics(const Metrics& metrics, const HttpServerOptions& options)
    : state_(metrics.recording() ? std::make_unique<detail::HttpServerState>(metrics, options)
                                 : nullptr) {}
HttpServerMetrics::~HttpServerMetrics() = default;

HttpRoute HttpServerMetrics::Route(std::string_view route_template) noexcept {
  return state_ == nullptr ? HttpRoute() : HttpRoute(state_->RouteOf(route_template));
}

HttpRequestScope HttpServerMetrics::BeginRecording(std::string_view method,
                                                   std::string_view traceparent) noexcept {
  HttpRequestScope request;
  const HttpRequestScope* const current = HttpRequestScope::Current();
  if (current != nullptr && current->state_ == state_.get()) {
    request.nested_ = true;
    request.trace_ = current->trace_;
    return request;
  }
  request.state_ = state_.get();
  request.method_ = &state_->MethodOf(method);
  request.exceptions_ = std::uncaught_exceptions();
  request.forks_ = detail::ForkCount();
  state_->InFlight(*request.method_).Increment();
  if (!traceparent.empty()) request.trace_ = state_->traces.Read(traceparent);
  request.start_ = Clock::now();
  return request;
}

HttpRequestScope* HttpServerMetrics::BeginOnThread(std::string_view method,
                                                   std::string_view traceparent) noexcept {
  if (state_ == nullptr) return nullptr;
  if (t_request) {
    t_request->scope.Abort();
    t_request.reset();
  }
  t_request.emplace();
  t_request->scope = Begin(method, traceparent);
  t_request->activation.emplace(t_request->scope);
  return &t_request->scope;
}

void HttpServerMetrics::EndOnThread() noexcept { t_request.reset(); }

HttpRequestScope* HttpServerMetrics::OnThread() noexcept {
  return t_request ? &t_request->scope : nullptr;
}

// --- the request ------------------------------------------------------------------------------

HttpRequestScope::HttpRequestScope(HttpRequestScope&& other) noexcept { *this = std::move(other); }

HttpRequestScope& HttpRequestScope::operator=(HttpRequestScope&& other) noexcept {
  if (this == &other) return *this;
  End();
  state_ = std::exchange(other.state_, nullptr);
  method_ = other.method_;
  route_ = other.route_;
  start_ = other.start_;
  request_bytes_ = other.request_bytes_;
  response_bytes_ = other.response_bytes_;
  stream_ = other.stream_;
  status_ = other.status_;
  exceptions_ = other.exceptions_;
  forks_ = other.forks_;
  kind_ = other.kind_;
  aborted_ = other.aborted_;
  nested_ = std::exchange(other.nested_, false);
  trace_ = other.trace_;
  other.LeaveThread();  // not followed: whoever has it now may be another thread
  return *this;
}

HttpRequestScope* HttpRequestScope::Current() noexcept {
  return t_innermost == nullptr ? nullptr : t_innermost->request_;
}

void HttpRequestScope::LeaveThread() noexcept {
  for (HttpActivation* at = t_innermost; at != nullptr; at = at->around_) {
    if (at->request_ == this) at->request_ = nullptr;
  }
}

HttpRequestScope& HttpRequestScope::Route(std::string_view route_template) noexcept {
  if (HttpRequestScope* const target = Target()) {
    target->route_ = target->state_->RouteOf(route_template);
  }
  return *this;
}

HttpRequestScope& HttpRequestScope::Streaming() noexcept {
  if (HttpRequestScope* const target = Target()) target->OpenStream(Kind::kStream);
  return *this;
}

HttpRequestScope& HttpRequestScope::Upgrade() noexcept {
  if (HttpRequestScope* const target = Target()) target->OpenStream(Kind::kUpgrade);
  return *this;
}

void HttpRequestScope::OpenStream(Kind kind) noexcept {
  if (kind_ != Kind::kRequest || forks_ != detail::ForkCount()) return;
  LeaveFlight();
  kind_ = kind;
  const detail::HttpRouteEntry& route = route_ == nullptr ? state_->routes.unmatched() : *route_;
  stream_ = state_->streams.With(route.name(), kind == Kind::kStream ? "stream" : "upgrade");
  stream_.Increment();
}

void HttpRequestScope::LeaveFlight() noexcept { state_->InFlight(*method_).Decrement(); }

// --- its end ----------------------------------------------------------------------------------

void HttpRequestScope::EndRecording() noexcept {
  LeaveThread();
  if (forks_ == detail::ForkCount()) Count();
  state_ = nullptr;
}

void HttpRequestScope::Count() noexcept {
  const Clock::duration elapsed = Clock::now() - start_;
  int status = status_;
  if (status == 0) {
    status = std::uncaught_exceptions() > exceptions_ ? 500
             : aborted_                               ? 499
             : kind_ == Kind::kUpgrade                ? 101
                                                      : 200;
  } else if (status == kFoldedStatus) {
    state_->folded_status.Increment();
    status = 0;
  }
  if (kind_ == Kind::kRequest) {
    LeaveFlight();
  } else {
    stream_.Decrement();
  }
  if (route_ == nullptr) route_ = &state_->routes.unmatched();
  if (aborted_) state_->aborted.With(method_->name, route_->name()).Increment();
  Observe(elapsed, status);
}

void HttpRequestScope::Observe(Clock::duration elapsed, int status) const noexcept {
  const detail::HttpSeries* const series = route_->Find(method_->index, status);
  if (series == nullptr) return;
  std::array<char, 3> digits;
  const auto in = [&](const auto& family) {
    return [&] { return family.With(method_->name, route_->name(), StatusText(status, digits)); };
  };
  series->requests.Get(in(state_->requests)).Increment();
  if (kind_ == Kind::kRequest) {
    // A request is often counted after its activation has ended, and on another thread.
    std::optional<TraceScope> trace;
    if (state_->duration_has_exemplars && trace_.valid()) trace.emplace(trace_);
    series->duration.Get(in(state_->duration)).Observe(elapsed);
  } else {
    state_->stream_duration.With(route_->name(), kind_ == Kind::kStream ? "stream" : "upgrade")
        .Observe(elapsed);
  }
  if (request_bytes_) {
    series->request_size.Get(in(state_->request_size)).Observe(*request_bytes_);
  }
  if (response_bytes_) {
    series->response_size.Get(in(state_->response_size)).Observe(*response_bytes_);
  }
}

// --- the current one --------------------------------------------------------------------------

void HttpActivation::Begin(HttpRequestScope& request) noexcept {
  around_ = std::exchange(t_innermost, this);
  request_ = &request;
  active_ = true;
  if (request.trace_.valid()) trace_.emplace(request.trace_);
}

void HttpActivation::End() noexcept { t_innermost = around_; }

POLYMETER_END_NAMESPACE
