#include "integrations/prometheus_cpp/dropin/registry_contents.h"

#include <utility>
#include <vector>

#include "integrations/prometheus_cpp/dropin/own_collectables.h"
#include "integrations/prometheus_cpp/dropin/registry_store.h"

namespace prometheus {
namespace detail {
namespace {

class RegistryContents final : public Collectable {
 public:
  RegistryContents(std::shared_ptr<RegistryStore> store, const std::weak_ptr<Collectable>& owner)
      : store_(std::move(store)) {
    NoteOwnCollectable(*this, {store_, nullptr, true, owner});
    store_->Hold();
  }
  ~RegistryContents() override {
    ForgetOwnCollectable(*this);
    store_->Release();
  }
  // Never called: snapshots read the store.
  std::vector<MetricFamily> Collect() const override { return {}; }

 private:
  const std::shared_ptr<RegistryStore> store_;
};

}  // namespace

std::shared_ptr<Collectable> ContentsOf(const std::shared_ptr<Collectable>& collectable) {
  auto store = FindOwnCollectable(*collectable).registry;
  if (store == nullptr) return nullptr;
  return std::make_shared<RegistryContents>(std::move(store), collectable);
}

bool SameContents(const std::shared_ptr<Collectable>& a, const std::shared_ptr<Collectable>& b) {
  return FindOwnCollectable(*a).registry == FindOwnCollectable(*b).registry;
}

}  // namespace detail
}  // namespace prometheus
