// Units as OTLP has them: UCUM codes (https://ucum.org).
#pragma once

#include <string_view>

#include "polymeter/export.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// "seconds" -> "s", "bytes" -> "By": the table of OpenTelemetry's Prometheus compatibility. What is
// not in it stays as it is.
std::string_view UcumUnit(std::string_view prometheus_unit) noexcept;

}  // namespace detail
POLYMETER_END_NAMESPACE
