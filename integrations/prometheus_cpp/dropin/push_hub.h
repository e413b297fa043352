// METRICS_BACKEND for prometheus-cpp programs: one set of push backends for the process, which gets
// what is registered at any Exposer or Gateway or given to polymeter::Export. Internal.
#pragma once

#include <sys/types.h>

#include <memory>
#include <mutex>

#include "integrations/prometheus_cpp/dropin/collectable_counts.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

class PushHub;

// What an Exposer, a Gateway and an Export hold. The backends run from the first one of the process
// to a bounded last flush when the last one ends; they go on with the next one. Without
// METRICS_BACKEND there are none, and this costs a look at the environment.
//
// Thread-safe. May be made and destroyed anywhere, in a Collect() and in static destructors, too;
// in a forked child those of the parent do nothing, and the first new one starts anew.
class PushHubUse {
 public:
  // Throws std::invalid_argument where METRICS_STRICT=true and the environment has problems;
  // otherwise they are said once.
  PushHubUse();
  // The last one waits for the flush, but no longer than the stop deadline, and not at all from
  // within a Collect() that the hub calls.
  ~PushHubUse();
  PushHubUse(const PushHubUse&) = delete;
  PushHubUse& operator=(const PushHubUse&) = delete;

  // Leaves through the backends until it is removed as often as it was added, this object ends or
  // the Collectable is gone. Of a Registry the last values still leave when it is gone. What is
  // added several times, by several uses, too, leaves once.
  void Add(const std::weak_ptr<::prometheus::Collectable>& collectable);
  void Remove(const std::weak_ptr<::prometheus::Collectable>& collectable);

 private:
  const pid_t process_;
  PushHub& hub_;
  std::mutex mutex_;
  CollectableCounts added_;
};

}  // namespace detail
POLYMETER_END_NAMESPACE
