#include "sdk/src/recorder.h"

#include <cstdlib>
#include <mutex>
#include <new>
#include <string>
#include <utility>

#include "sdk/src/core.h"
#include "sdk/src/recorded_family.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// Constants to begin with, and never destroyed: used before and after every other static object.
constinit std::atomic<std::uint64_t> g_recorder_generation{0};

namespace {

constinit std::mutex g_recorder_mutex;
constinit std::atomic<std::uint64_t> g_dropped_before{0};
constinit std::atomic<std::uint64_t> g_dropped_after{0};

constexpr std::uint64_t kNameSeed = 0x9E3779B97F4A7C15;  // names are the program's own

CellAddress Drop(std::uint64_t generation) noexcept {
  (generation == 0 ? g_dropped_before : g_dropped_after).fetch_add(1, std::memory_order_relaxed);
  return kNoopCell;
}

constexpr std::uint64_t kAfterShutdown = 2;  // any even generation but the first

bool IsInstalled(std::uint64_t generation) noexcept { return (generation & 1) != 0; }

// What the table knows a name by.
struct NameKey {
  NameKey(Recorded what, std::string_view name) noexcept
      : kind(static_cast<char>('0' + static_cast<int>(what))),
        values{std::string_view(&kind, 1), name},
        hash(HashOfValues(kNameSeed, values, 2)) {}
  NameKey(const NameKey&) = delete;
  NameKey& operator=(const NameKey&) = delete;
  const char kind;
  const std::string_view values[2];
  const std::uint64_t hash;
};

SeriesRecord* NewNameRecord(const NameKey& key, const std::shared_ptr<FamilyCore>* family) {
  const std::string_view name = key.values[1];
  auto* const record = static_cast<SeriesRecord*>(
      std::malloc(sizeof(SeriesRecord) + 2 * sizeof(std::uint32_t) + 1 + name.size()));
  if (record == nullptr) throw std::bad_alloc();
  *record = {nullptr, reinterpret_cast<std::uintptr_t>(family), 0, 0,
             0,       static_cast<std::uint32_t>(key.hash),     2};
  auto* const ends = reinterpret_cast<std::uint32_t*>(record + 1);
  ends[0] = 1;
  ends[1] = static_cast<std::uint32_t>(1 + name.size());
  auto* const bytes = reinterpret_cast<char*>(ends + 2);
  bytes[0] = key.kind;
  name.copy(bytes + 1, name.size());
  return record;
}

Result<std::shared_ptr<FamilyCore>> FindOrMakeFamily(Registry& registry, MetricType type,
                                                     std::string_view name, std::string_view help,
                                                     NamedLabels labels,
                                                     const FamilyOptions& options, bool any) {
  if (any) {
    auto known = registry.Find(type, name);
    if (known != nullptr) return known;
  }
  std::vector<std::string_view> names;
  names.reserve(labels.size());
  for (const NamedLabel& label : labels) names.push_back(label.name);
  auto made = registry.GetOrMake(type, name, help, names.data(), names.size(), options);
  if (!made && any) {
    // Another thread may have made it meanwhile: labels in another order, help, buckets.
    auto known = registry.Find(type, name);
    if (known != nullptr) return known;
  }
  return made;
}

void RefuseFamily(Registry& registry, const Status& why) {
  registry.Refuse("family", why.message() + "; nothing is recorded");
}

void RefuseWithoutMemory(Registry* registry) noexcept {
  if (registry == nullptr) return;
  registry->Refuse("no_memory", "no memory for a new series; nothing is recorded in it");
}

}  // namespace

// --- installations ---------------------------------------------------------------------------

Installed::Installed(const Metrics& installed, std::uint64_t number)
    : id(number),
      registry(installed.recording() ? CoreAccess::Get(installed)->registry()->shared_from_this()
                                     : nullptr),
      metrics(installed),
      stopped(installed.recording() && CoreAccess::Get(installed)->stopped()) {}

Installed::~Installed() {
  for (SeriesRecord* const record : records) std::free(record);
}

Recorder& Recorder::Instance() noexcept {
  static auto* const kRecorder = new Recorder;  // never destroyed
  return *kRecorder;
}

