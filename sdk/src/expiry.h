// Idle expiry (Options::SeriesTtl): a series that has not changed for so long is left out of
// snapshots until it changes again; its total and start time stay. Its memory stays, too: a
// handle may still count.
//
// Changes are seen by comparing with the last snapshot of any reader. A gauge that is set to the
// value it has does not change.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "polymeter/snapshot.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

struct LastChange {
  std::uint32_t generation = 0;
  std::uint64_t value = 0;
  std::int64_t at = 0;  // nanoseconds of the registry's clock for this
};

class ExpiryTracker {
 public:
  explicit ExpiryTracker(std::chrono::nanoseconds ttl) noexcept : ttl_(ttl) {}

  // Looks at the series of one family; holds the tracker's lock. Does nothing without a TTL.
  class Look {
   public:
    Look(ExpiryTracker& tracker, std::uint64_t family, std::int64_t now);
    // Whether the series is idle. `value` differs whenever the series has changed.
    bool Idle(const SeriesRecord& record, std::uint64_t value) {
      return changes_ != nullptr && IdleSince(record, value);
    }

   private:
    bool IdleSince(const SeriesRecord& record, std::uint64_t value);

    std::unique_lock<std::mutex> lock_;
    std::int64_t ttl_ = 0;
    std::int64_t now_ = 0;
    std::vector<LastChange>* changes_ = nullptr;
  };

  void LockForFork() noexcept { mutex_.lock(); }
  void UnlockAfterFork() noexcept { mutex_.unlock(); }

 private:
  const std::chrono::nanoseconds ttl_;
  std::mutex mutex_;
  std::unordered_map<std::uint64_t, std::vector<LastChange>> families_;
};

}  // namespace detail
POLYMETER_END_NAMESPACE
