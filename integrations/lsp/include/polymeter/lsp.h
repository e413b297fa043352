// Metrics of a language server: requests, cancellations, diagnostics, sessions, the server's CPU
// time. C++17; link polymeter::lsp.
//
// Beside a server that nobody changes, as `polymeter lsp` does it: give a session copies of the
// bytes that pass in both directions.
//
//   polymeter::LspMetrics lsp(metrics, polymeter::LspOptions()
//                                          .Server(polymeter::LspServerNameOf(argv[0]))
//                                          .Process(child));
//   polymeter::LspSession session = lsp.Begin();
//   session.Bytes(polymeter::LspDirection::kClientToServer, {buffer, n}, read_at);
//   session.Eof(polymeter::LspDirection::kClientToServer);
//   session.End(polymeter::LspExit::FromWaitStatus(status));
//
// Within a server of one's own:
//
//   polymeter::LspServerMetrics lsp(metrics, polymeter::LspOptions().Server("mine"));
//   polymeter::LspCall call = lsp.OnRequest("textDocument/hover");  // travels with the request
//   call.Reply();                                                   // or Error(code)
//
// Sources: Language Server Protocol 3.17 (base protocol, methods, error codes), JSON-RPC 2.0; what
// clangd 14 tolerates. Nothing here throws after construction, whatever the bytes are; memory is
// bounded by the limits of LspOptions.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "polymeter/metrics.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
class LspState;
class LspSessionFeed;
struct LspLive;
}  // namespace detail

// A moment.
using LspTime = std::chrono::steady_clock::time_point;

// Where a message goes. A request's direction is that of the request; its reply comes the other
// way.
enum class LspDirection : std::uint8_t { kClientToServer, kServerToClient };
// "client_to_server", "server_to_client".
POLYMETER_EXPORT std::string_view LabelValue(LspDirection direction) noexcept;

// How a request ended.
enum class LspOutcome : std::uint8_t {
  kOk,
  kError,
  kCancelled,        // error -32800 (RequestCancelled) or -32802 (ServerCancelled)
  kContentModified,  // error -32801
  kUnanswered,       // no reply before the session ended
};
POLYMETER_EXPORT std::string_view LabelValue(LspOutcome outcome) noexcept;

// What $/cancelRequest did.
enum class LspCancelEffect : std::uint8_t {
  kHonoured,    // the request was answered with -32800, -32801 or -32802
  kTooLate,     // it was answered as usual, or had been before the cancellation came
  kUnknownId,   // no request had that id
  kUnanswered,  // it never was answered
};
POLYMETER_EXPORT std::string_view LabelValue(LspCancelEffect effect) noexcept;

// How a session ended.
enum class LspEnd : std::uint8_t {
  kClean,       // shutdown, exit, exit code 0
  kNoShutdown,  // exit without shutdown before it
  kEof,         // the client closed its end without exit
  kCrash,   // the server ended unasked, with an error after a proper exit, or by a fault (SIGSEGV)
  kSignal,  // the server was killed: SIGKILL, SIGTERM and other signals that come from outside
};
POLYMETER_EXPORT std::string_view LabelValue(LspEnd end) noexcept;

// Severities of diagnostics; kUnspecified where a diagnostic has none.
enum class LspSeverity : std::uint8_t { kError, kWarning, kInformation, kHint, kUnspecified };
// How many severities there are.
inline constexpr std::size_t kLspSeverities = 5;
POLYMETER_EXPORT std::string_view LabelValue(LspSeverity severity) noexcept;

// How much of a document a change carries; a change with ranges is incremental.
enum class LspSync : std::uint8_t { kFull, kIncremental };
POLYMETER_EXPORT std::string_view LabelValue(LspSync sync) noexcept;

// How many seconds of CPU a server process has used so far, with all its threads, those that ended
// too; nothing where that cannot be read. Called on the thread that feeds a session, at the
// beginning and end of each of the client's requests (so it should take microseconds), and on the
// thread that collects.
using LspCpuReader = std::function<std::optional<double>()>;
// Its resident memory in bytes. Called on the thread that collects.
using LspMemoryReader = std::function<std::optional<std::uint64_t>()>;

// The label of a server by its command ("/usr/bin/clangd-14" is "clangd"): one of a fixed list,
// else "other".
POLYMETER_EXPORT std::string_view LspServerNameOf(std::string_view command) noexcept;

