#include "integrations/prometheus_cpp/dropin/collectables_source.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <functional>
#include <string>
#include <utility>
#include <variant>

#include "integrations/prometheus_cpp/bridge/from_prometheus.h"
#include "integrations/prometheus_cpp/dropin/collect_turn.h"
#include "integrations/prometheus_cpp/dropin/drop_in_process.h"
#include "integrations/prometheus_cpp/dropin/own_collectables.h"
#include "integrations/prometheus_cpp/dropin/registry_store.h"
#include "polymeter/producer.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

using ::prometheus::detail::DropInProcess;
using ::prometheus::detail::FamilyStore;
using Stores = ::prometheus::detail::RegistryStore::Stores;

namespace {

// The same as long as nothing that an encoder could keep of the family changes. Unlike those of
// our own families it has the top bit, which says that the series have no identity.
std::uint64_t IdOfCollected(const ProducedFamily& family) {
  const std::hash<std::string_view> hash;
  std::uint64_t id = hash(family.name);
  id = id * 0x9E3779B97F4A7C15u + hash(family.help);
  id = id * 0x9E3779B97F4A7C15u + static_cast<std::uint64_t>(family.type());
  return (id & ~kViewedId) | kProducedId;
}

std::int64_t Nanos(SystemTime time) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
}

// Puts the families of many places together by name.
class SnapshotAssembly {
 public:
  SnapshotAssembly(SnapshotData& data, std::int64_t now) : data_(data), now_(now) {}

  // False: there is a family of that name and another type.
  bool Add(FamilyStore& store) {
    const auto known = by_name_.find(std::string_view(store.shown_name()));
    if (known == by_name_.end()) {
      FamilyView& view = data_.families.emplace_back();
      store.Describe(view);
      view.points = PointsOf(store.snapshot_type());
      by_name_.emplace(view.name, data_.families.size() - 1);
      store.Read(view, data_, arena(), now_);
      return true;
    }
    FamilyView& view = data_.families[known->second];
    if (view.type() != store.snapshot_type()) return false;
    store.Read(view, data_, arena(), now_);
    return true;
  }

  bool Add(const ProducedFamily& family) {
    const auto known = by_name_.find(std::string_view(family.name));
    if (known == by_name_.end()) {
      FamilyView& view = data_.families.emplace_back();
      view.id = IdOfCollected(family);
      view.name = family.name;
      view.help = family.help;
      view.points = family.points;
      by_name_.emplace(view.name, data_.families.size() - 1);
      return true;
    }
    FamilyView& view = data_.families[known->second];
    if (view.type() != family.type()) return false;
    std::visit(
        [&](auto& points) {
          const auto& more = std::get<std::decay_t<decltype(points)>>(family.points);
          points.insert(points.end(), more.begin(), more.end());
        },
        view.points);
    return true;
  }

  std::string_view TypeOf(std::string_view name) const {
    return ToString(data_.families[by_name_.at(name)].type());
  }

  void SortByName() {
    auto& families = data_.families;
    const auto by_name = [](const FamilyView& a, const FamilyView& b) { return a.name < b.name; };
    if (std::is_sorted(families.begin(), families.end(), by_name)) return;
    // A view is large: only its position is moved around.
    std::vector<std::pair<std::string_view, std::size_t>> order;
    order.reserve(families.size());
    for (const FamilyView& family : families) order.emplace_back(family.name, order.size());
    std::sort(order.begin(), order.end());
    std::vector<FamilyView> sorted;
    sorted.reserve(families.size());
    for (const auto& entry : order) sorted.push_back(std::move(families[entry.second]));
    families.swap(sorted);
  }

 private:
  // Of what the views refer to and nobody else keeps.
  Arena& arena() {
    if (arena_ == nullptr) {
      arena_ = std::make_shared<Arena>();
      data_.keep.push_back(arena_);
    }
    return *arena_;
  }

  SnapshotData& data_;
  const std::int64_t now_;
  std::unordered_map<std::string_view, std::size_t> by_name_;  // position in data_.families
  std::shared_ptr<Arena> arena_;
};

}  // namespace

CollectablesSource::CollectablesSource(std::shared_ptr<Logger> log)
    : log_(log != nullptr ? std::move(log) : std::make_shared<Logger>(LogCallback())),
      mutex_(DropInProcess::Instance().sources_lock()) {}

CollectablesSource::~CollectablesSource() = default;

// --- what there is to show -------------------------------------------------------------------

void CollectablesSource::Add(std::weak_ptr<Collectable> collectable) {
  const std::shared_ptr<Collectable> living = collectable.lock();
  if (living == nullptr) return;
  const std::lock_guard lock(mutex_);
  if (entries_.size() >= prune_at_) {
    for (auto entry = entries_.begin(); entry != entries_.end();) {
      if (entry->second.collectable.expired()) {
        known_.erase(entry->second.address);
        entry = entries_.erase(entry);
      } else {
        ++entry;
      }
    }
    prune_at_ = std::max<std::size_t>(64, entries_.size() * 2);
  }
  const auto known = known_.find(living.get());
  if (known != known_.end()) {
    const auto entry = entries_.find(known->second);
    if (!entry->second.collectable.expired()) return;
    entries_.erase(entry);  // another one was at this address
    known_.erase(known);
  }
  entries_.emplace(next_, Entry{living.get(), living});
  known_.emplace(living.get(), next_++);
}

