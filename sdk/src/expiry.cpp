#include "sdk/src/expiry.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

ExpiryTracker::Look::Look(ExpiryTracker& tracker, std::uint64_t family, std::int64_t now) {
  if (tracker.ttl_.count() <= 0) return;
  lock_ = std::unique_lock(tracker.mutex_);
  ttl_ = tracker.ttl_.count();
  now_ = now;
  changes_ = &tracker.families_[family];
}

bool ExpiryTracker::Look::IdleSince(const SeriesRecord& record, std::uint64_t value) {
  if (record.index >= changes_->size()) changes_->resize(record.index + 1);
  LastChange& last = (*changes_)[record.index];
  if (last.generation != record.generation || last.value != value) {
    last = {record.generation, value, now_};
    return false;
  }
  return now_ - last.at > ttl_;
}

}  // namespace detail
POLYMETER_END_NAMESPACE
