#include "sdk/src/delta.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <memory>
#include <string_view>
#include <utility>

#include "sdk/src/snapshot_data.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

std::int64_t UnixNanos(SystemTime time) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
}

constexpr std::size_t kSpareSeries = 1024;
constexpr std::size_t kSpareFamilies = 64;

// What brings the receiver's `sum` to `total`; `sum` becomes what the receiver then has, which may
// be an ulp more: where the total has not fallen since `last`, neither does the sum. A total that
// is not finite is given as it is: no difference leads to it or away from it. After NaN, which says
// nothing of the total, differences go on from what was there before.
double Step(double& sum, double& last, double total) {
  if (std::isnan(total)) return total;
  const bool fell = total < last;
  last = total;
  if (!std::isfinite(total) || !std::isfinite(sum)) {
    const double step = total == sum ? 0 : total;
    sum = total;
    return step;
  }
  const double step = total - sum;
  if (step < 0 && !fell) return 0;
  sum += step;
  return step;
}

// The same of a sum of observations: what came to one that is infinite is not known.
double SumStep(double& sum, double& last, double total) {
  if (std::isinf(total) && total == sum) return std::numeric_limits<double>::quiet_NaN();
  return Step(sum, last, total);
}

// Tells the exemplars of a series apart. Their times do not: they are those of a tick of the clock,
// and one may come in the same tick after a snapshot.
std::uint64_t FingerprintOf(const Exemplar& exemplar) noexcept {
  std::array<char, sizeof(exemplar.value) + sizeof(exemplar.unix_nanos) +
                       sizeof(exemplar.trace.trace_id) + sizeof(exemplar.trace.span_id)>
      bytes;
  char* to = bytes.data();
  const auto put = [&to](const auto& part) {
    std::memcpy(to, &part, sizeof(part));
    to += sizeof(part);
  };
  put(exemplar.value);
  put(exemplar.unix_nanos);
  put(exemplar.trace.trace_id);
  put(exemplar.trace.span_id);
  constexpr std::hash<std::string_view> kHash;
  std::uint64_t hash = kHash({bytes.data(), bytes.size()});
  for (std::uint32_t i = 0; i < exemplar.label_count; ++i) {
    hash = (hash * 31 + kHash(exemplar.labels[i].name)) * 31 + kHash(exemplar.labels[i].value);
  }
  return hash;
}

// The earliest start of a family's series: where its first differences begin.
std::int64_t EarliestStart(const FamilyPoints& points) {
  return std::visit(
      [](const auto& all) {
        std::int64_t earliest = 0;
        for (const auto& point : all) {
          const std::int64_t start = point.series.start_unix_nanos();
          if (start != 0 && (earliest == 0 || start < earliest)) earliest = start;
        }
        return earliest;
      },
      points);
}

}  // namespace

bool DeltaStage::Wanted(const FamilyView& family) const noexcept {
  if (!options_.produced && (family.id & kProducedId) != 0) return false;
  switch (family.type()) {
    case MetricType::kCounter:
      return options_.counters;
    case MetricType::kHistogram:
      return options_.histograms;
    case MetricType::kSummary:
      return options_.summaries;
    default:
      return false;
  }
}

DeltaStage::Cursor& DeltaStage::CursorOf(FamilyCursors& family, SeriesView series) {
  Cursor* cursor = nullptr;
  if (series.generation() != 0) {
    if (series.index() >= family.by_index.size()) family.by_index.resize(series.index() + 1);
    cursor = &family.by_index[series.index()];
    if (cursor->generation != series.generation()) *cursor = Cursor{};  // another series now
    cursor->generation = series.generation();
  } else {
    KeyOfLabels(series.labels(), key_);
    cursor = &family.by_labels[key_];
  }
  cursor->round = round_;
  return *cursor;
}

