// What the drop-in has beyond prometheus-cpp: METRICS_BACKEND for programs without an Exposer.
// C++14; link polymeter::prometheus_api.
//
//   auto registry = std::make_shared<prometheus::Registry>();   // as before
//   auto exported = polymeter::Export(registry);                // new
#pragma once

#include <memory>

#include "polymeter/export.h"
#include "prometheus/collectable.h"

POLYMETER_BEGIN_NAMESPACE

namespace detail {
class PushHubUse;
}  // namespace detail

// A token: while it lives, what was exported leaves through the backends of METRICS_BACKEND. The
// last one of the process, Exposers and Gateways counted, waits for a last delivery, 5 seconds at
// most.
class POLYMETER_EXPORT Exported {
 public:
  Exported() noexcept;
  explicit Exported(std::unique_ptr<detail::PushHubUse> use) noexcept;
  Exported(Exported&& other) noexcept;
  Exported& operator=(Exported&& other) noexcept;
  ~Exported();

  // Leaves it exported to the end of the process: the last delivery is when std::exit runs. The
  // Collectable's own life is not prolonged.
  void Forever() noexcept;

 private:
  std::unique_ptr<detail::PushHubUse> use_;
};

// Exports a Registry, a Family or a Collectable of one's own. The pointer is weak; of a Registry
// the last values still leave when it is gone. Without METRICS_BACKEND nothing happens.
// Thread-safe. Throws std::invalid_argument where METRICS_STRICT=true and the environment has
// problems; otherwise they are said once, on stderr.
[[gnu::warn_unused_result]] POLYMETER_EXPORT Exported
Export(const std::weak_ptr<::prometheus::Collectable>& collectable);

POLYMETER_END_NAMESPACE