// Of LspMetrics and LspServerMetrics.
class LspOptions {
 public:
  // The label `server`. A word of the operator's own, used as it is; "other" unless given.
  LspOptions& Server(std::string_view name) {
    server_ = std::string(name);
    return *this;
  }
  // CPU time and memory of the server, without which their families stay empty: of the process
  // with that pid, by its CPU clock (clock_getcpuclockid(3): nanoseconds, one system call) and
  // /proc/PID/statm. It must be a child that has not been waited for before LspSession::End, or a
  // process that outlives the LspMetrics.
  POLYMETER_EXPORT LspOptions& Process(pid_t pid);
  // The same by other means.
  LspOptions& Cpu(LspCpuReader cpu) {
    cpu_ = std::move(cpu);
    return *this;
  }
  // See Cpu.
  LspOptions& Memory(LspMemoryReader memory) {
    memory_ = std::move(memory);
    return *this;
  }
  // Methods beyond those of LSP 3.17, clangd and rust-analyzer that may be label values; others are
  // `other` and counted in lsp_labels_folded_total.
  LspOptions& AllowMethods(std::vector<std::string> methods) {
    methods_ = std::move(methods);
    return *this;
  }
  // Bodies up to so many bytes (at least 16 KiB) are parsed whole; of longer ones only the
  // beginning and the end are looked at, and nothing else is kept.
  LspOptions& BodyLimit(std::size_t bytes) {
    body_limit_ = bytes;
    return *this;
  }
  // Requests without a reply, of both directions, and documents that a session follows; those
  // beyond are counted in lsp_untracked_total.
  LspOptions& RequestLimit(std::size_t requests) {
    request_limit_ = requests;
    return *this;
  }
  // See RequestLimit.
  LspOptions& DocumentLimit(std::size_t documents) {
    document_limit_ = documents;
    return *this;
  }
  // For the age of the oldest request and the times of LspCall; the system's steady clock unless
  // given (tests). Called on any thread.
  LspOptions& Clock(std::function<LspTime()> clock) {
    clock_ = std::move(clock);
    return *this;
  }

  const std::string& server() const noexcept { return server_; }
  const LspCpuReader& cpu() const noexcept { return cpu_; }
  const LspMemoryReader& memory() const noexcept { return memory_; }
  // What AllowMethods() says.
  const std::vector<std::string>& methods() const noexcept { return methods_; }
  std::size_t body_limit() const noexcept { return body_limit_; }
  std::size_t request_limit() const noexcept { return request_limit_; }
  std::size_t document_limit() const noexcept { return document_limit_; }
  const std::function<LspTime()>& clock() const noexcept { return clock_; }

 private:
  std::string server_ = "other";
  LspCpuReader cpu_;
  LspMemoryReader memory_;
  std::vector<std::string> methods_;
  std::size_t body_limit_ = std::size_t{256} << 10;
  std::size_t request_limit_ = 10'000;
  std::size_t document_limit_ = 10'000;
  std::function<LspTime()> clock_;
};

// How the server process ended.
class LspExit {
 public:
  // By itself, with an exit code.
  static LspExit Code(int code) noexcept { return LspExit(code, 0); }
  // By a signal.
  static LspExit Signal(int signal) noexcept { return LspExit(0, signal); }
  // Of wait(2).
  POLYMETER_EXPORT static LspExit FromWaitStatus(int status) noexcept;
  // Its CPU time, as wait4(2) says, with that of the children that it has waited for: the last
  // value of lsp_server_cpu_seconds_total.
  LspExit& CpuSeconds(double seconds) noexcept {
    cpu_seconds_ = seconds;
    return *this;
  }

  int code() const noexcept { return code_; }
  int signal() const noexcept { return signal_; }  // 0: none
  std::optional<double> cpu_seconds() const noexcept { return cpu_seconds_; }

 private:
  LspExit(int code, int signal) noexcept : code_(code), signal_(signal) {}

  int code_;
  int signal_;
  std::optional<double> cpu_seconds_;
};

// One client and one server, seen from between. Belongs to one thread at a time; movable. Dropped
// without End, its requests are unanswered and no session is counted. On a Metrics that does not
// record, every call is one branch.
class POLYMETER_EXPORT LspSession {
 public:
  LspSession() noexcept;
  LspSession(LspSession&&) noexcept;
  LspSession& operator=(LspSession&&) noexcept;
  ~LspSession();