void DeltaStage::LeaveOutOldExemplars(Cursor& cursor, HistogramPoint& point, Room& room) {
  if (point.exemplar_count == 0 && cursor.exemplars.empty()) return;
  const auto& old = cursor.exemplars;
  std::vector<std::uint64_t> all;
  Exemplar* const first = room.exemplars;
  for (std::uint32_t i = 0; i < point.exemplar_count; ++i) {
    all.push_back(FingerprintOf(point.exemplars[i]));
    if (std::find(old.begin(), old.end(), all.back()) == old.end()) {
      *room.exemplars++ = point.exemplars[i];
    }
  }
  point.exemplars = first;
  point.exemplar_count = static_cast<std::uint32_t>(room.exemplars - first);
  cursor.exemplars = std::move(all);
}

bool DeltaStage::Advance(Cursor& cursor, HistogramPoint& point, Room& room) {
  const std::size_t slots = std::size_t{point.bound_count} + 1;
  bool back = cursor.buckets.size() != slots;
  for (std::size_t i = 0; i < slots && !back; ++i) back = point.buckets[i] < cursor.buckets[i];
  if (point.series.generation() == 0) {
    const bool same = std::equal(cursor.bounds.begin(), cursor.bounds.end(), point.bounds,
                                 point.bounds + point.bound_count);
    if (!same) cursor.bounds.assign(point.bounds, point.bounds + point.bound_count);
    back = back || !same;
  }
  back = back || (point.native != nullptr) == cursor.native.empty();
  back = back || (point.native != nullptr && cursor.native.front().WentBack(*point.native));
  if (back) {
    cursor.buckets.assign(slots, 0);
    cursor.part = cursor.total = 0;
    cursor.native.assign(point.native != nullptr ? 1 : 0, NativeTotals());
  }
  std::uint64_t* const differences = room.buckets;
  std::uint64_t count = 0;
  for (std::size_t i = 0; i < slots; ++i) {
    differences[i] = point.buckets[i] - cursor.buckets[i];
    cursor.buckets[i] = point.buckets[i];
    count += differences[i];
  }
  std::size_t used = slots;
  bool changed = count != 0;
  if (point.native != nullptr) {
    *room.natives = cursor.native.front().Advance(*point.native, differences + slots);
    point.native = room.natives;
    used += std::size_t{point.native->positive.size} + point.native->negative.size;
    changed = changed || point.native->count != 0;
  }
  if (!changed) return false;
  point.sum = SumStep(cursor.part, cursor.total, point.sum);
  LeaveOutOldExemplars(cursor, point, room);
  room.buckets += used;
  if (point.native != nullptr) ++room.natives;
  point.buckets = differences;
  point.count = count;
  return true;
}

// A producer's series that is gone and comes again begins anew. One that a view stage gives does
// not: its total goes on where it was.
void DeltaStage::Forget(FamilyCursors& family, std::uint32_t round) {
  const auto gone = [round](const auto& entry) { return entry.second.round != round; };
  auto& all = family.by_labels;
  if (family.kept) {
    const auto absent = std::count_if(all.begin(), all.end(), gone);
    family.most = std::max(family.most, all.size() - static_cast<std::size_t>(absent));
    if (all.size() <= 2 * family.most + kSpareSeries) return;
  }
  std::erase_if(all, gone);
}

