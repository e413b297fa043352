// What stands behind a Registry: the families that it owns. Internal.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "integrations/prometheus_cpp/dropin/drop_in_process.h"
#include "integrations/prometheus_cpp/dropin/family_store.h"
#include "prometheus/registry.h"

namespace prometheus {
namespace detail {

// Thread-safe.
class RegistryStore {
 public:
  using Make = FamilyBase* (*)(const std::string&, const std::string&, const Labels&);
  using Stores = std::vector<std::shared_ptr<FamilyStore>>;

  explicit RegistryStore(Registry::InsertBehavior insert_behavior);

  // registry.h describes these.
  FamilyBase& Add(const InstrumentType& type, Make make, const std::string& name,
                  const std::string& help, const Labels& labels);
  bool Remove(const FamilyBase& family);
  // The Registry is the first of its holders; with the last one the families are destroyed. Hold
  // only while there is one.
  void Hold() noexcept { holders_.fetch_add(1, std::memory_order_relaxed); }
  void Release() {
    if (holders_.fetch_sub(1, std::memory_order_acq_rel) == 1) Clear();
  }

  // The families of instruments of a program's own end with the Registry, whoever holds the others:
  // they may refer to what ends after it.
  void EndGuests();

  // What stands behind the families, by type and then in the order in which they were made.
  std::shared_ptr<const Stores> Families();

 private:
  // As prometheus-cpp lists them: by type, then by age.
  using Key = std::pair<int, std::uint64_t>;
  void Clear();
  FamilyBase* Known(const InstrumentType& type, const std::string& name,
                    const Labels& labels) const;

  const Registry::InsertBehavior insert_behavior_;
  std::atomic<int> holders_{1};
  std::mutex& mutex_;
  std::uint64_t next_ = 0;
  std::map<Key, std::unique_ptr<FamilyBase>> families_;
  std::unordered_map<const FamilyBase*, Key> keys_;
  std::unordered_map<std::string, FamilyBase*> by_name_;
  std::shared_ptr<const Stores> list_;  // null: must be made again
};

}  // namespace detail
}  // namespace prometheus
