#include "integrations/prometheus_cpp/dropin/drop_in_process.h"

#include <pthread.h>
#include <sys/random.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "sdk/src/core.h"

namespace prometheus {
namespace detail {
namespace {

std::uint64_t RandomHashSeed() noexcept {
  std::uint64_t seed = 0;
  if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != sizeof(seed)) {
    seed = reinterpret_cast<std::uintptr_t>(&seed);
  }
  return seed;
}

// One for the process: of a unique symbol the dynamic linker takes the first definition, also for
// libraries that were loaded apart. The version, because the layout must be the same.
#define POLYMETER_PROCESS_SYMBOL "polymeter_prometheus_api_process_" POLYMETER_VERSION
asm(".pushsection .bss.polymeter_prometheus_api_process,\"aw\",%nobits\n"
    ".globl " POLYMETER_PROCESS_SYMBOL
    "\n"
    ".type " POLYMETER_PROCESS_SYMBOL
    ", %gnu_unique_object\n"
    ".size " POLYMETER_PROCESS_SYMBOL
    ", 8\n"
    ".balign 8\n" POLYMETER_PROCESS_SYMBOL
    ": .zero 8\n"
    ".popsection\n");
}  // namespace

[[gnu::visibility("default")]] extern std::atomic<DropInProcess*> g_drop_in_process asm(
    POLYMETER_PROCESS_SYMBOL);
static_assert(sizeof(g_drop_in_process) == 8);

namespace {

std::string PlacesKey(polymeter::MetricType type, const std::string& name) {
  return static_cast<char>('a' + static_cast<int>(type)) + name;
}

}  // namespace

DropInProcess& DropInProcess::Instance() noexcept {
  static DropInProcess* const kProcess = OfAllCopies();
  return *kProcess;
}

DropInProcess* DropInProcess::OfAllCopies() {
  DropInProcess* process = g_drop_in_process.load(std::memory_order_acquire);
  if (process == nullptr) {
    auto* const made = new DropInProcess;
    if (g_drop_in_process.compare_exchange_strong(process, made, std::memory_order_acq_rel)) {
      process = made;
    } else {
      delete made;  // another copy was faster
    }
  }
  // Theirs first: cells are made under a lock of ours, which a fork must take before theirs.
  polymeter::detail::RegisterForkHandlers();
  pthread_atfork([] { g_drop_in_process.load(std::memory_order_acquire)->LockForFork(); },
                 [] { g_drop_in_process.load(std::memory_order_acquire)->UnlockAfterFork(false); },
                 [] { g_drop_in_process.load(std::memory_order_acquire)->UnlockAfterFork(true); });
  return process;
}

DropInProcess::DropInProcess()
    : hash_seed_(RandomHashSeed()), next_places_id_((RandomHashSeed() >> 2) + 1) {}

void DropInProcess::LockForFork() noexcept {
  if (forking_.load(std::memory_order_relaxed) == pthread_self()) {
    ++fork_depth_;
    return;
  }
  for (Locks* const locks : {&registry_locks_, &family_locks_}) {
    for (std::mutex& lock : *locks) lock.lock();
  }
  for (std::mutex* const lock :
       {&resets_lock_, &sources_lock_, &owned_lock_, &places_lock_, &pins_lock_, &cells_lock_}) {
    lock->lock();
  }
  forking_.store(pthread_self(), std::memory_order_relaxed);
  fork_depth_ = 1;
}

void DropInProcess::UnlockAfterFork(bool in_child) noexcept {
  if (--fork_depth_ > 0) return;
  forking_.store(pthread_t{}, std::memory_order_relaxed);
  if (in_child) {
    forks_.fetch_add(1, std::memory_order_relaxed);
    cells_.RestartInChild();
    pins_.clear();  // of snapshots whose threads it does not have
  }
  for (std::mutex* const lock :
       {&cells_lock_, &pins_lock_, &places_lock_, &owned_lock_, &sources_lock_, &resets_lock_}) {
    lock->unlock();
  }
  for (Locks* const locks : {&family_locks_, &registry_locks_}) {
    for (std::mutex& lock : *locks) lock.unlock();
  }
}

// --- cells -----------------------------------------------------------------------------------

void* DropInProcess::NewInstrumentPlace(std::size_t size) {
  if (size > kLargestPlace) return ::operator new(size);
  const std::size_t words = (size + sizeof(void*) - 1) / sizeof(void*);
  const std::lock_guard lock(cells_lock_);
  void*& free = free_places_[words];
  if (free == nullptr) {
    places_memory_.push_back(std::make_unique<void*[]>(words * kPlacesAtOnce));
    void** const memory = places_memory_.back().get();
    for (std::size_t i = kPlacesAtOnce; i > 0; --i) {
      void** const place = memory + (i - 1) * words;
      *place = std::exchange(free, place);
    }
  }
  return std::exchange(free, *static_cast<void**>(free));
}

void DropInProcess::FreeInstrumentPlace(void* place, std::size_t size) noexcept {
  if (size > kLargestPlace) {
    ::operator delete(place);
    return;
  }
  const std::lock_guard lock(cells_lock_);
  void*& free = free_places_[(size + sizeof(void*) - 1) / sizeof(void*)];
  *static_cast<void**>(place) = std::exchange(free, place);
}

CellAddress DropInProcess::NewCounter() noexcept try {
  const std::lock_guard lock(cells_lock_);
  return cells_.NewCounter();
} catch (...) {
  return polymeter::detail::kNoopCell;
}

CellAddress DropInProcess::NewGauge() noexcept try {
  const std::lock_guard lock(cells_lock_);
  return cells_.NewGauge();
} catch (...) {
  return polymeter::detail::kNoopCell;
}

CellAddress DropInProcess::NewHistogram(const polymeter::detail::HistogramBounds* bounds) noexcept
    try {
  const std::lock_guard lock(cells_lock_);
  return cells_.NewHistogram(bounds);
} catch (...) {
  return polymeter::detail::kNoopCell;
}

void DropInProcess::Retire(polymeter::MetricType type, CellAddress cell) noexcept {
  if (cell == polymeter::detail::kNoopCell) return;
  try {
    const std::lock_guard lock(cells_lock_);
    cells_.Retire(type, cell);
  } catch (...) {  // no memory: the cell is lost
  }
}

// --- places ----------------------------------------------------------------------------------

std::shared_ptr<SeriesPlaces> DropInProcess::PlacesOf(polymeter::MetricType type,
                                                      const std::string& name,
                                                      const std::string& help) {
  std::string key = PlacesKey(type, name);
  const std::lock_guard lock(places_lock_);
  std::weak_ptr<SeriesPlaces>& known = places_[key];
  std::shared_ptr<SeriesPlaces> places = known.lock();
  if (places != nullptr) return places;
  // The entry goes with the last family, unless another has taken it over meanwhile.
  places.reset(new SeriesPlaces{next_places_id_++, help, 0, 1, {}},
               [this, key = std::move(key)](SeriesPlaces* gone) {
                 delete gone;
                 const std::lock_guard again(places_lock_);
                 const auto entry = places_.find(key);
                 if (entry != places_.end() && entry->second.expired()) places_.erase(entry);
               });
  known = places;
  return places;
}

std::uint32_t DropInProcess::NextGeneration(SeriesPlaces& places) noexcept {
  const std::uint32_t generation = places.next_generation++;
  if (places.next_generation == 0) places.next_generation = 1;  // 0 means "none"
  return generation;
}

SeriesPlace DropInProcess::NewPlace(SeriesPlaces& places) {
  const std::lock_guard lock(places_lock_);
  if (places.free.empty()) {
    // Giving it back must not need memory.
    if (places.free.capacity() <= places.end) {
      places.free.reserve(std::max<std::size_t>(16, std::size_t{places.end} * 2));
    }
    return {places.end++, NextGeneration(places)};
  }
  const std::uint32_t index = places.free.back();
  places.free.pop_back();
  return {index, NextGeneration(places)};
}

SeriesPlace DropInProcess::SamePlace(SeriesPlaces& places, std::uint32_t index) {
  const std::lock_guard lock(places_lock_);
  return {index, NextGeneration(places)};
}

void DropInProcess::FreePlaces(SeriesPlaces& places,
                               const std::vector<std::uint32_t>& indexes) noexcept {
  const std::lock_guard lock(places_lock_);
  places.free.insert(places.free.end(), indexes.begin(), indexes.end());
}

// --- what snapshots read ---------------------------------------------------------------------

std::shared_ptr<const void> DropInProcess::Pin() {
  // Allocated first: nothing throws once the pin is set.
  struct SnapshotPin {
    std::uint64_t pin = 0;
    bool set = false;
    ~SnapshotPin() {
      if (set) Instance().Unpin(pin);
    }
  };
  auto pin = std::make_shared<SnapshotPin>();
  const std::lock_guard lock(pins_lock_);
  pins_.push_back(next_pin_);
  pin->pin = next_pin_++;
  pin->set = true;
  return pin;
}

void DropInProcess::Unpin(std::uint64_t pin) noexcept {
  std::vector<Discarded> freeable;
  {
    const std::lock_guard lock(pins_lock_);
    const auto at = std::lower_bound(pins_.begin(), pins_.end(), pin);
    if (at == pins_.end() || *at != pin) return;  // of the parent
    pins_.erase(at);
    if (!discarded_.empty()) freeable = Freeable();
  }
  for (const Discarded& discarded : freeable) Free(discarded);
}

void DropInProcess::Free(const Discarded& discarded) noexcept {
  std::free(discarded.memory);
  if (discarded.cell != polymeter::detail::kNoopCell) Retire(discarded.type, discarded.cell);
}

void DropInProcess::Discard(void* memory) noexcept {
  if (memory == nullptr) return;
  Discard({memory, polymeter::detail::kNoopCell, polymeter::MetricType::kUnknown, 0});
}

void DropInProcess::RetireExchanged(polymeter::MetricType type, CellAddress cell) noexcept {
  // First: who has no pin yet when the cell is discarded sees the Reset.
  resets_.fetch_add(1, std::memory_order_release);
  Discard({nullptr, cell, type, 0});
}

void DropInProcess::Discard(Discarded discarded) noexcept {
  try {
    const std::lock_guard lock(pins_lock_);
    if (!pins_.empty()) {
      discarded.mark = next_pin_;
      discarded_.push_back(discarded);
      return;
    }
  } catch (...) {  // no memory: this piece is lost
    return;
  }
  Free(discarded);
}

std::vector<DropInProcess::Discarded> DropInProcess::Freeable() {
  // A snapshot that was pinned after the discarding does not see it.
  const std::uint64_t oldest = pins_.empty() ? next_pin_ : pins_.front();
  std::vector<Discarded> freeable;
  auto next = discarded_.begin();
  for (; next != discarded_.end() && next->mark <= oldest; ++next) {
    freeable.push_back(*next);
  }
  discarded_.erase(discarded_.begin(), next);
  return freeable;
}

}  // namespace detail
}  // namespace prometheus
