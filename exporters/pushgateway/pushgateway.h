// Backend `pushgateway`: pushes to a Prometheus Pushgateway, for jobs that end before anybody could
// scrape them.
#pragma once

#include "exporters/backend_info.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

const BackendInfo& PushgatewayBackendInfo();

}  // namespace detail
POLYMETER_END_NAMESPACE
