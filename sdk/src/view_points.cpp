// What goes into the groups of a view stage and what comes out of them, for each type.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <memory>

#include "sdk/src/view_group.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr std::size_t kMostNativeExemplars = 16;  // where no explicit bucket tells them apart

}  // namespace

// --- what comes in ---------------------------------------------------------------------------

// `fell`: below what the member had. Of a series with identity that is a snapshot that was taken
// earlier; of a producer's it may have begun anew.
void ViewGroups::TakeTotals(Member& member, std::uint64_t whole, double part, bool fell,
                            bool fresh) {
  if (fell && (member.generation != 0 || !fresh)) return;
  if (fell) member.group->base.Add(member.last);
  member.last.whole = whole;
  member.last.part = part;
}

void ViewGroups::Take(Member& member, const CounterPoint& point, bool fresh, ViewTroubles&) {
  const Totals& last = member.last;
  bool fell = false;
  if (member.generation == 0) {
    fell = point.value() < static_cast<double>(last.whole) + last.part;
  } else {
    // Integers may also have come round at 2^64.
    constexpr std::uint64_t kStale = std::uint64_t{1} << 32;
    fell = (point.whole < last.whole && last.whole - point.whole < kStale) ||
           (point.whole == last.whole && point.part < last.part);
  }
  std::uint64_t whole = point.whole;
  double part = point.part;
  if (member.generation == 0 && !fell && (whole < last.whole || part < last.part)) {
    // A producer's double that has become an integer, or the other way: what came since is added
    // to the double, for the integers of a group never fall.
    part += static_cast<double>(static_cast<std::int64_t>(whole - last.whole));
    whole = last.whole;
  }
  TakeTotals(member, whole, part, fell, fresh);
  Group& group = *member.group;
  if (point.exemplar != nullptr &&
      (group.exemplar == nullptr || group.exemplar->unix_nanos < point.exemplar->unix_nanos)) {
    group.exemplar = point.exemplar;
  }
}

void ViewGroups::TakeValue(Member& member, double value, bool additive) {
  Group& group = *member.group;
  if (group.seen_members == 0) {
    group.value = value;
  } else if (additive) {
    group.value += value;
  } else if (value > group.value || std::isnan(group.value)) {
    group.value = value;
  }
}

void ViewGroups::Take(Member& member, const GaugePoint& point, bool, ViewTroubles&) {
  TakeValue(member, point.value, family_->additive);
}
void ViewGroups::Take(Member& member, const UnknownPoint& point, bool, ViewTroubles&) {
  TakeValue(member, point.value, /*additive=*/false);
}
void ViewGroups::Take(Member&, const InfoPoint&, bool, ViewTroubles&) {}

void ViewGroups::Take(Member& member, const SummaryPoint& point, bool fresh, ViewTroubles&) {
  member.group->summary = &point;
  TakeTotals(member, point.count, point.sum, point.count < member.last.whole, fresh);
}

void ViewGroups::Take(Member& member, const HistogramPoint& point, bool fresh,
                      ViewTroubles& troubles) {
  Group& group = *member.group;
  const ViewBuckets::Plan& plan = buckets_.PlanOf(point, family_->name, troubles);
  if (!group.bounds_known) {
    group.bounds_known = true;
    if (group.bounds != plan.bounds) {
      // What was counted in other buckets cannot be added to these.
      if (!group.made_now) Renew(group);
      group.record->start_unix_nanos = point.series.start_unix_nanos();
      group.bounds = plan.bounds;
    }
  } else if (group.bounds != plan.bounds) {
    troubles.Add("views give series of histogram " + std::string(family_->name) +
                 " the same labels, and their buckets differ; those after the first are left out");
    ShowInFull(group);
    return;
  }
  if (member.epoch != group.epoch) {
    member.epoch = group.epoch;
    member.last = {};
  }

  const bool native = plan.keeps_native && point.native != nullptr;
  const std::uint64_t count = plan.native_alone ? point.native->count : point.count;
  const bool fell = count < member.last.whole;
  TakeTotals(member, count, point.sum, fell, fresh);
  if (!fell || (member.generation == 0 && fresh)) {
    std::vector<std::uint64_t>& buckets = member.last.buckets;
    buckets.assign(plan.bounds.size() + 1, 0);
    if (plan.native_alone) {
      buckets[0] = count;
    } else {
      for (std::size_t i = 0; i <= point.bound_count; ++i) {
        buckets[plan.targets[i]] += point.buckets[i];
      }
    }
    member.last.native.reset();
    if (native) {
      member.last.native = std::make_unique<NativeSum>(*point.native);
      member.last.native->Coarsen(buckets_.native_schema());
    }
  }
  if (plan.same && group.single_so_far()) {
    group.histogram = &point;
    return;
  }
  ShowInFull(group);
  AddExamples(group, point, plan.targets);
}

