// A build from what its readers found: log, graph or compile database, and the tool's output.
#pragma once

#include <vector>

#include "integrations/build/build_model.h"
#include "integrations/build/builds.h"
#include "integrations/build/compdb.h"
#include "integrations/build/ninja_graph.h"
#include "integrations/build/ninja_log.h"
#include "integrations/build/ninja_output.h"
#include "polymeter/export.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace build {

// Where steps get their kind, language and source from; without, from the names of their outputs.
struct StepNames {
  const NinjaGraph* graph = nullptr;
  const CompileDatabase* commands = nullptr;
};

// These runs as one build, on the clock of the first; begin, wall time and steps are set.
Build BuildOf(const NinjaLog& log, const std::vector<LoggedBuild>& runs, const StepNames& names);

// Adds the steps that failed, which no log has, and what else the tool printed: tool, planned, ran,
// result. Of the lines that look like a failure those count that stand where the tool prints them
// or whose output is known by `names`; if it gave up and there is none, the last one.
void AddOutput(Build& build, const BuildOutput& output, const StepNames& names);

// The sum of the steps' times over the wall time: how many ran at once on average. 0 without times.
double Parallelism(const Build& build);

}  // namespace build
}  // namespace detail
POLYMETER_END_NAMESPACE
