#include "sdk/src/tap.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <mutex>
#include <new>
#include <utility>

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// Of members, so not in the unnamed namespace.
struct TapEntry {
  CellAddress histogram;
  double value;
};

// One writer, one reader.
struct TapRing {
  explicit TapRing(std::size_t size) : mask(static_cast<std::uint32_t>(size - 1)), entries(size) {}

  const std::uint32_t mask;
  std::vector<TapEntry> entries;
  alignas(64) std::atomic<std::uint32_t> head{0};  // the writer's
  std::atomic<std::uint64_t> lost{0};              // the writer's
  alignas(64) std::atomic<std::uint32_t> tail{0};  // the reader's
  std::atomic<bool> abandoned{false};              // its thread has ended
};

namespace {

constexpr std::size_t kMostPerThread = std::size_t{1} << 20;
// What is brought and not claimed waits for another Metrics' snapshot, or belongs to a series that
// was removed or to a Metrics that has ended: so many rounds long, and within so many samples.
constexpr std::uint64_t kMostRounds = 64;
constexpr std::size_t kMostWaiting = std::size_t{1} << 20;

// Trivial, and so readable while thread-local objects are being destroyed.
// Initial-exec: the recording path reads it with one instruction, also in a shared library.
__attribute__((tls_model("initial-exec"))) thread_local TapRing* t_ring = nullptr;
thread_local bool t_ended = false;

struct RingOfThread {
  ~RingOfThread() {
    t_ended = true;
    if (TapRing* const ring = std::exchange(t_ring, nullptr)) {
      ring->abandoned.store(true, std::memory_order_release);
    }
  }
};

}  // namespace

struct Tap::Shared {
  struct Waiting {
    Samples samples;
    std::uint64_t since = 0;  // the round whose Collect brought the first
  };
  void DropUnclaimed();

  std::mutex mutex;
  std::size_t per_thread = 1024;
  std::vector<std::unique_ptr<TapRing>> rings;
  std::unordered_map<CellAddress, Waiting> waiting;
  std::size_t waiting_count = 0;
  std::uint64_t round = 0;
  std::uint64_t lost_before = 0;          // of rings that are gone, and unclaimed
  std::atomic<std::uint64_t> no_ring{0};  // no memory, or a thread at its very end
};

// All of it where the dead would leave the living no room.
void Tap::Shared::DropUnclaimed() {
  const bool crowded = waiting_count > kMostWaiting / 2;
  std::erase_if(waiting, [&](const auto& entry) {
    if (round - entry.second.since < kMostRounds && !crowded) return false;
    waiting_count -= entry.second.samples.size();
    lost_before += entry.second.samples.size();
    return true;
  });
}

Tap::Shared& Tap::All() noexcept {
  static auto* const kAll = new Shared;  // threads record during static destruction
  return *kAll;
}

Tap& Tap::Instance() noexcept {
  static Tap tap;
  return tap;
}

namespace {
TapRing* RegisterRing(std::mutex& mutex, std::size_t& per_thread,
                      std::vector<std::unique_ptr<TapRing>>& rings) noexcept {
  if (t_ended) return nullptr;
  try {
    static thread_local RingOfThread end_of_thread;
    static_cast<void>(end_of_thread);
    const std::lock_guard lock(mutex);
    t_ring = rings.emplace_back(std::make_unique<TapRing>(per_thread)).get();
  } catch (...) {  // no memory
  }
  return t_ring;
}
}  // namespace

void TapPush(CellAddress histogram, double value) noexcept {
  TapRing* ring = t_ring;
  if (ring == nullptr) {
    Tap::Shared& all = Tap::All();
    ring = RegisterRing(all.mutex, all.per_thread, all.rings);
    if (ring == nullptr) {
      all.no_ring.fetch_add(1, std::memory_order_relaxed);
      return;
    }
  }
  const std::uint32_t head = ring->head.load(std::memory_order_relaxed);
  if (head - ring->tail.load(std::memory_order_acquire) > ring->mask) {
    ring->lost.store(ring->lost.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    return;
  }
  ring->entries[head & ring->mask] = {histogram, value};
  ring->head.store(head + 1, std::memory_order_release);
}

void Tap::Reserve(std::size_t per_thread) noexcept {
  Shared& all = All();
  const std::lock_guard lock(all.mutex);
  all.per_thread = std::max(all.per_thread, std::bit_ceil(std::min(per_thread, kMostPerThread)));
}

void Tap::Collect() {
  Shared& all = All();
  const std::lock_guard lock(all.mutex);
  ++all.round;
  all.DropUnclaimed();
  for (auto& ring : all.rings) {
    const bool abandoned = ring->abandoned.load(std::memory_order_acquire);
    const std::uint32_t head = ring->head.load(std::memory_order_acquire);
    std::uint32_t tail = ring->tail.load(std::memory_order_relaxed);
    for (; tail != head; ++tail) {
      const TapEntry& entry = ring->entries[tail & ring->mask];
      if (all.waiting_count >= kMostWaiting) {
        ++all.lost_before;
        continue;
      }
      auto& waiting = all.waiting.try_emplace(entry.histogram).first->second;
      if (waiting.samples.empty()) waiting.since = all.round;
      waiting.samples.push_back(entry.value);
      ++all.waiting_count;
    }
    ring->tail.store(tail, std::memory_order_release);
    if (!abandoned) continue;
    all.lost_before += ring->lost.load(std::memory_order_relaxed);
    ring.reset();
  }
  std::erase(all.rings, nullptr);
}

Tap::Samples Tap::Claim(CellAddress histogram) {
  Shared& all = All();
  const std::lock_guard lock(all.mutex);
  auto found = all.waiting.extract(histogram);
  if (found.empty()) return {};
  all.waiting_count -= found.mapped().samples.size();
  return std::move(found.mapped().samples);
}

std::uint64_t Tap::Lost() noexcept {
  Shared& all = All();
  const std::lock_guard lock(all.mutex);
  std::uint64_t lost = all.lost_before + all.no_ring.load(std::memory_order_relaxed);
  for (const auto& ring : all.rings) lost += ring->lost.load(std::memory_order_relaxed);
  return lost;
}

void Tap::LockForFork() noexcept { All().mutex.lock(); }
void Tap::UnlockAfterFork() noexcept { All().mutex.unlock(); }

void Tap::RestartInChild() noexcept {
  Shared& all = All();
  for (auto& ring : all.rings) {
    ring->tail.store(ring->head.load(std::memory_order_relaxed), std::memory_order_relaxed);
    ring->lost.store(0, std::memory_order_relaxed);
    if (ring.get() != t_ring) ring->abandoned.store(true, std::memory_order_relaxed);
  }
  all.waiting.clear();
  all.waiting_count = 0;
  all.lost_before = 0;
  all.no_ring.store(0, std::memory_order_relaxed);
}

}  // namespace detail
POLYMETER_END_NAMESPACE
