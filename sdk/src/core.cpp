#include "sdk/src/core.h"

#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <exception>
#include <iterator>
#include <optional>
#include <thread>
#include <utility>

#include "sdk/src/clock.h"
#include "sdk/src/portability.h"
#include "sdk/src/recorder.h"
#include "sdk/src/threads.h"
#include "sdk/src/value_parsing.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

// A random UUID (RFC 9562, version 4).
std::string RandomUuid() {
  unsigned char b[16] = {};
  if (getrandom(b, sizeof(b), GRND_NONBLOCK) != sizeof(b)) {
    // Early in boot: unlike in time and process at least.
    const auto now = std::chrono::steady_clock::now().time_since_epoch().count();
    const auto pid = static_cast<std::int64_t>(getpid());
    std::memcpy(b, &now, 8);
    std::memcpy(b + 8, &pid, 8);
  }
  b[6] = static_cast<unsigned char>((b[6] & 0x0F) | 0x40);
  b[8] = static_cast<unsigned char>((b[8] & 0x3F) | 0x80);
  std::string text;
  for (int i = 0; i < 16; ++i) {
    char hex[3];
    std::snprintf(hex, sizeof(hex), "%02x", b[i]);
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += hex;
  }
  return text;
}

// How deep the calling thread is in what backends call: it may be a backend's own thread, and
// whoever waits for such a backend on another thread while this one waits for that one waits for
// ever.
thread_local int t_calls = 0;
class CallOfBackend {
 public:
  CallOfBackend() noexcept { ++t_calls; }
  ~CallOfBackend() { --t_calls; }
  CallOfBackend(const CallOfBackend&) = delete;
  CallOfBackend& operator=(const CallOfBackend&) = delete;
};

// Threads that are joined however the scope ends.
struct JoinedThreads {
  std::vector<std::thread> threads;
  ~JoinedThreads() {
    for (std::thread& thread : threads) thread.join();
  }
};

std::vector<BackendReport> ReportsOf(const std::vector<std::shared_ptr<Backend>>& backends) {
  std::vector<BackendReport> reports;
  for (const auto& backend : backends) {
    try {
      reports.push_back(backend->Report());
    } catch (...) {  // an application's own
      reports.emplace_back().last_error = "Report() threw";
    }
  }
  return reports;
}

}  // namespace

Core::Core(CoreConfig config)
    : config_(std::move(config)), logger_(std::make_shared<Logger>(config_.options.log())) {}

std::shared_ptr<Core> Core::Make(CoreConfig config) {
  std::shared_ptr<Core> core(new Core(std::move(config)));
  const Options& options = core->config_.options;
  const auto backends = core->MakeBackends();
  if (backends.empty() && !options.consumer()) return core;
  core->registry_ = std::make_shared<Registry>(options, core->logger_);
  core->registry_->OnNewFamily(core->MakePortabilityWatch());
  core->producers_ = std::make_shared<ProducerRunner>(
      options.prefix(), options.names(), options.producer_budget(),
      [registry = core->registry_](std::string_view reason, std::string_view message,
                                   std::uint64_t n) { registry->Refuse(reason, message, n); });
  core->MakeResource(/*in_child=*/false);
  if (core->registry_->views()->HasCommon()) core->stage_ = core->MakeStage({});
  WatchForks(core.get());
  core->StartBackends(backends);
  return core;
}

Core::~Core() {
  if (!recording()) return;
  const Status status = Shutdown(DefaultStopDeadline());
  // Nobody else will hear of it.
  if (!status) logger_->Log(LogLevel::kWarning, status.message());
  UnwatchForks(this);
  registry_->Close();
}

void Core::MakeResource(bool in_child) {
  const Options& options = config_.options;
  auto resource = std::make_shared<Resource>();
  const auto put = [&](std::string_view name, std::string value) {
    if (value.empty()) return;
    auto& all = resource->attributes;
    const auto known =
        std::find_if(all.begin(), all.end(), [&](const auto& a) { return a.first == name; });
    if (known == all.end()) {
      all.emplace_back(name, std::move(value));
    } else {
      known->second = std::move(value);
    }
  };
  for (const auto& [name, value] : options.resource_attributes()) {
    put(name, in_child && name == "process.pid" ? std::to_string(getpid()) : value);
  }
  put("service.name", options.service());
  put("service.version", options.version());
  const std::string& asked = options.instance();
  put("service.instance.id", asked.empty() ? RandomUuid()
                             : in_child    ? asked + "-" + std::to_string(getpid())
                                           : asked);
  const std::lock_guard lock(mutex_);
  resource_ = std::move(resource);
}

// --- backends --------------------------------------------------------------------------------

