// Registry and Family: from the public classes to what stands behind them.
#include "prometheus/registry.h"

#include <stdexcept>

#include "integrations/prometheus_cpp/dropin/own_collectables.h"
#include "integrations/prometheus_cpp/dropin/registry_store.h"
#include "sdk/src/text.h"

namespace prometheus {
namespace detail {

// --- FamilyBase ------------------------------------------------------------------------------

FamilyBase::FamilyBase(const InstrumentType& type, const std::string& name, const std::string& help,
                       const Labels& constant_labels)
    : store_(std::make_shared<FamilyStore>(type, name, help, constant_labels)) {}

FamilyBase::~FamilyBase() {
  ForgetOwnCollectable(*this);
  store_->Clear();
}

void FamilyBase::NoteClass() { NoteOwnCollectable(*this, {nullptr, store_}); }

void* FamilyBase::FindInstrument(const Labels& labels) const { return store_->Find(labels); }
void* FamilyBase::AddInstrument(const Labels& labels, void* instrument) {
  return store_->Add(labels, instrument);
}
void FamilyBase::RemoveInstrument(const void* instrument) { store_->Remove(instrument); }
const std::string& FamilyBase::FamilyName() const { return store_->name(); }
const Labels& FamilyBase::ConstantLabels() const { return store_->constant_labels(); }
std::vector<MetricFamily> FamilyBase::CollectInstruments() const { return store_->Collect(); }

// --- RegistryStore ---------------------------------------------------------------------------

namespace {
// As prometheus-cpp lists its types.
int RankOf(MetricType type) noexcept {
  switch (type) {
    case MetricType::Counter:
      return 0;
    case MetricType::Gauge:
      return 1;
    case MetricType::Info:
      return 2;
    case MetricType::Histogram:
      return 3;
    case MetricType::Summary:
      return 4;
    case MetricType::Untyped:
      break;
  }
  return 5;
}
}  // namespace

RegistryStore::RegistryStore(Registry::InsertBehavior insert_behavior)
    : insert_behavior_(insert_behavior), mutex_(DropInProcess::Instance().NextRegistryLock()) {}

// Null when the name is free; throws when it is not and the family is not the one asked for.
FamilyBase* RegistryStore::Known(const InstrumentType& type, const std::string& name,
                                 const Labels& labels) const {
  const auto known = by_name_.find(name);
  if (known == by_name_.end()) return nullptr;
  const FamilyStore& store = *known->second->store_;
  const bool same_type = store.type().type == type.type && store.type().native == type.native &&
                         (type.native || store.type().destroy == type.destroy);
  if (!same_type) {
    throw std::invalid_argument("Family name " + name + " already exists with different type");
  }
  if (insert_behavior_ == Registry::InsertBehavior::Merge && store.HasConstantLabels(labels)) {
    return known->second;
  }
  throw std::invalid_argument(
      "Family name " + name + " already exists" +
      (insert_behavior_ == Registry::InsertBehavior::Merge ? " with other constant labels" : ""));
}

FamilyBase& RegistryStore::Add(const InstrumentType& type, Make make, const std::string& name,
                               const std::string& help, const Labels& labels) {
  const std::lock_guard lock(mutex_);
  FamilyBase* const known = Known(type, name, labels);
  if (known != nullptr) return *known;
  std::unique_ptr<FamilyBase> made(make(name, help, labels));
  FamilyBase& family = *made;
  const Key key{RankOf(type.type), next_++};
  keys_.emplace(&family, key);
  try {
    by_name_.emplace(name, &family);
    families_.emplace(key, std::move(made));
  } catch (...) {
    by_name_.erase(name);
    keys_.erase(&family);
    throw;
  }
  list_.reset();
  return family;
}

bool RegistryStore::Remove(const FamilyBase& family) {
  std::unique_ptr<FamilyBase> gone;  // destroyed after the lock
  const std::lock_guard lock(mutex_);
  const auto key = keys_.find(&family);
  if (key == keys_.end()) return false;
  const auto entry = families_.find(key->second);
  gone = std::move(entry->second);
  by_name_.erase(gone->store_->name());
  families_.erase(entry);
  keys_.erase(key);
  list_.reset();
  return true;
}

void RegistryStore::EndGuests() {
  std::map<Key, std::unique_ptr<FamilyBase>> guests;  // destroyed after the lock
  const std::lock_guard lock(mutex_);
  for (auto entry = families_.begin(); entry != families_.end();) {
    const auto family = entry++;
    if (family->second->store_->readable()) continue;
    by_name_.erase(family->second->store_->name());
    keys_.erase(family->second.get());
    guests.insert(families_.extract(family));
    list_.reset();
  }
}

void RegistryStore::Clear() {
  std::map<Key, std::unique_ptr<FamilyBase>> families;
  {
    const std::lock_guard lock(mutex_);
    families.swap(families_);
    keys_.clear();
    by_name_.clear();
    list_.reset();
  }
}

std::shared_ptr<const RegistryStore::Stores> RegistryStore::Families() {
  const std::lock_guard lock(mutex_);
  if (list_ == nullptr) {
    auto made = std::make_shared<Stores>();
    made->reserve(families_.size());
    for (const auto& entry : families_) made->push_back(entry.second->store_);
    list_ = std::move(made);
  }
  return list_;
}

}  // namespace detail

// --- Registry --------------------------------------------------------------------------------

Registry::Registry(InsertBehavior insert_behavior)
    : store_(std::make_shared<detail::RegistryStore>(insert_behavior)) {
  detail::NoteOwnCollectable(*this, {store_, nullptr});
}

Registry::~Registry() {
  detail::ForgetOwnCollectable(*this);
  store_->EndGuests();
  store_->Release();
}

std::vector<MetricFamily> Registry::Collect() const {
  std::vector<MetricFamily> families;
  const auto stores = store_->Families();  // may be made anew meanwhile
  for (const auto& store : *stores) {
    for (MetricFamily& family : store->Collect()) families.push_back(std::move(family));
  }
  return families;
}

detail::FamilyBase& Registry::AddFamily(
    const detail::InstrumentType& type,
    detail::FamilyBase* (*make)(const std::string&, const std::string&, const Labels&),
    const std::string& name, const std::string& help, const Labels& labels) {
  return store_->Add(type, make, name, help, labels);
}

bool Registry::RemoveFamily(const detail::FamilyBase& family) { return store_->Remove(family); }

}  // namespace prometheus
