// Who this process is, where nobody says so.
#pragma once

#include <string>

#include "polymeter/export.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

std::string HostName();  // empty when unknown
POLYMETER_EXPORT std::string
ExecutableName();  // the file's name without its folder; empty when unknown
// OpenTelemetry's rule for a service without a name: unknown_service:<executable>.
// https://opentelemetry.io/docs/specs/semconv/resource/service/
std::string UnknownService();

}  // namespace detail
POLYMETER_END_NAMESPACE
