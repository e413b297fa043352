// What the environment says to a prometheus-cpp program. Pure. Internal.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "exporters/prometheus/exposition.h"
#include "sdk/src/env.h"
#include "sdk/src/option_spec.h"
#include "sdk/src/problems.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// METRICS_STRICT; a value that is no bool counts as false and is a problem.
bool StrictOf(const Environment& environment, Problems& problems);

// METRICS_PROMETHEUS_<NAME>: what an Exposer reads beside the backends' own options.
std::span<const OptionSpec> ExposerOptionSpecs();

// What an Exposer serves: text 0.0.4 alone, unless METRICS_PROMETHEUS_FORMATS says more.
ExpositionOptions PagesOf(const Environment& environment, Problems& problems);

// What is pushed beside the Exposer.
struct PushSelection {
  // Whether METRICS_BACKEND names any backend that pushes. OTEL_METRICS_EXPORTER never does.
  bool any = false;
  // The same one for Configure: METRICS_BACKEND without the names that mean nothing here.
  Environment environment;
  // About those names: they are no mistakes.
  std::vector<std::string> notices;
};
PushSelection PushSelectionOf(const Environment& environment);

}  // namespace detail
POLYMETER_END_NAMESPACE
