#include "sdk/src/view_stage.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "sdk/src/snapshot_data.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

ViewStage::ViewStage(std::shared_ptr<const ViewRules> rules, std::string backend, bool registered,
                     Report report)
    : rules_(std::move(rules)),
      backend_(std::move(backend)),
      registered_(registered),
      report_(std::move(report)) {}
ViewStage::~ViewStage() = default;

const FamilyRules& ViewStage::RulesOf(const FamilyView& family) {
  const auto known = rules_by_id_.find(family.id);
  if (known != rules_by_id_.end()) return known->second;
  // See Registry::GetOrMake of additive gauges.
  const bool registered = registered_ && (family.id & kProducedId) == 0 && !family.additive;
  return rules_by_id_
      .emplace(family.id, rules_->OfBackend(backend_, family.name, family.type(), registered))
      .first->second;
}

Snapshot ViewStage::Apply(const Snapshot& snapshot, std::uint64_t order) {
  ViewTroubles troubles;
  Snapshot result;
  {
    const std::lock_guard lock(mutex_);
    const bool fresh = order >= last_order_;
    last_order_ = std::max(order, last_order_);
    result = ApplyLocked(snapshot, fresh, troubles);
  }
  for (const ViewTroubles::Trouble& trouble : troubles.all) {
    report_("view", trouble.message, trouble.points);
  }
  return result;
}

Snapshot ViewStage::ApplyLocked(const Snapshot& snapshot, bool fresh, ViewTroubles& troubles) {
  const std::vector<FamilyView>& families = snapshot.families();
  // Ids of producers' families come and go with what the producer says of them.
  if (rules_by_id_.size() > 2 * families.size() + 1024) rules_by_id_.clear();
  const bool any = std::any_of(families.begin(), families.end(),
                               [this](const FamilyView& family) { return RulesOf(family).any(); });
  if (!any) return snapshot;

  ++round_;
  auto data = std::make_shared<SnapshotData>();
  data->time = snapshot.time();
  data->resource = std::make_shared<Resource>(snapshot.resource());
  data->keep.push_back(std::make_shared<Snapshot>(snapshot));
  data->families.reserve(families.size());
  std::size_t seen = 0;
  for (const FamilyView& family : families) {
    const FamilyRules& rules = RulesOf(family);
    if (rules.dropped) continue;
    if (!rules.any()) {
      data->families.push_back(family);
      continue;
    }
    std::string key(ToString(family.type()));
    key.append(" ").append(family.name);
    std::unique_ptr<Family>& state = families_[key];
    if (state == nullptr) state = std::make_unique<Family>(rules);
    state->round = round_;
    ++seen;

    FamilyView& view = data->families.emplace_back();
    view = family;
    view.id |= kViewedId;
    state->groups.Apply(family, fresh, view, *data, troubles);
  }
  // A producer's family may be away for a while; its totals then still do not fall.
  if (families_.size() > 2 * seen + 64) {
    std::erase_if(families_, [this](const auto& entry) { return entry.second->round != round_; });
  }
  return Snapshot(std::move(data));
}

Snapshot ViewSource::Take(Deadline deadline, bool samples) {
  const std::shared_ptr<ViewStage> stage = stage_;  // this may end while the snapshot is taken
  std::uint64_t order = 0;
  const Snapshot snapshot = raw_.TakeRaw(deadline, samples, &order);
  return stage->Apply(snapshot, order);
}

}  // namespace detail
POLYMETER_END_NAMESPACE
