// What all exits of the drop-in read: the Collectables that were registered somewhere, as one typed
// Snapshot. Internal.
//
// Our own Registry and Family objects are read at their cells; any other Collectable is asked by
// Collect(). Families of one name and type become one family with the series of all; two series
// with the same labels both stay, as they would on prometheus-cpp's page. Of two types the one
// that came first stays, and the other is left out, counted and reported.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "polymeter/backend.h"
#include "prometheus/collectable.h"
#include "sdk/src/log.h"
#include "sdk/src/snapshot_data.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// Thread-safe. Keeps weak pointers only: a Collectable that is gone is forgotten.
class CollectablesSource : public SnapshotSource {
 public:
  // `log`: where messages go; null: stderr, through a logger of its own.
  explicit CollectablesSource(std::shared_ptr<Logger> log = nullptr);
  ~CollectablesSource() override;
  CollectablesSource(const CollectablesSource&) = delete;
  CollectablesSource& operator=(const CollectablesSource&) = delete;

  // A Collectable that is there already stays where it is. A dead pointer is ignored.
  void Add(std::weak_ptr<::prometheus::Collectable> collectable);
  // Snapshots that have begun may still show it.
  void Remove(const std::shared_ptr<::prometheus::Collectable>& collectable);
  // None of them lives any more.
  bool empty() const;

  // Attributes of the snapshots from now on; null: none.
  void SetResource(std::shared_ptr<const Resource> resource);

  // Calls Collect() of the Collectables that are not ours on this thread, one after the other and
  // under no lock, whatever the deadline: they cannot be broken off. One that throws is left out,
  // counted and reported. Holds each Collectable alive meanwhile.
  Snapshot TakeSnapshot(Deadline deadline) override;
  using SnapshotSource::TakeSnapshot;
  void Log(LogLevel level, std::string_view message) override;

  // Calls of Collect() that threw, and points that could not be shown, since the start.
  std::uint64_t failed_collects() const;
  std::uint64_t refused_points() const;

 private:
  using Collectable = ::prometheus::Collectable;
  struct Entry {
    const Collectable* address;
    std::weak_ptr<Collectable> collectable;
  };
  // Those that live, in the order in which they came; forgets the others.
  std::vector<std::shared_ptr<Collectable>> Living();
  void CountFailure();
  void CountRefused(std::uint64_t points);

  const std::shared_ptr<Logger> log_;
  std::mutex& mutex_;  // of all sources
  std::uint64_t next_ = 0;
  std::map<std::uint64_t, Entry> entries_;
  std::unordered_map<const Collectable*, std::uint64_t> known_;
  std::size_t prune_at_ = 64;
  std::shared_ptr<const Resource> resource_;
  std::uint64_t failed_collects_ = 0;
  std::uint64_t refused_points_ = 0;
};

}  // namespace detail
POLYMETER_END_NAMESPACE
