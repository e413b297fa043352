#include "sdk/src/view_groups.h"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <new>
#include <type_traits>

#include "polymeter/hot_path.h"
#include "sdk/src/text.h"
#include "sdk/src/view_group.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr std::size_t kSpareMembers = 1024;

// Unlike any other in the process: a backend that goes on with another stage must not take one
// series for the other. The top bit keeps them apart from those of registries.
std::uint32_t NextViewGeneration() noexcept {
  static std::atomic<std::uint32_t> next{1};
  return next.fetch_add(1, std::memory_order_relaxed) | (std::uint32_t{1} << 31);
}

StringPairs ConstantsOf(const FamilyView& family) {
  StringPairs labels;
  for (std::size_t i = 0; i < family.constant_label_count; ++i) {
    labels.emplace_back(family.constant_labels[i].name, family.constant_labels[i].value);
  }
  return labels;
}

bool RenamesAny(const std::vector<const View*>& views, const StringPairs& labels) {
  return std::any_of(views.begin(), views.end(), [&](const View* view) {
    const auto& renamed = view->renamed_labels();
    return std::any_of(renamed.begin(), renamed.end(), [&](const auto& names) {
      return std::any_of(labels.begin(), labels.end(),
                         [&](const auto& label) { return label.first == names.first; });
    });
  });
}

// What the labels of any of the family's series are called.
std::vector<std::string_view> NamesInSeries(const FamilyView& family) {
  std::vector<std::string_view> names;
  std::visit(
      [&names](const auto& points) {
        for (const auto& point : points) {
          const LabelsView labels = point.series.labels();
          for (std::size_t i = 0; i < labels.size(); ++i) {
            const std::string_view name = labels[i].name;
            if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
          }
        }
      },
      family.points);
  return names;
}

}  // namespace

ViewGroups::ViewGroups(FamilyRules rules) : rules_(std::move(rules)), buckets_(rules_.buckets) {}
ViewGroups::~ViewGroups() = default;

void ViewGroups::Totals::AddNative(const Totals& other) {
  if (other.native == nullptr) return;
  if (native == nullptr) native = std::make_unique<NativeSum>();
  native->Add(other.native->View());
}

void ViewGroups::Totals::Add(const Totals& other) {
  whole += other.whole;
  part += other.part;
  if (buckets.size() < other.buckets.size()) buckets.resize(other.buckets.size(), 0);
  for (std::size_t i = 0; i < other.buckets.size(); ++i) buckets[i] += other.buckets[i];
  AddNative(other);
}

// --- members and groups ----------------------------------------------------------------------

ViewGroups::Member* ViewGroups::MemberOf(SeriesView series, ViewTroubles& troubles) {
  if (series.generation() != 0) {
    const std::size_t index = series.index();
    if (index >= by_index_.size()) by_index_.resize(std::max(index + 1, by_index_.size() * 2));
    Member& member = by_index_[index];
    if (member.group != nullptr && member.generation != series.generation()) {
      // Of a snapshot that was overtaken by one in which the place had its next series.
      if (static_cast<std::int32_t>(series.generation() - member.generation) < 0) return nullptr;
      Fold(member);
    }
    if (member.group == nullptr) Join(member, series, troubles);
    return &member;
  }
  KeyOfLabels(series.labels(), key_);
  Member& member = by_labels_[key_];
  if (member.group == nullptr) Join(member, series, troubles);
  if (member.round != round_) ++seen_by_labels_;
  return &member;
}

const ShownLabels& ViewGroups::ShownOf(LabelsView labels, ViewTroubles& troubles) {
  bool same = has_shown_ && names_.size() == labels.size();
  for (std::size_t i = 0; i < labels.size() && same; ++i) same = names_[i] == labels[i].name;
  if (same) return shown_;
  names_.clear();
  for (std::size_t i = 0; i < labels.size(); ++i) names_.emplace_back(labels[i].name);
  shown_ = ShownNames(rules_.labels, family_->type(), {names_.begin(), names_.end()},
                      ConstantsOf(*family_));
  has_shown_ = true;
  if (!shown_.trouble.empty()) {
    troubles.Add("family " + ShownName(family_->name) + ": " + shown_.trouble);
  }
  return shown_;
}

