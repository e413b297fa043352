// The registry: families by name, the memory of their series, and what both share.
//
// It lives as long as anything refers to it: the core, a family handle, a snapshot.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "polymeter/options.h"
#include "polymeter/status.h"
#include "sdk/src/cells.h"
#include "sdk/src/expiry.h"
#include "sdk/src/family_core.h"
#include "sdk/src/log.h"
#include "sdk/src/read_epoch.h"
#include "sdk/src/snapshot_data.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

class Registry : public std::enable_shared_from_this<Registry> {
 public:
  Registry(const Options& options, std::shared_ptr<Logger> logger);
  ~Registry();
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  Result<std::shared_ptr<FamilyCore>> GetOrMake(MetricType type, std::string_view name,
                                                std::string_view help,
                                                const std::string_view* labels, std::size_t count,
                                                const FamilyOptions& options);

  // The family that is there already under this name (without prefix) and with this type; null when
  // there is none.
  std::shared_ptr<FamilyCore> Find(MetricType type, std::string_view name);

  // Adds every family and value to `data`, which then keeps the registry's memory in place. Takes
  // no lock while it reads. `samples`: also the single observations that were kept.
  void Read(SnapshotData& data, bool samples = false);

  // Histograms made from now on keep single observations. False: they do already.
  bool TapObservations(std::size_t per_thread) noexcept;
  bool tapped() const noexcept { return tapped_.load(std::memory_order_relaxed); }

  // Counts a refusal under `reason` (static text) and says `message`, rate-limited.
  void Refuse(std::string_view reason, std::string_view message, std::uint64_t n = 1) noexcept;
  // Every refusal so far by reason, refused increments and observations included.
  std::map<std::string, std::uint64_t> Refusals();
  double RetiredIncrements();

  // No new series and families from now on; lets go of the families.
  void Close() noexcept;

  std::int64_t NowNanos() const;
  SystemTime Now() const;

  void LockForFork() noexcept;
  void UnlockAfterFork() noexcept;
  void RestartInChild() noexcept;

 private:
  friend class FamilyCore;
  using FamilyList = std::vector<std::shared_ptr<FamilyCore>>;

  Status Check(MetricType type, std::string_view name, const std::string_view* labels,
               std::size_t count, const FamilyOptions& options, FamilySpec& spec) const;
  Status CheckBounds(const FamilyOptions& options, FamilySpec& spec) const;
  Status CheckSame(const FamilySpec& known, const FamilySpec& asked) const;
  void ReportUnit(const FamilySpec& spec) const;
  Status CheckSuffixes(const FamilySpec& spec) const;
  void CheckRejected();
  // Frees `memory` when no look-up and no snapshot can see it any more. Under mutex_.
  void Retire(void* memory);
  void Reclaim() noexcept;
  std::shared_ptr<const void> Pin();

  const std::shared_ptr<Logger> logger_;
  const std::function<SystemTime()> clock_;
  const std::string prefix_;
  const std::size_t series_limit_;
  const std::vector<std::pair<std::string, std::vector<double>>> buckets_;
  StringPairs constant_texts_;
  std::vector<Label> constant_labels_;
  const std::uint64_t hash_seed_;
  std::atomic<bool> ended_{false};  // what look-ups see of closed_
  std::atomic<bool> tapped_{false};

  ReadEpoch epoch_;  // of look-ups

  // Everything from here to the next mutex: families, series and cells being made.
  std::mutex mutex_;
  bool closed_ = false;
  CellStore cells_;
  std::map<std::string, std::shared_ptr<FamilyCore>, std::less<>> families_;
  std::shared_ptr<const FamilyList> list_;  // families_ in order; null: must be made again
  std::uint64_t next_family_id_ = 1;
  struct Retired {
    void* memory;
    std::uint64_t epoch_mark;
    std::uint64_t pin_mark;
  };
  std::deque<Retired> retired_;

  ExpiryTracker expiry_;

  std::mutex pin_mutex_;  // after mutex_
  std::uint64_t next_pin_ = 0;
  std::set<std::uint64_t> pins_;  // of living snapshots

  std::mutex refusals_mutex_;  // alone
  std::map<std::string, std::uint64_t> refusals_;
  std::uint64_t reported_rejections_ = 0;
};

}  // namespace detail
POLYMETER_END_NAMESPACE
