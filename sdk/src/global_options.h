// The table of the settings that are not a backend's own: METRICS_BACKEND and its kin, and
// OpenTelemetry's variables that count for all backends.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "polymeter/options.h"
#include "sdk/src/option_spec.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

POLYMETER_EXPORT std::span<const OptionSpec> GlobalOptions();
// The one that says which names the others may hold.
const OptionSpec& NameValidationOption();
// GlobalOptions where these names are accepted.
std::vector<OptionSpec> GlobalOptionsFor(NameValidation names);

// By their full names. (Those that stand for one option are its `standard`.)
std::span<const OptionSpec> StandardVariables();
enum class StandardVariable : std::uint8_t {
  kMetricsExporter,
  kSdkDisabled,
  kServiceName,
  kResourceAttributes
};
const OptionSpec& SpecOf(StandardVariable variable);

// The code's options that have a variable, so that one way decides about all of them. What
// Options::Set says comes last and wins.
StringPairs SettersAsSettings(const Options& options);

// Of a choice of METRICS_EXEMPLARS.
ExemplarFilter ExemplarFilterOf(std::string_view choice);

}  // namespace detail
POLYMETER_END_NAMESPACE