void ViewGroups::Join(Member& member, SeriesView series, ViewTroubles& troubles) {
  const LabelsView labels = series.labels();
  const ShownLabels& shown = ShownOf(labels, troubles);
  std::vector<std::string_view> names;
  std::vector<std::string_view> values;
  std::vector<Label> shown_labels;
  for (const ShownLabels::Label& label : shown.labels) {
    names.push_back(label.name);
    values.push_back(labels[label.position].value);
    shown_labels.push_back({names.back(), values.back()});
  }
  std::string key;
  KeyOfLabels(std::move(shown_labels), key);
  auto known = groups_.find(key);
  if (known == groups_.end()) {
    auto group = std::make_unique<Group>();
    if (free_indexes_.capacity() <= groups_.size()) {  // Forget never allocates
      free_indexes_.reserve(2 * groups_.size() + 16);
    }
    group->record = NewRecord(names, values);
    known = groups_.emplace(std::move(key), std::move(group)).first;
    SeriesRecord& record = *known->second->record;
    if (free_indexes_.empty()) {
      record.index = index_end_++;
    } else {
      record.index = free_indexes_.back();
      free_indexes_.pop_back();
    }
    // What producers give has no identity here either: the delta stage knows it by its labels.
    record.generation = series.generation() == 0 ? 0 : NextViewGeneration();
  }
  member.group = known->second.get();
  member.generation = series.generation();
  member.epoch = member.group->epoch;
  member.last = {};
  ++member.group->members;
}

void ViewGroups::Fold(Member& member) {
  Group& group = *member.group;
  if (member.epoch == group.epoch) group.base.Add(member.last);
  --group.members;
  member.group = nullptr;
  member.last = {};
  folded_ = true;
}

// Begins the group anew, as a series that was removed and made again.
void ViewGroups::Renew(Group& group) {
  ++group.epoch;
  group.base = {};
  group.shown = {};
  const LabelsView labels(group.record);
  std::vector<std::string_view> names;
  std::vector<std::string_view> values;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    names.push_back(labels[i].name);
    values.push_back(labels[i].value);
  }
  SeriesRecord* const record = NewRecord(names, values);
  record->index = group.record->index;
  record->generation = group.record->generation == 0 ? 0 : NextViewGeneration();
  group.record = record;
  group.made_now = true;
  ++wasted_records_;
}

SeriesRecord* ViewGroups::NewRecord(const std::vector<std::string_view>& names,
                                    const std::vector<std::string_view>& values) {
  const std::size_t count = names.size();
  if (kept_names_ == nullptr || kept_name_count_ != count ||
      !std::equal(names.begin(), names.end(), kept_names_)) {
    auto* const kept = static_cast<std::string_view*>(
        records_->Allocate(sizeof(std::string_view) * std::max<std::size_t>(count, 1)));
    for (std::size_t i = 0; i < count; ++i) {
      new (&kept[i]) std::string_view(records_->Copy(names[i]));
    }
    kept_names_ = kept;
    kept_name_count_ = count;
  }
  std::size_t bytes = 0;
  for (const std::string_view value : values) bytes += value.size();
  auto* const record = static_cast<SeriesRecord*>(
      records_->Allocate(sizeof(SeriesRecord) + sizeof(std::uint32_t) * count + bytes));
  *record = {kept_names_, kNoopCell, 0, 0, 0, 0, static_cast<std::uint32_t>(count)};
  auto* const ends = reinterpret_cast<std::uint32_t*>(record + 1);
  char* text = reinterpret_cast<char*>(ends + count);
  std::uint32_t end = 0;
  for (std::size_t i = 0; i < count; ++i) {
    text = std::copy(values[i].begin(), values[i].end(), text);
    end += static_cast<std::uint32_t>(values[i].size());
    ends[i] = end;
  }
  return record;
}