// The first member is not the only one: what it has goes into the sum.
void ViewGroups::ShowInFull(Group& group) {
  if (group.histogram != nullptr) AddExamples(group, *group.histogram, {});
  group.histogram = nullptr;
}

void ViewGroups::AddExamples(Group& group, const HistogramPoint& point,
                             const std::vector<std::uint32_t>& targets) {
  for (std::uint32_t i = 0; i < point.exemplar_count; ++i) {
    Exemplar exemplar = point.exemplars[i];
    if (exemplar.bucket < targets.size()) exemplar.bucket = targets[exemplar.bucket];
    group.exemplars.push_back(exemplar);
  }
  group.samples.insert(group.samples.end(), point.samples, point.samples + point.sample_count);
}

// --- what goes out ---------------------------------------------------------------------------

template <class Visit>
void ViewGroups::ForEachPart(Visit&& visit) {
  const auto member_of_seen = [&](const Member& member) {
    if (member.group != nullptr && member.group->round == round_ &&
        member.epoch == member.group->epoch) {
      visit(*member.group, member.last);
    }
  };
  for (const Member& member : by_index_) member_of_seen(member);
  for (const auto& [key, member] : by_labels_) member_of_seen(member);
}

void ViewGroups::Put(CounterPoints& points, SnapshotData&, Arena&) {
  for (Group* const group : seen_) {
    group->sum.whole = group->base.whole;
    group->sum.part = group->base.part;
  }
  ForEachPart([](Group& group, const Totals& last) {
    group.sum.whole += last.whole;
    group.sum.part += last.part;
  });
  for (Group* const group : seen_) {
    // Doubles are added in another order once a member is gone. A double alone may well fall, when
    // what it had goes to the integers.
    Totals& shown = group->shown;
    const auto whole = static_cast<double>(group->sum.whole - shown.whole);
    if (!(whole + (group->sum.part - shown.part) < 0)) {  // also NaN
      shown.whole = group->sum.whole;
      shown.part = group->sum.part;
    }
    points.push_back({SeriesView(group->record), shown.whole, shown.part, group->exemplar});
  }
}

void ViewGroups::Put(GaugePoints& points, SnapshotData&, Arena&) {
  for (const Group* const group : seen_) {
    points.push_back({SeriesView(group->record), group->value});
  }
}
void ViewGroups::Put(UnknownPoints& points, SnapshotData&, Arena&) {
  for (const Group* const group : seen_) {
    points.push_back({SeriesView(group->record), group->value});
  }
}
void ViewGroups::Put(InfoPoints& points, SnapshotData&, Arena&) {
  for (const Group* const group : seen_) points.push_back({SeriesView(group->record)});
}

