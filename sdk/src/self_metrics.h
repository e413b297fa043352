// The library's account of itself as families polymeter_*: what it refused, what its backends
// delivered, and what it costs.
//
// Nothing here is counted while recording: the numbers are read, or taken once a snapshot. The
// families are kept from one snapshot to the next and only their values written anew, so that a
// scrape costs hardly more with them.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "polymeter/backend.h"
#include "sdk/src/registry.h"
#include "sdk/src/snapshot_data.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// Thread-safe. Shared: what Take gives keeps it.
class SelfMetrics : public std::enable_shared_from_this<SelfMetrics> {
  struct Kept;

 public:
  SelfMetrics();
  ~SelfMetrics();
  SelfMetrics(const SelfMetrics&) = delete;
  SelfMetrics& operator=(const SelfMetrics&) = delete;

  void CountSnapshot(std::chrono::nanoseconds took) noexcept {
    snapshot_nanos_.fetch_add(static_cast<std::uint64_t>(took.count()), std::memory_order_relaxed);
    snapshots_.fetch_add(1, std::memory_order_relaxed);
  }

  // The families of one snapshot, to be merged into it and let go then: their values are used
  // again. The texts stay as long as anybody shares them.
  class Families {
   public:
    Families(Families&&) noexcept = default;
    Families& operator=(Families&&) = delete;
    ~Families();
    const std::shared_ptr<ProducedFamilies>& get() const noexcept { return families_; }

   private:
    friend class SelfMetrics;
    Families(std::shared_ptr<ProducedFamilies> families, std::shared_ptr<SelfMetrics> lender)
        : families_(std::move(families)), lender_(std::move(lender)) {}
    std::shared_ptr<ProducedFamilies> families_;
    std::shared_ptr<SelfMetrics> lender_;  // null: nobody's
  };
  // `costs`: also what the library costs.
  Families Take(Registry& registry, bool costs, const std::vector<BackendReport>& reports);

  // In a forked child: from zero.
  void RestartInChild();

 private:
  std::atomic<std::uint64_t> snapshot_nanos_{0};
  std::atomic<std::uint64_t> snapshots_{0};
  std::atomic<bool> lent_{false};  // kept_ is in use, and whoever comes meanwhile makes his own
  std::shared_ptr<Kept> kept_;
};

// What the recorder API dropped; null where it has nothing to do with this registry.
std::shared_ptr<const ProducedFamilies> RecorderMetricsOf(Registry& registry);

}  // namespace detail
POLYMETER_END_NAMESPACE
