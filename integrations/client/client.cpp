#include "polymeter/client.h"

#include "integrations/client/client_state.h"

POLYMETER_BEGIN_NAMESPACE
// --- an operation --------------------------------------------------------------------------------

ClientOperation::ClientOperation(const detail::ClientState* state, ClientVerb verb,
                                 bool blocking) noexcept
    : state_(state),
      start_(std::chrono::steady_clock::now()),
      exceptions_(std::uncaught_exceptions()),
      forks_(detail::ForkCount()),
      verb_(verb),
      blocking_(blocking) {}

void ClientOperation::Observe(ClientOutcome outcome) noexcept {
  const detail::ClientState* const state = std::exchange(state_, nullptr);
  if (forks_ != detail::ForkCount()) return;
  const auto duration = std::chrono::steady_clock::now() - start_;
  if (blocking_) {
    state->ObserveBlocking(verb_, outcome, duration);
  } else {
    state->Observe(verb_, outcome, duration);
  }
}

void ClientOperation::Fail(std::string_view kind) noexcept { Observe(state_->Outcome(kind)); }

void ClientOperation::Abandon() noexcept {
  // As many exceptions as when it began: it may run in a destructor during unwinding.
  const bool unwinding = std::uncaught_exceptions() > exceptions_;
  Observe(detail::ClientState::OutcomeOf(unwinding ? detail::ClientState::kException
                                                   : detail::ClientState::kAbandoned));
}

void ClientOperation::CountRows(std::uint64_t rows) const noexcept {
  if (forks_ == detail::ForkCount()) state_->ObserveRows(verb_, rows);
}

// --- pools ---------------------------------------------------------------------------------------

ClientLease::ClientLease(std::shared_ptr<detail::ClientPoolCounts> pool) noexcept
    : pool_(std::move(pool)) {
  if (pool_ == nullptr) return;
  forks_ = detail::ForkCount();
  start_ = std::chrono::steady_clock::now();
}

ClientLease::ClientLease(ClientLease&& other) noexcept
    : pool_(std::move(other.pool_)),
      start_(other.start_),
      forks_(other.forks_),
      used_(std::exchange(other.used_, false)) {}

bool ClientLease::ours() const noexcept {
  return pool_ != nullptr && forks_ == detail::ForkCount();
}

ClientLease::~ClientLease() {
  if (!used_ || !ours()) return;
  pool_->used.Take(1);
  pool_->idle.Add(1);
}

void ClientLease::Acquired() noexcept {
  if (used_ || !ours()) return;
  pool_->wait.Observe(std::chrono::steady_clock::now() - start_);
  pool_->idle.Take(1);
  pool_->used.Add(1);
  used_ = true;
}

void ClientLease::TimedOut() noexcept {
  if (used_ || !ours()) return;
  pool_->timeouts.Increment();
  pool_.reset();
}

void ClientLease::Closed() noexcept {
  if (used_ && ours()) pool_->used.Take(1);
  used_ = false;
  pool_.reset();
}

ClientLease ClientPool::Acquire() const noexcept { return ClientLease(pool_); }

void ClientPool::Opened(std::uint32_t connections) const noexcept {
  if (pool_ != nullptr) pool_->idle.Add(connections);
}

void ClientPool::Closed(std::uint32_t connections) const noexcept {
  if (pool_ != nullptr) pool_->idle.Take(connections);
}

// --- the adapter ---------------------------------------------------------------------------------

ClientMetrics::ClientMetrics() noexcept = default;
ClientMetrics::ClientMetrics(const Metrics& metrics, const ClientOptions& options)
    : state_(metrics.recording() ? std::make_unique<detail::ClientState>(metrics, options)
                                 : nullptr) {}
ClientMetrics::ClientMetrics(ClientMetrics&& other) noexcept = default;
ClientMetrics::~ClientMetrics() = default;

ClientVerb ClientMetrics::Verb(std::string_view operation) const noexcept {
  return recording() ? state_->Verb(operation) : ClientVerb();
}

ClientOutcome ClientMetrics::Outcome(std::string_view kind) const noexcept {
  return recording() ? state_->Outcome(kind) : ClientOutcome();
}

void ClientMetrics::Observe(ClientVerb verb, ClientOutcome outcome,
                            std::chrono::nanoseconds duration) const noexcept {
  if (recording()) state_->Observe(verb, outcome, duration);
}

void ClientMetrics::ObserveBlocking(ClientVerb verb, ClientOutcome outcome,
                                    std::chrono::nanoseconds duration) const noexcept {
  if (recording()) state_->ObserveBlocking(verb, outcome, duration);
}

void ClientMetrics::ObserveRows(ClientVerb verb, std::uint64_t rows) const noexcept {
  if (recording()) state_->ObserveRows(verb, rows);
}

void ClientMetrics::CountCommand(ClientVerb verb, ClientOutcome outcome) const noexcept {
  if (recording()) state_->CountCommand(verb, outcome);
}

void ClientMetrics::ObserveBatch(ClientVerb verb, std::uint64_t commands) const noexcept {
  if (recording()) state_->ObserveBatch(verb, commands);
}

ClientPool ClientMetrics::Pool(std::string_view name) const { return Pool(name, nullptr); }

ClientPool ClientMetrics::Pool(std::string_view name, std::function<ClientPoolSize()> read) const {
  return recording() ? ClientPool(state_->Pool(name, std::move(read))) : ClientPool();
}

POLYMETER_END_NAMESPACE
