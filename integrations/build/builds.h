// Which entries of a .ninja_log belong to which run of ninja. The log does not say; it gives each
// entry its times since the start of its ninja, and an mtime:
//
//   version 5     of the newest output: when it was written, a little before the command's end
//   6 and 7       when the command started; of a restat or generator rule that wrote its output,
//   when it did
//
// So the mtime is an instant at which the command ran, the start of ninja lies between mtime - end
// and mtime - start (close to the first in version 5, to the second from 6 on), and as two ninjas
// do not run in one folder at once, these intervals tell builds apart. Splitting where `end` falls
// does not: a build whose first step ends late follows a short one without a fall.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "integrations/build/ninja_log.h"
#include "polymeter/export.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace build {

// One run of ninja. (A ninja that makes build.ninja anew starts again: two runs.)
struct LoggedBuild {
  // When ninja started, Unix time, within some 50 ms; nothing where no entry tells.
  std::optional<std::int64_t> begin_ms;
  std::int64_t wall_ms = 0;        // from then to the last end
  std::vector<std::size_t> edges;  // indices of NinjaLog::edges, in the order of their ends
};

// Oldest first; each edge of the log is in one of them. A log that ninja has compacted (it keeps
// one line an output, in any order) gives what is left of each build. What cannot be told: an edge
// whose mtime does not come from its run (cp -p; version 5 with restat and nothing changed; 0 where
// there is no output) goes with those before it in the file; in a compacted part those without an
// output are a build of their own.
std::vector<LoggedBuild> SplitBuilds(const NinjaLog& log);

}  // namespace build
}  // namespace detail
POLYMETER_END_NAMESPACE