std::vector<std::shared_ptr<Backend>> Core::MakeBackends() {
  std::vector<std::shared_ptr<Backend>> backends;
  try {
    if (config_.make_backends) backends = config_.make_backends();
  } catch (const std::exception& e) {
    Log(LogLevel::kError, std::string("the built-in backends are left out: ") + e.what());
  }
  const auto& own = config_.options.own_backends();
  backends.insert(backends.end(), own.begin(), own.end());
  backends.erase(std::remove(backends.begin(), backends.end(), nullptr), backends.end());
  return backends;
}

void Core::StartBackends(const std::vector<std::shared_ptr<Backend>>& backends) {
  for (const auto& backend : backends) {
    std::string why;
    try {
      const Status status = backend->Start(SourceOf(*backend));
      if (status.ok()) {
        // Listed only now: nobody asks a backend for its report while it starts.
        const std::lock_guard lock(mutex_);
        backends_.push_back(backend);
        continue;
      }
      why = status.message();
    } catch (const std::exception& e) {
      why = e.what();
    } catch (...) {
      why = "an exception";
    }
    Log(LogLevel::kError, "a backend did not start and is left out: " + why);
  }
}

std::shared_ptr<ViewStage> Core::MakeStage(std::string backend) const {
  // The drop-in's families come without having been registered here.
  const bool registered = !config_.read_more;
  return std::make_shared<ViewStage>(
      registry_->views(), std::move(backend), registered,
      [registry = registry_](std::string_view reason, std::string_view message, std::uint64_t n) {
        registry->Refuse(reason, message, n);
      });
}

SnapshotSource& Core::SourceOf(const Backend& backend) {
  const auto& views = registry_->views();
  if (!views->HasSingle()) return *this;
  std::string name = LowerCase(backend.Report().name);
  if (!views->HasSingle(name)) return *this;
  auto source =
      std::make_unique<ViewSource>(static_cast<RawSnapshots&>(*this), MakeStage(std::move(name)));
  const std::lock_guard lock(mutex_);
  return *view_sources_.emplace_back(std::move(source));
}

Deadline Core::DefaultStopDeadline() const {
  return Later(std::chrono::steady_clock::now(), config_.options.stop_deadline());
}

std::vector<std::shared_ptr<Backend>> Core::Backends() const {
  const std::lock_guard lock(mutex_);
  return backends_;
}

Status Core::OfEveryBackend(const std::function<Status(Backend&)>& what) noexcept {
  const auto guarded = [&what](Backend& backend) -> Status {
    try {
      return what(backend);
    } catch (const std::exception& e) {  // an application's own
      return Status::Error(e.what());
    } catch (...) {
      return Status::Error("a backend threw");
    }
  };
  try {
    const auto backends = Backends();
    std::vector<Status> results(backends.size());
    {
      JoinedThreads joined;
      joined.threads.reserve(backends.size());
      for (std::size_t i = 0; i < backends.size(); ++i) {
        const auto call = [&, i] { results[i] = guarded(*backends[i]); };
        const bool here = t_calls != 0 || i + 1 == backends.size();
        try {
          if (!here) joined.threads.push_back(StartNamedThread("pm-backends", call));
        } catch (const std::exception&) {  // no thread to be had: one after the other
          call();
        }
        if (here) call();
      }
    }
    for (Status& result : results) {
      if (!result) return std::move(result);
    }
  } catch (const std::exception& e) {  // no memory for the lists
    return Status::Error(e.what());
  }
  return {};
}

Status Core::Flush(Deadline deadline) noexcept {
  if (!recording()) return {};
  return OfEveryBackend([deadline](Backend& backend) { return backend.Flush(deadline); });
}

Status Core::Shutdown(Deadline deadline) noexcept {
  if (!recording() || stopped_.exchange(true)) return {};
  Status result = OfEveryBackend([deadline](Backend& backend) { return backend.Stop(deadline); });
  producers_->Shutdown();
  SetRecorderStopped(*registry_, true);
  return result;
}

std::function<void(const FamilySpec&)> Core::MakePortabilityWatch() const {
  // Weak: a backend may hold handles, and with them the registry.
  std::vector<std::weak_ptr<Backend>> own(config_.options.own_backends().begin(),
                                          config_.options.own_backends().end());
  return [logger = logger_, own = std::move(own),
          built_in = config_.check_portability](const FamilySpec& family) {
    ReportAvoidable(CheckPortability(family, own, built_in), *logger);
  };
}

std::vector<PortabilityNote> Core::PortabilityReport() const {
  const std::vector<std::weak_ptr<Backend>> own(config_.options.own_backends().begin(),
                                                config_.options.own_backends().end());
  std::vector<PortabilityNote> report;
  for (const auto& family : *registry_->Families()) {
    auto notes = CheckPortability(family->spec(), own, config_.check_portability);
    std::move(notes.begin(), notes.end(), std::back_inserter(report));
  }
  return report;
}

