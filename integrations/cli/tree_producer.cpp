#include "integrations/cli/tree_producer.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "integrations/cli/exec_families.h"
#include "integrations/runtime/runtime_families.h"

namespace polymeter::cli {
namespace {

using detail::kRuntimeFamilies;
using detail::RuntimeRow;

constexpr std::size_t kMaxMembers = 4096;  // that are looked at one by one
constexpr std::uint64_t kBlock = 512;      // getrusage(2) counts blocks

double Seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

std::uint64_t Count(long value) { return value < 0 ? 0 : static_cast<std::uint64_t>(value); }

void Begin(FamilySink& sink, std::size_t row) {
  const detail::FamilyRow& family = kRuntimeFamilies[row];
  sink.BeginFamily(family.type, family.name, family.help, detail::OptionsOf(family));
}

}  // namespace

void TreeTotals::Raise(const TreeTotals& other) {
  cpu_seconds = std::max(cpu_seconds, other.cpu_seconds);
  voluntary = std::max(voluntary, other.voluntary);
  involuntary = std::max(involuntary, other.involuntary);
  minor_faults = std::max(minor_faults, other.minor_faults);
  major_faults = std::max(major_faults, other.major_faults);
  read_bytes = std::max(read_bytes, other.read_bytes);
  written_bytes = std::max(written_bytes, other.written_bytes);
  run_delay_seconds = std::max(run_delay_seconds, other.run_delay_seconds);
}

TreeProducer::TreeProducer(pid_t guard, pid_t child) : guard_(guard), child_(child) {}

void TreeProducer::Collect(FamilySink& sink) {
  const std::lock_guard lock(mutex_);
  if (!finished_) Read();
  Write(sink);
}

void TreeProducer::Keep(const detail::ProcessSample& sample, TreeTotals& totals) const {
  if (sample.context_switches) {
    totals.voluntary += sample.context_switches->voluntary;
    totals.involuntary += sample.context_switches->involuntary;
  }
  if (sample.io) {
    totals.read_bytes += sample.io->read_bytes;
    totals.written_bytes += sample.io->write_bytes;
  }
  totals.run_delay_seconds += sample.run_delay_seconds.value_or(0);
}

void TreeProducer::Read() {
  const double tick = 1.0 / static_cast<double>(sysconf(_SC_CLK_TCK));
  const std::vector<TreeProcess> tree = Descendants(guard_);
  now_ = Now();
  TreeTotals totals = ended_;
  for (auto& [pid, member] : members_) member.seen = false;
  for (const TreeProcess& process : tree) {
    totals.cpu_seconds += static_cast<double>(process.cpu_ticks) * tick;
    totals.minor_faults += process.minor_faults;
    totals.major_faults += process.major_faults;
    if (process.state == 'Z') continue;
    ++now_.processes;
    auto found = members_.find(process.pid);
    if (found != members_.end() && found->second.start_ticks != process.start_ticks) {
      Keep(found->second.sample, ended_);  // another one has its number
      Keep(found->second.sample, totals);
      members_.erase(found);
      found = members_.end();
    }
    if (found == members_.end()) {
      if (members_.size() >= kMaxMembers) continue;
      found = members_.try_emplace(process.pid, process.pid, process.start_ticks).first;
    }
    Member& member = found->second;
    detail::ProcessSample sample;
    if (!member.reader.Read(sample)) continue;
    member.seen = true;
    member.sample = sample;
    Keep(sample, totals);
    now_.resident += sample.resident_bytes.value_or(0);
    now_.virtual_memory += sample.virtual_bytes.value_or(0);
    now_.fds += sample.open_fds.value_or(0);
    now_.threads += sample.threads.value_or(0);
    if (process.pid == child_) start_time_ = sample.start_time_seconds;
  }
  for (auto member = members_.begin(); member != members_.end();) {
    if (member->second.seen) {
      ++member;
      continue;
    }
    Keep(member->second.sample, ended_);
    Keep(member->second.sample, totals);
    member = members_.erase(member);
  }
  // The guard has waited for those whose parents are gone.
  if (const auto guard = ReadTreeProcess(guard_)) {
    totals.cpu_seconds += static_cast<double>(guard->children_cpu_ticks) * tick;
    totals.minor_faults += guard->children_minor_faults;
    totals.major_faults += guard->children_major_faults;
  }
  // One that ended between two looks is in neither of them: nothing steps back for that.
  totals_.Raise(totals);
}

void TreeProducer::Finish(const std::optional<rusage>& usage) {
  const std::lock_guard lock(mutex_);
  finished_ = true;
  now_ = Now();
  members_.clear();
  if (!usage) return;
  TreeTotals totals;
  totals.cpu_seconds = Seconds(usage->ru_utime) + Seconds(usage->ru_stime);
  totals.voluntary = Count(usage->ru_nvcsw);
  totals.involuntary = Count(usage->ru_nivcsw);
  totals.minor_faults = Count(usage->ru_minflt);
  totals.major_faults = Count(usage->ru_majflt);
  totals.read_bytes = Count(usage->ru_inblock) * kBlock;
  totals.written_bytes = Count(usage->ru_oublock) * kBlock;
  totals_.Raise(totals);
}

void TreeProducer::Write(FamilySink& sink) const {
  Begin(sink, RuntimeRow("process_cpu_seconds_total"));
  sink.Counter({}, totals_.cpu_seconds);
  Begin(sink, RuntimeRow("process_context_switches_total"));
  sink.Counter({{"type", "voluntary"}}, totals_.voluntary);
  sink.Counter({{"type", "involuntary"}}, totals_.involuntary);
  Begin(sink, RuntimeRow("process_page_faults_total"));
  sink.Counter({{"type", "minor"}}, totals_.minor_faults);
  sink.Counter({{"type", "major"}}, totals_.major_faults);
  Begin(sink, RuntimeRow("process_disk_io_bytes_total"));
  sink.Counter({{"direction", "read"}}, totals_.read_bytes);
  sink.Counter({{"direction", "write"}}, totals_.written_bytes);
  Begin(sink, RuntimeRow("process_run_delay_seconds_total"));
  sink.Counter({}, totals_.run_delay_seconds);
  if (start_time_) {
    Begin(sink, RuntimeRow("process_start_time_seconds"));
    sink.Gauge({}, *start_time_);
  }
  const detail::FamilyRow& processes = detail::kExecFamilies[detail::kExecProcesses];
  sink.BeginFamily(processes.type, processes.name, processes.help, detail::OptionsOf(processes));
  sink.Gauge({}, static_cast<double>(now_.processes));
  if (finished_) return;
  const auto gauge = [&sink](std::size_t row, std::uint64_t value) {
    Begin(sink, row);
    sink.Gauge({}, static_cast<double>(value));
  };
  gauge(RuntimeRow("process_resident_memory_bytes"), now_.resident);
  gauge(RuntimeRow("process_virtual_memory_bytes"), now_.virtual_memory);
  gauge(RuntimeRow("process_open_fds"), now_.fds);
  gauge(RuntimeRow("process_threads"), now_.threads);
}

}  // namespace polymeter::cli