void ViewGroups::Forget() {
  most_by_labels_ = std::max(most_by_labels_, seen_by_labels_);
  if (by_labels_.size() > 2 * most_by_labels_ + kSpareMembers) {
    // As many as ever were there at once may come again; those stay that have gone last.
    std::vector<std::uint32_t> ages;
    for (const auto& [key, member] : by_labels_) {
      if (member.round != round_) ages.push_back(round_ - member.round);
    }
    const auto oldest = ages.begin() + static_cast<std::ptrdiff_t>(most_by_labels_);
    std::nth_element(ages.begin(), oldest, ages.end());
    for (auto it = by_labels_.begin(); it != by_labels_.end();) {
      if (it->second.round == round_ || round_ - it->second.round < *oldest) {
        ++it;
        continue;
      }
      if (it->second.group != nullptr) Fold(it->second);  // null: there was no memory to join one
      it = by_labels_.erase(it);
    }
  }
  for (auto it = groups_.begin(); folded_ && it != groups_.end();) {
    const Group& group = *it->second;
    if (group.members != 0 || group.round == round_) {
      ++it;
      continue;
    }
    free_indexes_.push_back(group.record->index);
    ++wasted_records_;
    it = groups_.erase(it);
  }
  folded_ = false;
  if (wasted_records_ > groups_.size() + kSpareMembers) Compact();
}

// Snapshots that are about keep the memory that is left.
void ViewGroups::Compact() {
  const std::shared_ptr<Arena> old = std::exchange(records_, std::make_shared<Arena>());
  kept_names_ = nullptr;
  wasted_records_ = 0;
  for (auto& [key, group] : groups_) {
    const LabelsView labels(group->record);
    std::vector<std::string_view> names;
    std::vector<std::string_view> values;
    for (std::size_t i = 0; i < labels.size(); ++i) {
      names.push_back(labels[i].name);
      values.push_back(labels[i].value);
    }
    SeriesRecord* const record = NewRecord(names, values);
    record->index = group->record->index;
    record->generation = group->record->generation;
    record->start_unix_nanos = group->record->start_unix_nanos;
    group->record = record;
  }
}

// --- a pass ----------------------------------------------------------------------------------

template <class Points>
void ViewGroups::Gather(const Points& points, bool fresh, ViewTroubles& troubles) {
  for (const auto& point : points) {
    Member* const member = MemberOf(point.series, troubles);
    if (member == nullptr) continue;
    member->round = round_;
    Group& group = *member->group;
    if (group.round != round_) {
      group.Begin(round_);
      seen_.push_back(&group);
    }
    if (group.made_now) {
      const std::int64_t start = point.series.start_unix_nanos();
      std::int64_t& earliest = group.record->start_unix_nanos;
      if (start != 0 && (earliest == 0 || start < earliest)) earliest = start;
    }
    Take(*member, point, fresh, troubles);
    ++group.seen_members;
  }
}

void ViewGroups::ShowConstants(FamilyView& view, Arena& arena) const {
  if (rules_.labels.empty() || view.constant_label_count == 0) return;
  // A trouble is said where series are looked at.
  StringPairs labels = ConstantsOf(view);
  const auto names =
      RenamesAny(rules_.labels, labels) ? NamesInSeries(*family_) : std::vector<std::string_view>();
  labels = ShownNames(rules_.labels, view.type(), names, labels).constants;
  auto* const shown =
      static_cast<Label*>(arena.Allocate(sizeof(Label) * std::max<std::size_t>(labels.size(), 1)));
  for (std::size_t i = 0; i < labels.size(); ++i) {
    new (&shown[i]) Label{arena.Copy(labels[i].first), arena.Copy(labels[i].second)};
  }
  view.constant_labels = shown;
  view.constant_label_count = labels.size();
}

void ViewGroups::Apply(const FamilyView& family, bool fresh, FamilyView& view, SnapshotData& data,
                       ViewTroubles& troubles) {
  family_ = &family;
  if (++round_ == 0) ++round_;
  seen_.clear();
  seen_by_labels_ = 0;
  const auto arena = std::make_shared<Arena>();
  ShowConstants(view, *arena);
  std::visit(
      [&](const auto& points) {
        Gather(points, fresh, troubles);
        std::decay_t<decltype(points)> shown;
        shown.reserve(seen_.size());
        Put(shown, data, *arena);
        view.points = std::move(shown);
      },
      family.points);
  for (Group* const group : seen_) group->made_now = false;
  data.keep.push_back(arena);
  data.keep.push_back(records_);
  Forget();
  family_ = nullptr;
}

}  // namespace detail
POLYMETER_END_NAMESPACE
