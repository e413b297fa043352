#include "integrations/prometheus_cpp/dropin/push_hub.h"

#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "exporters/backends.h"
#include "integrations/prometheus_cpp/dropin/collectables_source.h"
#include "integrations/prometheus_cpp/dropin/dropin_environment.h"
#include "integrations/prometheus_cpp/dropin/dropin_log.h"
#include "integrations/prometheus_cpp/dropin/exported_set.h"
#include "integrations/prometheus_cpp/dropin/of_process.h"
#include "integrations/prometheus_cpp/dropin/shown_families.h"
#include "sdk/src/identity.h"
#include "sdk/src/threads.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

using ::prometheus::Collectable;
// A Collect() that hangs ends no sooner for our waiting.
constexpr std::chrono::seconds kGraceAfterStop(1);

// Whether the calling thread collects for a hub: then what would wait for a hub does not.
thread_local bool t_collecting = false;
class CollectingForHub {
 public:
  CollectingForHub() noexcept { t_collecting = true; }
  ~CollectingForHub() { t_collecting = false; }
  CollectingForHub(const CollectingForHub&) = delete;
  CollectingForHub& operator=(const CollectingForHub&) = delete;
};

// What decides about the backends.
StringPairs RelevantVariables(const Environment& environment) {
  StringPairs relevant;
  for (const auto& variable : environment.variables()) {
    for (const std::string_view prefix : {"METRICS_", "OTEL_", "DD_", "STATSD_"}) {
      if (variable.first.starts_with(prefix)) relevant.push_back(variable);
    }
  }
  return relevant;
}

// What the program's own options would be, below the environment.
Options DropinDefaults(const std::vector<TableRow>& rows) {
  Options options;
  options.Service(ExecutableName());
  for (const TableRow& row : rows) {
    // Our histograms keep no single observations, and counters lose nothing of their buckets and
    // sums.
    if (row.name == "statsd" && row.info != nullptr) {
      options.Set("METRICS_STATSD_HISTOGRAMS", "counters");
    }
  }
  return options;
}

// The table without the rows that mean nothing beside an Exposer.
std::vector<TableRow> PushRows() {
  std::vector<TableRow> rows;
  for (const TableRow& row : BackendTable()) {
    if (row.name != "prometheus" && row.name != "null") rows.push_back(row);
  }
  return rows;
}

}  // namespace

class PushHub {
 public:
  void Enter();
  // Whether this was the last one.
  bool Leave();
  ExportedSet& exported() noexcept { return exported_; }

 private:
  enum class State { kIdle, kStarting, kRunning, kStopping };

  using Lock = std::unique_lock<std::mutex>;
  void Start(Lock& lock);
  void BeginStop(Lock& lock);
  void Stop(Metrics metrics, Deadline deadline);
  void Settle();
  void Read(SnapshotData& data, Deadline deadline);

  CollectablesSource source_{DropinLog()};
  ExportedSet exported_{source_};

  // Used by who starts alone.
  StringPairs variables_;
  CoreConfig config_;

  std::mutex mutex_;
  std::condition_variable changed_;
  State state_ = State::kIdle;
  int uses_ = 0;
  std::string strict_error_;
  std::vector<std::shared_ptr<Backend>> backends_;
  Metrics metrics_;  // while it runs
  Deadline stop_deadline_{};
};

// --- starting and stopping ------------------------------------------------------------------

void PushHub::Enter() {
  Lock lock(mutex_);
  ++uses_;
  if (state_ == State::kIdle) {
    Start(lock);
  } else if (!t_collecting) {
    changed_.wait(lock, [this] { return state_ != State::kStarting; });
  }
  if (strict_error_.empty()) return;
  --uses_;
  throw std::invalid_argument(strict_error_);
}

bool PushHub::Leave() {
  Lock lock(mutex_);
  // What ends or begins at this moment begins again where somebody is there: then it can end with
  // what the last one has.
  const auto settled = [this] {
    return uses_ > 1 || (state_ != State::kStarting && state_ != State::kStopping);
  };
  while (!t_collecting && !settled()) {
    if (state_ == State::kStarting) {
      changed_.wait(lock);
    } else if (changed_.wait_until(lock, stop_deadline_ + kGraceAfterStop) ==
               std::cv_status::timeout) {
      break;
    }
  }
  if (--uses_ > 0) return false;
  if (state_ != State::kRunning) return true;
  if (backends_.empty()) {  // nothing to stop, and no thread for it
    state_ = State::kIdle;
    return true;
  }
  BeginStop(lock);
  if (t_collecting) return true;
  const Deadline give_up = stop_deadline_ + kGraceAfterStop;
  while (state_ == State::kStopping && std::chrono::steady_clock::now() < give_up) {
    changed_.wait_until(lock, give_up);
  }
  return true;
}

