#include "polymeter/lsp.h"

#include <sys/wait.h>

#include <algorithm>
#include <utility>

#include "integrations/common/forks.h"
#include "integrations/lsp/lsp_feed.h"
#include "integrations/lsp/lsp_state.h"

POLYMETER_BEGIN_NAMESPACE
namespace {

// What happens here never reaches the application: without memory, something is not counted.
template <class Body>
void Guarded(Body body) noexcept {
  try {
    body();
  } catch (...) {
  }
}

}  // namespace

// --- words --------------------------------------------------------------------------------------

std::string_view LabelValue(LspDirection direction) noexcept {
  return direction == LspDirection::kClientToServer ? "client_to_server" : "server_to_client";
}

std::string_view LabelValue(LspOutcome outcome) noexcept {
  switch (outcome) {
    case LspOutcome::kOk:
      return "ok";
    case LspOutcome::kError:
      return "error";
    case LspOutcome::kCancelled:
      return "cancelled";
    case LspOutcome::kContentModified:
      return "content_modified";
    case LspOutcome::kUnanswered:
      break;
  }
  return "unanswered";
}

std::string_view LabelValue(LspCancelEffect effect) noexcept {
  switch (effect) {
    case LspCancelEffect::kHonoured:
      return "honoured";
    case LspCancelEffect::kTooLate:
      return "too_late";
    case LspCancelEffect::kUnknownId:
      return "unknown_id";
    case LspCancelEffect::kUnanswered:
      break;
  }
  return "unanswered";
}

std::string_view LabelValue(LspEnd end) noexcept {
  switch (end) {
    case LspEnd::kClean:
      return "clean";
    case LspEnd::kNoShutdown:
      return "no_shutdown";
    case LspEnd::kEof:
      return "eof";
    case LspEnd::kCrash:
      return "crash";
    case LspEnd::kSignal:
      break;
  }
  return "signal";
}

std::string_view LabelValue(LspSeverity severity) noexcept {
  switch (severity) {
    case LspSeverity::kError:
      return "error";
    case LspSeverity::kWarning:
      return "warning";
    case LspSeverity::kInformation:
      return "information";
    case LspSeverity::kHint:
      return "hint";
    case LspSeverity::kUnspecified:
      break;
  }
  return "unspecified";
}

std::string_view LabelValue(LspSync sync) noexcept {
  return sync == LspSync::kFull ? "full" : "incremental";
}

LspExit LspExit::FromWaitStatus(int status) noexcept {
  return WIFSIGNALED(status) ? Signal(WTERMSIG(status)) : Code(WEXITSTATUS(status));
}

// --- a session that is watched -------------------------------------------------------------------

LspSession::LspSession() noexcept = default;
LspSession::LspSession(LspSession&&) noexcept = default;
LspSession& LspSession::operator=(LspSession&&) noexcept = default;
LspSession::~LspSession() = default;

void LspSession::Bytes(LspDirection direction, std::string_view bytes, LspTime now) noexcept {
  if (feed_ != nullptr) Guarded([&] { feed_->Bytes(direction, bytes, now); });
}
void LspSession::Forwarded(LspDirection direction, std::chrono::duration<double> time) noexcept {
  if (feed_ != nullptr) Guarded([&] { feed_->Forwarded(direction, time); });
}
void LspSession::Eof(LspDirection direction) noexcept {
  if (feed_ != nullptr) Guarded([&] { feed_->Eof(direction); });
}
void LspSession::End(const LspExit& exit) noexcept {
  if (feed_ != nullptr) Guarded([&] { feed_->End(exit); });
}
bool LspSession::InSync(LspDirection direction) const noexcept {
  return feed_ == nullptr || feed_->InSync(direction);
}

LspMetrics::LspMetrics(const Metrics& metrics, const LspOptions& options) {
  if (!metrics.recording()) return;
  state_ = std::make_shared<detail::LspState>(metrics, options);
  attachment_ = metrics.AddProducer(std::shared_ptr<Producer>(state_));
}
LspMetrics::LspMetrics(LspMetrics&&) noexcept = default;
LspMetrics& LspMetrics::operator=(LspMetrics&&) noexcept = default;
LspMetrics::~LspMetrics() = default;

LspSession LspMetrics::Begin() const noexcept {
  LspSession session;
  if (state_ != nullptr) {
    Guarded([&] { session.feed_ = std::make_unique<detail::LspSessionFeed>(state_); });
  }
  return session;
}

// --- a server that counts itself -----------------------------------------------------------------

LspCall::LspCall(LspCall&& other) noexcept
    : state_(std::move(other.state_)),
      live_(std::move(other.live_)),
      begin_(other.begin_),
      forks_(other.forks_),
      slot_(other.slot_),
      method_(other.method_),
      direction_(other.direction_) {}

