// What the backends of a Metrics do to its families.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "polymeter/backend.h"
#include "polymeter/portability.h"
#include "sdk/src/family_core.h"
#include "sdk/src/log.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// Of the built-in backends and of the application's own, of which one that is gone is left out and
// one that throws says nothing.
std::vector<PortabilityNote> CheckPortability(
    const FamilySpec& family, const std::vector<std::weak_ptr<Backend>>& own,
    const std::function<std::vector<PortabilityNote>(const FamilyDescription&)>& built_in);

// One message about what better names or options would avoid; none where there is nothing.
void ReportAvoidable(const std::vector<PortabilityNote>& notes, Logger& logger);

}  // namespace detail
POLYMETER_END_NAMESPACE
