// The state of one session between a client and a server, and what is to be counted when it moves.
// Fed with messages in the order in which they were seen; no I/O, no clock of its own.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "integrations/lsp/cpu_shares.h"
#include "integrations/lsp/lsp_documents.h"
#include "integrations/lsp/lsp_message.h"
#include "integrations/lsp/lsp_vocabulary.h"
#include "integrations/lsp/pending_requests.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// A message that is not counted as one.
enum class BadMessage : std::uint8_t { kMalformedJson, kBatch, kInvalid };
std::string_view LabelValue(BadMessage kind) noexcept;

// What a session does not follow.
enum class Untracked : std::uint8_t {
  kRequest,      // more than the limit wait for a reply, or its id is none
  kReply,        // no request waits for it
  kDocument,     // more than the limit
  kEdit,         // too many edits of one document wait for diagnostics
  kDiagnostics,  // in a message too long to be looked at
  kMessage,      // too long, and neither end says what it is
};
std::string_view LabelValue(Untracked what) noexcept;

struct LspRequestEnd {
  LspDirection direction;
  LspMethods::Id method;
  LspOutcome outcome;
  std::optional<std::chrono::duration<double>> time;  // of those that were answered
  std::optional<double> cpu_seconds;                  // of the server
  bool alone = false;
};

// Told what a session does.
class LspObserver {
 public:
  virtual ~LspObserver() = default;
  virtual void OnRequestEnd(const LspRequestEnd& end) = 0;
  virtual void OnNotification(LspDirection direction, LspMethods::Id method) = 0;
  virtual void OnCancellations(LspCancelEffect effect, std::uint64_t count) = 0;
  virtual void OnInitialized(std::chrono::duration<double> time) = 0;
  virtual void OnChange(LspSync sync) = 0;
  virtual void OnEditCovered(std::chrono::duration<double> time) = 0;
  virtual void OnSessionEnd(std::string_view client, LspEnd end) = 0;
  virtual void OnBadMessage(BadMessage kind) = 0;
  virtual void OnUntracked(Untracked what) = 0;
  virtual void OnFolded(std::string_view label) = 0;  // a value became "other"
};

// Of a reply that is an error; 0 for one without a code.
LspOutcome OutcomeOfError(std::int64_t code) noexcept;

// How a session ended that went so far.
LspEnd EndOf(const LspExit& exit, bool shutdown_seen, bool exit_seen, bool client_eof) noexcept;

class LspSessionMachine {
 public:
  using CpuReader = std::function<std::optional<double>()>;

  struct Limits {
    std::size_t requests;
    std::size_t documents;
  };
  // Refers to both; `cpu` may be null.
  LspSessionMachine(LspObserver& observer, const LspMethods& methods, const Limits& limits,
                    CpuReader cpu);

  void OnMessage(LspDirection direction, const LspMessage& message, LspTime now);
  void OnEof(LspDirection direction);
  // Nothing is counted after it.
  void End(const LspExit& exit);
  // As End, but it is not known how: no session is counted.
  void Abandon();

  // The client's requests that the server has not answered.
  std::size_t in_flight() const { return pending_.Count(LspDirection::kClientToServer); }
  std::optional<LspTime> oldest() const;
  const LspDocuments& documents() const { return documents_; }

 private:
  void OnRequest(LspDirection direction, const LspMessage& message, LspTime now);
  void OnNotification(LspDirection direction, const LspMessage& message, LspTime now);
  void OnReply(LspDirection direction, const LspMessage& message, LspTime now);
  void OnCancel(LspDirection direction, const LspId& id);
  void OnDocument(LspDirection direction, const LspMessage& message, LspTime now);
  LspMethods::Id MethodOf(const LspMessage& message);
  // The mark of CpuShares now; nothing where the server's CPU time is not known.
  std::optional<double> CpuMark();
  void LeaveUnanswered();

  LspObserver& observer_;
  const LspMethods& methods_;
  const CpuReader cpu_;
  const LspMethods::Id initialize_;

  PendingRequests pending_;
  AnsweredIds answered_;
  LspDocuments documents_;
  CpuShares cpu_shares_;
  std::string_view client_;  // a label
  bool shutdown_seen_ = false;
  bool exit_seen_ = false;
  bool client_eof_ = false;
  bool ended_ = false;
};

}  // namespace detail
POLYMETER_END_NAMESPACE
