// The floor: what recording would cost if each thread had its own numbers and nothing else.
//
// One writer a slot, so a relaxed load and a relaxed store are enough. No family, no removal, no
// thread that ends: no library can be asked to do less.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "test/bench/workload.h"

namespace polymeter_bench {

using FloorSlot = std::atomic<std::uint64_t>;

inline void FloorIncrement(FloorSlot* slot) {
  slot->store(slot->load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

// A histogram of one thread.
struct FloorHistogram {
  const double* bounds;
  std::uint32_t count;  // a multiple of four, which the SSE2 search needs
  std::atomic<double> sum{0};
  FloorSlot buckets[16] = {};

  void Add(std::uint32_t bucket, double value) {
    FloorIncrement(&buckets[bucket]);
    sum.store(sum.load(std::memory_order_relaxed) + value, std::memory_order_relaxed);
  }
  // The plain loop: the per-thread histogram of the targets.
  void Observe(double value) {
    std::uint32_t i = 0;
    while (i < count && bounds[i] < value) ++i;
    Add(i, value);
  }
  // Four bounds a turn.
  void ObserveSse2(double value) {
#if defined(__SSE2__)
    const __m128d v = _mm_set1_pd(value);
    std::uint32_t i = 0;
    for (; i < count; i += 4) {
      const int low = _mm_movemask_pd(_mm_cmplt_pd(_mm_loadu_pd(bounds + i), v));
      const int high = _mm_movemask_pd(_mm_cmplt_pd(_mm_loadu_pd(bounds + i + 2), v));
      const int below = low | (high << 2);
      if (below != 15) {
        i += static_cast<std::uint32_t>(__builtin_popcount(static_cast<unsigned>(below)));
        break;
      }
    }
    Add(i, value);
#else
    Observe(value);
#endif
  }
};

// `count` things of one thread and pointers to them in the common shuffled order. The
// same (thread, count) gives the same object again, made on first use.
template <class Thing>
class PerThread {
 public:
  template <class Init>
  static const std::vector<Thing*>& Get(int thread, std::size_t count, const Init& init) {
    static std::mutex mutex;
    static std::map<std::pair<int, std::size_t>, std::unique_ptr<PerThread>> all;
    const std::lock_guard<std::mutex> lock(mutex);
    auto& mine = all[{thread, count}];
    if (!mine) {
      mine = std::make_unique<PerThread>();
      mine->things_ = std::make_unique<Thing[]>(count);
      for (std::size_t i = 0; i < count; ++i) init(mine->things_[i]);
      for (const std::uint32_t i : ShuffledOrder(count)) {
        mine->pointers_.push_back(&mine->things_[i]);
      }
    }
    return mine->pointers_;
  }

 private:
  std::unique_ptr<Thing[]> things_;
  std::vector<Thing*> pointers_;
};

inline const std::vector<FloorSlot*>& FloorSlots(int thread, std::size_t count) {
  return PerThread<FloorSlot>::Get(thread, count, [](FloorSlot&) {});
}

// The same with handles that all threads share, as an application's are: a handle is an
// offset, and every call finds its thread's slots through a thread_local.
inline thread_local char* t_slots = nullptr;

inline void FloorIncrementShared(std::size_t offset) {
  char* const slots = *const_cast<char* volatile*>(&t_slots);  // not hoisted: calls are apart
  FloorIncrement(reinterpret_cast<FloorSlot*>(slots + offset));
}

inline std::vector<std::size_t> FloorOffsets(int thread, std::size_t count) {
  const std::vector<FloorSlot*>& slots = FloorSlots(thread, count);
  t_slots = reinterpret_cast<char*>(*std::min_element(slots.begin(), slots.end()));
  std::vector<std::size_t> offsets;
  for (FloorSlot* const slot : slots) {
    offsets.push_back(static_cast<std::size_t>(reinterpret_cast<char*>(slot) - t_slots));
  }
  return offsets;
}

inline const std::vector<FloorHistogram*>& FloorHistograms(int thread, std::size_t count) {
  return PerThread<FloorHistogram>::Get(thread, count, [](FloorHistogram& histogram) {
    histogram.bounds = Bounds().data();
    histogram.count = static_cast<std::uint32_t>(Bounds().size());
  });
}

}  // namespace polymeter_bench
