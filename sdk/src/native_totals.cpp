#include "sdk/src/native_totals.h"

#include <cstddef>
#include <utility>

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

// Of bucket `index`; 0 where it is outside.
std::uint64_t CountAt(std::int32_t first, const std::uint64_t* counts, std::size_t size,
                      std::int64_t index) noexcept {
  const std::int64_t at = index - first;
  return at < 0 || at >= static_cast<std::int64_t>(size) ? 0 : counts[at];
}

}  // namespace

bool NativeTotals::WentBack(const Range& before, const NativeBuckets& now) noexcept {
  for (std::size_t i = 0; i < before.counts.size(); ++i) {
    const std::int64_t index = std::int64_t{before.first} + static_cast<std::int64_t>(i);
    if (CountAt(now.first, now.counts, now.size, index) < before.counts[i]) return true;
  }
  return false;
}

// Bucket i of a schema is in bucket ceil(i / 2) of the next coarser one: every
// second upper bound stays, that of an even index.
void NativeTotals::MakeCoarser(Range& range, int steps) {
  if (range.counts.empty()) return;
  const auto coarser = [steps](std::int64_t index) {
    return (index + (std::int64_t{1} << steps) - 1) >> steps;
  };
  const std::int64_t first = coarser(range.first);
  const std::int64_t last = range.first + static_cast<std::int64_t>(range.counts.size()) - 1;
  std::vector<std::uint64_t> counts(static_cast<std::size_t>(coarser(last) - first + 1));
  for (std::size_t i = 0; i < range.counts.size(); ++i) {
    const std::int64_t index = coarser(range.first + static_cast<std::int64_t>(i));
    counts[static_cast<std::size_t>(index - first)] += range.counts[i];
  }
  range.first = static_cast<std::int32_t>(first);
  range.counts = std::move(counts);
}

NativeBuckets NativeTotals::Advance(Range& range, const NativeBuckets& now, std::uint64_t* room) {
  NativeBuckets difference;
  difference.counts = room;
  for (std::uint32_t i = 0; i < now.size; ++i) {
    const std::int64_t index = std::int64_t{now.first} + i;
    const std::uint64_t before =
        CountAt(range.first, range.counts.data(), range.counts.size(), index);
    const std::uint64_t step = now.counts[i] - before;
    if (difference.size == 0) {
      if (step == 0) continue;
      difference.first = static_cast<std::int32_t>(index);
    }
    room[difference.size++] = step;
  }
  while (difference.size != 0 && room[difference.size - 1] == 0) --difference.size;
  range.first = now.first;
  range.counts.assign(now.counts, now.counts + now.size);
  return difference;
}

bool NativeTotals::WentBack(const NativeHistogram& now) {
  if (!known_) return false;
  if (now.schema > schema_ || now.zero_threshold != zero_threshold_) return true;
  if (now.schema < schema_) {
    MakeCoarser(positive_, schema_ - now.schema);
    MakeCoarser(negative_, schema_ - now.schema);
    schema_ = now.schema;
  }
  return now.zero_count < zero_count_ || now.positive_infinite < positive_infinite_ ||
         now.negative_infinite < negative_infinite_ || WentBack(positive_, now.positive) ||
         WentBack(negative_, now.negative);
}

NativeHistogram NativeTotals::Advance(const NativeHistogram& now, std::uint64_t* room) {
  NativeHistogram difference;
  difference.schema = schema_ = now.schema;
  difference.zero_threshold = zero_threshold_ = now.zero_threshold;
  difference.zero_count = now.zero_count - std::exchange(zero_count_, now.zero_count);
  difference.positive_infinite =
      now.positive_infinite - std::exchange(positive_infinite_, now.positive_infinite);
  difference.negative_infinite =
      now.negative_infinite - std::exchange(negative_infinite_, now.negative_infinite);
  difference.positive = Advance(positive_, now.positive, room);
  difference.negative = Advance(negative_, now.negative, room + difference.positive.size);
  difference.count =
      difference.zero_count + difference.positive_infinite + difference.negative_infinite;
  for (const NativeBuckets* const range : {&difference.positive, &difference.negative}) {
    for (std::uint32_t i = 0; i < range->size; ++i) difference.count += range->counts[i];
  }
  known_ = true;
  return difference;
}

}  // namespace detail
POLYMETER_END_NAMESPACE
