// The histogram cells behind handles with kOutOfLineBit: those that do more with an observation
// than count it in explicit buckets.
#pragma once

#include <atomic>
#include <compare>
#include <cstdint>

#include "polymeter/hot_path.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

struct NativeCell;
struct NativeSet;
struct ExemplarSlots;

// What a histogram's cell is made of. A cell is used anew only for a series of the same kind.
struct HistogramKind {
  const HistogramBounds* bounds;
  bool tapped = false;     // a backend wants the single observations
  bool exemplars = false;  // keeps exemplars
  bool native = false;     // has exponential buckets; what follows is theirs
  std::int8_t schema = 0;
  std::uint16_t max_buckets = 0;
  double zero_threshold = 0;

  // Whether its handles take the out-of-line path.
  bool rich() const noexcept { return tapped || exemplars || native; }
  friend auto operator<=>(const HistogramKind&, const HistogramKind&) = default;
};

// In chunks of its own kind: whatever a stale handle finds there is one of these, and every
// pointer in it points to memory that is never given back.
struct RichHistogramCell {
  HistogramCell plain;       // first, so that a reader of explicit buckets needs to know no more
  NativeCell* native;        // null: explicit buckets only
  ExemplarSlots* exemplars;  // null: keeps none
  std::uint64_t tapped;      // 0 or 1
  // What an observation needs of `native`: on this line, for one miss less a call.
  NativeSet* native_set;      // its current one
  std::uint64_t native_zero;  // bits of its zero threshold
  std::uint64_t unused;       // to the end of the cache line
};
static_assert(sizeof(RichHistogramCell) == 64);

inline RichHistogramCell& RichCellOf(CellAddress cell) noexcept {
  return *reinterpret_cast<RichHistogramCell*>(cell & ~kOutOfLineBit);
}
// Through a stale handle it may be made anew meanwhile.
inline NativeCell* NativeOf(const RichHistogramCell& rich) noexcept {
  return std::atomic_ref(const_cast<RichHistogramCell&>(rich).native)
      .load(std::memory_order_acquire);
}

}  // namespace detail
POLYMETER_END_NAMESPACE
