// The inlined increment and observe: all that a recording call executes.

// Stands alone and compiles as C++14, because headers that must stay C++14
// include it. A cell address is the address of a 64-bit slot in "lane 0" of a
// chunk; lane c + 1 lies (c + 1) * 64 KiB further and belongs to CPU c. A
// restartable sequence (Linux rseq, registered by glibc >= 2.35) makes "read
// the CPU number, add to that CPU's slot" one step that the kernel restarts when
// the thread is preempted in it: a plain add, without lock prefix and without
// contention. Readers sum the lanes. Where there is no rseq (another
// architecture, an old libc, a thread that is not registered) the add goes
// through CounterAddFallback, which uses atomic operations.

// Bit 0 of a cell address says "not the plain path": exemplars, exponential buckets, observations
// one by one. kNoopCell is the no-op.
// All functions: thread-safe, async-signal-safe, no lock, no allocation, no
// system call, no exception. But for observations of a tapped histogram (the
// bit is set, a backend wants them one by one): the first one of a thread takes
// a lock and allocates, and none of them may be made in a signal handler. And but
// for those of a histogram with exponential buckets (the bit is set, too): one
// beyond all earlier ones may take a lock and map memory; in a signal handler that
// interrupts such a one it is refused and counted. Where exemplars are kept, the
// application's TraceProvider is called and must be as safe.
#pragma once

#include <cstddef>
#include <cstdint>

#include "polymeter/export.h"

#if defined(__x86_64__) && defined(__linux__) && !defined(__ILP32__) && !defined(POLYMETER_NO_RSEQ)
#define POLYMETER_RSEQ 1
#else
#define POLYMETER_RSEQ 0
#endif

