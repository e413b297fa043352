#include "sdk/src/core.h"

#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <exception>
#include <system_error>
#include <thread>
#include <utility>

#include "sdk/src/tap.h"
#include "sdk/src/threads.h"

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

}  // namespace

Core::Core(CoreConfig config)
    : config_(std::move(config)), logger_(std::make_shared<Logger>(config_.options.log())) {}

std::shared_ptr<Core> Core::Make(CoreConfig config) {
  std::shared_ptr<Core> core(new Core(std::move(config)));
  const Options& options = core->config_.options;
  std::vector<std::shared_ptr<Backend>> backends;
  if (core->config_.make_backends) backends = core->config_.make_backends();
  backends.insert(backends.end(), options.own_backends().begin(), options.own_backends().end());
  backends.erase(std::remove(backends.begin(), backends.end(), nullptr), backends.end());
  if (backends.empty() && !options.consumer()) return core;
  core->registry_ = std::make_shared<Registry>(options, core->logger_);
  core->producers_ = std::make_shared<ProducerRunner>(
      options.prefix(), options.producer_budget(),
      [registry = core->registry_](std::string_view reason, std::string_view message,
                                   std::uint64_t n) { registry->Refuse(reason, message, n); });
  core->MakeResource(/*in_child=*/false);
  WatchForks(core.get());
  core->backends_ = std::move(backends);
  core->StartBackends();
  return core;
}