std::vector<BackendReport> Core::Reports() const { return ReportsOf(Backends()); }

void Core::Log(LogLevel level, std::string_view message) {
  const CallOfBackend call;
  const auto logger = logger_;  // the callback may end this core, and with it the logger
  logger->Log(level, message);
}

void Core::Keep(std::shared_ptr<void> thing) {
  const std::lock_guard lock(mutex_);
  kept_.push_back(std::move(thing));
}

// --- snapshots -------------------------------------------------------------------------------

bool Core::TapObservations(std::size_t per_thread) {
  return recording() && registry_->TapObservations(per_thread);
}

Snapshot Core::Take(Deadline deadline, bool samples) {
  std::shared_ptr<ViewStage> stage;
  if (recording()) {
    const std::lock_guard lock(mutex_);
    stage = stage_;
  }
  std::uint64_t order = 0;
  Snapshot snapshot = TakeRaw(deadline, samples, &order);
  if (stage == nullptr) return snapshot;
  const CallOfBackend call;
  return stage->Apply(snapshot, order);
}

Snapshot Core::TakeRaw(Deadline deadline, bool samples, std::uint64_t* order) {
  if (!recording()) return {};
  const CallOfBackend call;
  const auto begin = std::chrono::steady_clock::now();
  auto data = std::make_shared<SnapshotData>();
  // All that is used of this core: what follows may log, and the log callback may end the core.
  const auto producers = producers_;
  const auto registry = registry_;
  const auto backends = Backends();
  const auto read_more = config_.read_more;
  const auto own = self_;
  const auto self = config_.options.self_metrics();
  {
    const std::lock_guard lock(mutex_);
    data->resource = resource_;
  }
  auto produced = producers->Collect(deadline, order);
  registry->Read(*data, samples);
  if (read_more) read_more(*data, deadline);
  data->time = registry->Now();
  const auto reports = ReportsOf(backends);
  own->CountSnapshot(std::chrono::steady_clock::now() - begin);
  std::vector<NameClash> clashes;
  {
    std::optional<SelfMetrics::Families> families;
    if (self.value_or(true)) {
      // Without a backend only where it was asked for: who reads the values in the program has not.
      const bool costs = self.has_value() || !reports.empty();
      families.emplace(own->Take(*registry, costs, reports));
      produced.push_back(families->get());
      if (auto recorder = RecorderMetricsOf(*registry)) produced.push_back(std::move(recorder));
    }
    clashes = MergeProduced(*data, produced);
  }
  for (const NameClash& clash : clashes) {
    registry->Refuse("name_clash",
                     "produced " + clash.dropped + " clashes with " + clash.kept +
                         "; what came later is left out",
                     clash.points);
  }
  return Snapshot(std::move(data));
}

// --- fork ------------------------------------------------------------------------------------

void Core::LockForFork() noexcept {
  mutex_.lock();
  registry_->LockForFork();
  producers_->LockForFork();
  logger_->LockForFork();
}

void Core::UnlockAfterFork() noexcept {
  logger_->UnlockAfterFork();
  producers_->UnlockAfterFork();
  registry_->UnlockAfterFork();
  mutex_.unlock();
}

void Core::RestartInChild() noexcept {
  try {
    registry_->RestartInChild();
    self_->RestartInChild();
    producers_->RestartInChild();
    // Their threads are the parent's: neither stopped nor destroyed here, only forgotten.
    static auto* const kAbandoned = new std::vector<std::shared_ptr<Backend>>;
    const auto& own = config_.options.own_backends();
    kAbandoned->insert(kAbandoned->end(), backends_.begin(), backends_.end());
    kAbandoned->insert(kAbandoned->end(), own.begin(), own.end());
    backends_.clear();
    // Its lock may be another thread's, of the parent.
    if (stage_ != nullptr) {
      static auto* const kStages = new std::vector<std::shared_ptr<ViewStage>>;
      kStages->push_back(stage_);
      stage_ = MakeStage({});
    }
  } catch (...) {
  }
  UnlockAfterFork();
  try {
    MakeResource(/*in_child=*/true);
  } catch (...) {
  }
}

Status Core::RestartAfterFork() noexcept try {
  if (!recording()) return {};
  {
    const std::lock_guard lock(mutex_);
    if (!backends_.empty()) return Status::Error("RestartAfterFork: the backends run already");
  }
  stopped_ = false;
  SetRecorderStopped(*registry_, false);
  producers_->Resume();
  StartBackends(MakeBackends());
  return {};
} catch (const std::exception& e) {  // no memory
  return Status::Error(e.what());
}

}  // namespace detail
POLYMETER_END_NAMESPACE
