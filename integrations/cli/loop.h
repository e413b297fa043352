// Waits until the child has ended, passing signals and bytes on meanwhile.
#pragma once

#include <functional>
#include <vector>

#include "integrations/cli/child.h"
#include "integrations/cli/pump.h"
#include "integrations/cli/signals.h"

namespace polymeter::cli {

struct LoopPlan {
  std::vector<Pump*> from_child;  // run dry after its end
  std::vector<Pump*> to_child;
  // The terminal has another size. Given, the child is told again after it.
  std::function<void()> resized;
};

// Returns when the child has ended and what it wrote has been passed on; where something else keeps
// its streams open, when that has written nothing for a second. A reader that then takes
// nothing for a minute, or SIGINT and its like, end that early.
void RunLoop(Child& child, Signals& signals, const LoopPlan& plan);

}  // namespace polymeter::cli
