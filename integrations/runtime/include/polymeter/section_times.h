// CPU time and duration of named parts of a program. C++17; link polymeter::runtime.
//
//   polymeter::SectionTimes sections(metrics);
//   {
//     auto guard = sections.Enter("decode");
//     ...
//   }
#pragma once

#include <cstdint>
#include <string_view>

#include "polymeter/metrics.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
struct SectionCells {
  Counter cpu;
  Counter wall;
  Counter runs;
  Counter refused;
};
}  // namespace detail

// Observes the calling thread from here to the end of the scope: what it used of the CPU and how
// long it took. One that ends on another thread than it began on (moved there, a coroutine that
// went on elsewhere) has no CPU time: the run is counted in section_refused_total instead.
// Two clock readings at each end, one of them a system call (CLOCK_THREAD_CPUTIME_ID, about 0.2
// us); none when nothing is recorded. Sections may nest; each counts what lies within it, the inner
// ones' time included. Belongs to one thread; throws nothing.
class [[nodiscard]] POLYMETER_EXPORT CpuScope {
 public:
  explicit CpuScope(const detail::SectionCells& cells) noexcept;
  CpuScope(CpuScope&& other) noexcept;
  CpuScope(const CpuScope&) = delete;
  CpuScope& operator=(const CpuScope&) = delete;
  CpuScope& operator=(CpuScope&&) = delete;
  ~CpuScope() { Finish(); }

  // Observes now instead of at the end of the scope.
  void Finish() noexcept;
  // Observes nothing.
  void Discard() noexcept { cells_ = detail::SectionCells(); }

 private:
  detail::SectionCells cells_;
  std::uint64_t thread_ = 0;
  std::int64_t cpu_nanos_ = 0;
  std::int64_t wall_nanos_ = 0;
};

// One section; a few pointers, free to copy, thread-safe, valid as long as the Metrics. Keep it
// where the section runs often. Default-constructed it observes nothing.
class Section {
 public:
  Section() noexcept = default;
  explicit Section(const detail::SectionCells& cells) noexcept : cells_(cells) {}
  // Measures from here to the end of the scope.
  CpuScope Enter() const noexcept { return CpuScope(cells_); }

 private:
  detail::SectionCells cells_;
};

// The families section_cpu_seconds_total, section_wall_seconds_total, section_runs_total and
// section_refused_total, all with the label section. Names come from the program, not from its
// input: each is a series. Thread-safe, cheap to copy, throws nothing.
class POLYMETER_EXPORT SectionTimes {
 public:
  explicit SectionTimes(const Metrics& metrics);

  // The section of that name, made on first use.
  Section Get(std::string_view name) const noexcept;
  // Looks the section up each time.
  CpuScope Enter(std::string_view name) const noexcept { return Get(name).Enter(); }

 private:
  CounterFamily<1> cpu_;
  CounterFamily<1> wall_;
  CounterFamily<1> runs_;
  CounterFamily<1> refused_;
};

POLYMETER_END_NAMESPACE
