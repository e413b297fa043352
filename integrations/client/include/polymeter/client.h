// Database and cache clients: what operations cost, how they end, what pools do. C++17.
//
//   polymeter::ClientMetrics db(metrics, polymeter::ClientOptions().System("postgresql"));
//   auto operation = db.Begin("SELECT");
//   if (Query()) operation.Ok(); else operation.Error("timeout");
//
// Ready glue: polymeter/client_hiredis.h, polymeter/client_libpq.h. Families and names follow
// OpenTelemetry's conventions for database clients (semantic conventions 1.44, "db.client.*").
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "polymeter/metrics.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
class ClientState;
struct ClientPoolCounts;
}  // namespace detail

// What the families are called. The labels are the same.
enum class ClientNames {
  kOpenTelemetry,  // db_client_operation_duration_seconds, db_client_connections, ...
  kDatabase,       // database_query_duration_seconds, database_connections, ...
  kRedis,          // redis_command_duration_seconds, redis_commands_total, ...
};

// Of ClientMetrics.
class ClientOptions {
 public:
  // The label `system`, as OpenTelemetry's db.system.name: "postgresql", "mysql", "redis".
  // Operations are known for SQL systems (postgresql, mysql, mariadb, sqlite, microsoft.sql_server,
  // oracle.db), redis and valkey, and memcached; any other needs Operations().
  ClientOptions& System(std::string system) {
    system_ = std::move(system);
    return *this;
  }
  // What the families are called; kOpenTelemetry unless given.
  ClientOptions& Names(ClientNames names) {
    names_ = names;
    return *this;
  }
  // Further values of the labels `operation` and `outcome`; 1,000 and 100 at most. What is on no
  // list is `other`, and counted. Upper and lower case are the same; the label is as written here.
  ClientOptions& Operations(std::vector<std::string> operations) {
    operations_ = std::move(operations);
    return *this;
  }
  // See Operations.
  ClientOptions& Errors(std::vector<std::string> kinds) {
    errors_ = std::move(kinds);
    return *this;
  }

  const std::string& system() const noexcept { return system_; }
  ClientNames names() const noexcept { return names_; }
  const std::vector<std::string>& operations() const noexcept { return operations_; }
  const std::vector<std::string>& errors() const noexcept { return errors_; }

 private:
  std::string system_ = "other_sql";
  ClientNames names_ = ClientNames::kOpenTelemetry;
  std::vector<std::string> operations_;
  std::vector<std::string> errors_;
};

// A value of the label `operation`, looked up beforehand; belongs to the ClientMetrics that gave
// it. Default: `other`.
class ClientVerb {
 public:
  constexpr ClientVerb() noexcept = default;
  constexpr bool operator==(ClientVerb other) const noexcept { return index_ == other.index_; }

 private:
  friend class ClientMetrics;
  friend class detail::ClientState;
  constexpr explicit ClientVerb(std::uint16_t index) noexcept : index_(index) {}
  std::uint16_t index_ = 0;
};

// A value of the label `outcome`, likewise. Default: `ok`.
class ClientOutcome {
 public:
  constexpr ClientOutcome() noexcept = default;
  // Whether it is `ok`.
  constexpr bool ok() const noexcept { return index_ == 0; }

 private:
  friend class ClientMetrics;
  friend class detail::ClientState;
  constexpr explicit ClientOutcome(std::uint16_t index) noexcept : index_(index) {}
  std::uint16_t index_ = 0;
};

// An operation that runs. Observed once, with its duration, by the first of Ok, Error and the
// destructor, which makes it `exception` when the scope is left by one, else `abandoned`. Must not
// outlive its ClientMetrics; may move to another thread, is used by one at a time. Empty (default,
// moved from, nothing recorded) it does nothing and reads no clock; nor, in a forked child, does
// one of the parent.
class [[nodiscard]] ClientOperation {
 public:
  ClientOperation() noexcept = default;
  ClientOperation(ClientOperation&& other) noexcept
      : state_(std::exchange(other.state_, nullptr)),
        start_(other.start_),
        exceptions_(other.exceptions_),
        forks_(other.forks_),
        verb_(other.verb_),
        blocking_(other.blocking_) {}
  ClientOperation(const ClientOperation&) = delete;
  ClientOperation& operator=(const ClientOperation&) = delete;
  ClientOperation& operator=(ClientOperation&&) = delete;
  ~ClientOperation() {
    if (state_ != nullptr) Abandon();
  }

