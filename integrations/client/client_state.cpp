#include "integrations/client/client_state.h"

#include <algorithm>
#include <limits>
#include <mutex>
#include <utility>

#include "integrations/client/vocabulary.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr std::size_t kMostVerbs = 1000;
constexpr std::size_t kMostOutcomes = 100;
constexpr std::size_t kMostPools = 64;  // `other` comes on top (and a few where threads race)
constexpr std::string_view kOtherPool = "other";

// What OpenTelemetry advises for db.client.operation.duration and db.client.response.returned_rows.
const std::vector<double> kSeconds{0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10};
const std::vector<double> kRowBounds{1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000};
// A blocking pop's time-out is often seconds to minutes.
const std::vector<double> kBlockingSeconds{0.01, 0.1, 0.5, 1, 5, 10, 30, 60, 300};

NameTable TableOf(std::vector<std::string_view> known, const std::vector<std::string>& further,
                  std::size_t limit) {
  const std::size_t room = known.size() + limit;
  known.insert(known.end(), further.begin(), further.end());
  return NameTable(known, room);
}

std::vector<std::string> LabelNames(const FamilyRow& row) {
  std::vector<std::string> names;
  std::string_view rest = row.labels;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(','), rest.size());
    names.emplace_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return names;
}

}  // namespace

std::uint32_t ConnectionCount::In(std::uint64_t word) noexcept {
  return static_cast<std::uint32_t>(word) == ForkCount() ? static_cast<std::uint32_t>(word >> 32)
                                                         : 0;
}

template <class Change>
void ConnectionCount::Set(Change change) noexcept {
  std::uint64_t now = word_.load(std::memory_order_relaxed);
  while (!word_.compare_exchange_weak(now, std::uint64_t{change(In(now))} << 32 | ForkCount(),
                                      std::memory_order_relaxed)) {
  }
}

void ConnectionCount::Add(std::uint32_t connections) noexcept {
  constexpr std::uint32_t kMost = std::numeric_limits<std::uint32_t>::max();
  Set([=](std::uint32_t now) { return now + std::min(connections, kMost - now); });
}

void ConnectionCount::Take(std::uint32_t connections) noexcept {
  Set([=](std::uint32_t now) { return now - std::min(connections, now); });
}

ClientState::ClientState(const Metrics& metrics, const ClientOptions& options)
    : system_(options.system()),
      names_(options.names()),
      verbs_(TableOf(KnownOperations(system_), options.operations(), kMostVerbs)),
      outcomes_(TableOf(KnownOutcomes(system_), options.errors(), kMostOutcomes)),
      duration_(MakeHistogram(metrics, ClientRole::kDuration, kSeconds)),
      blocking_(MakeHistogram(metrics, ClientRole::kBlocking, kBlockingSeconds)),
      rows_(MakeHistogram(metrics, ClientRole::kRows, kRowBounds)),
      batch_(MakeHistogram(metrics, ClientRole::kBatch, kRowBounds)),
      wait_(MakeHistogram(metrics, ClientRole::kWait, kSeconds)),
      commands_(MakeCounter(metrics, ClientRole::kCommands)),
      timeouts_(MakeCounter(metrics, ClientRole::kTimeouts)),
      pool_failures_(MakeCounter(metrics, ClientRole::kPoolFailures)),
      folded_(MakeCounter(metrics, ClientRole::kFolded)),
      ok_duration_(verbs_.size()),
      ok_commands_(verbs_.size()),
      verb_rows_(verbs_.size()),
      attachment_(metrics.AddProducer(*this)) {}

const FamilyRow* ClientState::Row(ClientRole role) const noexcept {
  const auto index = static_cast<std::size_t>(role);
  switch (names_) {
    case ClientNames::kOpenTelemetry:
      break;
    case ClientNames::kDatabase:
      return index < kClientSqlRoles ? &kClientDatabaseFamilies[index] : nullptr;
    case ClientNames::kRedis:
      return &kClientRedisFamilies[index];
  }
  return &kClientFamilies[index];
}

ClientState::AnyFamily<Histogram> ClientState::MakeHistogram(
    const Metrics& metrics, ClientRole role, const std::vector<double>& bounds) const {
  const FamilyRow* const row = Row(role);
  if (row == nullptr) return {};
  return metrics.Histogram(row->name, row->help, LabelNames(*row), OptionsOf(*row).Buckets(bounds));
}

ClientState::AnyFamily<Counter> ClientState::MakeCounter(const Metrics& metrics,
                                                         ClientRole role) const {
  const FamilyRow* const row = Row(role);
  if (row == nullptr) return {};
  return metrics.Counter(row->name, row->help, LabelNames(*row), OptionsOf(*row));
}

