#include "integrations/lsp/lsp_session.h"

#include <csignal>
#include <utility>

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

using Seconds = std::chrono::duration<double>;

// LSP 3.17, ErrorCodes.
constexpr std::int64_t kRequestCancelled = -32800;
constexpr std::int64_t kContentModified = -32801;
constexpr std::int64_t kServerCancelled = -32802;

LspDirection Opposite(LspDirection direction) noexcept {
  return direction == LspDirection::kClientToServer ? LspDirection::kServerToClient
                                                    : LspDirection::kClientToServer;
}

Seconds Since(LspTime begin, LspTime now) noexcept {
  return now > begin ? Seconds(now - begin) : Seconds::zero();
}

LspCancelEffect EffectOf(LspOutcome outcome) noexcept {
  switch (outcome) {
    case LspOutcome::kCancelled:
    case LspOutcome::kContentModified:
      return LspCancelEffect::kHonoured;
    case LspOutcome::kUnanswered:
      return LspCancelEffect::kUnanswered;
    default:
      return LspCancelEffect::kTooLate;
  }
}

// Signals of a program's own fault.
bool IsFault(int signal) noexcept {
  switch (signal) {
    case SIGSEGV:
    case SIGABRT:
    case SIGBUS:
    case SIGFPE:
    case SIGILL:
    case SIGSYS:
    case SIGTRAP:
      return true;
    default:
      return false;
  }
}

}  // namespace

LspOutcome OutcomeOfError(std::int64_t code) noexcept {
  switch (code) {
    case kRequestCancelled:
    case kServerCancelled:
      return LspOutcome::kCancelled;
    case kContentModified:
      return LspOutcome::kContentModified;
    default:
      return LspOutcome::kError;
  }
}

std::string_view LabelValue(BadMessage kind) noexcept {
  switch (kind) {
    case BadMessage::kMalformedJson:
      return "malformed_json";
    case BadMessage::kBatch:
      return "batch";
    case BadMessage::kInvalid:
      break;
  }
  return "invalid_message";
}

std::string_view LabelValue(Untracked what) noexcept {
  switch (what) {
    case Untracked::kRequest:
      return "request";
    case Untracked::kReply:
      return "reply";
    case Untracked::kDocument:
      return "document";
    case Untracked::kEdit:
      return "edit";
    case Untracked::kDiagnostics:
      return "diagnostics";
    case Untracked::kMessage:
      break;
  }
  return "message";
}

LspEnd EndOf(const LspExit& exit, bool shutdown_seen, bool exit_seen, bool client_eof) noexcept {
  if (exit.signal() != 0) return IsFault(exit.signal()) ? LspEnd::kCrash : LspEnd::kSignal;
  if (exit_seen && !shutdown_seen) return LspEnd::kNoShutdown;
  if (exit_seen) return exit.code() == 0 ? LspEnd::kClean : LspEnd::kCrash;
  return client_eof ? LspEnd::kEof : LspEnd::kCrash;
}

LspSessionMachine::LspSessionMachine(LspObserver& observer, const LspMethods& methods,
                                     const Limits& limits, CpuReader cpu)
    : observer_(observer),
      methods_(methods),
      cpu_(std::move(cpu)),
      initialize_(methods.Find("initialize")),
      pending_(limits.requests),
      documents_(limits.documents),
      client_(ClientLabel({})) {}

std::optional<LspTime> LspSessionMachine::oldest() const {
  const PendingRequest* const request = pending_.Oldest(LspDirection::kClientToServer);
  if (request == nullptr) return std::nullopt;
  return request->begin;
}

void LspSessionMachine::OnMessage(LspDirection direction, const LspMessage& message, LspTime now) {
  if (ended_) return;
  switch (message.kind) {
    case LspMessage::Kind::kRequest:
      return OnRequest(direction, message, now);
    case LspMessage::Kind::kNotification:
      return OnNotification(direction, message, now);
    case LspMessage::Kind::kReply:
      return OnReply(direction, message, now);
    case LspMessage::Kind::kBatch:
      return observer_.OnBadMessage(BadMessage::kBatch);
    case LspMessage::Kind::kMalformed:
      return observer_.OnBadMessage(BadMessage::kMalformedJson);
    case LspMessage::Kind::kInvalid:
      if (message.partial) return observer_.OnUntracked(Untracked::kMessage);
      return observer_.OnBadMessage(BadMessage::kInvalid);
  }
}

LspMethods::Id LspSessionMachine::MethodOf(const LspMessage& message) {
  const LspMethods::Id method = methods_.Find(message.method);
  if (method == LspMethods::kOther) observer_.OnFolded("method");
  return method;
}

std::optional<double> LspSessionMachine::CpuMark() {
  const std::optional<double> cpu = cpu_ ? cpu_() : std::nullopt;
  if (!cpu) return std::nullopt;
  return cpu_shares_.Advance(*cpu, in_flight());
}

