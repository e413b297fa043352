// Collectable: our snapshots as a prometheus::Collectable.
#include <pthread.h>

#include <exception>
#include <iterator>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <prometheus/metric_family.h>

#include "integrations/prometheus_cpp/bridge/inclusion.h"
#include "integrations/prometheus_cpp/bridge/messages.h"
#include "integrations/prometheus_cpp/bridge/to_prometheus.h"
#include "polymeter/prometheus.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr const char* kNotRecording =
    "Collectable: this Metrics records nothing, and so gives nothing: select a backend or declare "
    "Options().Consumer()";

// Knows its core weakly: the core keeps it.
class CoreCollectable final : public ::prometheus::Collectable {
 public:
  explicit CoreCollectable(WeakCore core) : core_(std::move(core)) {}

  // Throws nothing: an Exposer calls it from civetweb's C code.
  std::vector<::prometheus::MetricFamily> Collect() const noexcept override {
    const Metrics metrics = CoreAccess::Lock(core_);
    if (!metrics.recording()) return {};
    try {
      // Attached to a Metrics, whose Attach wants HELP as it is.
      Inclusion* const inclusion = Inclusion::Current();
      if (inclusion != nullptr && !inclusion->Include(core_)) {
        Say(metrics, LogLevel::kWarning,
            "Collectable: Attach was given a Collectable whose Metrics would then contain itself; "
            "it gives nothing there");
        return {};
      }
      ConvertedFamilies converted = ToPrometheus(
          metrics.TakeSnapshot(), inclusion != nullptr ? HelpText::kRaw : HelpText::kEscaped);
      SayAll(metrics, converted.problems);
      return std::move(converted.families);
    } catch (const std::exception& e) {
      Say(metrics, LogLevel::kError, e.what());
    } catch (...) {
      Say(metrics, LogLevel::kError, "Collectable: an unknown exception");
    }
    return {};
  }

 private:
  const WeakCore core_;
};

// On a Metrics that does not record.
class EmptyCollectable final : public ::prometheus::Collectable {
 public:
  std::vector<::prometheus::MetricFamily> Collect() const override { return {}; }
};

// One a core: asking again and again costs nothing, and Exposer::RemoveCollectable(
// Collectable(metrics)) finds what was registered.
class Collectables {
 public:
  static Collectables& OfProcess() {
    static Collectables* const all = new Collectables;  // outlives static destructors
    return *all;
  }

  std::shared_ptr<::prometheus::Collectable> Get(const Metrics& metrics) {
    const WeakCore core = CoreAccess::Get(metrics);
    std::shared_ptr<CoreCollectable> made;
    {
      const std::lock_guard lock(mutex_);
      const auto known = by_core_.find(core);
      if (known != by_core_.end()) {
        if (auto collectable = known->second.lock()) return collectable;
      }
      for (auto entry = by_core_.begin(); entry != by_core_.end();) {
        entry = entry->first.expired() ? by_core_.erase(entry) : std::next(entry);
      }
      made = std::make_shared<CoreCollectable>(core);
      by_core_[core] = made;
    }
    // An Exposer keeps a weak pointer only.
    CoreAccess::Keep(metrics, made);
    return made;
  }

 private:
  Collectables() {
    // A child forked while another thread holds the lock would find it locked for ever.
    pthread_atfork([] { OfProcess().mutex_.lock(); }, [] { OfProcess().mutex_.unlock(); },
                   [] { OfProcess().mutex_.unlock(); });
  }

  std::mutex mutex_;
  std::map<WeakCore, std::weak_ptr<CoreCollectable>, std::owner_less<WeakCore>> by_core_;
};

}  // namespace
}  // namespace detail

Result<std::shared_ptr<::prometheus::Collectable>> TryCollectable(const Metrics& metrics) {
  if (!metrics.recording()) {
    detail::Say(metrics, LogLevel::kWarning, detail::kNotRecording);
    return Status::Error(detail::kNotRecording);
  }
  try {
    return detail::Collectables::OfProcess().Get(metrics);
  } catch (const std::exception& e) {
    const std::string why = std::string("Collectable: nothing is given: ") + e.what();
    detail::Say(metrics, LogLevel::kError, why);
    return Status::Error(why);
  }
}

std::shared_ptr<::prometheus::Collectable> Collectable(const Metrics& metrics) {
  if (auto made = TryCollectable(metrics)) return *std::move(made);
  return std::make_shared<detail::EmptyCollectable>();
}

POLYMETER_END_NAMESPACE
