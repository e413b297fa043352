// The chain of steps, each needing the one before, that took longest: with ever so many processors
// the build takes as long.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "integrations/build/build_model.h"
#include "integrations/build/ninja_graph.h"
#include "polymeter/export.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace build {

struct CriticalPath {
  std::int64_t ms = 0;             // the sum of its steps' times
  std::vector<std::size_t> steps;  // indices into the steps given, in the order in which they ran
};

// A step takes part where the graph knows one of its outputs; of several steps of one edge the
// longest. One that it does not know (ninja makes build.ninja anew before all else, and no target
// needs it) is a chain of its own. What did not run takes no time but still passes dependence on.
// Edges in a circle, which ninja does not allow, are left out with what needs them.
CriticalPath FindCriticalPath(const std::vector<Step>& steps, const NinjaGraph& graph);

}  // namespace build
}  // namespace detail
POLYMETER_END_NAMESPACE
