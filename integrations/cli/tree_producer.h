// The process_ families summed over a program and everything that it started.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "integrations/cli/process_tree.h"
#include "integrations/runtime/process_reader.h"
#include "polymeter/options.h"
#include "polymeter/producer.h"

namespace polymeter::cli {

// Sums that only grow. What /proc alone knows (disk, waits for a CPU) is lacking for processes
// that begin and end between two snapshots; CPU time and page faults are handed on to those that
// wait for them; at the end the kernel's own totals count.
struct TreeTotals {
  double cpu_seconds = 0;
  std::uint64_t voluntary = 0;
  std::uint64_t involuntary = 0;
  std::uint64_t minor_faults = 0;
  std::uint64_t major_faults = 0;
  std::uint64_t read_bytes = 0;
  std::uint64_t written_bytes = 0;
  double run_delay_seconds = 0;

  // The larger of each.
  void Raise(const TreeTotals& other);
};

class TreeProducer final : public Producer {
 public:
  // `guard`: all below it is the program's. `child`: whose start time is the program's.
  TreeProducer(pid_t guard, pid_t child);

  void Collect(FamilySink& sink) override;
  // The program has ended: from now on there are totals alone. Thread-safe.
  void Finish(const std::optional<rusage>& usage);

 private:
  struct Member {
    Member(pid_t pid, std::uint64_t start) : start_ticks(start), reader("/", pid) {}
    std::uint64_t start_ticks;
    detail::ProcessReader reader;
    detail::ProcessSample sample;
    bool seen = false;
  };
  // What is true now and of no use afterwards.
  struct Now {
    std::uint64_t resident = 0;
    std::uint64_t virtual_memory = 0;
    std::uint64_t fds = 0;
    std::uint64_t threads = 0;
    std::uint64_t processes = 0;
  };

  void Read();
  void Keep(const detail::ProcessSample& sample, TreeTotals& totals) const;
  void Write(FamilySink& sink) const;

  const pid_t guard_;
  const pid_t child_;
  std::mutex mutex_;
  bool finished_ = false;
  std::map<pid_t, Member> members_;
  TreeTotals ended_;   // of members that are gone
  TreeTotals totals_;  // shown last
  Now now_;
  std::optional<double> start_time_;
};

}  // namespace polymeter::cli
