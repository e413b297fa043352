// The core behind a Metrics: registry, producers, backends, and their life.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "sdk/src/core_access.h"
#include "sdk/src/producers.h"
#include "sdk/src/registry.h"
#include "sdk/src/self_metrics.h"
#include "sdk/src/view_stage.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

class Core : public SnapshotSource,
             private RawSnapshots,
             public std::enable_shared_from_this<Core> {
 public:
  static std::shared_ptr<Core> Make(CoreConfig config);
  ~Core() override;

  bool recording() const noexcept { return registry_ != nullptr; }
  Registry* registry() const noexcept { return registry_.get(); }
  bool stopped() const noexcept { return stopped_.load(std::memory_order_relaxed); }
  ProducerRunner& producers() noexcept { return *producers_; }
  const std::vector<Setting>& settings() const noexcept { return config_.settings; }

  Snapshot TakeSnapshot(Deadline deadline) override { return Take(deadline, /*samples=*/false); }
  Snapshot TakeSnapshotWithSamples(Deadline deadline) override {
    return Take(deadline, /*samples=*/true);
  }
  bool TapObservations(std::size_t per_thread) override;
  using SnapshotSource::TakeSnapshot;
  void Log(LogLevel level, std::string_view message) override;

  std::vector<BackendReport> Reports() const;
  std::vector<PortabilityNote> PortabilityReport() const;
  Status Flush(Deadline deadline) noexcept;
  Status Shutdown(Deadline deadline) noexcept;
  Deadline DefaultStopDeadline() const;
  Status RestartAfterFork() noexcept;
  void Keep(std::shared_ptr<void> thing);

  // Around fork, in this order; see fork.cpp.
  void LockForFork() noexcept;
  void UnlockAfterFork() noexcept;
  void RestartInChild() noexcept;

 private:
  explicit Core(CoreConfig config);
  Snapshot Take(Deadline deadline, bool samples);
  Snapshot TakeRaw(Deadline deadline, bool samples, std::uint64_t* order) override;
  SnapshotSource& plain_source() override { return *this; }
  std::shared_ptr<ViewStage> MakeStage(std::string backend) const;
  // This, or one with the views of the backend where it has any.
  SnapshotSource& SourceOf(const Backend& backend);
  std::vector<std::shared_ptr<Backend>> Backends() const;
  // Calls `what` for every backend, all at the same time: one whose receiver is dead takes the
  // time of no other. One after the other from within a backend's call. The first error.
  Status OfEveryBackend(const std::function<Status(Backend&)>& what) noexcept;
  // The built-in backends and the application's own.
  std::vector<std::shared_ptr<Backend>> MakeBackends();
  void StartBackends(const std::vector<std::shared_ptr<Backend>>& backends);
  void MakeResource(bool in_child);
  // Says of a new family what its author could have avoided.
  std::function<void(const FamilySpec&)> MakePortabilityWatch() const;

  CoreConfig config_;
  std::shared_ptr<Logger> logger_;
  std::shared_ptr<Registry> registry_;  // null: nothing is recorded
  std::shared_ptr<ProducerRunner> producers_;
  const std::shared_ptr<SelfMetrics> self_ = std::make_shared<SelfMetrics>();

  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<Backend>> backends_;  // that have started
  std::shared_ptr<const Resource> resource_;
  std::vector<std::shared_ptr<void>> kept_;
  std::shared_ptr<ViewStage> stage_;  // of all that have none of their own; null: none
  std::vector<std::unique_ptr<ViewSource>> view_sources_;
  std::atomic<bool> stopped_{false};
};

// Registers the handlers of pthread_atfork, once. What has handlers of its own and takes these
// locks under its own must call this before it registers them: the last are called first.
POLYMETER_EXPORT void RegisterForkHandlers() noexcept;
// Registers the handlers; a core is in the list from here to its end.
void WatchForks(Core* core);
void UnwatchForks(Core* core) noexcept;

}  // namespace detail
POLYMETER_END_NAMESPACE
