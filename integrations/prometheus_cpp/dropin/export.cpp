#include <cstdlib>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "integrations/prometheus_cpp/dropin/push_hub.h"
#include "polymeter/prometheus_api.h"

POLYMETER_BEGIN_NAMESPACE
namespace {

// What was exported for ever.
struct ForEver {
  std::mutex mutex;
  std::vector<std::unique_ptr<detail::PushHubUse>> uses;
};
ForEver& AllForEver() {
  static auto* const kAll = new ForEver;
  return *kAll;
}

void EndForEver() {
  std::vector<std::unique_ptr<detail::PushHubUse>> uses;
  const std::lock_guard lock(AllForEver().mutex);
  uses.swap(AllForEver().uses);
}

}  // namespace

Exported::Exported() noexcept = default;
Exported::Exported(std::unique_ptr<detail::PushHubUse> use) noexcept : use_(std::move(use)) {}
Exported::Exported(Exported&& other) noexcept = default;
Exported& Exported::operator=(Exported&& other) noexcept = default;
Exported::~Exported() = default;

void Exported::Forever() noexcept {
  if (use_ == nullptr) return;
  static const int registered = std::atexit(EndForEver);
  static_cast<void>(registered);
  try {
    const std::lock_guard lock(AllForEver().mutex);
    AllForEver().uses.push_back(std::move(use_));
  } catch (const std::exception&) {  // no memory: it stays here
  }
}

Exported Export(const std::weak_ptr<::prometheus::Collectable>& collectable) {
  auto use = std::make_unique<detail::PushHubUse>();
  use->Add(collectable);
  return Exported(std::move(use));
}

POLYMETER_END_NAMESPACE
