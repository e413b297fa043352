// The families of the tracing adapter. Internal.
#pragma once

#include "integrations/common/family_row.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

inline constexpr FamilyRow kTracingFamilies[] = {
    {MetricType::kCounter,
     "traceparent_headers_total",
     "traceparent headers received, by what they were worth: valid or invalid.",
     {},
     "result"},
};

}  // namespace detail
POLYMETER_END_NAMESPACE
