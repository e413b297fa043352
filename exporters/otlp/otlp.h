// Backend `otlp`: pushes to whatever speaks OTLP, such as an OpenTelemetry Collector.
#pragma once

#include "exporters/backend_info.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

const BackendInfo& OtlpBackendInfo();

}  // namespace detail
POLYMETER_END_NAMESPACE