// --- operations ----------------------------------------------------------------------------------

void ClientState::CountFolded(std::string_view label) const noexcept {
  folded_.With(system_, label).Increment();
}

ClientVerb ClientState::Verb(std::string_view operation) const noexcept {
  const std::size_t index = verbs_.Find(operation);
  if (index != NameTable::kNone) return ClientVerb(static_cast<std::uint16_t>(index));
  CountFolded("operation");
  return {};
}

ClientOutcome ClientState::Outcome(std::string_view kind) const noexcept {
  const std::size_t index = outcomes_.Find(kind);
  if (index != NameTable::kNone) return ClientOutcome(static_cast<std::uint16_t>(index));
  CountFolded("outcome");
  return OutcomeOf(kOther);
}

void ClientState::Observe(ClientVerb verb, ClientOutcome outcome,
                          std::chrono::nanoseconds duration) const noexcept {
  const std::size_t index = Index(verb);
  const auto find = [&] { return duration_.With(system_, verbs_[index], Label(outcome)); };
  (outcome.ok() ? ok_duration_.Get(index, find) : find()).Observe(duration);
}

void ClientState::ObserveBlocking(ClientVerb verb, ClientOutcome outcome,
                                  std::chrono::nanoseconds duration) const noexcept {
  const std::size_t index = Index(verb);
  blocking_.With(system_, verbs_[index], Label(outcome)).Observe(duration);
}

void ClientState::ObserveRows(ClientVerb verb, std::uint64_t rows) const noexcept {
  const std::size_t index = Index(verb);
  verb_rows_.Get(index, [&] { return rows_.With(system_, verbs_[index]); }).Observe(rows);
}

void ClientState::CountCommand(ClientVerb verb, ClientOutcome outcome) const noexcept {
  const std::size_t index = Index(verb);
  const auto find = [&] { return commands_.With(system_, verbs_[index], Label(outcome)); };
  (outcome.ok() ? ok_commands_.Get(index, find) : find()).Increment();
}

void ClientState::ObserveBatch(ClientVerb verb, std::uint64_t commands) const noexcept {
  const std::size_t index = Index(verb);
  batch_.With(system_, verbs_[index]).Observe(commands);
}

// --- pools ---------------------------------------------------------------------------------------

std::shared_ptr<ClientPoolCounts> ClientState::KnownPool(std::string_view name) const noexcept {
  for (const auto& pool : pools_) {
    if (pool->name == name) return pool;
  }
  return nullptr;
}

std::shared_ptr<ClientPoolCounts> ClientState::Pool(std::string_view name,
                                                    std::function<ClientPoolSize()> read) {
  bool full = false;
  {
    const std::lock_guard lock(AddingMutex());
    if (auto known = KnownPool(name)) return known;
    full = pools_.size() >= kMostPools;
  }
  // What asks the core for series is done without the lock: the core may call the application's
  // log, and that may ask for a pool.
  if (full && name != kOtherPool) {
    CountFolded("pool");
    return Pool(kOtherPool, nullptr);
  }
  auto pool = std::make_shared<ClientPoolCounts>();
  pool->name = name;
  pool->read = std::move(read);
  pool->wait = wait_.With(name);
  pool->timeouts = timeouts_.With(name);
  pool->failures = pool_failures_.With(name);
  const std::lock_guard lock(AddingMutex());
  if (auto known = KnownPool(name)) return known;  // another thread was faster
  pools_.push_back(pool);
  return pool;
}

void ClientState::Collect(FamilySink& sink) {
  std::vector<std::shared_ptr<ClientPoolCounts>> pools;
  {
    const std::lock_guard lock(AddingMutex());
    pools = pools_;
  }
  if (pools.empty()) return;
  const FamilyRow& row = *Row(ClientRole::kConnections);
  sink.BeginFamily(row.type, row.name, row.help, OptionsOf(row));
  for (const auto& pool : pools) {
    ClientPoolSize size{pool->idle.Get(), pool->used.Get()};
    if (pool->read) {
      try {
        size = pool->read();
      } catch (...) {  // costs this pool only
        pool->failures.Increment();
        continue;
      }
    }
    const auto show = [&](std::string_view state, std::int64_t connections) {
      sink.Gauge({{"pool", pool->name}, {"state", state}},
                 static_cast<double>(std::max<std::int64_t>(connections, 0)));
    };
    show("idle", size.idle);
    show("used", size.used);
  }
}

}  // namespace detail
POLYMETER_END_NAMESPACE