Core::~Core() {
  if (!recording()) return;
  static_cast<void>(Shutdown(DefaultStopDeadline()));
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

void Core::StartBackends() {
  for (const auto& backend : Backends()) {
    std::string why;
    try {
      const Status status = backend->Start(*this);
      if (status.ok()) continue;
      why = status.message();
    } catch (const std::exception& e) {
      why = e.what();
    } catch (...) {
      why = "an exception";
    }
    Log(LogLevel::kError, "a backend did not start and is left out: " + why);
    const std::lock_guard lock(mutex_);
    backends_.erase(std::remove(backends_.begin(), backends_.end(), backend), backends_.end());
  }
}

Deadline Core::DefaultStopDeadline() const {
  return std::chrono::steady_clock::now() + config_.options.stop_deadline();
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
    std::vector<std::thread> threads;
    threads.reserve(backends.size());
    for (std::size_t i = 1; i < backends.size(); ++i) {
      const auto call = [&, i] { results[i] = guarded(*backends[i]); };
      try {
        threads.push_back(StartNamedThread("pm-backends", call));
      } catch (const std::system_error&) {  // no thread to be had: one after the other
        call();
      }
    }
    if (!backends.empty()) results[0] = guarded(*backends[0]);
    for (std::thread& thread : threads) thread.join();
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
  return result;
}

std::vector<BackendReport> Core::Reports() const {
  std::vector<BackendReport> reports;
  for (const auto& backend : Backends()) {
    try {
      reports.push_back(backend->Report());
    } catch (...) {  // an application's own
      reports.emplace_back().last_error = "Report() threw";
    }
  }
  return reports;
}

void Core::Log(LogLevel level, std::string_view message) {
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
  if (!recording()) return {};
  auto produced = producers_->Collect(deadline);
  auto data = std::make_shared<SnapshotData>();
  registry_->Read(*data, samples);
  data->time = registry_->Now();
  {
    const std::lock_guard lock(mutex_);
    data->resource = resource_;
  }
  if (auto own = SelfMetrics()) produced.push_back(std::move(own));
  for (const NameClash& clash : MergeProduced(*data, produced)) {
    registry_->Refuse("name_clash",
                      "produced " + clash.dropped + " clashes with " + clash.kept +
                          "; what came later is left out",
                      clash.points);
  }
  return Snapshot(std::move(data));
}

std::shared_ptr<const ProducedFamilies> Core::SelfMetrics() {
  auto families = std::make_shared<ProducedFamilies>();
  FamilySink sink(*families);
  const auto refusals = registry_->Refusals();
  if (!refusals.empty()) {
    sink.BeginFamily(MetricType::kCounter, "polymeter_refused_total",
                     "What polymeter refused to record, by reason.");
    for (const auto& [reason, n] : refusals) sink.Counter({{"reason", reason}}, n);
  }
  const double retired = registry_->RetiredIncrements();
  if (retired != 0) {
    sink.BeginFamily(MetricType::kCounter, "polymeter_removed_series_increments_total",
                     "What handles added to series after their removal.");
    sink.Counter({}, retired);
  }
  const auto reports = Reports();
  sink.BeginFamily(MetricType::kCounter, "polymeter_scrapes_total",
                   "Scrapes answered in full, by backend.");
  for (const BackendReport& report : reports) {
    if (report.scrapes != 0) sink.Counter({{"backend", report.name}}, report.scrapes);
  }
  sink.BeginFamily(MetricType::kCounter, "polymeter_failed_scrapes_total",
                   "Scrapes that were begun and not finished, by backend.");
  for (const BackendReport& report : reports) {
    if (report.failed_scrapes != 0) sink.Counter({{"backend", report.name}}, report.failed_scrapes);
  }
  const auto count_points = [&](const char* name, const char* help,
                                std::uint64_t BackendReport::*points) {
    sink.BeginFamily(MetricType::kCounter, name, help);
    for (const BackendReport& report : reports) {
      if (report.offered != 0) sink.Counter({{"backend", report.name}}, report.*points);
    }
  };
  count_points("polymeter_offered_points_total", "Points that a push backend was to deliver.",
               &BackendReport::offered);
  count_points("polymeter_accepted_points_total", "Points that the receiver acknowledged.",
               &BackendReport::accepted);
  count_points("polymeter_sent_points_total",
               "Points that were sent where no acknowledgement exists.", &BackendReport::sent);
  count_points("polymeter_superseded_points_total",
               "Points whose totals a newer snapshot carries instead.", &BackendReport::superseded);
  sink.BeginFamily(MetricType::kCounter, "polymeter_dropped_points_total",
                   "Points that were not delivered, by reason.");
  for (const BackendReport& report : reports) {
    for (const auto& [reason, n] : report.dropped) {
      if (n != 0) sink.Counter({{"backend", report.name}, {"reason", reason}}, n);
    }
  }
  sink.BeginFamily(MetricType::kGauge, "polymeter_pending_points",
                   "Points that wait for their receiver.");
  for (const BackendReport& report : reports) {
    if (report.offered != 0) {
      sink.Gauge({{"backend", report.name}}, static_cast<double>(report.pending));
    }
  }
  if (registry_->tapped()) {
    sink.BeginFamily(MetricType::kCounter, "polymeter_unkept_observations_total",
                     "Observations that the buckets count and that were not kept one by one.");
    sink.Counter({}, Tap::Instance().Lost());
  }
  return families;
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
    producers_->RestartInChild();
    // Their threads are the parent's: neither stopped nor destroyed here, only forgotten.
    static auto* const kAbandoned = new std::vector<std::shared_ptr<Backend>>;
    const auto& own = config_.options.own_backends();
    kAbandoned->insert(kAbandoned->end(), backends_.begin(), backends_.end());
    kAbandoned->insert(kAbandoned->end(), own.begin(), own.end());
    backends_.clear();
  } catch (...) {
  }
  UnlockAfterFork();
  try {
    MakeResource(/*in_child=*/true);
  } catch (...) {
  }
}

Status Core::RestartAfterFork() {
  if (!recording()) return {};
  {
    const std::lock_guard lock(mutex_);
    if (!backends_.empty()) return Status::Error("RestartAfterFork: the backends run already");
  }
  std::vector<std::shared_ptr<Backend>> backends;
  if (config_.make_backends) backends = config_.make_backends();
  const auto& own = config_.options.own_backends();
  backends.insert(backends.end(), own.begin(), own.end());
  {
    const std::lock_guard lock(mutex_);
    backends_ = std::move(backends);
  }
  stopped_ = false;
  StartBackends();
  return {};
}

}  // namespace detail
POLYMETER_END_NAMESPACE
