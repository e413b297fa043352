// Backends `json`, a file that holds the last snapshot, and `jsonl`, a file that grows by a line a
// snapshot.
#pragma once

#include "exporters/backend_info.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

const BackendInfo& JsonBackendInfo();
const BackendInfo& JsonlBackendInfo();

}  // namespace detail
POLYMETER_END_NAMESPACE
