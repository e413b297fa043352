// Adds up exponential histograms: what each counted, at the coarsest resolution of them.
// https://prometheus.io/docs/specs/native_histograms/
#pragma once

#include <cstdint>
#include <vector>

#include "polymeter/snapshot.h"
#include "sdk/src/snapshot_data.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// A sum of exponential histograms. Not thread-safe.
//
// The zero threshold is the greatest of them; where it would cut a bucket that holds observations,
// it is that bucket's outer bound. No side takes more than 1,024 buckets, or as many as the widest
// of the histograms has: beyond them the resolution is halved.
class POLYMETER_EXPORT NativeSum {
 public:
  NativeSum() = default;
  explicit NativeSum(const NativeHistogram& native) { Add(native); }

  void Add(const NativeHistogram& native);
  // Halves the resolution until the schema is no finer than this one.
  void Coarsen(std::int32_t schema);

  std::uint64_t count() const noexcept { return count_; }
  // Refers to what this holds.
  NativeHistogram View() const noexcept;
  // A copy in the arena, without empty buckets at its ends.
  const NativeHistogram* Write(Arena& arena) const;

 private:
  struct Side {
    std::int32_t first = 0;
    std::vector<std::uint64_t> counts;
  };
  static void Halve(Side& side);
  static void Grow(Side& side, std::int64_t first, std::int64_t last);
  static void AddTo(Side& side, const NativeBuckets& buckets);
  // What the threshold must be at least for not to cut a bucket that holds observations.
  double Uncut(double threshold) const noexcept;
  void RaiseThreshold(double threshold);

  bool any_ = false;
  std::int32_t schema_ = 0;
  double zero_threshold_ = 0;
  std::uint64_t zero_count_ = 0;
  Side positive_;
  Side negative_;
  std::uint64_t positive_infinite_ = 0;
  std::uint64_t negative_infinite_ = 0;
  std::uint64_t count_ = 0;
  std::uint32_t widest_ = 1024;
};

}  // namespace detail
POLYMETER_END_NAMESPACE
