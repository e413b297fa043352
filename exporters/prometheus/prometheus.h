// Backend `prometheus`: serves /metrics to whoever scrapes it.
#pragma once

#include "exporters/backend_info.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

const BackendInfo& PrometheusBackendInfo();

}  // namespace detail
POLYMETER_END_NAMESPACE