void ViewGroups::Put(SummaryPoints& points, SnapshotData&, Arena&) {
  for (Group* const group : seen_) {
    group->sum.whole = group->base.whole;
    group->sum.part = group->base.part;
  }
  ForEachPart([](Group& group, const Totals& last) {
    group.sum.whole += last.whole;
    group.sum.part += last.part;
  });
  for (const Group* const group : seen_) {
    // No quantile follows from those of the parts. What is gone has no part in the window.
    const bool single = group->seen_members == 1;
    points.push_back({SeriesView(group->record), single ? group->summary->quantiles : nullptr,
                      single ? group->summary->quantile_count : 0, group->sum.whole,
                      group->sum.part});
  }
}

void ViewGroups::Put(HistogramPoints& points, SnapshotData& data, Arena& arena) {
  std::size_t slots = 0;
  for (Group* const group : seen_) {
    if (!group->single()) ShowInFull(*group);
    if (group->histogram == nullptr) slots += group->bounds.size() + 1;
  }
  std::uint64_t* room = data.buckets.emplace_back(std::make_unique<std::uint64_t[]>(slots)).get();
  for (Group* const group : seen_) {
    if (group->histogram != nullptr) continue;
    group->room = room;
    room += group->bounds.size() + 1;
    group->sum = {};
  }
  const auto add = [](Group& group, const Totals& part) {
    if (group.histogram != nullptr) return;
    group.sum.whole += part.whole;
    group.sum.part += part.part;
    for (std::size_t i = 0; i < part.buckets.size(); ++i) group.room[i] += part.buckets[i];
    group.sum.AddNative(part);
    if (part.whole != 0 && part.native == nullptr) group.all_native = false;
  };
  for (Group* const group : seen_) add(*group, group->base);
  ForEachPart(add);

  const double* bounds = nullptr;  // of the group before
  std::size_t bound_count = 0;
  for (Group* const group : seen_) {
    if (group->histogram != nullptr) {
      points.push_back(*group->histogram);
      points.back().series = SeriesView(group->record);
      continue;
    }
    if (bounds == nullptr ||
        !std::equal(group->bounds.begin(), group->bounds.end(), bounds, bounds + bound_count)) {
      auto* const copy = static_cast<double*>(
          arena.Allocate(sizeof(double) * std::max<std::size_t>(group->bounds.size(), 1)));
      std::copy(group->bounds.begin(), group->bounds.end(), copy);
      bounds = copy;
      bound_count = group->bounds.size();
    }
    HistogramPoint& point = points.emplace_back(
        HistogramPoint{SeriesView(group->record), bounds, group->room,
                       static_cast<std::uint32_t>(bound_count), group->sum.whole, group->sum.part});
    if (group->sum.native != nullptr && group->all_native) {
      point.native = group->sum.native->Write(arena);
    }
    if (!group->samples.empty()) {
      auto* const samples =
          static_cast<double*>(arena.Allocate(sizeof(double) * group->samples.size()));
      std::copy(group->samples.begin(), group->samples.end(), samples);
      point.samples = samples;
      point.sample_count = static_cast<std::uint32_t>(group->samples.size());
    }
    if (group->exemplars.empty()) continue;
    std::vector<Exemplar>& all = group->exemplars;
    std::sort(all.begin(), all.end(), [](const Exemplar& a, const Exemplar& b) {
      return a.bucket != b.bucket ? a.bucket < b.bucket : a.unix_nanos > b.unix_nanos;
    });
    if (bound_count != 0) {
      all.erase(
          std::unique(all.begin(), all.end(),
                      [](const Exemplar& a, const Exemplar& b) { return a.bucket == b.bucket; }),
          all.end());
    } else {
      all.resize(std::min(all.size(), kMostNativeExemplars));
      std::reverse(all.begin(), all.end());  // by time, as those of one histogram
    }
    auto* const exemplars = static_cast<Exemplar*>(arena.Allocate(sizeof(Exemplar) * all.size()));
    std::uninitialized_copy(all.begin(), all.end(), exemplars);
    point.exemplars = exemplars;
    point.exemplar_count = static_cast<std::uint32_t>(all.size());
  }
}

}  // namespace detail
POLYMETER_END_NAMESPACE
