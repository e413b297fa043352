// From Options and the environment to one effective configuration: which backends run, the
// service's identity, and the settings that are not a backend's own.
//
// Priority: METRICS_* > the standards' variables (OTEL_*) > Options > default.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "polymeter/options.h"
#include "sdk/src/env.h"
#include "sdk/src/option_spec.h"
#include "sdk/src/problems.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// What selection needs to know about a row of the table of backends.
struct KnownBackend {
  std::string_view name;
  std::span<const OptionSpec> options;
  // The build option that left it out (POLYMETER_WITH_OTLP); empty for one that is built in.
  std::string_view left_out_by;
};

struct Selection {
  Options options;                    // everything applied
  std::vector<std::string> backends;  // by name, without null; each known, built in and once
  std::vector<Setting> settings;      // those that are not a backend's
  bool strict = false;                // METRICS_STRICT
};

// METRICS_BACKEND holds names in any case, with spaces, twice or with `null` beside them: null
// is what remains when no other name is given, and adds nothing beside one. Set, it decides, even
// when all of its names are wrong. After it come OTEL_METRICS_EXPORTER (unless
// OTEL_SDK_DISABLED=true) and Options::Backends.
Selection Select(const Options& options, const Environment& environment,
                 const std::vector<KnownBackend>& known, Problems& problems);

}  // namespace detail
POLYMETER_END_NAMESPACE
