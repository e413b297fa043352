// Requests that wait for their reply. Those of one direction with the same id are answered in the
// order in which they came; there are never more than a limit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <unordered_map>

#include "integrations/lsp/lsp_message.h"
#include "integrations/lsp/lsp_vocabulary.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

struct PendingRequest {
  LspDirection direction = LspDirection::kClientToServer;  // of the request
  LspId id;
  LspMethods::Id method = LspMethods::kOther;
  LspTime begin{};
  std::uint32_t cancellations = 0;
  std::optional<double> cpu_mark;  // CpuShares
  bool alone = true;               // no other request of its direction was pending meanwhile
};

class PendingRequests {
 public:
  explicit PendingRequests(std::size_t limit) : limit_(limit) {}

  // Null when there are as many as allowed. Valid until it is taken.
  PendingRequest* Add(const PendingRequest& request);
  // The oldest one with this id.
  std::optional<PendingRequest> Take(LspDirection direction, const LspId& id);
  // The youngest one with this id: what a cancellation means.
  PendingRequest* Find(LspDirection direction, const LspId& id);
  // Any one; nothing when none is left.
  std::optional<PendingRequest> TakeAny();

  std::size_t Count(LspDirection direction) const { return Of(direction).size(); }
  // The oldest of a direction; null when there is none.
  const PendingRequest* Oldest(LspDirection direction) const;
  PendingRequest* Oldest(LspDirection direction);

 private:
  using List = std::list<PendingRequest>;
  struct Key {
    LspDirection direction;
    LspId id;
    friend bool operator==(const Key& a, const Key& b) {
      return a.direction == b.direction && a.id == b.id;
    }
  };
  struct Hash {
    std::size_t operator()(const Key& key) const noexcept;
  };

  const List& Of(LspDirection direction) const {
    return lists_[static_cast<std::size_t>(direction)];
  }
  List& Of(LspDirection direction) { return lists_[static_cast<std::size_t>(direction)]; }
  PendingRequest Remove(List& list, List::iterator request);

  const std::size_t limit_;
  List lists_[2];  // by direction, in the order in which they came
  // Those with the same id, too. Nearly always one.
  std::unordered_map<Key, std::list<List::iterator>, Hash> by_id_;
};

// The ids that were answered last, so that a cancellation that comes too late is not one of an
// unknown id.
class AnsweredIds {
 public:
  void Add(LspDirection direction, const LspId& id);
  bool Has(LspDirection direction, const LspId& id) const;

 private:
  static constexpr std::size_t kKept = 512;
  struct Answered {
    LspDirection direction{};
    LspId id;
  };

  Answered ring_[kKept];
  std::size_t next_ = 0;
};

}  // namespace detail
POLYMETER_END_NAMESPACE