  // The next bytes of that direction, in pieces of any size, read at `now`.
  void Bytes(LspDirection direction, std::string_view bytes, LspTime now) noexcept;
  // How long bytes took from one end to the other; once for each piece.
  void Forwarded(LspDirection direction, std::chrono::duration<double> time) noexcept;
  // That side has closed its end: no more bytes of that direction.
  void Eof(LspDirection direction) noexcept;
  // The server has ended. What comes after is ignored.
  void End(const LspExit& exit) noexcept;
  // Whether the frames of that direction are understood: false from bytes that cannot be a message
  // (lsp_proxy_frame_errors_total{kind="lost_sync"}) until the next header that no JSON can
  // contain.
  bool InSync(LspDirection direction) const noexcept;

 private:
  friend class LspMetrics;
  std::unique_ptr<detail::LspSessionFeed> feed_;
};

// The families of docs/adapters/lsp.md over sessions that are watched. One for each server; several
// on one Metrics add up, but of those with the same Server() only the first shows the age of its
// requests and its process. Thread-safe; sessions may outlive it, and then count on, but these
// three are gone.
class [[nodiscard]] POLYMETER_EXPORT LspMetrics {
 public:
  explicit LspMetrics(const Metrics& metrics, const LspOptions& options = {});
  LspMetrics(LspMetrics&&) noexcept;
  LspMetrics& operator=(LspMetrics&&) noexcept;
  ~LspMetrics();

  // A session from here on.
  LspSession Begin() const noexcept;

 private:
  std::shared_ptr<detail::LspState> state_;
  Attachment attachment_;
};

// A request that a server is answering. Movable between threads, used by one at a time; the first
// end counts. Dropped without one, the request is unanswered. In a forked child, those that came
// before are the parent's and count nothing; likewise an LspSession.
class [[nodiscard]] POLYMETER_EXPORT LspCall {
 public:
  LspCall() noexcept = default;
  LspCall(LspCall&& other) noexcept;
  LspCall& operator=(LspCall&& other) noexcept;
  ~LspCall();

  // A result.
  void Reply() noexcept { Finish(LspOutcome::kOk); }
  // An error of JSON-RPC or LSP: -32800 is cancelled, -32801 content_modified.
  void Error(std::int64_t code) noexcept;

 private:
  friend class LspServerMetrics;
  void Finish(LspOutcome outcome) noexcept;

  std::shared_ptr<detail::LspState> state_;
  std::shared_ptr<detail::LspLive> live_;
  LspTime begin_{};
  std::uint32_t forks_ = 0;
  std::size_t slot_ = 0;
  std::uint16_t method_ = 0;
  LspDirection direction_ = LspDirection::kClientToServer;
};

// The same families for a server that counts itself. Thread-safe; no lock and, once a series
// exists, no memory on any call.
class [[nodiscard]] POLYMETER_EXPORT LspServerMetrics {
 public:
  explicit LspServerMetrics(const Metrics& metrics, const LspOptions& options = {});
  LspServerMetrics(LspServerMetrics&&) noexcept;
  LspServerMetrics& operator=(LspServerMetrics&&) noexcept;
  ~LspServerMetrics();

  // A request has come from the client, or (with kServerToClient) goes to it. The reply to
  // "initialize" also gives lsp_initialize_duration_seconds.
  LspCall OnRequest(std::string_view method,
                    LspDirection direction = LspDirection::kClientToServer) const noexcept;
  // A notification has come from the client, or goes to it.
  void OnNotification(std::string_view method,
                      LspDirection direction = LspDirection::kClientToServer) const noexcept;
  // A $/cancelRequest came to its end.
  void OnCancel(LspCancelEffect effect) const noexcept;
  // A document was changed.
  void OnChange(LspSync sync) const noexcept;
  // Diagnostics for an edit were sent so long after it.
  void OnDiagnosticLatency(std::chrono::duration<double> time) const noexcept;
  // As they are now, over all documents.
  void SetOpenDocuments(std::int64_t documents) const noexcept;
  // See SetOpenDocuments.
  void SetDiagnostics(LspSeverity severity, std::int64_t diagnostics) const noexcept;
  // `client` as in initialize's clientInfo.name.
  void OnSessionEnd(std::string_view client, LspEnd end) const noexcept;

 private:
  std::shared_ptr<detail::LspState> state_;
  std::shared_ptr<detail::LspLive> live_;
  Attachment attachment_;
};

POLYMETER_END_NAMESPACE
