// Backend `console`: the text page (0.0.4) on standard output, for people.
#pragma once

#include "exporters/backend_info.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

const BackendInfo& ConsoleBackendInfo();

}  // namespace detail
POLYMETER_END_NAMESPACE
