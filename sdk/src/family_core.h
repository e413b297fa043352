// A family of the registry: its description, and its series.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "polymeter/family.h"
#include "polymeter/options.h"
#include "polymeter/snapshot.h"
#include "sdk/src/cells.h"
#include "sdk/src/series_table.h"
#include "sdk/src/summary_store.h"
#include "sdk/src/view_rules.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

class Registry;

constexpr std::size_t kMostLabels = 64;  // of a family

// What was asked for, checked and completed.
struct FamilySpec {
  MetricType type = MetricType::kCounter;
  std::string name;  // prefix included
  std::string help;
  std::string unit;
  std::string otel_name;
  StringPairs otel_attributes;
  bool additive = false;
  std::vector<std::string> labels;
  StringPairs const_labels;                      // the family's own
  const HistogramBounds* bounds = nullptr;       // histograms only
  std::optional<NativeHistogramOptions> native;  // histograms only
  bool exemplars = false;                        // counters and histograms only
  bool utf8_names = false;                       // see FamilyView
  bool viewed_buckets = false;                   // a view decides about the buckets
  std::vector<const View*> label_views;          // of the registry, that change labels
  ShownLabels shown;                             // what they leave; not set without any
  SummarySpec summary;                           // summaries only
};

// A family's own constant labels, and those of all families that it does not have itself.
StringPairs ConstantLabels(const StringPairs& own, const StringPairs& of_all);

class FamilyCore {
 public:
  FamilyCore(std::shared_ptr<Registry> registry, std::uint64_t id, FamilySpec spec,
             const StringPairs& const_labels_of_all, bool tapped);
  ~FamilyCore();
  FamilyCore(const FamilyCore&) = delete;
  FamilyCore& operator=(const FamilyCore&) = delete;

  const FamilySpec& spec() const noexcept { return spec_; }
  std::uint64_t id() const noexcept { return id_; }
  const std::vector<Label>& constant_labels() const noexcept { return constant_labels_; }
  // A histogram whose single observations somebody wants.
  bool tapped() const noexcept { return kind_.tapped; }
  // Histograms only: what their cells are made of.
  const HistogramKind& kind() const noexcept { return kind_; }

  // family.h describes these.
  CellAddress FindOrCreate(const std::string_view* values, std::size_t count) noexcept;
  CellAddress FindOrCreate(NamedLabels labels) noexcept;
  // FindOrCreate's first half, which calls nobody: the cell when the series is there and has few
  // labels, otherwise 0.
  CellAddress FindFew(NamedLabels labels) const noexcept;
  bool Remove(const std::string_view* values, std::size_t count) noexcept;
  bool Remove(NamedLabels labels) noexcept;
  void RemoveAll() noexcept;

  // Calls visit(record) for every listed series in the order of the indexes. No lock: series that
  // come or go meanwhile are visited or not. The caller holds a pin of the registry, or its mutex.
  template <class Visit>
  void ForEachSeries(Visit&& visit) const {
    const std::uint32_t end = index_end_.load(std::memory_order_acquire);
    for (std::uint32_t segment = 0, begin = 0; begin < end; ++segment) {
      const std::uint32_t size = kFirstSegment << segment;
      const std::atomic<SeriesRecord*>* const slots =
          segments_[segment].load(std::memory_order_acquire);
      const std::uint32_t count = std::min(size, end - begin);
      constexpr std::uint32_t kAhead = 12;
      for (std::uint32_t i = 0; i < count; ++i) {
        // A prefetch of what is not there does no harm.
        if (i + kAhead < count) {
          __builtin_prefetch(slots[i + kAhead].load(std::memory_order_relaxed));
        }
        SeriesRecord* const record = slots[i].load(std::memory_order_acquire);
        if (record != nullptr) visit(record);
      }
      begin += size;
    }
  }
  // The names of the series' labels: what views leave of those in spec().
  const std::vector<std::string_view>& label_names() const noexcept { return label_names_; }
  std::size_t series_count() const noexcept { return live_.load(std::memory_order_relaxed); }
  // Whether it is the one that stands for all above the limit.
  bool IsOverflow(const SeriesRecord& record) const noexcept {
    return record.names != label_names_.data();
  }
  // Look-ups of values that had no room under the limit.
  std::uint64_t overflowed_lookups() const noexcept;
  // What records and tables take; and with the cells, but for exemplars, the older sets of native
  // histograms and the closed intervals of summaries.
  std::size_t series_bytes() const noexcept;
  // The caller holds a pin of the registry.
  std::size_t bytes() const noexcept;
  // In a forked child: every series starts now.
  void RestartSeries(std::int64_t now) noexcept;

 private:
  static constexpr std::uint32_t kFirstSegment = 16;
  static constexpr std::size_t kSegments = 27;

  CellAddress FindOrCreateCell(const std::string_view* values, std::size_t count) noexcept;
  // The same with the values of label_names_, and with more values than these or too few.
  CellAddress FindOrCreateShown(const std::string_view* values, std::size_t count);
  // The look-up's other half: no series has these values.
  CellAddress FindOverflowOrCreate(std::uint64_t hash, const std::string_view* values,
                                   std::size_t count);
  CellAddress FindOrCreateViewed(const std::string_view* values, std::size_t count);
  CellAddress Create(std::uint64_t hash, const std::string_view* values, std::size_t count);
  CellAddress CreateRepaired(const std::string_view* values, std::size_t count);
  CellAddress OverflowCell(std::int64_t now);
  CellAddress NewCell();
  void RetireCell(CellAddress cell);
  SeriesRecord* NewRecord(const std::string_view* names, const std::string_view* values,
                          std::size_t count, std::uint32_t hash, std::int64_t now);
  SeriesRecord* NewSeries(const std::string_view* names, const std::string_view* values,
                          std::size_t count, std::uint32_t hash, std::int64_t now);
  bool Full() const noexcept;
  void List(SeriesRecord* record);
  void Unlist(SeriesRecord* record);
  std::atomic<SeriesRecord*>& Slot(std::uint32_t index) const noexcept;
  // Puts the values of named labels into the family's order, into `values` of as many elements as
  // the family was asked for with; false: counted and reported.
  bool Arrange(NamedLabels labels, std::string_view* values) const;
  bool CheckCount(std::size_t count) const;

  const std::shared_ptr<Registry> registry_;
  const std::uint64_t id_;
  const FamilySpec spec_;
  const HistogramKind kind_;
  const bool rich_;  // its handles take the out-of-line path
  StringPairs constant_texts_;
  std::vector<Label> constant_labels_;
  const std::vector<std::string_view> asked_names_;  // those that the code knows
  const std::vector<std::string_view> label_names_;  // those of the series
  // How many values a look-up has that needs no second thought; none where views drop labels.
  const std::size_t plain_count_;

  SeriesTable table_;
  std::array<std::atomic<std::atomic<SeriesRecord*>*>, kSegments> segments_{};
  std::atomic<std::uint32_t> index_end_{0};
  std::atomic<std::size_t> live_{0};
  std::vector<std::uint32_t> free_indexes_;
  std::uint32_t next_generation_ = 1;
  SeriesRecord* overflow_ = nullptr;
  std::size_t warn_at_;
  std::atomic<std::size_t> record_bytes_{0};
  // The overflow series' cell while no further series has room, so that a flood of new values takes
  // no lock; else 0.
  std::atomic<CellAddress> full_{0};
  std::atomic<CellAddress> overflowed_{0};  // a counter's cell; 0: none yet
};

}  // namespace detail
POLYMETER_END_NAMESPACE