FamilyPoints DeltaStage::Differences(FamilyCursors& cursors, const FamilyView& family, Room room) {
  // A registry's totals only grow (modulo 2^64); a producer's may begin anew.
  const auto went_back = [](SeriesView series, bool back) {
    return series.generation() == 0 && back;
  };
  if (const auto* const counters = std::get_if<CounterPoints>(&family.points)) {
    CounterPoints points;
    for (CounterPoint point : *counters) {
      Cursor& cursor = CursorOf(cursors, point.series);
      const double before = static_cast<double>(cursor.whole) + cursor.total;
      if (went_back(point.series, point.value() < before)) {
        cursor.whole = 0;
        cursor.part = cursor.total = 0;
      }
      if (point.series.generation() == 0 && point.whole < cursor.whole) {
        // It has become a double, and is no smaller: all of it counts as one.
        cursor.part += static_cast<double>(cursor.whole);
        cursor.total += static_cast<double>(cursor.whole);
        cursor.whole = 0;
      }
      const std::uint64_t whole = point.whole - cursor.whole;
      cursor.whole = point.whole;
      point.whole = whole;
      point.part = Step(cursor.part, cursor.total, point.part);
      if (point.whole == 0 && point.part == 0) continue;
      if (point.exemplar != nullptr) {
        const std::vector<std::uint64_t> now = {FingerprintOf(*point.exemplar)};
        if (now == cursor.exemplars) point.exemplar = nullptr;
        cursor.exemplars = now;
      }
      points.push_back(point);
    }
    return points;
  }
  if (const auto* const histograms = std::get_if<HistogramPoints>(&family.points)) {
    HistogramPoints points;
    for (HistogramPoint point : *histograms) {
      if (Advance(CursorOf(cursors, point.series), point, room)) points.push_back(point);
    }
    return points;
  }
  SummaryPoints points;
  for (SummaryPoint point : std::get<SummaryPoints>(family.points)) {
    Cursor& cursor = CursorOf(cursors, point.series);
    if (point.count < cursor.whole) {
      cursor.whole = 0;
      cursor.part = cursor.total = 0;
    }
    const std::uint64_t count = point.count - cursor.whole;
    cursor.whole = point.count;
    point.count = count;
    point.sum = SumStep(cursor.part, cursor.total, point.sum);
    points.push_back(point);  // its quantiles are no differences
  }
  return points;
}

DeltaStage::Room DeltaStage::RoomFor(const FamilyView& family, SnapshotData& data) {
  Room room;
  const auto* const histograms = std::get_if<HistogramPoints>(&family.points);
  if (histograms == nullptr) return room;
  std::size_t slots = 0;
  std::size_t natives = 0;
  std::size_t exemplars = 0;
  for (const HistogramPoint& point : *histograms) {
    slots += std::size_t{point.bound_count} + 1;
    exemplars += point.exemplar_count;
    if (point.native == nullptr) continue;
    slots += std::size_t{point.native->positive.size} + point.native->negative.size;
    ++natives;
  }
  room.buckets =
      data.buckets.emplace_back(std::make_unique_for_overwrite<std::uint64_t[]>(slots)).get();
  if (natives != 0) {
    auto all = std::make_shared<std::vector<NativeHistogram>>(natives);
    room.natives = all->data();
    data.keep.push_back(std::move(all));
  }
  if (exemplars != 0) {
    auto all = std::make_shared<std::vector<Exemplar>>(exemplars);
    room.exemplars = all->data();
    data.keep.push_back(std::move(all));
  }
  return room;
}

Snapshot DeltaStage::Apply(const Snapshot& snapshot) {
  ++round_;
  auto data = std::make_shared<SnapshotData>();
  data->time = snapshot.time();
  data->resource = std::make_shared<Resource>(snapshot.resource());
  data->keep.push_back(std::make_shared<Snapshot>(snapshot));
  data->families.reserve(snapshot.families().size());
  const std::int64_t now = UnixNanos(snapshot.time());
  for (const FamilyView& family : snapshot.families()) {
    if (!Wanted(family)) {
      data->families.push_back(family);
      continue;
    }
    std::string key(ToString(family.type()));
    key.append(" ").append(family.name);
    FamilyCursors& cursors = families_[key];
    const bool first = cursors.round == 0 && last_unix_nanos_ == 0;
    cursors.round = round_;

    const Room room = RoomFor(family, *data);
    FamilyView& view = data->families.emplace_back();
    view = family;
    view.points = Differences(cursors, family, room);
    view.delta = true;
    // From where the last ones ended. A clock that was set back must not make time run backwards.
    view.delta_start_unix_nanos =
        std::min(first ? EarliestStart(family.points) : last_unix_nanos_, now);
    cursors.kept = (family.id & kViewedId) != 0;
    Forget(cursors, round_);
  }
  const bool full = families_.size() > 2 * snapshot.families().size() + kSpareFamilies;
  std::erase_if(families_, [this, full](const auto& entry) {
    return entry.second.round != round_ && (full || !entry.second.kept);
  });
  last_unix_nanos_ = now;
  return Snapshot(std::move(data));
}

}  // namespace detail
POLYMETER_END_NAMESPACE
