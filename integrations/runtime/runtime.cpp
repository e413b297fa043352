// RuntimeMetrics: attaches the producer.
#include "polymeter/runtime.h"

#include <exception>
#include <memory>
#include <string>

#include "integrations/runtime/runtime_producer.h"
#include "integrations/runtime/say.h"

POLYMETER_BEGIN_NAMESPACE

RuntimeMetrics::RuntimeMetrics(const Metrics& metrics, const RuntimeOptions& options) noexcept {
  if (!metrics.recording()) return;
  try {
    auto producer = std::make_shared<detail::RuntimeProducer>(options);
    if (producer->watches()) {
      // Shared: a file that hangs (a dead network mount below the root) holds up nobody.
      attachment_ = metrics.AddProducer(std::move(producer));
      return;
    }
    detail::SayWarning(metrics, "runtime: process " + std::to_string(options.pid()) +
                                    " cannot be read in " + options.root() +
                                    (options.root() == "/" ? "proc" : "/proc") +
                                    "; it has no metrics");
  } catch (const std::exception& e) {
    detail::SayWarning(metrics, e.what());
  }
}

POLYMETER_END_NAMESPACE
