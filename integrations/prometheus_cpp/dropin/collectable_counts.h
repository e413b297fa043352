// How often each Collectable was registered somewhere. Internal.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <unordered_map>

#include "polymeter/export.h"
#include "prometheus/collectable.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// Not thread-safe. By address, because several Collectables may have one owner. Those that are gone
// are forgotten in time.
class CollectableCounts {
 public:
  // How often it is there now.
  std::size_t Add(const std::shared_ptr<::prometheus::Collectable>& collectable) {
    if (counts_.size() >= prune_at_) {
      std::erase_if(counts_, [](const auto& entry) { return entry.second.collectable.expired(); });
      prune_at_ = std::max<std::size_t>(16, 2 * counts_.size());
    }
    Count& count = counts_[collectable.get()];
    // The address may have been somebody else's.
    if (count.collectable.expired()) count = {collectable, 0};
    return ++count.times;
  }
  // How often it was there, this time included; 0: it was not.
  std::size_t RemoveOne(const std::shared_ptr<::prometheus::Collectable>& collectable) {
    const auto found = counts_.find(collectable.get());
    if (found == counts_.end() || found->second.collectable.expired()) return 0;
    const std::size_t times = found->second.times--;
    if (times == 1) counts_.erase(found);
    return times;
  }
  // Calls visit(collectable) for each that lives.
  template <class Visit>
  void ForEach(Visit&& visit) const {
    for (const auto& [address, count] : counts_) {
      if (const auto collectable = count.collectable.lock()) visit(collectable);
    }
  }

 private:
  struct Count {
    std::weak_ptr<::prometheus::Collectable> collectable;
    std::size_t times = 0;
  };
  std::unordered_map<const ::prometheus::Collectable*, Count> counts_;
  std::size_t prune_at_ = 16;
};

}  // namespace detail
POLYMETER_END_NAMESPACE
