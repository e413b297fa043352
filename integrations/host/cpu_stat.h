// CPU times: the cpuN lines of /proc/stat.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string_view>

#include "polymeter/producer.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace host {

// Ticks by mode, in the file's order: user, nice, system, idle, iowait, irq, softirq, steal,
// guest, guest_nice. What an old kernel does not have is zero.
constexpr std::size_t kCpuModes = 10;
using CpuTicks = std::array<std::uint64_t, kCpuModes>;
using CpuTimes = std::map<std::uint32_t, CpuTicks>;  // by the CPU's number

// A line that is torn is left out.
CpuTimes ParseCpuStat(std::string_view text);

// The kernel's numbers for idle and iowait step backwards now and then: each value is held until it
// is passed. Idle that falls by three seconds or more is a CPU that was taken out and put back: its
// counters begin anew, as node_exporter has it.
class HeldCpuTimes {
 public:
  explicit HeldCpuTimes(std::uint64_t ticks_per_second) : ticks_per_second_(ticks_per_second) {}
  // CPUs that are not in `now` are forgotten.
  const CpuTimes& Update(CpuTimes now);
  void Write(FamilySink& sink) const;

 private:
  const std::uint64_t ticks_per_second_;
  CpuTimes held_;
};

}  // namespace host
}  // namespace detail
POLYMETER_END_NAMESPACE
