// Units: UCUM codes as OpenTelemetry writes them, words as Prometheus does.
#pragma once

#include <string>
#include <string_view>

#include "polymeter/export.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// "s" -> "seconds", "By" -> "bytes"; a unit that is a Prometheus word already, or unknown, stays.
std::string PrometheusUnit(std::string_view unit);

}  // namespace detail
POLYMETER_END_NAMESPACE
