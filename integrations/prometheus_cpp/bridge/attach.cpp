// Attach: a prometheus::Collectable as a producer.
#include <exception>
#include <string>
#include <utility>
#include <vector>

#include "integrations/prometheus_cpp/bridge/from_prometheus.h"
#include "integrations/prometheus_cpp/bridge/inclusion.h"
#include "integrations/prometheus_cpp/bridge/messages.h"
#include "polymeter/prometheus.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

class CollectableProducer final : public Producer {
 public:
  CollectableProducer(WeakCore core, std::weak_ptr<::prometheus::Collectable> collectable)
      : core_(core), collectable_(std::move(collectable)), inclusion_(std::move(core)) {}

  // What Collect() throws is the core's to catch and count.
  void Collect(FamilySink& sink) override {
    const std::shared_ptr<::prometheus::Collectable> collectable = collectable_.lock();
    if (collectable == nullptr) return;
    std::vector<::prometheus::MetricFamily> families;
    {
      const Inclusion::Collecting collecting(inclusion_);
      families = collectable->Collect();
    }
    FamilyCopier copier(sink);
    for (const ::prometheus::MetricFamily& family : families) copier.Copy(family);
    if (!copier.problems().empty()) SayAll(CoreAccess::Lock(core_), copier.problems());
  }

 private:
  const WeakCore core_;
  const std::weak_ptr<::prometheus::Collectable> collectable_;
  Inclusion inclusion_;
};

}  // namespace
}  // namespace detail

Attachment Attach(const Metrics& metrics, std::weak_ptr<::prometheus::Collectable> collectable) {
  if (!metrics.recording()) return {};
  try {
    // Shared: a Collect() that hangs must not hold up whoever destroys the token. What it uses,
    // it owns meanwhile.
    return metrics.AddProducer(std::make_shared<detail::CollectableProducer>(
        detail::CoreAccess::Get(metrics), std::move(collectable)));
  } catch (const std::exception& e) {
    detail::Say(metrics, LogLevel::kError, std::string("Attach: nothing is attached: ") + e.what());
    return {};
  }
}

POLYMETER_END_NAMESPACE
