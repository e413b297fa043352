#include "sdk/src/summary_buckets.h"

#include <algorithm>
#include <cmath>
#include <numeric>

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

// What lies in a bucket of an octave, away from zero.
struct BucketRange {
  double begin;  // in it
  double end;    // the first one that is not
  double middle;
};

BucketRange RangeOf(OctaveKey key, std::uint32_t bucket) noexcept {
  const int exponent = static_cast<int>(key % kNegative) - 1023;
  const double begin = 1 + static_cast<double>(bucket) / kBucketsOfOctave;
  const double end = begin + 1.0 / kBucketsOfOctave;
  // The harmonic mean is as far from both ends in relation to each.
  const double middle = 2 * begin * end / (begin + end);
  return {std::ldexp(begin, exponent), std::ldexp(end, exponent), std::ldexp(middle, exponent)};
}

// Walks over the buckets from the least to the greatest observation.
class BucketWalk {
 public:
  BucketWalk(const SummaryCounts& counts, const Extremes& extremes) noexcept
      : counts_(counts), extremes_(extremes), total_(counts.Total()) {
    for (std::uint32_t i = 0; i < kMostOctaves; ++i) {
      if (counts.octaves[i] != 0) order_[octaves_++] = static_cast<std::uint8_t>(i);
    }
    std::sort(order_.begin(), order_.begin() + octaves_,
              [&](std::uint8_t a, std::uint8_t b) { return RankOf(KeyAt(a)) < RankOf(KeyAt(b)); });
    while (octaves_below_zero_ < octaves_ && KeyAt(order_[octaves_below_zero_]) >= kNegative) {
      ++octaves_below_zero_;
    }
  }

  std::uint64_t total() const noexcept { return total_; }

  // The value that `rank` - 1 others are before; 1 to total(), not less than before.
  double ValueAt(std::uint64_t rank) noexcept {
    for (;; ++step_, bucket_ = 0) {
      // -Inf, the octaves below zero, zero, those above, +Inf.
      if (step_ == 0) {
        if (Reaches(rank, kMinusInfinityBucket)) return -std::numeric_limits<double>::infinity();
      } else if (step_ == octaves_below_zero_ + 1) {
        if (Reaches(rank, kZeroBucket)) return 0;
      } else if (step_ > octaves_ + 1) {
        return std::numeric_limits<double>::infinity();
      } else {
        const std::uint32_t octave = order_[step_ <= octaves_below_zero_ ? step_ - 1 : step_ - 2];
        const OctaveKey key = KeyAt(octave);
        for (; bucket_ < kBucketsOfOctave; ++bucket_) {
          const std::uint32_t bucket = key >= kNegative ? kBucketsOfOctave - 1 - bucket_ : bucket_;
          if (Reaches(rank, octave * kBucketsOfOctave + bucket)) {
            return ValueIn(key, bucket, rank);
          }
        }
      }
    }
  }

 private:
  OctaveKey KeyAt(std::uint32_t octave) const noexcept { return counts_.octaves[octave] - 1u; }
  static int RankOf(OctaveKey key) noexcept {
    return key >= kNegative ? -static_cast<int>(key) : static_cast<int>(key);
  }
  // Whether the rank is in this bucket; otherwise the walk has left it behind.
  bool Reaches(std::uint64_t rank, std::uint32_t id) noexcept {
    if (rank <= below_ + counts_.counts[id]) return true;
    below_ += counts_.counts[id];
    return false;
  }
  double ValueIn(OctaveKey key, std::uint32_t bucket, std::uint64_t rank) const noexcept {
    const BucketRange range = RangeOf(key, bucket);
    const double sign = key >= kNegative ? -1 : 1;
    const auto inside = [&](double value) {
      return value * sign >= range.begin && value * sign < range.end;
    };
    const bool has_low = inside(extremes_.low);
    const bool has_high = inside(extremes_.high);
    if (has_low && rank == 1) return extremes_.low;
    if (has_high && rank == total_) return extremes_.high;
    double value = sign * range.middle;
    if (has_low) value = std::max(value, extremes_.low);
    if (has_high) value = std::min(value, extremes_.high);
    return value;
  }

  const SummaryCounts& counts_;
  const Extremes& extremes_;
  const std::uint64_t total_;
  std::array<std::uint8_t, kMostOctaves> order_{};
  std::uint32_t octaves_ = 0;
  std::uint32_t octaves_below_zero_ = 0;
  // Where the walk is, and how many observations lie before.
  std::uint32_t step_ = 0;
  std::uint32_t bucket_ = 0;
  std::uint64_t below_ = 0;
};

// The least integer that is not below quantile * total.
std::uint64_t NearestRank(double quantile, std::uint64_t total) noexcept {
  const double rank = std::ceil(quantile * static_cast<double>(total));
  if (rank >= static_cast<double>(total)) return total;
  return std::max<std::uint64_t>(static_cast<std::uint64_t>(rank), 1);
}

}  // namespace

std::uint64_t SummaryCounts::Total() const noexcept {
  std::uint64_t total = 0;
  for (std::uint32_t i = 0; i < kMostOctaves; ++i) {
    if (octaves[i] == 0) continue;
    const auto* const begin = &counts[i * kBucketsOfOctave];
    total = std::accumulate(begin, begin + kBucketsOfOctave, total);
  }
  return std::accumulate(counts.begin() + kZeroBucket, counts.end(), total);
}

void QuantilesOf(const SummaryCounts& counts, const Extremes& extremes,
                 const std::vector<double>& wanted, Quantile* out) noexcept {
  BucketWalk walk(counts, extremes);
  for (const double quantile : wanted) {
    const double value = walk.total() == 0 ? std::numeric_limits<double>::quiet_NaN()
                                           : walk.ValueAt(NearestRank(quantile, walk.total()));
    *out++ = {quantile, value};
  }
}

}  // namespace detail
POLYMETER_END_NAMESPACE
