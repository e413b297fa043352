#include "polymeter/host.h"

#include <exception>
#include <memory>
#include <string>

#include "integrations/host/host_producer.h"
#include "sdk/src/core.h"
#include "sdk/src/core_access.h"

POLYMETER_BEGIN_NAMESPACE

HostMetrics::HostMetrics(const Metrics& metrics, const HostOptions& options) {
  if (!metrics.recording()) return;
  const std::shared_ptr<detail::Core>& core = detail::CoreAccess::Get(metrics);
  try {
    const auto complain = [&](const std::string& message) {
      core->registry()->Refuse("bad_option", message);
    };
    // Weak: the core owns the producer.
    const auto say = [weak = std::weak_ptr(core)](LogLevel level, const std::string& message) {
      const Metrics held = detail::CoreAccess::Lock(weak);
      if (SnapshotSource* const source = detail::CoreAccess::Source(held)) {
        source->Log(level, message);
      }
    };
    // Shared: a call that hangs all the same must not hold up whoever destroys this.
    attachment_ = metrics.AddProducer(std::make_shared<detail::host::HostProducer>(
        detail::host::MakeHostConfig(options, complain, detail::host::StatVfs, say)));
  } catch (const std::exception& e) {
    if (SnapshotSource* const source = detail::CoreAccess::Source(metrics)) {
      source->Log(LogLevel::kError, std::string("host: nothing is shown: ") + e.what());
    }
  }
}

POLYMETER_END_NAMESPACE
