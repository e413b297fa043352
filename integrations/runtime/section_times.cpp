#include "polymeter/section_times.h"

#include <time.h>

#include <atomic>
#include <string>
#include <utility>

#include "integrations/runtime/runtime_families.h"

POLYMETER_BEGIN_NAMESPACE
namespace {

std::int64_t Nanos(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

// Never used again, unlike what the system calls a thread.
std::uint64_t ThisThread() {
  static std::atomic<std::uint64_t> next{1};
  thread_local const std::uint64_t id = next.fetch_add(1, std::memory_order_relaxed);
  return id;
}

CounterFamily<1> MakeFamily(const Metrics& metrics, std::size_t row) {
  const detail::FamilyRow& family = detail::kRuntimeFamilies[row];
  return metrics.Counter(family.name, family.help, {"section"}, detail::OptionsOf(family));
}

}  // namespace

CpuScope::CpuScope(const detail::SectionCells& cells) noexcept : cells_(cells) {
  if (!cells_.runs) return;
  thread_ = ThisThread();
  wall_nanos_ = Nanos(CLOCK_MONOTONIC);
  cpu_nanos_ = Nanos(CLOCK_THREAD_CPUTIME_ID);
}

CpuScope::CpuScope(CpuScope&& other) noexcept
    : cells_(std::exchange(other.cells_, detail::SectionCells())),
      thread_(other.thread_),
      cpu_nanos_(other.cpu_nanos_),
      wall_nanos_(other.wall_nanos_) {}

void CpuScope::Finish() noexcept {
  if (!cells_.runs) return;
  const std::int64_t cpu = Nanos(CLOCK_THREAD_CPUTIME_ID) - cpu_nanos_;
  const std::int64_t wall = Nanos(CLOCK_MONOTONIC) - wall_nanos_;
  // In a forked child the same thread's CPU time begins anew.
  if (thread_ != ThisThread() || cpu < 0) {
    cells_.refused.Increment();
  } else {
    cells_.cpu.Increment(static_cast<double>(cpu) * 1e-9);
    cells_.wall.Increment(static_cast<double>(wall) * 1e-9);
    cells_.runs.Increment();
  }
  cells_ = detail::SectionCells();
}

SectionTimes::SectionTimes(const Metrics& metrics)
    : cpu_(MakeFamily(metrics, detail::RuntimeRow("section_cpu_seconds_total"))),
      wall_(MakeFamily(metrics, detail::RuntimeRow("section_wall_seconds_total"))),
      runs_(MakeFamily(metrics, detail::RuntimeRow("section_runs_total"))),
      refused_(MakeFamily(metrics, detail::RuntimeRow("section_refused_total"))) {}

Section SectionTimes::Get(std::string_view name) const noexcept {
  return Section({cpu_.With(name), wall_.With(name), runs_.With(name), refused_.With(name)});
}

POLYMETER_END_NAMESPACE
