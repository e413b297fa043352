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
#include <optional>
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
#include "sdk/src/summary_store.h"

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

  // Every family, by name.
  using FamilyList = std::vector<std::shared_ptr<FamilyCore>>;
  std::shared_ptr<const FamilyList> Families();
  // Keeps what ForEachSeries visits in place, as long as the result lives.
  std::shared_ptr<const void> Pin();
  std::size_t series_limit() const noexcept { return series_limit_; }  // 0: none
  std::uint64_t hash_seed() const noexcept { return hash_seed_; }
  // What the cells take, as CellStore and SummaryStore count it: with lanes of CPUs that record
  // nothing, which take no memory, and without what grows beside the cells.
  std::size_t CellBytes();

  // Called for every new family, under no lock. Set before the registry is shared.
  void OnNewFamily(std::function<void(const FamilySpec&)> call) {
    on_new_family_ = std::move(call);
  }

  // Histograms made from now on keep single observations. False: they do already.
  bool TapObservations(std::size_t per_thread) noexcept;
  bool tapped() const noexcept { return tapped_.load(std::memory_order_relaxed); }

  // Counts a refusal under `reason` (static text) and says `message`, rate-limited.
  void Refuse(std::string_view reason, std::string_view message, std::uint64_t n = 1) noexcept;
  // Every refusal so far by reason, refused increments and observations included.
  std::map<std::string, std::uint64_t> Refusals();
  double RetiredIncrements();

  // The views that are right.
  const std::shared_ptr<const ViewRules>& views() const noexcept { return views_; }

  // No new series and families from now on; lets go of the families.
  void Close() noexcept;

  std::int64_t NowNanos() const;
  // What idle series are measured with: only a clock of the application's own may jump.
  std::int64_t ExpiryNanos() const;
  SystemTime Now() const;

  void LockForFork() noexcept;
  void UnlockAfterFork() noexcept;
  void RestartInChild() noexcept;

 private:
  friend class FamilyCore;

  Status Check(MetricType type, std::string_view name, const std::string_view* labels,
               std::size_t count, const FamilyOptions& options, FamilySpec& spec) const;
  Status CheckBounds(const FamilyOptions& options, FamilySpec& spec) const;
  // The last one of buckets_ from `begin` to `end` that is for the family `name`.
  std::optional<std::size_t> BucketsNamed(std::string_view name, std::size_t begin,
                                          std::size_t end) const;
  Status CheckSame(const FamilySpec& known, const FamilySpec& asked) const;
  Status CheckSuffixes(const FamilySpec& spec) const;
  void CheckRejected();
  void CheckExemplarLabels();
  // Refused increments and observations, and the cell of one of them (0: none). Under mutex_.
  std::uint64_t Rejected(CellAddress* offender) const noexcept;
  // Frees `memory` when no look-up and no snapshot can see it any more. Under mutex_.
  void Retire(void* memory);
  void Reclaim() noexcept;
  // Says that a family has many series, and which label is to blame.
  void WarnOfSeries(const FamilyCore& family, std::size_t series) noexcept;
  // The same of a family that has reached the limit; counted.
  void ReportOverflow(const FamilyCore& family) noexcept;
  std::shared_ptr<const FamilyList> FamiliesLocked();

  const std::shared_ptr<Logger> logger_;
  const std::function<SystemTime()> clock_;
  const std::string prefix_;
  const NameValidation names_;
  const std::size_t series_limit_;
  const std::size_t series_warning_;
  std::function<void(const FamilySpec&)> on_new_family_;
  const std::vector<std::pair<std::string, std::vector<double>>> buckets_;
  const std::vector<std::optional<NativeHistogramOptions>> native_buckets_;  // with buckets_
  const std::size_t configured_buckets_;    // the last ones of buckets_ are METRICS_BUCKETS'
  std::shared_ptr<const ViewRules> views_;  // set once
  const ExemplarFilter exemplar_filter_;
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
  SummaryStore summaries_;
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
  bool reported_exemplar_labels_ = false;
};

}  // namespace detail
POLYMETER_END_NAMESPACE
