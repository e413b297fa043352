#include "sdk/src/native_merge.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <new>

#include "sdk/src/native_index.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

// Of bucket `index`, which reaches from bound(index - 1) to bound(index).
double OuterBound(std::int32_t schema, std::int64_t index) noexcept {
  const double bound = std::exp2(std::ldexp(static_cast<double>(index), -schema));
  return std::min(bound, std::numeric_limits<double>::max());
}

// Where bucket `index` lies at half the resolution: the bounds nest.
std::int64_t HalvedIndex(std::int64_t index) noexcept { return ((index - 1) >> 1) + 1; }

// The buckets between the first and the last that hold anything.
NativeBuckets Populated(NativeBuckets buckets) noexcept {
  while (buckets.size != 0 && buckets.counts[buckets.size - 1] == 0) --buckets.size;
  while (buckets.size != 0 && *buckets.counts == 0) {
    ++buckets.counts;
    ++buckets.first;
    --buckets.size;
  }
  return buckets.size == 0 ? NativeBuckets{} : buckets;
}

}  // namespace

void NativeSum::Halve(Side& side) {
  if (side.counts.empty()) return;
  const std::int64_t first = HalvedIndex(side.first);
  std::size_t size = 0;
  for (std::size_t i = 0; i < side.counts.size(); ++i) {
    const auto at =
        static_cast<std::size_t>(HalvedIndex(side.first + static_cast<std::int64_t>(i)) - first);
    const std::uint64_t count = side.counts[i];
    if (at == size) side.counts[size++] = 0;  // at <= i: this one has been read
    side.counts[at] += count;
  }
  side.counts.resize(size);
  side.first = static_cast<std::int32_t>(first);
}

void NativeSum::Coarsen(std::int32_t schema) {
  while (schema_ > std::max(schema, kCoarsestSchema)) {
    Halve(positive_);
    Halve(negative_);
    --schema_;
  }
}

void NativeSum::Grow(Side& side, std::int64_t first, std::int64_t last) {
  if (side.counts.empty()) {
    side.first = static_cast<std::int32_t>(first);
    side.counts.assign(static_cast<std::size_t>(last - first + 1), 0);
    return;
  }
  if (first < side.first) {
    side.counts.insert(side.counts.begin(), static_cast<std::size_t>(side.first - first), 0);
    side.first = static_cast<std::int32_t>(first);
  }
  const auto size = static_cast<std::size_t>(last - side.first + 1);
  if (size > side.counts.size()) side.counts.resize(size, 0);
}

void NativeSum::AddTo(Side& side, const NativeBuckets& buckets) {
  if (buckets.size == 0) return;
  Grow(side, buckets.first, std::int64_t{buckets.first} + buckets.size - 1);
  const auto offset = static_cast<std::size_t>(buckets.first - side.first);
  for (std::uint32_t i = 0; i < buckets.size; ++i) side.counts[offset + i] += buckets.counts[i];
}

double NativeSum::Uncut(double threshold) const noexcept {
  for (const Side* const side : {&positive_, &negative_}) {
    for (std::size_t i = 0; i < side->counts.size(); ++i) {
      const std::int64_t index = side->first + static_cast<std::int64_t>(i);
      if (OuterBound(schema_, index - 1) >= threshold) break;
      if (side->counts[i] != 0) threshold = std::max(threshold, OuterBound(schema_, index));
    }
  }
  return threshold;
}

void NativeSum::RaiseThreshold(double threshold) {
  for (Side* const side : {&positive_, &negative_}) {
    for (std::size_t i = 0; i < side->counts.size(); ++i) {
      const std::int64_t index = side->first + static_cast<std::int64_t>(i);
      if (OuterBound(schema_, index) > threshold) break;
      zero_count_ += side->counts[i];
      side->counts[i] = 0;
    }
  }
  zero_threshold_ = threshold;
}

void NativeSum::Add(const NativeHistogram& native) {
  if (!any_) {
    any_ = true;
    schema_ = native.schema;
    zero_threshold_ = native.zero_threshold;
  }
  NativeSum other;
  other.any_ = true;
  other.schema_ = native.schema;
  AddTo(other.positive_, Populated(native.positive));
  AddTo(other.negative_, Populated(native.negative));
  other.zero_count_ = native.zero_count;
  other.zero_threshold_ = native.zero_threshold;
  widest_ = std::max({widest_, native.positive.size, native.negative.size});

  // A bucket at a finer schema has the narrower bounds: the threshold moves least there.
  if (other.zero_threshold_ != zero_threshold_) {
    double threshold = std::max(zero_threshold_, other.zero_threshold_);
    for (double before = -1; before != threshold;) {
      before = threshold;
      threshold = other.Uncut(Uncut(threshold));
    }
    RaiseThreshold(threshold);
    other.RaiseThreshold(threshold);
  }

  Coarsen(other.schema_);
  other.Coarsen(schema_);
  const auto too_wide = [this](const Side& mine, const Side& others) {
    if (mine.counts.empty() || others.counts.empty()) return false;
    const std::int64_t first = std::min(mine.first, others.first);
    const auto end = [](const Side& side) {
      return side.first + static_cast<std::int64_t>(side.counts.size());
    };
    return std::max(end(mine), end(others)) - first > std::int64_t{widest_};
  };
  while (schema_ > kCoarsestSchema &&
         (too_wide(positive_, other.positive_) || too_wide(negative_, other.negative_))) {
    Coarsen(schema_ - 1);
    other.Coarsen(schema_);
  }
  const NativeHistogram more = other.View();
  AddTo(positive_, more.positive);
  AddTo(negative_, more.negative);
  zero_count_ += other.zero_count_;
  positive_infinite_ += native.positive_infinite;
  negative_infinite_ += native.negative_infinite;
  count_ += native.count;
}

NativeHistogram NativeSum::View() const noexcept {
  const auto buckets = [](const Side& side) {
    return Populated(
        {side.first, static_cast<std::uint32_t>(side.counts.size()), side.counts.data()});
  };
  NativeHistogram native;
  native.schema = schema_;
  native.zero_threshold = zero_threshold_;
  native.zero_count = zero_count_;
  native.positive = buckets(positive_);
  native.negative = buckets(negative_);
  native.positive_infinite = positive_infinite_;
  native.negative_infinite = negative_infinite_;
  native.count = count_;
  return native;
}

const NativeHistogram* NativeSum::Write(Arena& arena) const {
  auto* const native = new (arena.Allocate(sizeof(NativeHistogram))) NativeHistogram(View());
  for (NativeBuckets* const side : {&native->positive, &native->negative}) {
    auto* const counts =
        static_cast<std::uint64_t*>(arena.Allocate(sizeof(std::uint64_t) * side->size));
    std::copy(side->counts, side->counts + side->size, counts);
    side->counts = counts;
  }
  return native;
}

}  // namespace detail
POLYMETER_END_NAMESPACE