  // Ends well.
  void Ok() noexcept { End(ClientOutcome()); }
  // `kind` is one of `error`, `timeout`, `connection`, `cancelled`, `protocol`, what the system
  // knows (Redis' first word of an error, PostgreSQL's class of SQLSTATE in words) or
  // ClientOptions::Errors; else `other`.
  void Error(std::string_view kind = "error") noexcept {
    if (state_ != nullptr) Fail(kind);
  }
  // Ends with an outcome that was looked up before.
  void End(ClientOutcome outcome) noexcept {
    if (state_ != nullptr) Observe(outcome);
  }
  // Rows that came back, before it ends.
  void Rows(std::uint64_t rows) const noexcept {
    if (state_ != nullptr) CountRows(rows);
  }
  // Observes nothing.
  void Discard() noexcept { state_ = nullptr; }

  // Whether it runs and is recorded.
  explicit operator bool() const noexcept { return state_ != nullptr; }

 private:
  friend class ClientMetrics;
  POLYMETER_EXPORT ClientOperation(const detail::ClientState* state, ClientVerb verb,
                                   bool blocking) noexcept;
  POLYMETER_EXPORT void Observe(ClientOutcome outcome) noexcept;
  POLYMETER_EXPORT void Fail(std::string_view kind) noexcept;
  POLYMETER_EXPORT void Abandon() noexcept;
  POLYMETER_EXPORT void CountRows(std::uint64_t rows) const noexcept;

  const detail::ClientState* state_ = nullptr;
  std::chrono::steady_clock::time_point start_{};
  int exceptions_ = 0;
  std::uint32_t forks_ = 0;
  ClientVerb verb_;
  bool blocking_ = false;
};

// A wait for a connection of a pool, then its use. Belongs to one thread at a time. In a forked
// child, whose pools start from zero, a lease of the parent does nothing.
class [[nodiscard]] POLYMETER_EXPORT ClientLease {
 public:
  ClientLease() noexcept = default;
  ClientLease(ClientLease&& other) noexcept;
  ClientLease(const ClientLease&) = delete;
  ClientLease& operator=(const ClientLease&) = delete;
  ClientLease& operator=(ClientLease&&) = delete;
  // The connection goes back to the pool; a wait that had no end is not observed.
  ~ClientLease();

  // The wait is over: observed, and the connection is `used`.
  void Acquired() noexcept;
  // The wait is over without a connection; counted.
  void TimedOut() noexcept;
  // The connection was closed instead of given back.
  void Closed() noexcept;

 private:
  friend class ClientPool;
  explicit ClientLease(std::shared_ptr<detail::ClientPoolCounts> pool) noexcept;
  bool ours() const noexcept;

  std::shared_ptr<detail::ClientPoolCounts> pool_;
  std::chrono::steady_clock::time_point start_{};
  std::uint32_t forks_ = 0;
  bool used_ = false;
};

// How many connections a pool has; negative numbers count as 0.
struct ClientPoolSize {
  std::int64_t idle = 0;  // ready to be acquired
  std::int64_t used = 0;  // acquired
};

// One pool of connections. A handle, copyable and thread-safe; default-constructed it does
// nothing. What it counts lasts as long as its ClientMetrics.
class POLYMETER_EXPORT ClientPool {
 public:
  ClientPool() noexcept = default;

  // Starts a wait:  auto lease = pool.Acquire();  c = Take();  lease.Acquired();
  ClientLease Acquire() const noexcept;
  // Idle connections that the pool opened or closed by itself. Not needed for what leases do: a
  // connection that comes back is idle, and the next one that is acquired was it. Never negative.
  void Opened(std::uint32_t connections = 1) const noexcept;
  // See Opened.
  void Closed(std::uint32_t connections = 1) const noexcept;

