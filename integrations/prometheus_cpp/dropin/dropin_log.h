// Where the drop-in's messages go. Internal.
#pragma once

#include <memory>

#include "sdk/src/log.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// One for the process, to stderr; rate-limited. Never destroyed, because static destructors use it.
const std::shared_ptr<Logger>& DropinLog();

}  // namespace detail
POLYMETER_END_NAMESPACE
