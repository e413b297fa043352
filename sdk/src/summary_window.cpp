#include "sdk/src/summary_window.h"

#include <utility>

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

// Counts lie as pairs of variable-length numbers, seven bits a byte, the last one without the top
// bit: how much further the bucket's id is than the one before, and its count. Empty buckets are
// left out, and so most counts take two or three bytes.
void AppendNumber(std::string& out, std::uint64_t number) {
  while (number >= 0x80) {
    out.push_back(static_cast<char>(number | 0x80));
    number >>= 7;
  }
  out.push_back(static_cast<char>(number));
}

std::uint64_t TakeNumber(const char*& from) noexcept {
  std::uint64_t number = 0;
  for (int shift = 0;; shift += 7) {
    const auto byte = static_cast<unsigned char>(*from++);
    number |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
    if (byte < 0x80) return number;
  }
}

// `count(id)` of every bucket.
template <class Count>
std::string Pack(const Count& count) {
  std::string out;
  std::uint32_t last = 0;
  for (std::uint32_t id = 0; id < kSummaryBuckets; ++id) {
    const std::uint64_t n = count(id);
    if (n == 0) continue;
    AppendNumber(out, id - last);
    AppendNumber(out, n);
    last = id;
  }
  out.shrink_to_fit();
  return out;
}

// Calls visit(id, count) for every bucket that is not empty.
template <class Visit>
void Unpack(const std::string& packed, const Visit& visit) noexcept {
  const char* from = packed.data();
  const char* const end = from + packed.size();
  std::uint64_t id = 0;
  while (from != end) {
    id += TakeNumber(from);
    visit(static_cast<std::uint32_t>(id), TakeNumber(from));
  }
}

// The same one by one, for ids that ascend.
class Unpacking {
 public:
  explicit Unpacking(const std::string& packed) noexcept
      : from_(packed.data()), end_(from_ + packed.size()) {
    Next();
  }
  std::uint64_t CountOf(std::uint32_t id) noexcept {
    if (id != id_) return 0;
    const std::uint64_t count = TakeNumber(from_);
    Next();
    return count;
  }

 private:
  void Next() noexcept {
    id_ = from_ == end_ ? kSummaryBuckets : id_ + static_cast<std::uint32_t>(TakeNumber(from_));
  }
  const char* from_;
  const char* const end_;
  std::uint32_t id_ = 0;
};

}  // namespace

void SummaryWindow::Rotate(std::int64_t now, const SummaryCounts& counts,
                           const Extremes& extremes) {
  const std::int64_t oldest = now - max_age_;
  std::string counted = Pack([&](std::uint32_t id) { return counts.counts[id]; });
  std::erase_if(closed_, [&](const Interval& interval) { return interval.begin < oldest; });
  if (begin_ >= oldest) {
    Unpacking before(counted_);
    closed_.push_back({begin_, extremes, Pack([&](std::uint32_t id) {
                         return counts.counts[id] - before.CountOf(id);
                       })});
  }
  counted_ = std::move(counted);
  begin_ = now;
}

void SummaryWindow::Select(std::int64_t now, SummaryCounts& counts,
                           Extremes& extremes) const noexcept {
  Unpack(counted_, [&](std::uint32_t id, std::uint64_t n) { counts.counts[id] -= n; });
  for (const Interval& interval : closed_) {
    if (interval.begin < now - max_age_) continue;
    Unpack(interval.counts, [&](std::uint32_t id, std::uint64_t n) { counts.counts[id] += n; });
    extremes.Include(interval.extremes);
  }
}

void SummaryWindow::Restart(std::int64_t now) noexcept {
  closed_.clear();
  counted_.clear();
  begin_ = now;
}

std::size_t SummaryWindow::bytes() const noexcept {
  std::size_t bytes = counted_.capacity();
  for (const Interval& interval : closed_) bytes += sizeof(interval) + interval.counts.capacity();
  return bytes;
}

}  // namespace detail
POLYMETER_END_NAMESPACE
