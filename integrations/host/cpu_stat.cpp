#include "integrations/host/cpu_stat.h"

#include <algorithm>
#include <string>
#include <utility>

#include "integrations/host/fields.h"
#include "integrations/host/host_families.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace host {
namespace {

constexpr std::string_view kModes[] = {"user",   "nice", "system",  "idle",
                                       "iowait", "irq",  "softirq", "steal"};
constexpr std::size_t kIdle = 3;
constexpr std::size_t kGuest = 8;
constexpr std::size_t kGuestNice = 9;
constexpr std::uint64_t kRestartSeconds = 3;

}  // namespace

CpuTimes ParseCpuStat(std::string_view text) {
  CpuTimes times;
  while (!text.empty()) {
    std::string_view line = NextLine(text);
    const std::string_view name = NextField(line);
    if (name.substr(0, 3) != "cpu") continue;
    const auto cpu = NumberOf<std::uint32_t>(name.substr(3));
    if (!cpu) continue;  // the sum of all
    CpuTicks ticks{};
    bool good = false;
    for (std::uint64_t& value : ticks) {
      const std::string_view field = NextField(line);
      if (field.empty()) break;
      const auto number = NumberOf<std::uint64_t>(field);
      good = number.has_value();
      if (!good) break;
      value = *number;
    }
    if (good) times.emplace(*cpu, ticks);
  }
  return times;
}

const CpuTimes& HeldCpuTimes::Update(CpuTimes now) {
  for (auto& [cpu, ticks] : now) {
    const auto before = held_.find(cpu);
    if (before == held_.end()) continue;
    const CpuTicks& old = before->second;
    if (old[kIdle] >= ticks[kIdle] + kRestartSeconds * ticks_per_second_) continue;
    for (std::size_t i = 0; i < kCpuModes; ++i) ticks[i] = std::max(ticks[i], old[i]);
  }
  held_ = std::move(now);
  return held_;
}

void HeldCpuTimes::Write(FamilySink& sink) const {
  const auto seconds = [this](std::uint64_t ticks) {
    return static_cast<double>(ticks) / static_cast<double>(ticks_per_second_);
  };
  FamilyWriter times(sink, kCpuSeconds);
  for (const auto& [number, ticks] : held_) {
    const std::string cpu = std::to_string(number);
    for (std::size_t i = 0; i < std::size(kModes); ++i) {
      times.sink().Counter({{"cpu", cpu}, {"mode", kModes[i]}}, seconds(ticks[i]));
    }
  }
  FamilyWriter guest_times(sink, kCpuGuestSeconds);
  for (const auto& [number, ticks] : held_) {
    const std::string cpu = std::to_string(number);
    guest_times.sink().Counter({{"cpu", cpu}, {"mode", "user"}}, seconds(ticks[kGuest]));
    guest_times.sink().Counter({{"cpu", cpu}, {"mode", "nice"}}, seconds(ticks[kGuestNice]));
  }
}

}  // namespace host
}  // namespace detail
POLYMETER_END_NAMESPACE
