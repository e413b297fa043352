#include "sdk/src/cardinality.h"

#include <algorithm>
#include <cstdio>
#include <limits>

#include "sdk/src/native_cell.h"
#include "sdk/src/series_table.h"
#include "sdk/src/summary_cell.h"
#include "sdk/src/text.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

// A warning is made where a series is: so many series tell the label well enough, and counting
// them takes 2 ms at most.
constexpr std::size_t kSeriesForWarning = 20000;

// What a series takes whose cell grows with what is observed. (The closed intervals of a summary's
// window are not in it.)
std::size_t GrownBytes(const FamilySpec& spec, CellAddress cell) noexcept {
  const std::size_t slot = sizeof(std::uint64_t) * LaneCount();
  if (spec.type == MetricType::kSummary) {
    std::size_t rows = 0;
    for (const auto& row : SummaryCellOf(cell).rows) {
      if (row.load(std::memory_order_relaxed) != 0) ++rows;
    }
    return sizeof(SummaryCell) + slot * (kSummaryBaseSlots + rows * kBucketsOfOctave);
  }
  const NativeCell* const native = NativeOf(RichCellOf(cell));
  if (native == nullptr) return 0;
  const NativeSet& set = *native->current.load(std::memory_order_acquire);
  std::size_t bytes = sizeof(NativeCell) + sizeof(NativeSet) + slot * NativeCell::kSpecials;
  for (const auto& row : set.rows) {
    if (row.load(std::memory_order_relaxed) != 0) bytes += slot * set.capacity;
  }
  return bytes;
}

std::string Blame(const FamilyCore& family, std::uint64_t seed) {
  const auto by_values = CountLabelValues(family, seed, kSeriesForWarning);
  const LabelCardinality* const worst = LabelToBlame(by_values);
  if (worst == nullptr) return {};
  return "; the label " + ShownName(worst->name) + " has the most different values (" +
         std::to_string(worst->distinct) +
         (family.series_count() > kSeriesForWarning
              ? " in " + std::to_string(kSeriesForWarning) + " series)"
              : ")");
}

}  // namespace

// --- how large a family is --------------------------------------------------------------------

std::uint64_t FamilyCore::overflowed_lookups() const noexcept {
  const CellAddress cell = overflowed_.load(std::memory_order_acquire);
  return cell == 0 || cell == kNoopCell ? 0 : ReadCounterCell(cell, LaneCount()).whole;
}

std::size_t FamilyCore::series_bytes() const noexcept {
  std::size_t slots = 0;
  const std::uint32_t end = index_end_.load(std::memory_order_acquire);
  for (std::size_t size = kFirstSegment; slots < end; size *= 2) slots += size;
  return record_bytes_.load(std::memory_order_relaxed) + table_.bytes() +
         slots * sizeof(SeriesRecord*);
}

std::size_t FamilyCore::bytes() const noexcept {
  std::size_t cell = spec_.type == MetricType::kGauge ? sizeof(double) : 0;
  if (spec_.type == MetricType::kCounter) {
    cell = 2 * sizeof(std::uint64_t) * LaneCount();
  } else if (spec_.type == MetricType::kHistogram && kind_.bounds != nullptr) {
    cell = sizeof(std::uint64_t) * (std::size_t{kind_.bounds->count} + 2) * LaneCount() +
           (kind_.rich() ? sizeof(RichHistogramCell) : sizeof(HistogramCell));
  }
  std::size_t grown = 0;
  if (spec_.type == MetricType::kSummary || kind_.native) {
    ForEachSeries([&](const SeriesRecord* record) { grown += GrownBytes(spec_, record->cell); });
  }
  return series_bytes() + cell * series_count() + grown;
}

// --- who is to blame -------------------------------------------------------------------------

const LabelCardinality* LabelToBlame(const std::vector<LabelCardinality>& by_values) noexcept {
  return by_values.empty() || by_values.front().distinct < 2 ? nullptr : &by_values.front();
}

