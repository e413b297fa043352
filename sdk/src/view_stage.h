// The view stage: the views of one consumer, on every snapshot that it gets. Before the delta
// stage.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "polymeter/backend.h"
#include "polymeter/snapshot.h"
#include "sdk/src/view_groups.h"
#include "sdk/src/view_rules.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// Thread-safe.
//
// Families that no view changes stay as they are, and so does a snapshot without any other. In a
// family whose labels or buckets change, every series has an identity of the stage's own (index
// and generation), the same from snapshot to snapshot, and the family an id of its own; so caches
// and the delta stage work as they do with what a registry gives.
class POLYMETER_EXPORT ViewStage {
 public:
  // Told what could not be done: a reason for counting, a message, and how many points it is
  // about. Called under no lock.
  using Report =
      std::function<void(std::string_view reason, std::string_view message, std::uint64_t points)>;

  // `backend`: whose stage it is; empty: of readers that are no backend. `registered`: the views
  // for every backend have acted on the registry's families where these were registered.
  ViewStage(std::shared_ptr<const ViewRules> rules, std::string backend, bool registered,
            Report report);
  ~ViewStage();
  ViewStage(const ViewStage&) = delete;
  ViewStage& operator=(const ViewStage&) = delete;

  // `order` ascends with the age of what the snapshot holds. The result keeps `snapshot`.
  Snapshot Apply(const Snapshot& snapshot, std::uint64_t order);

 private:
  struct Family {
    std::uint64_t round = 0;  // when it was last there
    ViewGroups groups;
    explicit Family(FamilyRules rules) : groups(std::move(rules)) {}
  };
  const FamilyRules& RulesOf(const FamilyView& family);
  Snapshot ApplyLocked(const Snapshot& snapshot, bool fresh, ViewTroubles& troubles);

  const std::shared_ptr<const ViewRules> rules_;
  const std::string backend_;
  const bool registered_;
  const Report report_;

  std::mutex mutex_;
  std::uint64_t last_order_ = 0;
  std::uint64_t round_ = 0;
  std::unordered_map<std::uint64_t, FamilyRules> rules_by_id_;
  std::unordered_map<std::string, std::unique_ptr<Family>> families_;  // by type and name
};

// Takes raw snapshots: those that no stage has changed.
class RawSnapshots {
 public:
  virtual ~RawSnapshots() = default;
  virtual Snapshot TakeRaw(Deadline deadline, bool samples, std::uint64_t* order) = 0;
  virtual SnapshotSource& plain_source() = 0;
};

// What a backend with views of its own gets instead of the Metrics' source.
class ViewSource final : public SnapshotSource {
 public:
  ViewSource(RawSnapshots& raw, std::shared_ptr<ViewStage> stage)
      : raw_(raw), stage_(std::move(stage)) {}

  using SnapshotSource::TakeSnapshot;
  Snapshot TakeSnapshot(Deadline deadline) override { return Take(deadline, /*samples=*/false); }
  Snapshot TakeSnapshotWithSamples(Deadline deadline) override {
    return Take(deadline, /*samples=*/true);
  }
  bool TapObservations(std::size_t per_thread) override {
    return raw_.plain_source().TapObservations(per_thread);
  }
  void Log(LogLevel level, std::string_view message) override {
    raw_.plain_source().Log(level, message);
  }

 private:
  Snapshot Take(Deadline deadline, bool samples);

  RawSnapshots& raw_;
  const std::shared_ptr<ViewStage> stage_;
};

}  // namespace detail
POLYMETER_END_NAMESPACE
