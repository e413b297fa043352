// The processes below a process, from /proc: to measure them and to end them.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace polymeter::cli {

// What /proc/PID/stat says, as far as a tree needs it. Ticks are those of sysconf(_SC_CLK_TCK).
struct TreeProcess {
  pid_t pid = 0;
  pid_t parent = 0;
  char state = '?';
  std::uint64_t minor_faults = 0;  // with those of children that it has waited for
  std::uint64_t major_faults = 0;
  std::uint64_t cpu_ticks = 0;
  std::uint64_t children_minor_faults = 0;  // of those children alone
  std::uint64_t children_major_faults = 0;
  std::uint64_t children_cpu_ticks = 0;
  std::uint64_t start_ticks = 0;
};

// Pure. The name in the second field may hold anything.
std::optional<TreeProcess> ParseTreeProcess(std::string_view stat);

// All below `root`, without it. Empty when /proc cannot be read or shows another pid namespace.
// At most 65,536 processes of the system are looked at.
std::vector<TreeProcess> Descendants(pid_t root);

// Ends all below the caller: asks with SIGTERM, waits `grace`, then kills, at most a few seconds.
// Those that began before `since` (start_ticks) are not its business. Reaps what is the caller's
// own child.
void EndDescendants(std::chrono::milliseconds grace, std::uint64_t since = 0);

// Nothing when it cannot be read.
std::optional<TreeProcess> ReadTreeProcess(pid_t pid);

}  // namespace polymeter::cli
