#include "integrations/prometheus_cpp/dropin/own_collectables.h"

#include <cstring>
#include <mutex>
#include <unordered_map>
#include <utility>

#include "integrations/prometheus_cpp/dropin/drop_in_process.h"

namespace prometheus {
namespace detail {
namespace {

// The class of an object as its table of virtual functions tells it (Itanium C++ ABI: the first
// word). While a constructor runs it is that of the constructor's class; a derived one changes it.
const void* ClassOf(const Collectable& collectable) noexcept {
  const void* table = nullptr;
  std::memcpy(&table, static_cast<const void*>(&collectable), sizeof(table));
  return table;
}

struct OwnEntry {
  const void* class_of;
  OwnCollectable behind;
};
using OwnEntries = std::unordered_map<const Collectable*, OwnEntry>;

// Under DropInProcess::owned_lock.
OwnEntries& AllOwned() noexcept {
  static auto* const kEntries = new OwnEntries;
  return *kEntries;
}

}  // namespace

void NoteOwnCollectable(const Collectable& collectable, OwnCollectable behind) {
  const std::lock_guard lock(DropInProcess::Instance().owned_lock());
  AllOwned()[&collectable] = {ClassOf(collectable), std::move(behind)};
}

void ForgetOwnCollectable(const Collectable& collectable) noexcept {
  OwnEntries::node_type gone;  // destroyed after the lock
  const std::lock_guard lock(DropInProcess::Instance().owned_lock());
  gone = AllOwned().extract(&collectable);
}

OwnCollectable FindOwnCollectable(const Collectable& collectable) {
  const std::lock_guard lock(DropInProcess::Instance().owned_lock());
  const auto entry = AllOwned().find(&collectable);
  if (entry == AllOwned().end() || entry->second.class_of != ClassOf(collectable)) return {};
  return entry->second.behind;
}

}  // namespace detail
}  // namespace prometheus