std::vector<LabelCardinality> CountLabelValues(const FamilyCore& family, std::uint64_t seed,
                                               std::size_t most_series) {
  std::vector<LabelCardinality> counts;
  std::vector<std::uint64_t> hashes;  // of one label's values
  for (std::size_t i = 0; i < family.label_names().size(); ++i) {
    hashes.clear();
    hashes.reserve(std::min(family.series_count(), most_series));
    family.ForEachSeries([&](const SeriesRecord* record) {
      if (hashes.size() >= most_series || family.IsOverflow(*record)) return;
      const std::string_view value = record->value(i);
      hashes.push_back(HashOfValues(seed, &value, 1));
    });
    std::sort(hashes.begin(), hashes.end());
    const auto end = std::unique(hashes.begin(), hashes.end());
    counts.push_back(
        {std::string(family.label_names()[i]), static_cast<std::size_t>(end - hashes.begin())});
  }
  std::stable_sort(counts.begin(), counts.end(),
                   [](const auto& a, const auto& b) { return a.distinct > b.distinct; });
  return counts;
}

std::vector<FamilyCardinality> CardinalityOf(Registry& registry) {
  const auto families = registry.Families();
  const auto pin = registry.Pin();
  std::vector<FamilyCardinality> report;
  report.reserve(families->size());
  for (const auto& family : *families) {
    FamilyCardinality& entry = report.emplace_back();
    entry.name = family->spec().name;
    entry.type = family->spec().type;
    entry.limit = registry.series_limit();
    entry.overflowed_lookups = family->overflowed_lookups();
    entry.bytes = family->bytes();
    family->ForEachSeries([&](const SeriesRecord* record) {
      if (!family->IsOverflow(*record)) ++entry.series;
    });
    entry.labels =
        CountLabelValues(*family, registry.hash_seed(), std::numeric_limits<std::size_t>::max());
    const LabelCardinality* const worst = LabelToBlame(entry.labels);
    if (worst != nullptr) entry.blame = worst->name;
  }
  std::stable_sort(report.begin(), report.end(),
                   [](const auto& a, const auto& b) { return a.series > b.series; });
  return report;
}

void Registry::WarnOfSeries(const FamilyCore& family, std::size_t series) noexcept try {
  std::string blame;
  {
    const auto pin = Pin();
    blame = Blame(family, hash_seed_);
  }
  logger_->Log(LogLevel::kWarning, "family " + ShownName(family.spec().name) + " has " +
                                       std::to_string(series) + " series" + blame +
                                       (series_limit_ == 0 ? "; no METRICS_SERIES_LIMIT holds"
                                                           : "; METRICS_SERIES_LIMIT is " +
                                                                 std::to_string(series_limit_)));
} catch (...) {  // no memory: a warning less
}

void Registry::ReportOverflow(const FamilyCore& family) noexcept try {
  std::string blame;
  {
    const auto pin = Pin();
    blame = Blame(family, hash_seed_);
  }
  Refuse("series_limit", "family " + ShownName(family.spec().name) + " reached the limit of " +
                             std::to_string(series_limit_) +
                             " series; further ones count in {otel_metric_overflow=\"true\"}" +
                             blame);
} catch (...) {
  Refuse("series_limit", "a family reached the limit of its series");
}

}  // namespace detail

std::string ToString(const std::vector<FamilyCardinality>& report) {
  std::string text;
  for (const FamilyCardinality& family : report) {
    char bytes[32];
    std::snprintf(bytes, sizeof(bytes), "%.1f", static_cast<double>(family.bytes) / 1048576.0);
    text += std::string(ToString(family.type)) + " " + detail::ShownName(family.name) + ": " +
            std::to_string(family.series) + " series";
    if (family.limit != 0) text += " of " + std::to_string(family.limit);
    text += std::string(", ") + bytes + " MiB";
    if (family.overflowed_lookups != 0) {
      text += ", " + std::to_string(family.overflowed_lookups) + " look-ups above the limit";
    }
    const char* separator = "; values: ";
    for (const LabelCardinality& label : family.labels) {
      text += separator + detail::ShownName(label.name) + " " + std::to_string(label.distinct);
      separator = ", ";
    }
    if (!family.blame.empty()) text += "; to blame: " + detail::ShownName(family.blame);
    text += "\n";
  }
  return text;
}

POLYMETER_END_NAMESPACE
