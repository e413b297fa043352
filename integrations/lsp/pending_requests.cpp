#include "integrations/lsp/pending_requests.h"

#include <algorithm>
#include <iterator>

POLYMETER_BEGIN_NAMESPACE
namespace detail {

std::size_t PendingRequests::Hash::operator()(const Key& key) const noexcept {
  std::uint64_t hash = key.id.value ^ (static_cast<std::uint64_t>(key.id.type) << 62) ^
                       (static_cast<std::uint64_t>(key.direction) << 61);
  hash *= 0x9e3779b97f4a7c15u;
  return static_cast<std::size_t>(hash ^ hash >> 32);
}

PendingRequest* PendingRequests::Add(const PendingRequest& request) {
  if (lists_[0].size() + lists_[1].size() >= limit_) return nullptr;
  List& list = Of(request.direction);
  list.push_back(request);
  by_id_[{request.direction, request.id}].push_back(std::prev(list.end()));
  return &list.back();
}

std::optional<PendingRequest> PendingRequests::Take(LspDirection direction, const LspId& id) {
  const auto found = by_id_.find({direction, id});
  if (found == by_id_.end()) return std::nullopt;
  return Remove(Of(direction), found->second.front());
}

PendingRequest* PendingRequests::Find(LspDirection direction, const LspId& id) {
  const auto found = by_id_.find({direction, id});
  return found == by_id_.end() ? nullptr : &*found->second.back();
}

std::optional<PendingRequest> PendingRequests::TakeAny() {
  for (List& list : lists_) {
    if (!list.empty()) return Remove(list, list.begin());
  }
  return std::nullopt;
}

const PendingRequest* PendingRequests::Oldest(LspDirection direction) const {
  const List& list = Of(direction);
  return list.empty() ? nullptr : &list.front();
}
PendingRequest* PendingRequests::Oldest(LspDirection direction) {
  List& list = Of(direction);
  return list.empty() ? nullptr : &list.front();
}

// `request` is the first of those with its id: Take asks for it, and TakeAny for the first of all.
PendingRequest PendingRequests::Remove(List& list, List::iterator request) {
  const auto same = by_id_.find({request->direction, request->id});
  same->second.pop_front();
  if (same->second.empty()) by_id_.erase(same);
  const PendingRequest taken = *request;
  list.erase(request);
  return taken;
}

void AnsweredIds::Add(LspDirection direction, const LspId& id) {
  ring_[next_] = {direction, id};
  next_ = (next_ + 1) % kKept;
}

bool AnsweredIds::Has(LspDirection direction, const LspId& id) const {
  return std::any_of(std::begin(ring_), std::end(ring_), [&](const Answered& answered) {
    return answered.direction == direction && answered.id == id;
  });
}

}  // namespace detail
POLYMETER_END_NAMESPACE