std::vector<Recorder::Garbage> Recorder::Reclaim() {
  std::vector<Garbage> free;
  if (garbage_.empty()) return free;
  free.reserve(garbage_.size());
  // Two turns of the epoch, when nobody reads.
  for (int i = 0; i < 3; ++i) epoch_.Poll();
  while (!garbage_.empty() && epoch_.Passed(garbage_.front().mark)) {
    free.push_back(std::move(garbage_.front()));
    garbage_.pop_front();
  }
  return free;
}

Installed* Recorder::Living(std::uint64_t id) noexcept {
  for (const auto& installed : installed_) {
    if (installed->id == id) return installed.get();
  }
  return nullptr;
}

std::uint64_t Recorder::Install(const Metrics& metrics) {
  RegisterForkHandlers();
  std::vector<Garbage> free;
  const std::lock_guard lock(g_recorder_mutex);
  free = Reclaim();
  auto installed = std::make_unique<Installed>(metrics, next_id_);
  installed_.push_back(std::move(installed));
  current_.store(installed_.back().get(), std::memory_order_release);
  const std::uint64_t generation = g_recorder_generation.load(std::memory_order_relaxed);
  g_recorder_generation.store(generation + (IsInstalled(generation) ? 2 : 1),
                              std::memory_order_release);
  return next_id_++;
}

void Recorder::End(std::uint64_t id) noexcept {
  std::vector<Garbage> free;
  Metrics last;  // its destructor may stop backends
  {
    const std::lock_guard lock(g_recorder_mutex);
    for (auto it = installed_.begin(); it != installed_.end(); ++it) {
      if ((*it)->id != id) continue;
      std::unique_ptr<Installed> ended = std::move(*it);
      const bool was_default = it + 1 == installed_.end();
      installed_.erase(it);
      if (was_default) {
        const std::uint64_t generation = g_recorder_generation.load(std::memory_order_relaxed);
        // First: whoever then finds no installation counts as after the shutdown.
        g_recorder_generation.store(generation + (installed_.empty() ? 1 : 2),
                                    std::memory_order_release);
        current_.store(installed_.empty() ? nullptr : installed_.back().get(),
                       std::memory_order_release);
      }
      last = std::move(ended->metrics);
      try {
        garbage_.emplace_back();
        garbage_.back().mark = epoch_.Mark();
        garbage_.back().installed = std::move(ended);
        free = Reclaim();
      } catch (...) {  // no memory: rather lost than freed under a reader
        static_cast<void>(ended.release());
      }
      break;
    }
  }
}

Metrics Recorder::Default() noexcept {
  const std::lock_guard lock(g_recorder_mutex);
  return installed_.empty() ? Metrics() : installed_.back()->metrics;
}

bool Recorder::IsDefault(const Registry& registry) noexcept {
  const std::lock_guard lock(g_recorder_mutex);
  return !installed_.empty() && installed_.back()->registry.get() == &registry;
}

void Recorder::SetStopped(const Registry& registry, bool stopped) noexcept {
  const std::lock_guard lock(g_recorder_mutex);
  bool found = false;
  for (const auto& installed : installed_) {
    if (installed->registry.get() != &registry) continue;
    installed->stopped.store(stopped, std::memory_order_relaxed);
    found = true;
  }
  if (!found) return;
  // Call sites look again, and keep nothing while it is stopped.
  const std::uint64_t generation = g_recorder_generation.load(std::memory_order_relaxed);
  g_recorder_generation.store(generation + 2, std::memory_order_release);
}

// --- by name ---------------------------------------------------------------------------------

