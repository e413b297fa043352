// Series that views have given the same labels, added up from snapshot to snapshot.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "polymeter/snapshot.h"
#include "sdk/src/native_merge.h"
#include "sdk/src/snapshot_data.h"
#include "sdk/src/view_buckets.h"
#include "sdk/src/view_rules.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// One family of one consumer. Not thread-safe.
//
// Every series that comes in (a member) belongs to a group, which is the series that goes out, with
// an index and a generation of its own. A group's total is what its members have now, and what
// those that are gone had when they were last seen: it never falls. A group whose members' places
// all belong to other series now is forgotten, so that there are never more members and groups than
// there were series in the family at one time (of a producer's: twice as many and 1,024, so that
// those that one collection left out are still known in the next).
class ViewGroups {
 public:
  // What `rules` refers to must outlive it.
  explicit ViewGroups(FamilyRules rules);
  ~ViewGroups();
  ViewGroups(const ViewGroups&) = delete;
  ViewGroups& operator=(const ViewGroups&) = delete;

  // `view`, a copy of `family` but for its points, gets the groups'; `data` keeps what they refer
  // to, and must keep what `family` refers to. `fresh`: no snapshot that was taken later came
  // before this one.
  void Apply(const FamilyView& family, bool fresh, FamilyView& view, SnapshotData& data,
             ViewTroubles& troubles);

 private:
  struct Totals {
    std::uint64_t whole = 0;  // a counter's integers; a count
    double part = 0;          // a counter's doubles; a sum
    std::vector<std::uint64_t> buckets;
    std::unique_ptr<NativeSum> native;

    bool empty() const noexcept { return whole == 0 && part == 0; }
    void Add(const Totals& other);
    void AddNative(const Totals& other);
  };
  struct Group;
  struct Member {
    std::uint32_t generation = 0;
    std::uint32_t round = 0;  // when it was last seen
    std::uint32_t epoch = 0;  // the group's when `last` was taken; another one: it is void
    Group* group = nullptr;
    Totals last;
  };

  template <class Points>
  void Gather(const Points& points, bool fresh, ViewTroubles& troubles);
  // Null for a series that has left and is counted already.
  Member* MemberOf(SeriesView series, ViewTroubles& troubles);
  void Join(Member& member, SeriesView series, ViewTroubles& troubles);
  void Fold(Member& member);
  void Renew(Group& group);
  // Calls visit(group, last) for what every member of a seen group has, seen itself or not.
  template <class Visit>
  void ForEachPart(Visit&& visit);
  void Forget();
  void Compact();

  SeriesRecord* NewRecord(const std::vector<std::string_view>& names,
                          const std::vector<std::string_view>& values);
  const ShownLabels& ShownOf(LabelsView labels, ViewTroubles& troubles);
  void ShowConstants(FamilyView& view, Arena& arena) const;

  void Take(Member& member, const CounterPoint& point, bool fresh, ViewTroubles& troubles);
  void Take(Member& member, const GaugePoint& point, bool fresh, ViewTroubles& troubles);
  void Take(Member& member, const HistogramPoint& point, bool fresh, ViewTroubles& troubles);
  void Take(Member& member, const SummaryPoint& point, bool fresh, ViewTroubles& troubles);
  void Take(Member& member, const InfoPoint& point, bool fresh, ViewTroubles& troubles);
  void Take(Member& member, const UnknownPoint& point, bool fresh, ViewTroubles& troubles);
  static void AddExamples(Group& group, const HistogramPoint& point,
                          const std::vector<std::uint32_t>& targets);
  static void ShowInFull(Group& group);
  void TakeTotals(Member& member, std::uint64_t whole, double part, bool fell, bool fresh);
  void TakeValue(Member& member, double value, bool additive);

  void Put(CounterPoints& points, SnapshotData& data, Arena& arena);
  void Put(GaugePoints& points, SnapshotData& data, Arena& arena);
  void Put(HistogramPoints& points, SnapshotData& data, Arena& arena);
  void Put(SummaryPoints& points, SnapshotData& data, Arena& arena);
  void Put(InfoPoints& points, SnapshotData& data, Arena& arena);
  void Put(UnknownPoints& points, SnapshotData& data, Arena& arena);

  const FamilyRules rules_;
  ViewBuckets buckets_;
  std::unordered_map<std::string, std::unique_ptr<Group>> groups_;  // by shown labels
  std::vector<Member> by_index_;                                    // of series with identity
  std::unordered_map<std::string, Member> by_labels_;               // of others
  std::vector<std::uint32_t> free_indexes_;
  std::uint32_t index_end_ = 0;
  std::shared_ptr<Arena> records_ = std::make_shared<Arena>();
  std::size_t wasted_records_ = 0;

  // Of one pass.
  const FamilyView* family_ = nullptr;
  std::uint32_t round_ = 0;
  std::vector<Group*> seen_;  // in the order in which the first member of each came
  std::size_t seen_by_labels_ = 0;
  std::size_t most_by_labels_ = 0;  // of all passes
  bool folded_ = false;

  // Of the series that came last: mostly the next one has the same names.
  std::vector<std::string> names_;
  ShownLabels shown_;
  bool has_shown_ = false;
  const std::string_view* kept_names_ = nullptr;  // in records_
  std::size_t kept_name_count_ = 0;
  std::string key_;
};

}  // namespace detail
POLYMETER_END_NAMESPACE
