// Adds to a build what is known of its single units: what the compiler cache did, where the
// compiler spent its time, how much memory it took. Only AddTimeTraces reads files.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "integrations/build/build_model.h"
#include "integrations/build/ccache_log.h"
#include "integrations/build/critical_path.h"
#include "integrations/build/proc_stat_report.h"
#include "integrations/build/time_trace.h"
#include "polymeter/build.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace build {

// All that a Build has, in the public type; the steps in the same order.
BuildSummary SummaryOf(const Build& build);
// `path`'s indices are those of the steps.
void AddCriticalPath(const CriticalPath& path, BuildSummary& build);

// Adds up the requests, and marks the compilations that were served as cached. A call is told by
// its source, as the step's or, where one of the two is relative, as its end; of several steps with
// one source the shortest are those that were served.
void AddCcacheLog(const CcacheLog& log, BuildSummary& build);

// The largest process of each step, by the name of its output; of several lines the last (the
// file grows from build to build), and none for a step that the cache served.
void AddProcStats(const ProcStatReport& report, BuildSummary& build);

// Where clang writes the trace of an object: "dir/a.cpp.o" -> "dir/a.cpp.json".
std::string TimeTracePath(std::string_view object);
// Whether the compiler began while the build ran, a tenth of a second more or less. Without a begin
// of either it cannot be told, and is taken for true.
bool IsOfBuild(const TimeTrace& trace, const BuildSummary& build);
// Adds its phases, or an input error when it is not complete.
void AddTimeTrace(const TimeTrace& trace, BuildSummary& build);
// Looks beside the objects of the compile steps that ran, also of those that failed; `folder` is
// the one that their names are relative to. Leaves out traces of earlier builds and those of more
// than 64 MiB, and ends after 512 MiB: reading costs time too. Those left out for their size count
// as input errors.
void AddTimeTraces(const std::string& folder, BuildSummary& build);

}  // namespace build
}  // namespace detail
POLYMETER_END_NAMESPACE