void PushHub::Start(Lock& lock) {
  state_ = State::kStarting;
  lock.unlock();
  Metrics metrics;
  std::string error;
  try {
    Settle();
    exported_.SetRead(!backends_.empty());
    if (!backends_.empty()) {
      CoreConfig config = config_;
      config.make_backends = [this] { return backends_; };
      config.read_more = [this](SnapshotData& data, Deadline deadline) { Read(data, deadline); };
      metrics = CoreAccess::Make(std::move(config));
    }
  } catch (const std::invalid_argument& e) {
    error = e.what();
  } catch (const std::exception& e) {  // no memory, no thread
    DropinLog()->Log(LogLevel::kError, std::string("the push backends did not start: ") + e.what());
  }
  lock.lock();
  strict_error_ = error;
  metrics_ = std::move(metrics);
  state_ = error.empty() ? State::kRunning : State::kIdle;
  changed_.notify_all();
  if (uses_ == 0 && state_ == State::kRunning) BeginStop(lock);
}

// Decides which backends there are. The same ones again while the environment says the same,
// because they know what their receivers have got.
void PushHub::Settle() {
  const Environment environment = Environment::OfProcess();
  StringPairs variables = RelevantVariables(environment);
  if (variables == variables_ && !backends_.empty()) return;
  variables_.clear();
  backends_.clear();
  const PushSelection selection = PushSelectionOf(environment);
  for (const std::string& notice : selection.notices) DropinLog()->Log(LogLevel::kInfo, notice);
  if (!selection.any) return;
  static const auto* const kRows = new std::vector<TableRow>(PushRows());
  Configuration configuration =
      Configure(DropinDefaults(*kRows), selection.environment, *kRows, std::make_shared<Outside>());
  if (!configuration.problems.empty()) {
    if (configuration.strict) throw std::invalid_argument(configuration.problems.Message());
    DropinLog()->Log(LogLevel::kWarning, configuration.problems.Message());
  }
  config_ = std::move(configuration.core);
  backends_ = config_.make_backends();
  variables_ = std::move(variables);
}

void PushHub::BeginStop(Lock& lock) {
  state_ = State::kStopping;
  stop_deadline_ = std::chrono::steady_clock::now() + config_.options.stop_deadline();
  Metrics metrics = std::exchange(metrics_, Metrics());
  const Deadline deadline = stop_deadline_;
  lock.unlock();
  // On a thread of its own: a Collect() that hangs must not hang whoever waits, and one that ends
  // the last Exposer cannot wait for itself.
  try {
    StartNamedThread("pm-hub-stop", [this, metrics, deadline] {
      Stop(metrics, deadline);
    }).detach();
  } catch (const std::exception&) {
    Stop(std::move(metrics), deadline);
  }
  metrics = Metrics();
  lock.lock();
}

void PushHub::Stop(Metrics metrics, Deadline deadline) {
  const Status status = metrics.Shutdown(deadline);
  if (!status.ok()) DropinLog()->Log(LogLevel::kWarning, status.message());
  metrics = Metrics();
  exported_.ForgetGone(0);
  Lock lock(mutex_);
  state_ = State::kIdle;
  if (uses_ > 0) {
    Start(lock);
  } else {
    changed_.notify_all();
  }
}

// --- what is exported -----------------------------------------------------------------------

void PushHub::Read(SnapshotData& data, Deadline deadline) {
  const auto gone = exported_.Gone();
  {
    const CollectingForHub collecting;
    AppendFamilies(source_.TakeSnapshot(deadline), config_.options.prefix(), data);
  }
  exported_.NoteRead(gone, backends_.size());
}

// --- what is held ---------------------------------------------------------------------------

PushHubUse::PushHubUse() : process_(getpid()), hub_(OfProcess<PushHub>()) { hub_.Enter(); }

PushHubUse::~PushHubUse() {
  if (process_ != getpid()) return;
  try {
    const bool last = hub_.Leave();  // with what was added here
    added_.ForEach([&](const auto& collectable) {
      // What others stay for goes on, and takes along what this one has.
      last ? hub_.exported().Remove(collectable) : hub_.exported().End(collectable);
    });
  } catch (const std::exception&) {  // no thread to stop them, no memory
  }
}

void PushHubUse::Add(const std::weak_ptr<Collectable>& collectable) {
  const auto living = collectable.lock();
  if (living == nullptr || process_ != getpid()) return;
  const std::lock_guard lock(mutex_);
  if (added_.Add(living) == 1) hub_.exported().Add(living);
}

void PushHubUse::Remove(const std::weak_ptr<Collectable>& collectable) {
  const auto living = collectable.lock();
  if (living == nullptr || process_ != getpid()) return;
  const std::lock_guard lock(mutex_);
  if (added_.RemoveOne(living) == 1) hub_.exported().Remove(living);
}

}  // namespace detail
POLYMETER_END_NAMESPACE
