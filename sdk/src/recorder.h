// The installations behind recorder.h, and the names that were recorded in them.
//
// What a warm call reads is guarded by a ReadEpoch: it takes no lock, and an installation is freed
// when no call can be in it. The one mutex is held for short moments and never while anything else
// is called.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "polymeter/producer.h"
#include "polymeter/recorder.h"
#include "sdk/src/read_epoch.h"
#include "sdk/src/registry.h"
#include "sdk/src/series_table.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// A default, from InstallDefault to its end and until nobody reads it any more.
struct Installed {
  Installed(const Metrics& installed, std::uint64_t number);
  ~Installed();
  Installed(const Installed&) = delete;
  Installed& operator=(const Installed&) = delete;

  const std::uint64_t id;                    // never used again
  const std::shared_ptr<Registry> registry;  // null: records nothing
  Metrics metrics;                           // under the mutex
  SeriesTable names;                         // {Recorded, name} -> the address of its family
  // Both under the mutex. A null family was refused.
  std::deque<std::shared_ptr<FamilyCore>> families;
  std::deque<SeriesRecord*> records;
  std::atomic<std::size_t> name_count{0};
  std::atomic<bool> stopped;  // by Metrics::Shutdown; written under the mutex
};

class Recorder {
 public:
  static Recorder& Instance() noexcept;

  std::uint64_t Install(const Metrics& metrics);
  void End(std::uint64_t id) noexcept;
  Metrics Default() noexcept;
  bool IsDefault(const Registry& registry) noexcept;
  void SetStopped(const Registry& registry, bool stopped) noexcept;

  CellAddress Find(Recorded what, std::string_view name, NamedLabels labels) noexcept;
  // `options` null: whatever family of this name and type is there will do.
  CellAddress ResolveSite(CallSite& site, MetricType type, std::string_view name,
                          std::string_view help, NamedLabels labels,
                          const FamilyOptions* options) noexcept;

 private:
  static constexpr std::size_t kMostNames = 10000;

  struct Garbage {
    std::uint64_t mark = 0;
    std::unique_ptr<Installed> installed;
    std::unique_ptr<void, void (*)(void*)> memory{nullptr, nullptr};
  };

  Recorder() noexcept = default;
  CellAddress FindSlowly(Recorded what, std::string_view name, NamedLabels labels,
                         Registry& registry, std::uint64_t id);
  // Keeps the family of a name; null: it was refused.
  void Keep(std::uint64_t id, Recorded what, std::string_view name,
            std::shared_ptr<FamilyCore> family);
  Installed* Living(std::uint64_t id) noexcept;
  // What nobody reads any more, to be freed without the mutex.
  [[nodiscard]] std::vector<Garbage> Reclaim();

  ReadEpoch epoch_;
  std::atomic<Installed*> current_{nullptr};
  // Under the mutex:
  std::vector<std::unique_ptr<Installed>> installed_;  // the last one is the default
  std::deque<Garbage> garbage_;
  std::uint64_t next_id_ = 1;
};

// The recorder's self-metrics, into the snapshot of the default.
void AddRecorderMetrics(const Registry& registry, FamilySink& sink);

// Metrics::Shutdown has stopped this registry's backends, or RestartAfterFork started them again:
// calls are dropped in between.
void SetRecorderStopped(const Registry& registry, bool stopped) noexcept;

// Around fork; see fork.cpp.
void LockRecorderForFork() noexcept;
void UnlockRecorderAfterFork() noexcept;
void RestartRecorderInChild() noexcept;

}  // namespace detail
POLYMETER_END_NAMESPACE
