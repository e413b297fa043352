// The sliding window of a summary's quantiles: what was counted in each of the latest intervals.
//
// The buckets of a series only grow. When an interval is over, what has come into them since its
// begin is written down; the window is the intervals that began within MaxAge, and what has come
// since. Nothing is ever taken out of the buckets, so nobody who counts has to wait.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "polymeter/export.h"
#include "sdk/src/summary_buckets.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// Times are nanoseconds of one clock that does not go back. Not thread-safe.
class POLYMETER_EXPORT SummaryWindow {
 public:
  SummaryWindow(std::int64_t max_age, std::uint32_t age_buckets, std::int64_t now) noexcept
      : max_age_(max_age), interval_(max_age / age_buckets), begin_(now) {}

  // When the running interval is over.
  std::int64_t due() const noexcept { return begin_ + interval_; }

  // Ends the running interval. `counts`: what the buckets hold; `extremes`: those of the interval.
  // Throws std::bad_alloc, and then the interval goes on.
  void Rotate(std::int64_t now, const SummaryCounts& counts, const Extremes& extremes);

  // Turns what the buckets hold, and the extremes of the running interval, into those of the
  // window.
  void Select(std::int64_t now, SummaryCounts& counts, Extremes& extremes) const noexcept;

  // As if it began now, with empty buckets.
  void Restart(std::int64_t now) noexcept;

  // What the intervals take.
  std::size_t bytes() const noexcept;

 private:
  struct Interval {
    std::int64_t begin;
    Extremes extremes;
    std::string counts;  // packed, see the source
  };

  const std::int64_t max_age_;
  const std::int64_t interval_;
  std::int64_t begin_;            // of the running interval
  std::string counted_;           // what the buckets held then, packed
  std::vector<Interval> closed_;  // ascending
};

}  // namespace detail
POLYMETER_END_NAMESPACE
