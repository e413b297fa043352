// polymeter::Scrape: a scrape for a service that has an HTTP server of its own.
#include "polymeter/scrape.h"

#include "sdk/src/core.h"
#include "sdk/src/core_access.h"

#if POLYMETER_WITH_PROMETHEUS
#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include "exporters/prometheus/exposition.h"
#endif

POLYMETER_BEGIN_NAMESPACE
#if POLYMETER_WITH_PROMETHEUS
namespace detail {
namespace {

// What each core's scrapes share: encoders and their caches. The core keeps it, so that it goes
// with it; here it is only found again.
class Expositions {
 public:
  static Expositions& Instance() {
    static auto* const kInstance = new Expositions;  // static destructors may still scrape
    return *kInstance;
  }

  std::shared_ptr<Exposition> For(const Metrics& metrics) {
    const std::weak_ptr<Core> core = CoreAccess::Get(metrics);
    const std::lock_guard lock(mutex_);
    const auto known = by_core_.find(core);
    if (known != by_core_.end()) return known->second.lock();
    std::erase_if(by_core_, [](const auto& entry) { return entry.first.expired(); });
    auto exposition = std::make_shared<Exposition>(ExpositionOptions{});
    CoreAccess::Keep(metrics, exposition);
    by_core_.emplace(core, exposition);
    return exposition;
  }

 private:
  std::mutex mutex_;
  std::map<std::weak_ptr<Core>, std::weak_ptr<Exposition>, std::owner_less<>> by_core_;
};

}  // namespace
}  // namespace detail
#endif

Status Scrape(const Metrics& metrics, const ScrapeRequest& request, ScrapeSink& sink) try {
  if (!metrics.recording()) {
    const std::string message =
        "nothing to scrape: this Metrics records nothing. Select a backend or declare "
        "Options().Consumer()";
    const auto& core = detail::CoreAccess::Get(metrics);
    if (core != nullptr) core->Log(LogLevel::kWarning, message);
    return Status::Error(message);
  }
#if POLYMETER_WITH_PROMETHEUS
  const auto take = [&](Deadline deadline) -> std::optional<Snapshot> {
    return detail::CoreAccess::Source(metrics)->TakeSnapshot(deadline);
  };
  return detail::Expositions::Instance().For(metrics)->Answer(take, request, sink);
#else
  static_cast<void>(request);
  static_cast<void>(sink);
  return Status::Error("this build has no Prometheus encoders (POLYMETER_WITH_PROMETHEUS is off)");
#endif
} catch (const std::exception& e) {
  return Status::Error(e.what());
} catch (...) {
  return Status::Error("an exception");
}

POLYMETER_END_NAMESPACE
