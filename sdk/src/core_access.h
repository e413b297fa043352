// How the composition root (exporters/backends.cpp) and glue reach into a Metrics. Internal.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "polymeter/metrics.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

class Core;

// Everything that a core is made of, once selection has been settled.
struct CoreConfig {
  Options options;  // effective values: the environment already applied
  // Makes the built-in backends, in the order in which they start; the options' own ones follow.
  // Called once by Make and once more by RestartAfterFork. Empty or giving none: no built-in one.
  std::function<std::vector<std::shared_ptr<Backend>>()> make_backends;
  std::vector<Setting> settings;  // what Describe() gives
  // What the built-in backends that were selected do to a family, with their names. Pure. May be
  // empty.
  std::function<std::vector<PortabilityNote>(const FamilyDescription&)> check_portability = {};
  // Adds families that are kept elsewhere (the drop-in's) to every snapshot, as the registry adds
  // its own. Called by several threads, under no lock. May be empty.
  std::function<void(SnapshotData& data, Deadline deadline)> read_more = {};
};

struct CoreAccess {
  // Records when there is any backend or options.consumer(); else the result only answers
  // Describe(). Starts the backends. A backend that cannot start is reported and left out.
  POLYMETER_EXPORT static Metrics Make(CoreConfig config);
  static const std::shared_ptr<Core>& Get(const Metrics& metrics) noexcept { return metrics.core_; }
  // Made from a core's weak pointer by glue that must not keep it alive; no-op when it is gone.
  POLYMETER_EXPORT static Metrics Lock(const std::weak_ptr<Core>& core) noexcept;
  // The source that backends get; null for a Metrics that records nothing.
  POLYMETER_EXPORT static SnapshotSource* Source(const Metrics& metrics) noexcept;
  // Takes `thing` along until the core goes (an adapter's state behind a weak pointer).
  POLYMETER_EXPORT static void Keep(const Metrics& metrics, std::shared_ptr<void> thing);
};

}  // namespace detail
POLYMETER_END_NAMESPACE
