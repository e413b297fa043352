// The content types of a page, as a scraper reads them.
#pragma once

#include "polymeter/export.h"

POLYMETER_BEGIN_NAMESPACE
namespace testing {

inline constexpr const char* kText = "text/plain; version=0.0.4; charset=utf-8";
inline constexpr const char* kProtobuf =
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";
inline constexpr const char* kOpenMetrics =
    "application/openmetrics-text; version=1.0.0; charset=utf-8";

}  // namespace testing
POLYMETER_END_NAMESPACE