POLYMETER_BEGIN_NAMESPACE
namespace detail {

using CellAddress = std::uintptr_t;

constexpr CellAddress kNoopCell = 1;         // counts nothing, for ever
constexpr std::uintptr_t kOutOfLineBit = 1;  // set: not the plain path
constexpr std::size_t kLaneShift = 16;       // lanes are 64 KiB apart
constexpr std::size_t kLaneBytes = std::size_t{1} << kLaneShift;
constexpr std::size_t kDoubleTwinOffset = kLaneBytes / 2;
constexpr std::size_t kDoublesFlagOffset = 40;  // in a chunk of counters; see ChunkHeader

// Where the calling thread's rseq area lies, relative to the thread pointer. Where there is no
// rseq it is an area of ours that always says "not registered". Set before other static
// constructors run and never again: const, so that a loop reads it once.
struct RseqArea {
  std::ptrdiff_t offset;
};
POLYMETER_EXPORT extern const RseqArea g_rseq_area;

// Histogram bounds as the hot path reads them: sorted ascending, padded with
// +Inf to a multiple of four, +Inf never counts as below a finite value.
struct HistogramBounds {
  std::uint32_t count;         // finite and infinite bounds without the implied +Inf
  std::uint32_t padded_count;  // multiple of 4
  const double* values;
};

// What a histogram handle points at. Lives in memory that outlives the registry
// (see chunk_pool.h).
struct HistogramCell {
  CellAddress row;  // count + 1 bucket slots, then the slot of the sum (a double)
  const HistogramBounds* bounds;
};

POLYMETER_EXPORT void CounterAddFallback(CellAddress slot, std::uint64_t n) noexcept;
// The double is added to the slot itself, not to its twin.
POLYMETER_EXPORT void SumAddFallback(CellAddress slot, double n) noexcept;
// A cell with kOutOfLineBit set that is not kNoopCell.
POLYMETER_EXPORT void CounterAddOutOfLine(CellAddress cell, std::uint64_t n) noexcept;
POLYMETER_EXPORT void CounterAddOutOfLine(CellAddress cell, double n) noexcept;
POLYMETER_EXPORT void ObserveOutOfLine(CellAddress cell, double value) noexcept;
// Of a chunk of counters: from now on readers look at the twins of its cells.
POLYMETER_EXPORT void MarkDoubles(CellAddress cell) noexcept;
// Counts a negative or NaN increment, or a NaN observation, that was refused.
POLYMETER_EXPORT void RejectCounterAdd(CellAddress cell) noexcept;
POLYMETER_EXPORT void RejectObservation(CellAddress cell) noexcept;

#if POLYMETER_RSEQ

// clang-format off

// A critical section; `s` is a digit that tells its labels from those of another section in the
// same statement. A thread that is not registered has a negative CPU number; any other is below the
// number of possible CPUs, for each of which there is a lane. The section flag '?' puts the
// descriptor into the COMDAT group of the inline function around it.
#define POLYMETER_RSEQ_BEGIN(s, fallback)                \
  ".pushsection __rseq_cs, \"aw?\"\n"                    \
  ".balign 32\n"                                         \
  "3" s ":\n"                                            \
  ".long 0, 0\n"                                         \
  ".quad 1" s "f, (2" s "f - 1" s "f), 4" s "f\n"        \
  ".popsection\n"                                        \
  "5" s ":\n"                                            \
  "leaq 3" s "b(%%rip), %%rax\n"                         \
  "movq %%rax, %%fs:8(%[area])\n"                        \
  "1" s ":\n"                                            \
  "movl %%fs:4(%[area]), %%eax\n"                        \
  "testl %%eax, %%eax\n"                                 \
  "js %l[" fallback "]\n"                                \
  "shlq $16, %%rax\n"
#define POLYMETER_RSEQ_ADD(n, slot)                      \
  "addq " n ", 65536(%%rax, %[" slot "])\n"
#define POLYMETER_RSEQ_ADD_DOUBLE(n, slot)               \
  "movsd 65536(%%rax, %[" slot "]), %%xmm15\n"           \
  "addsd " n ", %%xmm15\n"                               \
  "movsd %%xmm15, 65536(%%rax, %[" slot "])\n"
#define POLYMETER_RSEQ_END(s)                            \
  "2" s ":\n"                                            \
  ".pushsection __rseq_failure, \"ax?\"\n"               \
  ".byte 0x0f, 0xb9, 0x3d\n"                             \
  ".long 0x53053053\n"                                   \
  "4" s ":\n"                                            \
  "jmp 5" s "b\n"                                        \
  ".popsection\n"
// Leaves no descriptor behind, so that a plug-in that counted can be unloaded.
#define POLYMETER_RSEQ_LEAVE "movq $0, %%fs:8(%[area])\n"

// No "memory" clobber on purpose: the slots are read only by functions that are
// never inlined, and the clobber would make callers reload everything they know.
inline void SlotAdd(CellAddress slot, std::uint64_t n) noexcept {
  __asm__ goto(
      POLYMETER_RSEQ_BEGIN("0", "fallback")
      POLYMETER_RSEQ_ADD("%[n]", "slot")
      POLYMETER_RSEQ_END("0")
      POLYMETER_RSEQ_LEAVE
      :
      : [area] "r"(g_rseq_area.offset), [slot] "r"(slot), [n] "er"(n)
      : "rax", "cc"
      : fallback);
  return;
fallback:
  CounterAddFallback(slot, n);
}

// Adds to the double that lies in the slot itself.
inline void SlotAddDouble(CellAddress slot, double n) noexcept {
  __asm__ goto(
      POLYMETER_RSEQ_BEGIN("0", "fallback")
      POLYMETER_RSEQ_ADD_DOUBLE("%[n]", "slot")
      POLYMETER_RSEQ_END("0")
      POLYMETER_RSEQ_LEAVE
      :
      : [area] "r"(g_rseq_area.offset), [slot] "r"(slot), [n] "x"(n)
      : "rax", "xmm15", "cc"
      : fallback);
  return;
fallback:
  SumAddFallback(slot, n);
}

// An observation: 1 to its bucket and the value to the sum. Each is a section of its own, because
// a section ends with its one store; the second's descriptor takes the place of the first's.
inline void ObservationAdd(CellAddress bucket, CellAddress sum, double value) noexcept {
  __asm__ goto(
      POLYMETER_RSEQ_BEGIN("0", "both")
      POLYMETER_RSEQ_ADD("$1", "bucket")
      POLYMETER_RSEQ_END("0")
      POLYMETER_RSEQ_BEGIN("1", "rest")
      POLYMETER_RSEQ_ADD_DOUBLE("%[value]", "sum")
      POLYMETER_RSEQ_END("1")
      POLYMETER_RSEQ_LEAVE
      :
      : [area] "r"(g_rseq_area.offset), [bucket] "r"(bucket), [sum] "r"(sum), [value] "x"(value)
      : "rax", "xmm15", "cc"
      : both, rest);
  return;
both:
  CounterAddFallback(bucket, 1);
rest:
  SumAddFallback(sum, value);
}

// clang-format on

#undef POLYMETER_RSEQ_BEGIN
#undef POLYMETER_RSEQ_ADD
#undef POLYMETER_RSEQ_ADD_DOUBLE
#undef POLYMETER_RSEQ_END
#undef POLYMETER_RSEQ_LEAVE

#else

inline void SlotAdd(CellAddress slot, std::uint64_t n) noexcept { CounterAddFallback(slot, n); }
inline void SlotAddDouble(CellAddress slot, double n) noexcept { SumAddFallback(slot, n); }
inline void ObservationAdd(CellAddress bucket, CellAddress sum, double value) noexcept {
  CounterAddFallback(bucket, 1);
  SumAddFallback(sum, value);
}

#endif  // POLYMETER_RSEQ

inline void CounterAdd(CellAddress cell, std::uint64_t n) noexcept {
  if ((cell & kOutOfLineBit) != 0) {
    if (__builtin_expect(cell != kNoopCell, 0)) CounterAddOutOfLine(cell, n);
    return;
  }
  SlotAdd(cell, n);
}

// Adds to the double of a counter, which lies in its slot's twin. Most chunks have counters of
// integers only, and readers that know so read half.
inline void TwinAdd(CellAddress cell, double n) noexcept {
  const CellAddress flag = (cell & ~(kLaneBytes - 1)) + kDoublesFlagOffset;
  if (__builtin_expect(
          __atomic_load_n(reinterpret_cast<const std::uint32_t*>(flag), __ATOMIC_RELAXED) == 0,
          0)) {
    MarkDoubles(cell);
  }
  SlotAddDouble(cell + kDoubleTwinOffset, n);
}

// A double goes to the slot's twin; the counter's value is the sum of both.
inline void CounterAdd(CellAddress cell, double n) noexcept {
  if (__builtin_expect((cell & kOutOfLineBit) != 0, 0)) {
    if (cell != kNoopCell) CounterAddOutOfLine(cell, n);
    return;
  }
  if (__builtin_expect(!(n >= 0), 0)) {  // also NaN
    RejectCounterAdd(cell);
    return;
  }
  TwinAdd(cell, n);
}

#if defined(__SSE2__)
typedef double TwoDoubles __attribute__((vector_size(16)));
typedef long long TwoInts __attribute__((vector_size(16)));
#endif

// Index of the first bound that is >= value (`le` semantics); bounds->count when
// there is none. Undefined for NaN.
inline std::uint32_t BucketIndex(const HistogramBounds& bounds, double value) noexcept {
#if defined(__SSE2__)
  // The compilers' vectors: <emmintrin.h> takes three times as long to compile as all of this.
  // Bounds ascend, so the number of those below the value is the bucket. Sixteen of them are
  // compared without a branch: where a value falls is what no branch predictor knows.
  constexpr std::ptrdiff_t kBlock = 16;
  const TwoDoubles v = {value, value};
  const double* b = bounds.values;
  const double* const all = b + bounds.padded_count;
  while (__builtin_expect(all - b > kBlock && b[kBlock - 1] < value, 0)) b += kBlock;
  const auto passed = static_cast<std::uint32_t>(b - bounds.values);
  const double* const end = all - b > kBlock ? b + kBlock : all;
  TwoInts below = {0, 0};  // minus how many, in two halves
  for (; b != end; b += 4) {
    TwoDoubles first, second;
    __builtin_memcpy(&first, b, sizeof(first));
    __builtin_memcpy(&second, b + 2, sizeof(second));
    below += reinterpret_cast<TwoInts>(first < v) + reinterpret_cast<TwoInts>(second < v);
  }
  return passed - static_cast<std::uint32_t>(below[0] + below[1]);
#else
  std::uint32_t index = 0;
  while (index < bounds.count && bounds.values[index] < value) ++index;
  return index;
#endif
}

inline void HistogramObserve(CellAddress cell, double value) noexcept {
  if (__builtin_expect((cell & kOutOfLineBit) != 0, 0)) {
    if (cell != kNoopCell) ObserveOutOfLine(cell, value);
    return;
  }
  if (__builtin_expect(value != value, 0)) {
    RejectObservation(cell);
    return;
  }
  const HistogramCell& histogram = *reinterpret_cast<const HistogramCell*>(cell);
  const HistogramBounds& bounds = *histogram.bounds;
  ObservationAdd(histogram.row + sizeof(std::uint64_t) * BucketIndex(bounds, value),
                 histogram.row + sizeof(std::uint64_t) * (bounds.count + 1), value);
}

// A gauge is one atomic double in a chunk without lanes.
inline void GaugeSet(CellAddress cell, double value) noexcept {
  if (__builtin_expect((cell & kOutOfLineBit) != 0, 0)) return;
  __atomic_store(reinterpret_cast<double*>(cell), &value, __ATOMIC_RELAXED);
}

inline void GaugeAdd(CellAddress cell, double n) noexcept {
  if (__builtin_expect((cell & kOutOfLineBit) != 0, 0)) return;
  double* slot = reinterpret_cast<double*>(cell);
  double old;
  __atomic_load(slot, &old, __ATOMIC_RELAXED);
  double sum = old + n;
  while (!__atomic_compare_exchange(slot, &old, &sum, /*weak=*/true, __ATOMIC_RELAXED,
                                    __ATOMIC_RELAXED)) {
    sum = old + n;
  }
}

// What a handle's cell holds now. Never inlined: see SlotAdd.
POLYMETER_EXPORT double ReadCounter(CellAddress cell) noexcept;
POLYMETER_EXPORT double ReadGauge(CellAddress cell) noexcept;
POLYMETER_EXPORT std::uint64_t ReadHistogramCount(CellAddress cell) noexcept;
POLYMETER_EXPORT double ReadHistogramSum(CellAddress cell) noexcept;

}  // namespace detail
POLYMETER_END_NAMESPACE
