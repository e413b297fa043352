// From an increment or observation to its exemplar: the filter, the current trace, and what the
// application gives itself.
#include <atomic>

#include "polymeter/instruments.h"
#include "polymeter/options.h"
#include "sdk/src/exemplar_slots.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

ExemplarFilter FilterOf(const ChunkHeader& header) noexcept {
  return static_cast<ExemplarFilter>(header.exemplar_filter.load(std::memory_order_relaxed));
}

// Whether the filter wants an exemplar of the calling thread's trace.
bool IsWanted(ExemplarFilter filter, const TraceContext& trace) noexcept {
  return filter == ExemplarFilter::kAlwaysOn ||
         (filter == ExemplarFilter::kTraceBased && trace.sampled() && trace.valid());
}

// The labels as they are given: in the call, or made at run time.
struct LabelArray {
  const Label* labels;
  std::size_t count;
  void PackInto(LabelPacker& packer) const noexcept {
    for (std::size_t i = 0; i < count; ++i) packer.Add(labels[i].name, labels[i].value);
  }
};
struct LabelsOfCall {
  const NamedLabels& labels;
  void PackInto(LabelPacker& packer) const noexcept {
    for (const NamedLabel& label : labels) packer.Add(label.name, label.value.text());
  }
};

// `offender`: what a message about refused labels can be traced back by.
template <class Labels>
void KeepGiven(ChunkHeader& header, ExemplarSlot& slot, double value, const Labels& labels,
               std::uintptr_t offender) noexcept {
  if (FilterOf(header) == ExemplarFilter::kAlwaysOff) return;
  const TraceContext trace = CurrentTrace();
  PackedLabels packed;
  LabelPacker packer(kMostExemplarCodePoints - (trace.valid() ? kTraceCodePoints : 0), packed);
  labels.PackInto(packer);
  if (packer.left_out() != 0 &&
      header.refused_labels.fetch_add(packer.left_out(), std::memory_order_relaxed) == 0) {
    header.labels_offender.store(offender, std::memory_order_relaxed);
  }
  WriteExemplar(slot, value, trace, &packed);
}

ExemplarSlots* SlotsOf(RichHistogramCell& cell) noexcept {
  // The record may be made anew for another Metrics meanwhile.
  return std::atomic_ref(cell.exemplars).load(std::memory_order_relaxed);
}
// Null for NaN.
ExemplarSlot* FindSlot(const RichHistogramCell& cell, ExemplarSlots* slots, double value) noexcept {
  if (value != value) return nullptr;
  return ExemplarSlotAt(slots, ExemplarSlotIndex(*cell.plain.bounds, value));
}

// Counts through the plain path; false when no exemplar can be kept.
bool CountGiven(CellAddress cell, std::uint64_t n) noexcept {
  if (cell == kNoopCell) return false;
  SlotAdd(cell & ~kOutOfLineBit, n);
  return true;
}
bool CountGiven(CellAddress cell, double n) noexcept {
  if (cell == kNoopCell) return false;
  CounterAdd(cell & ~kOutOfLineBit, n);
  return n >= 0;
}

template <class Amount, class Labels>
void AddWithExemplar(CellAddress cell, Amount n, const Labels& labels) noexcept {
  if (!CountGiven(cell, n) || (cell & kOutOfLineBit) == 0) return;
  const CellAddress counter = cell & ~kOutOfLineBit;
  KeepGiven(HeaderOf(counter), ExemplarSlotOf(counter), static_cast<double>(n), labels, counter);
}

template <class Labels>
void ObserveWithExemplar(CellAddress cell, double value, const Labels& labels) noexcept {
  if (cell == kNoopCell || (cell & kOutOfLineBit) == 0) {
    HistogramObserve(cell, value);
    return;
  }
  if (!ObserveWithoutExemplar(cell, value)) return;
  RichHistogramCell& rich = RichCellOf(cell);
  ExemplarSlots* const slots = SlotsOf(rich);
  if (slots == nullptr) return;
  ExemplarSlot* const slot = FindSlot(rich, slots, value);
  if (slot == nullptr) return;
  const auto address = reinterpret_cast<std::uintptr_t>(slots);
  KeepGiven(HeaderOf(address), *slot, value, labels, address);
}

}  // namespace

void KeepCounterExemplar(CellAddress counter, double value) noexcept {
  const TraceContext trace = CurrentTrace();
  if (!IsWanted(FilterOf(HeaderOf(counter)), trace)) return;
  WriteExemplar(ExemplarSlotOf(counter), value, trace, nullptr);
}

void KeepHistogramExemplar(RichHistogramCell& cell, double value) noexcept {
  // Most observations have no sampled trace: that is looked at first.
  const TraceContext trace = CurrentTrace();
  ExemplarSlots* const slots = SlotsOf(cell);
  if (slots == nullptr) return;
  if (!IsWanted(FilterOf(HeaderOf(reinterpret_cast<std::uintptr_t>(slots))), trace)) return;
  ExemplarSlot* const slot = FindSlot(cell, slots, value);
  if (slot != nullptr) WriteExemplar(*slot, value, trace, nullptr);
}

// --- instruments.h ---------------------------------------------------------------------------

void CounterAddWithExemplar(CellAddress cell, std::uint64_t n, NamedLabels labels) noexcept {
  AddWithExemplar(cell, n, LabelsOfCall{labels});
}
void CounterAddWithExemplar(CellAddress cell, double n, NamedLabels labels) noexcept {
  AddWithExemplar(cell, n, LabelsOfCall{labels});
}
void CounterAddWithExemplar(CellAddress cell, std::uint64_t n, const Label* labels,
                            std::size_t count) noexcept {
  AddWithExemplar(cell, n, LabelArray{labels, count});
}
void CounterAddWithExemplar(CellAddress cell, double n, const Label* labels,
                            std::size_t count) noexcept {
  AddWithExemplar(cell, n, LabelArray{labels, count});
}
void HistogramObserveWithExemplar(CellAddress cell, double value, NamedLabels labels) noexcept {
  ObserveWithExemplar(cell, value, LabelsOfCall{labels});
}
void HistogramObserveWithExemplar(CellAddress cell, double value, const Label* labels,
                                  std::size_t count) noexcept {
  ObserveWithExemplar(cell, value, LabelArray{labels, count});
}

}  // namespace detail
POLYMETER_END_NAMESPACE