void CollectablesSource::Remove(const std::shared_ptr<Collectable>& collectable) {
  const std::lock_guard lock(mutex_);
  const auto known = known_.find(collectable.get());
  if (known == known_.end()) return;
  entries_.erase(known->second);
  known_.erase(known);
}

bool CollectablesSource::empty() const {
  const std::lock_guard lock(mutex_);
  return std::all_of(entries_.begin(), entries_.end(),
                     [](const auto& entry) { return entry.second.collectable.expired(); });
}

std::vector<std::shared_ptr<CollectablesSource::Collectable>> CollectablesSource::Living() {
  std::vector<std::shared_ptr<Collectable>> living;
  const std::lock_guard lock(mutex_);
  living.reserve(entries_.size());
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    std::shared_ptr<Collectable> one = entry->second.collectable.lock();
    if (one != nullptr) {
      living.push_back(std::move(one));
      ++entry;
    } else {
      known_.erase(entry->second.address);
      entry = entries_.erase(entry);
    }
  }
  return living;
}

void CollectablesSource::SetResource(std::shared_ptr<const Resource> resource) {
  const std::lock_guard lock(mutex_);
  resource_.swap(resource);
}

// --- snapshots -------------------------------------------------------------------------------

Snapshot CollectablesSource::TakeSnapshot(Deadline) {
  auto data = std::make_shared<SnapshotData>();
  {
    const std::lock_guard lock(mutex_);
    data->resource = resource_;
  }
  const auto living = Living();
  const std::int64_t now = Nanos(std::chrono::system_clock::now());
  SnapshotAssembly assembly(*data, now);
  auto kept = std::make_shared<Stores>();
  data->keep.push_back(DropInProcess::Instance().Pin());
  data->keep.push_back(kept);

  const auto leave_out = [&](std::string_view name, std::string_view type, std::uint64_t points) {
    CountRefused(points);
    Log(LogLevel::kWarning, "family " + std::string(name) + " is registered as " +
                                std::string(assembly.TypeOf(name)) + " and as " +
                                std::string(type) + "; the latter is left out");
  };
  const auto collect = [&](const auto& collectable) {
    try {
      auto produced = std::make_shared<ProducedFamilies>();
      FamilySink sink(*produced);
      FamilyCopier copier(sink);
      const CollectTurn turn(&collectable);
      for (const ::prometheus::MetricFamily& family : collectable.Collect()) copier.Copy(family);
      for (const std::string& problem : copier.problems()) Log(LogLevel::kWarning, problem);
      for (const auto& refusal : produced->refused) {
        Log(LogLevel::kWarning, refusal.second.message);
      }
      if (produced->refused_points != 0) CountRefused(produced->refused_points);
      for (const auto& family : produced->families) {
        const std::uint64_t points =
            std::visit([](const auto& p) { return p.size(); }, family->points);
        if (points != 0 && !assembly.Add(*family)) {
          leave_out(family->name, ToString(family->type()), points);
        }
      }
      data->keep.push_back(std::move(produced));
    } catch (const std::exception& e) {
      CountFailure();
      Log(LogLevel::kWarning,
          std::string("a Collectable is left out, its Collect() threw: ") + e.what());
    } catch (...) {
      CountFailure();
      Log(LogLevel::kWarning, "a Collectable is left out, its Collect() threw");
    }
  };
  const auto add_store = [&](const std::shared_ptr<FamilyStore>& store) {
    if (!store->readable()) return collect(*store);
    const std::uint64_t series = store->size();
    if (series == 0) return;
    kept->push_back(store);
    if (!assembly.Add(*store)) {
      leave_out(store->shown_name(), ToString(store->snapshot_type()), series);
    }
  };

  for (const auto& collectable : living) {
    const auto own = ::prometheus::detail::FindOwnCollectable(*collectable);
    if (own.registry != nullptr) {
      const auto owner = own.kept ? own.owner.lock() : collectable;
      const auto stores = own.registry->Families();  // may be made anew meanwhile
      for (const auto& store : *stores) {
        if (owner != nullptr || store->readable()) add_store(store);
      }
    } else if (own.family != nullptr) {
      add_store(own.family);
    } else {
      collect(*collectable);
    }
  }
  assembly.SortByName();
  data->time = std::chrono::system_clock::now();
  return Snapshot(std::move(data));
}

void CollectablesSource::Log(LogLevel level, std::string_view message) {
  log_->Log(level, message);
}

void CollectablesSource::CountFailure() {
  const std::lock_guard lock(mutex_);
  ++failed_collects_;
}
void CollectablesSource::CountRefused(std::uint64_t points) {
  const std::lock_guard lock(mutex_);
  refused_points_ += points;
}
std::uint64_t CollectablesSource::failed_collects() const {
  const std::lock_guard lock(mutex_);
  return failed_collects_;
}
std::uint64_t CollectablesSource::refused_points() const {
  const std::lock_guard lock(mutex_);
  return refused_points_;
}

}  // namespace detail
POLYMETER_END_NAMESPACE