  // False where nothing is counted.
  explicit operator bool() const noexcept { return pool_ != nullptr; }

 private:
  friend class ClientMetrics;
  explicit ClientPool(std::shared_ptr<detail::ClientPoolCounts> pool) noexcept
      : pool_(std::move(pool)) {}
  std::shared_ptr<detail::ClientPoolCounts> pool_;
};

// The adapter: construct it, one for each system, and keep it alive. All members are thread-safe;
// the constructor and Pool may throw bad_alloc, the rest throws nothing, allocates nothing and
// takes no lock. Where the Metrics does not record it does nothing.
class POLYMETER_EXPORT ClientMetrics {
 public:
  // Records nothing.
  ClientMetrics() noexcept;
  explicit ClientMetrics(const Metrics& metrics, const ClientOptions& options = {});
  ClientMetrics(ClientMetrics&& other) noexcept;
  ClientMetrics(const ClientMetrics&) = delete;
  ClientMetrics& operator=(const ClientMetrics&) = delete;
  ClientMetrics& operator=(ClientMetrics&&) = delete;
  ~ClientMetrics();

  // Whether anything is recorded.
  bool recording() const noexcept { return state_ != nullptr; }

  // Looked up in the lists, case ignored; what is not there is `other`, and counted.
  ClientVerb Verb(std::string_view operation) const noexcept;
  // The same of an outcome.
  ClientOutcome Outcome(std::string_view kind) const noexcept;

  // An operation from here on.
  ClientOperation Begin(ClientVerb verb) const noexcept {
    return recording() ? ClientOperation(state_.get(), verb, false) : ClientOperation();
  }
  ClientOperation Begin(std::string_view operation) const noexcept {
    return recording() ? Begin(Verb(operation)) : ClientOperation();
  }
  // One that waits for something to happen and is no work of the server (BLPOP, LISTEN): observed
  // in a family of its own. There `timeout` is no fault: nothing came.
  ClientOperation BeginBlocking(ClientVerb verb) const noexcept {
    return recording() ? ClientOperation(state_.get(), verb, true) : ClientOperation();
  }
  ClientOperation BeginBlocking(std::string_view operation) const noexcept {
    return recording() ? BeginBlocking(Verb(operation)) : ClientOperation();
  }

  // For glue that keeps time itself.
  void Observe(ClientVerb verb, ClientOutcome outcome,
               std::chrono::nanoseconds duration) const noexcept;
  // The same of one that waits for something to happen.
  void ObserveBlocking(ClientVerb verb, ClientOutcome outcome,
                       std::chrono::nanoseconds duration) const noexcept;
  // Rows that came back.
  void ObserveRows(ClientVerb verb, std::uint64_t rows) const noexcept;
  // A batch (pipeline, transaction) is one operation of many commands: counted one by one here, and
  // by number there. The families are those of redis; kDatabase has none.
  void CountCommand(ClientVerb verb, ClientOutcome outcome) const noexcept;
  // A batch of so many commands; see CountCommand.
  void ObserveBatch(ClientVerb verb, std::uint64_t commands) const noexcept;

  // The pool with this name, unique in the program; the same name gives the same pool. At most 64:
  // the rest share `other`.
  ClientPool Pool(std::string_view name) const;
  // Its connections are asked for once a snapshot, on a thread of the library, instead of being
  // counted by leases (which still observe waits). `read` must be callable until this object is
  // gone, whose destructor waits for a running call. When it throws, the pool's numbers are left
  // out, and that is counted.
  ClientPool Pool(std::string_view name, std::function<ClientPoolSize()> read) const;

 private:
  std::unique_ptr<detail::ClientState> state_;
};

// The first keyword of an SQL statement, as it is written, through blanks, comments and
// parentheses; of WITH the main statement's, or `WITH` when that is not found within 16 KiB. Empty
// when there is none. Allocates nothing.
POLYMETER_EXPORT std::string_view SqlOperation(std::string_view statement) noexcept;

POLYMETER_END_NAMESPACE