void LspSessionMachine::OnRequest(LspDirection direction, const LspMessage& message, LspTime now) {
  PendingRequest request;
  request.direction = direction;
  request.id = message.id;
  request.method = MethodOf(message);
  request.begin = now;
  if (direction == LspDirection::kClientToServer) {
    if (message.method == "initialize") {
      client_ = ClientLabel(message.client_name);
      if (client_ == kOtherWord) observer_.OnFolded("client");
    } else if (message.method == "shutdown") {
      shutdown_seen_ = true;
    }
  }
  if (!message.id.usable()) return observer_.OnUntracked(Untracked::kRequest);
  if (direction == LspDirection::kClientToServer) {
    request.cpu_mark = CpuMark();
    // Any others have had company before.
    PendingRequest* const other = pending_.Oldest(direction);
    request.alone = other == nullptr;
    if (other != nullptr && in_flight() == 1) other->alone = false;
  }
  if (pending_.Add(request) == nullptr) observer_.OnUntracked(Untracked::kRequest);
}

void LspSessionMachine::OnReply(LspDirection direction, const LspMessage& message, LspTime now) {
  const LspDirection asked = Opposite(direction);
  // Before it is taken: it was in flight until now.
  const std::optional<double> cpu =
      asked == LspDirection::kClientToServer ? CpuMark() : std::nullopt;
  const std::optional<PendingRequest> request = pending_.Take(asked, message.id);
  if (!request) return observer_.OnUntracked(Untracked::kReply);
  answered_.Add(asked, message.id);

  LspRequestEnd end{asked, request->method, LspOutcome::kOk, Since(request->begin, now), {}};
  if (message.is_error) end.outcome = OutcomeOfError(message.error_code.value_or(0));
  if (cpu && request->cpu_mark) {
    end.cpu_seconds = *cpu - *request->cpu_mark;
    end.alone = request->alone;
  }
  observer_.OnRequestEnd(end);
  if (request->cancellations > 0) {
    observer_.OnCancellations(EffectOf(end.outcome), request->cancellations);
  }
  if (request->method == initialize_ && asked == LspDirection::kClientToServer &&
      end.outcome == LspOutcome::kOk) {
    observer_.OnInitialized(*end.time);
  }
}

void LspSessionMachine::OnNotification(LspDirection direction, const LspMessage& message,
                                       LspTime now) {
  observer_.OnNotification(direction, MethodOf(message));
  if (message.method == "$/cancelRequest") {
    OnCancel(direction, message.cancel_id);
  } else if (message.method == "exit") {
    if (direction == LspDirection::kClientToServer) exit_seen_ = true;
  } else {
    OnDocument(direction, message, now);
  }
}

void LspSessionMachine::OnCancel(LspDirection direction, const LspId& id) {
  if (PendingRequest* const request = pending_.Find(direction, id)) {
    ++request->cancellations;  // the reply says what came of it
    return;
  }
  observer_.OnCancellations(id.usable() && answered_.Has(direction, id)
                                ? LspCancelEffect::kTooLate
                                : LspCancelEffect::kUnknownId,
                            1);
}

void LspSessionMachine::OnDocument(LspDirection direction, const LspMessage& message, LspTime now) {
  const bool by_client = direction == LspDirection::kClientToServer;
  const std::string_view method = message.method;
  if (by_client && method == "textDocument/didChange" && message.sync) {
    observer_.OnChange(*message.sync);
  }
  if (!by_client && method == "textDocument/publishDiagnostics" && !message.diagnostics) {
    observer_.OnUntracked(Untracked::kDiagnostics);
  }
  if (!message.document) return;
  if (by_client && method == "textDocument/didOpen") {
    if (!documents_.Open(*message.document, message.version, now)) {
      observer_.OnUntracked(Untracked::kDocument);
    }
  } else if (by_client && method == "textDocument/didChange") {
    if (!documents_.Change(*message.document, message.version, now)) {
      observer_.OnUntracked(Untracked::kEdit);
    }
  } else if (by_client && method == "textDocument/didClose") {
    documents_.Close(*message.document);
  } else if (!by_client && method == "textDocument/publishDiagnostics") {
    const bool known =
        documents_.Diagnose(*message.document, message.version, message.diagnostics,
                            [&](LspTime edited) { observer_.OnEditCovered(Since(edited, now)); });
    if (!known) observer_.OnUntracked(Untracked::kDocument);
  }
}

void LspSessionMachine::OnEof(LspDirection direction) {
  if (direction == LspDirection::kClientToServer) client_eof_ = true;
}

void LspSessionMachine::End(const LspExit& exit) {
  if (ended_) return;
  LeaveUnanswered();
  observer_.OnSessionEnd(client_, EndOf(exit, shutdown_seen_, exit_seen_, client_eof_));
}

void LspSessionMachine::Abandon() {
  if (!ended_) LeaveUnanswered();
}

void LspSessionMachine::LeaveUnanswered() {
  ended_ = true;
  while (const std::optional<PendingRequest> request = pending_.TakeAny()) {
    observer_.OnRequestEnd({request->direction, request->method, LspOutcome::kUnanswered, {}, {}});
    if (request->cancellations > 0) {
      observer_.OnCancellations(LspCancelEffect::kUnanswered, request->cancellations);
    }
  }
}

}  // namespace detail
POLYMETER_END_NAMESPACE
