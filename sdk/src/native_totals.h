// What a consumer of differences has got of a series' exponential buckets so far.
#pragma once

#include <cstdint>
#include <vector>

#include "polymeter/snapshot.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// Not thread-safe. Without anything that it has got, everything is a difference.
class NativeTotals {
 public:
  // Whether `now` does not go on from what was there before but counts anew: a count that went
  // back, a finer schema, another zero threshold (Prometheus' rules of a counter's reset). A
  // coarser schema goes on: what was there before is merged to it.
  bool WentBack(const NativeHistogram& now);
  // What came since; its buckets begin and end with one that is not empty. `room` for as many
  // counts as `now` has buckets; as many as the difference has are used.
  NativeHistogram Advance(const NativeHistogram& now, std::uint64_t* room);

 private:
  struct Range {
    std::int32_t first = 0;
    std::vector<std::uint64_t> counts;
  };

  static bool WentBack(const Range& before, const NativeBuckets& now) noexcept;
  static void MakeCoarser(Range& range, int steps);
  static NativeBuckets Advance(Range& range, const NativeBuckets& now, std::uint64_t* room);

  bool known_ = false;
  std::int32_t schema_ = 0;
  double zero_threshold_ = 0;
  std::uint64_t zero_count_ = 0;
  std::uint64_t positive_infinite_ = 0;
  std::uint64_t negative_infinite_ = 0;
  Range positive_;
  Range negative_;
};

}  // namespace detail
POLYMETER_END_NAMESPACE