LspCall& LspCall::operator=(LspCall&& other) noexcept {
  if (this == &other) return *this;
  Finish(LspOutcome::kUnanswered);
  state_ = std::move(other.state_);
  live_ = std::move(other.live_);
  begin_ = other.begin_;
  forks_ = other.forks_;
  slot_ = other.slot_;
  method_ = other.method_;
  direction_ = other.direction_;
  return *this;
}

LspCall::~LspCall() { Finish(LspOutcome::kUnanswered); }

void LspCall::Error(std::int64_t code) noexcept { Finish(detail::OutcomeOfError(code)); }

void LspCall::Finish(LspOutcome outcome) noexcept {
  const std::shared_ptr<detail::LspState> state = std::move(state_);
  const std::shared_ptr<detail::LspLive> live = std::move(live_);
  state_ = nullptr;
  if (state == nullptr || forks_ != detail::ForkCount()) return;
  if (direction_ == LspDirection::kClientToServer) {
    state->gauges().in_flight.Decrement();
    live->calls->GiveBack(slot_);
  }
  Guarded([&] {
    detail::LspRequestEnd end{direction_, method_, outcome, {}, {}};
    if (outcome != LspOutcome::kUnanswered) {
      end.time =
          std::chrono::duration<double>(std::max(state->Now() - begin_, LspTime::duration()));
    }
    state->OnRequestEnd(end);
    if (outcome == LspOutcome::kOk && direction_ == LspDirection::kClientToServer &&
        method_ == state->initialize()) {
      state->OnInitialized(*end.time);
    }
  });
}

LspServerMetrics::LspServerMetrics(const Metrics& metrics, const LspOptions& options) {
  if (!metrics.recording()) return;
  state_ = std::make_shared<detail::LspState>(metrics, options);
  live_ = std::make_shared<detail::LspLive>(state_->gauges(), true);
  state_->Attach(live_);
  attachment_ = metrics.AddProducer(std::shared_ptr<Producer>(state_));
}
LspServerMetrics::LspServerMetrics(LspServerMetrics&&) noexcept = default;
LspServerMetrics& LspServerMetrics::operator=(LspServerMetrics&&) noexcept = default;
LspServerMetrics::~LspServerMetrics() = default;

LspCall LspServerMetrics::OnRequest(std::string_view method,
                                    LspDirection direction) const noexcept {
  LspCall call;
  if (state_ == nullptr) return call;
  Guarded([&] {
    live_->LeaveToParent();
    call.begin_ = state_->Now();
    call.forks_ = detail::ForkCount();
    call.method_ = state_->MethodOf(method);
    call.direction_ = direction;
    if (direction == LspDirection::kClientToServer) {
      call.slot_ =
          live_->calls->Take(std::chrono::nanoseconds(call.begin_.time_since_epoch()).count());
      state_->gauges().in_flight.Increment();
    }
    call.live_ = live_;
    call.state_ = state_;
  });
  return call;
}

void LspServerMetrics::OnNotification(std::string_view method,
                                      LspDirection direction) const noexcept {
  if (state_ == nullptr) return;
  Guarded([&] { state_->OnNotification(direction, state_->MethodOf(method)); });
}
void LspServerMetrics::OnCancel(LspCancelEffect effect) const noexcept {
  if (state_ != nullptr) Guarded([&] { state_->OnCancellations(effect, 1); });
}
void LspServerMetrics::OnChange(LspSync sync) const noexcept {
  if (state_ != nullptr) Guarded([&] { state_->OnChange(sync); });
}
void LspServerMetrics::OnDiagnosticLatency(std::chrono::duration<double> time) const noexcept {
  if (state_ != nullptr) Guarded([&] { state_->OnEditCovered(time); });
}
void LspServerMetrics::SetOpenDocuments(std::int64_t documents) const noexcept {
  if (live_ == nullptr) return;
  live_->LeaveToParent();
  live_->open_documents.Set(documents);
}
void LspServerMetrics::SetDiagnostics(LspSeverity severity,
                                      std::int64_t diagnostics) const noexcept {
  const auto index = static_cast<std::size_t>(severity);
  if (live_ == nullptr || index >= kLspSeverities) return;
  live_->LeaveToParent();
  live_->diagnostics[index].Set(diagnostics);
}
void LspServerMetrics::OnSessionEnd(std::string_view client, LspEnd end) const noexcept {
  if (state_ == nullptr) return;
  Guarded([&] {
    const std::string_view label = detail::ClientLabel(client);
    if (label == detail::kOtherWord) state_->OnFolded("client");
    state_->OnSessionEnd(label, end);
  });
}

POLYMETER_END_NAMESPACE