CellAddress Recorder::Find(Recorded what, std::string_view name, NamedLabels labels) noexcept {
  std::shared_ptr<Registry> registry;
  std::shared_ptr<FamilyCore> family;
  std::uint64_t id = 0;
  try {
    {
      const ReadEpoch::Guard reading(epoch_);
      const Installed* const installed = current_.load(std::memory_order_acquire);
      if (installed == nullptr) return Drop(kAfterShutdown);
      if (installed->registry == nullptr) return kNoopCell;
      if (installed->stopped.load(std::memory_order_relaxed)) return Drop(kAfterShutdown);
      const NameKey key(what, name);
      const SeriesRecord* const record = installed->names.Find(key.hash, key.values, 2);
      if (record != nullptr) {
        const auto& known = *reinterpret_cast<const std::shared_ptr<FamilyCore>*>(record->cell);
        if (known == nullptr) return kNoopCell;  // refused before
        const CellAddress cell = known->FindFew(labels);
        if (cell != 0) return cell;
        family = known;
      } else {
        registry = installed->registry;
        id = installed->id;
        if (installed->name_count.load(std::memory_order_relaxed) >= kMostNames) id = 0;
      }
    }
    // From here on code of the application may be called (the log, the clock): outside the section.
    if (family != nullptr) return family->FindOrCreate(labels);
    if (id == 0) {
      registry->Refuse("recorder_names",
                       "more than " + std::to_string(kMostNames) +
                           " names are recorded by name; further ones are refused. What varies "
                           "belongs into labels");
      return kNoopCell;
    }
    return FindSlowly(what, name, labels, *registry, id);
  } catch (...) {
    RefuseWithoutMemory(registry.get());
    return kNoopCell;
  }
}

CellAddress Recorder::FindSlowly(Recorded what, std::string_view name, NamedLabels labels,
                                 Registry& registry, std::uint64_t id) {
  const RecordedFamily wanted = FamilyOf(what, name);
  auto made = FindOrMakeFamily(registry, wanted.type, wanted.name, {}, labels, wanted.options,
                               /*any=*/true);
  const bool refused = !made;
  if (refused) {
    bool living = false;
    {
      const std::lock_guard lock(g_recorder_mutex);
      living = Living(id) != nullptr;
    }
    // The Metrics may have ended meanwhile: not the name's fault.
    if (!living) return Drop(kAfterShutdown);
    RefuseFamily(registry, made.status());
  }
  const std::shared_ptr<FamilyCore> family = std::move(made).value();
  // Labels may be what was refused: the next call with others is looked at anew. (A view may drop
  // the family: then it is none for every call.)
  if (refused && labels.size() != 0) return kNoopCell;
  Keep(id, what, name, family);
  return family == nullptr ? kNoopCell : family->FindOrCreate(labels);
}

void Recorder::Keep(std::uint64_t id, Recorded what, std::string_view name,
                    std::shared_ptr<FamilyCore> family) {
  std::vector<Garbage> free;
  const NameKey key(what, name);
  const std::lock_guard lock(g_recorder_mutex);
  Installed* const installed = Living(id);
  if (installed == nullptr || installed->names.Find(key.hash, key.values, 2) != nullptr) return;
  garbage_.emplace_back();  // first, so that nothing throws once the table has given memory
  Garbage& garbage = garbage_.back();
  try {
    installed->families.push_back(std::move(family));
    installed->records.push_back(nullptr);
    installed->records.back() = NewNameRecord(key, &installed->families.back());
    void* const old_table = installed->names.Insert(key.hash, installed->records.back());
    installed->name_count.fetch_add(1, std::memory_order_relaxed);
    garbage.memory = {old_table, std::free};
    garbage.mark = epoch_.Mark();
  } catch (...) {
    garbage_.pop_back();
    throw;
  }
  if (garbage.memory == nullptr) {
    garbage_.pop_back();
  } else {
    free = Reclaim();
  }
}

// --- by call site ----------------------------------------------------------------------------

CellAddress Recorder::ResolveSite(CallSite& site, MetricType type, std::string_view name,
                                  std::string_view help, NamedLabels labels,
                                  const FamilyOptions* options) noexcept {
  std::uint64_t generation = 0;
  std::shared_ptr<Registry> registry;
  {
    // Every evaluation comes here while the default is shut down: without the lock.
    const ReadEpoch::Guard reading(epoch_);
    const Installed* const installed = current_.load(std::memory_order_acquire);
    if (installed != nullptr && installed->stopped.load(std::memory_order_relaxed)) {
      return Drop(kAfterShutdown);
    }
  }
  {
    const std::lock_guard lock(g_recorder_mutex);
    generation = g_recorder_generation.load(std::memory_order_relaxed);
    if (!IsInstalled(generation)) return Drop(generation);
    if (installed_.back()->stopped) return Drop(kAfterShutdown);
    registry = installed_.back()->registry;
  }
  CellAddress cell = kNoopCell;
  if (registry != nullptr) {
    try {
      static const FamilyOptions kNone;
      const auto family = FindOrMakeFamily(*registry, type, name, help, labels,
                                           options == nullptr ? kNone : *options,
                                           /*any=*/options == nullptr);
      if (!family) {
        // The Metrics may have ended meanwhile: not the name's fault.
        const std::uint64_t now = g_recorder_generation.load(std::memory_order_acquire);
        if (now != generation) return Drop(now);
        RefuseFamily(*registry, family.status());
      } else {
        cell = FindOrCreate(family.value().get(), labels);  // null: a view drops it
      }
    } catch (...) {
      RefuseWithoutMemory(registry.get());
      return kNoopCell;
    }
  }
  // Stored under the mutex and for the present generation only: generations ascend at every site.
  const std::lock_guard lock(g_recorder_mutex);
  if (g_recorder_generation.load(std::memory_order_relaxed) == generation) {
    site.cell_.store(cell, std::memory_order_release);
    site.generation_.store(generation, std::memory_order_release);
  }
  return cell;
}

