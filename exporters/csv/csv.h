// Backend `csv`: a table of the last snapshot, or one that grows by a snapshot's rows.
#pragma once

#include "exporters/backend_info.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

const BackendInfo& CsvBackendInfo();

}  // namespace detail
POLYMETER_END_NAMESPACE
