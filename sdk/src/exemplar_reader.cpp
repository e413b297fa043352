#include "sdk/src/exemplar_reader.h"

#include <algorithm>
#include <new>

POLYMETER_BEGIN_NAMESPACE
namespace detail {

Arena& ExemplarReader::arena() {
  if (arena_ == nullptr) {
    arena_ = std::make_shared<Arena>();
    data_.keep.push_back(arena_);
  }
  return *arena_;
}

// What was read last. Its time is that of the tick before, which may be before the series began;
// readers, such as those of differences, take an exemplar then for one of another time.
Exemplar ExemplarReader::Kept(const SeriesRecord& series, std::uint32_t bucket) {
  Exemplar exemplar{stored_.value, std::max(stored_.unix_nanos, series.start_unix_nanos + 1),
                    stored_.trace};
  exemplar.bucket = bucket;
  exemplar.label_count = stored_.labels.count;
  if (exemplar.label_count == 0) return exemplar;
  auto* const labels = static_cast<Label*>(arena().Allocate(sizeof(Label) * exemplar.label_count));
  Label* next = labels;
  stored_.labels.ForEach([&](std::string_view name, std::string_view value) {
    new (next++) Label{arena().Copy(name), arena().Copy(value)};
  });
  exemplar.labels = labels;
  return exemplar;
}

ExemplarReader::Found ExemplarReader::Copy() {
  if (found_.empty()) return {};
  auto* const copied = static_cast<Exemplar*>(arena().Allocate(sizeof(Exemplar) * found_.size()));
  std::uninitialized_copy(found_.begin(), found_.end(), copied);
  return {copied, static_cast<std::uint32_t>(found_.size())};
}

const Exemplar* ExemplarReader::OfCounter(const SeriesRecord& series) {
  if (!ReadExemplar(ExemplarSlotOf(series.cell), stored_)) return nullptr;
  return new (arena().Allocate(sizeof(Exemplar))) Exemplar(Kept(series, 0));
}

ExemplarReader::Found ExemplarReader::OfHistogram(const SeriesRecord& series) {
  const RichHistogramCell& cell = RichCellOf(series.cell);
  if (cell.exemplars == nullptr) return {};
  const HistogramBounds& bounds = *cell.plain.bounds;
  found_.clear();
  for (std::uint32_t i = 0; i < ExemplarSlotCount(bounds); ++i) {
    ExemplarSlot* const slot = ExemplarSlotAt(cell.exemplars, i);
    if (slot == nullptr || !ReadExemplar(*slot, stored_)) continue;
    // A handle of a Metrics that has ended may have written into what is now another's.
    if (ExemplarSlotIndex(bounds, stored_.value) != i) continue;
    found_.push_back(Kept(series, bounds.count == 0 ? 0 : i));
  }
  if (bounds.count == 0) {
    std::stable_sort(found_.begin(), found_.end(), [](const Exemplar& a, const Exemplar& b) {
      return a.unix_nanos < b.unix_nanos;
    });
  }
  return Copy();
}

}  // namespace detail
POLYMETER_END_NAMESPACE
