#include "exporters/common/exposition/protobuf_encoder_native.h"

#include <cmath>
#include <limits>

#include "exporters/common/encoding/protobuf_wire.h"
#include "exporters/common/exposition/protobuf_encoder_fields.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

namespace fields = prometheus_fields;
using encoding::TextBuffer;

constexpr double kLeastThreshold = 1e-128;
constexpr std::int64_t kMostGap = 2;  // empty buckets that do not end a span

// The bucket of the largest number: doubles are below 2^1024.
std::int32_t HighestIndex(std::int32_t schema) noexcept {
  return schema >= 0 ? 1024 << schema : 1024 >> -schema;
}

void AppendSpan(TextBuffer& out, std::uint32_t field, std::int32_t offset, std::uint32_t length) {
  const std::uint32_t zigzag = protozero::encode_zigzag32(offset);
  const std::size_t size = 2 + encoding::VarintSize(zigzag) + encoding::VarintSize(length);
  char* to = out.Room(3 * encoding::kMostFieldHead);
  to = encoding::WriteFieldHead(to, field, size);
  to = encoding::WriteVarintField(to, fields::kSpanOffset, zigzag);
  out.Advance(encoding::WriteVarintField(to, fields::kSpanLength, length));
}

// The deltas of one side, and its spans in `out`.
class Side {
 public:
  Side(TextBuffer& out, std::uint32_t span_field, TextBuffer& deltas) noexcept
      : out_(out), span_field_(span_field), deltas_(deltas) {}

  void Add(std::int32_t index, std::uint64_t count) {
    const std::int64_t gap = std::int64_t{index} - next_;
    if (length_ == 0 || gap > kMostGap) {
      const std::int64_t offset = empty_ ? index : gap;
      End();
      offset_ = static_cast<std::int32_t>(offset);
    } else {
      for (std::int64_t i = 0; i < gap; ++i) AddDelta(0);
    }
    AddDelta(count);
    next_ = std::int64_t{index} + 1;
    empty_ = false;
  }
  // The open span.
  void End() {
    if (length_ != 0) AppendSpan(out_, span_field_, offset_, length_);
    length_ = 0;
  }

 private:
  void AddDelta(std::uint64_t count) {
    const auto delta = static_cast<std::int64_t>(count) - static_cast<std::int64_t>(previous_);
    previous_ = count;
    ++length_;
    deltas_.Advance(encoding::WriteVarint(deltas_.Room(encoding::kMostVarint),
                                          protozero::encode_zigzag64(delta)));
  }

  TextBuffer& out_;
  const std::uint32_t span_field_;
  TextBuffer& deltas_;
  bool empty_ = true;
  std::int64_t next_ = 0;  // index behind the last bucket
  std::int32_t offset_ = 0;
  std::uint32_t length_ = 0;
  std::uint64_t previous_ = 0;
};

bool HasBuckets(const NativeBuckets& buckets, std::uint64_t infinite) noexcept {
  for (std::uint32_t i = 0; i < buckets.size; ++i) {
    if (buckets.counts[i] != 0) return true;
  }
  return infinite != 0;
}

}  // namespace

bool IsWritableNative(const NativeHistogram& native, double sum) noexcept {
  constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (native.schema < -4 || native.schema > 8 || !(native.zero_threshold >= 0) ||
      std::isinf(native.zero_threshold) || native.count > kMost) {
    return false;
  }
  std::uint64_t left = native.count;
  const auto take = [&left](std::uint64_t count) {
    if (count > left) return false;
    left -= count;
    return true;
  };
  if (!take(native.zero_count) || !take(native.positive_infinite) ||
      !take(native.negative_infinite)) {
    return false;
  }
  for (const NativeBuckets* const side : {&native.positive, &native.negative}) {
    const std::int64_t end = std::int64_t{side->first} + side->size;
    if (side->size != 0 && end > std::int64_t{HighestIndex(native.schema)} + 1) return false;
    for (std::uint32_t i = 0; i < side->size; ++i) {
      if (!take(side->counts[i])) return false;
    }
  }
  return left == 0 || std::isnan(sum);
}

void NativeBucketsWriter::AppendSide(TextBuffer& out, std::uint32_t span_field,
                                     std::uint32_t delta_field, const NativeBuckets& buckets,
                                     std::uint64_t infinite, std::int32_t overflow) {
  deltas_.Clear();
  Side side(out, span_field, deltas_);
  for (std::uint32_t i = 0; i < buckets.size; ++i) {
    if (buckets.counts[i] == 0) continue;
    side.Add(buckets.first + static_cast<std::int32_t>(i), buckets.counts[i]);
  }
  if (infinite != 0) side.Add(overflow, infinite);
  side.End();
  if (!deltas_.empty()) encoding::AppendField(out, delta_field, deltas_.text());
}

void NativeBucketsWriter::Append(TextBuffer& out, const NativeHistogram& native) {
  char* to = out.Room(3 * encoding::kMostFieldHead);
  to = encoding::WriteVarintField(to, fields::kSchema, protozero::encode_zigzag32(native.schema));
  to = encoding::WriteDoubleField(
      to, fields::kZeroThreshold,
      native.zero_threshold > 0 ? native.zero_threshold : kLeastThreshold);
  if (native.zero_count != 0) {
    to = encoding::WriteVarintField(to, fields::kZeroCount, native.zero_count);
  }
  out.Advance(to);
  const std::int32_t overflow = HighestIndex(native.schema) + 1;
  AppendSide(out, fields::kNegativeSpan, fields::kNegativeDelta, native.negative,
             native.negative_infinite, overflow);
  AppendSide(out, fields::kPositiveSpan, fields::kPositiveDelta, native.positive,
             native.positive_infinite, overflow);
  if (!HasBuckets(native.positive, native.positive_infinite) &&
      !HasBuckets(native.negative, native.negative_infinite)) {
    AppendSpan(out, fields::kPositiveSpan, 0, 0);
  }
}

}  // namespace detail
POLYMETER_END_NAMESPACE
