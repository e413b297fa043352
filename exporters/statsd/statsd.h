// Backend `statsd`: plain StatsD and DogStatsD over UDP and Unix datagrams.
#pragma once

#include "exporters/backend_info.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

const BackendInfo& StatsdBackendInfo();

}  // namespace detail
POLYMETER_END_NAMESPACE