// --- the functions of recorder.h ---------------------------------------------------------------

CellAddress FindRecorded(Recorded what, std::string_view name, NamedLabels labels) noexcept {
  const std::uint64_t generation = g_recorder_generation.load(std::memory_order_acquire);
  if (!IsInstalled(generation)) return Drop(generation);
  return Recorder::Instance().Find(what, name, labels);
}

CellAddress Resolve(CallSite& site, MetricType type, std::string_view name, std::string_view help,
                    NamedLabels labels) noexcept {
  const std::uint64_t generation = g_recorder_generation.load(std::memory_order_acquire);
  if (!IsInstalled(generation)) return Drop(generation);
  return Recorder::Instance().ResolveSite(site, type, name, help, labels, nullptr);
}

CellAddress Resolve(CallSite& site, MetricType type, std::string_view name, std::string_view help,
                    NamedLabels labels, const FamilyOptions& options) noexcept {
  const std::uint64_t generation = g_recorder_generation.load(std::memory_order_acquire);
  if (!IsInstalled(generation)) return Drop(generation);
  return Recorder::Instance().ResolveSite(site, type, name, help, labels, &options);
}

void AddRecorderMetrics(const Registry& registry, FamilySink& sink) {
  if (!IsInstalled(g_recorder_generation.load(std::memory_order_acquire)) ||
      !Recorder::Instance().IsDefault(registry)) {
    return;
  }
  const RecorderDrops drops = RecorderReport();
  sink.BeginFamily(MetricType::kCounter, "polymeter_recorder_dropped_total",
                   "Calls of the recorder API that found no default Metrics, by reason.");
  sink.Counter({{"reason", "before_installation"}}, drops.before_installation);
  sink.Counter({{"reason", "after_shutdown"}}, drops.after_shutdown);
}

void SetRecorderStopped(const Registry& registry, bool stopped) noexcept {
  if (!IsInstalled(g_recorder_generation.load(std::memory_order_acquire))) return;
  Recorder::Instance().SetStopped(registry, stopped);
}

void LockRecorderForFork() noexcept { g_recorder_mutex.lock(); }
void UnlockRecorderAfterFork() noexcept { g_recorder_mutex.unlock(); }
void RestartRecorderInChild() noexcept {
  g_dropped_before.store(0, std::memory_order_relaxed);
  g_dropped_after.store(0, std::memory_order_relaxed);
}

}  // namespace detail

DefaultInstallation InstallDefault(const Metrics& metrics) noexcept {
  DefaultInstallation installation;
  try {
    installation.id_ = detail::Recorder::Instance().Install(metrics);
  } catch (...) {
    const auto& core = detail::CoreAccess::Get(metrics);
    if (core != nullptr) core->Log(LogLevel::kError, "no memory: no default is installed");
  }
  return installation;
}

void DefaultInstallation::End() noexcept {
  const std::uint64_t id = std::exchange(id_, 0);
  if (id != 0) detail::Recorder::Instance().End(id);
}

Metrics Default() noexcept {
  if (!detail::IsInstalled(detail::g_recorder_generation.load(std::memory_order_acquire))) {
    return {};
  }
  return detail::Recorder::Instance().Default();
}

RecorderDrops RecorderReport() noexcept {
  return {detail::g_dropped_before.load(std::memory_order_relaxed),
          detail::g_dropped_after.load(std::memory_order_relaxed)};
}

POLYMETER_END_NAMESPACE
