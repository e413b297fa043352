// Summary: count, sum, and quantiles of the latest observations. C++17.
#pragma once

#include <chrono>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "polymeter/instruments.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// `cell`: of a summary, or kNoopCell.
POLYMETER_EXPORT void SummaryObserve(CellAddress cell, double value) noexcept;
POLYMETER_EXPORT std::uint64_t ReadSummaryCount(CellAddress cell) noexcept;
POLYMETER_EXPORT double ReadSummarySum(CellAddress cell) noexcept;

}  // namespace detail

class SummaryTimer;

// Counts and sums observations, and tells quantiles of those of the last minutes
// (SummaryOptions::MaxAge). A handle as the others are (instruments.h). NaN is refused, counted and
// reported as a Counter's bad increments are.
//
// A quantile is the value of its nearest rank to within 1/65 (1.6 %), above and below zero alike,
// and not outside of what was observed. (Of an observation in whose midst an interval ends only the
// bucket may be known, which is 1/32 wide.) It counts everything in the window; there is no
// sampling. Where a series' observations lie in more than 64 octaves (powers of two), those of
// further ones are taken for the nearest; what is below 2.3e-308 counts as zero.
//
// Observe takes no lock and allocates nothing but for two occasions: the first observation of a
// series in an octave, and the first after each MaxAge / AgeBuckets, which closes the interval in
// some microseconds while others that come then wait. So it must not be called in a signal handler.
//
// Quantiles of several processes cannot be added up or averaged: where that is wanted, a Histogram
// with native buckets tells the same.
class Summary {
 public:
  constexpr Summary() noexcept = default;

  // A value in the family's unit, of any arithmetic type but bool.
  template <class T, std::enable_if_t<detail::kIsAmount<T>, int> = 0>
  void Observe(T value) const noexcept {
    if (*this) detail::SummaryObserve(cell_, static_cast<double>(value));
  }
  // A duration, in seconds.
  template <class Rep, class Period>
  void Observe(std::chrono::duration<Rep, Period> value) const noexcept {
    Observe(std::chrono::duration<double>(value).count());
  }

  // Observes the time from here to the end of the scope, in seconds.
  inline SummaryTimer Time() const noexcept;

  // Calls `callable`, observes how long it took (also when it throws) and passes its
  // result or exception through.
  template <class Callable>
  decltype(auto) Measure(Callable&& callable) const;

  // How many observations there were, of all time. Count and Sum are read one after the other.
  std::uint64_t Count() const noexcept { return detail::ReadSummaryCount(cell_); }
  // The sum of all observations, of all time.
  double Sum() const noexcept { return detail::ReadSummarySum(cell_); }
  // Sum(), so that every instrument has a Value.
  double Value() const noexcept { return Sum(); }

  // False for a no-op handle.
  explicit operator bool() const noexcept { return cell_ != detail::kNoopCell; }

 private:
  friend struct detail::HandleAccess;
  detail::CellAddress cell_ = detail::kNoopCell;
};

// Observes the lifetime of a scope. With a no-op summary it does not read the clock.
// Belongs to one thread.
class [[nodiscard]] SummaryTimer {
 public:
  // Starts.
  explicit SummaryTimer(Summary summary) noexcept : summary_(summary) {
    if (summary_) start_ = std::chrono::steady_clock::now();
  }
  SummaryTimer(SummaryTimer&& other) noexcept
      : summary_(std::exchange(other.summary_, Summary())), start_(other.start_) {}
  SummaryTimer(const SummaryTimer&) = delete;
  SummaryTimer& operator=(const SummaryTimer&) = delete;
  SummaryTimer& operator=(SummaryTimer&&) = delete;
  ~SummaryTimer() { Finish(); }

  // Observes now instead of at the end of the scope.
  void Finish() noexcept {
    if (summary_) summary_.Observe(std::chrono::steady_clock::now() - start_);
    summary_ = Summary();
  }
  // Observes nothing.
  void Discard() noexcept { summary_ = Summary(); }

 private:
  Summary summary_;
  std::chrono::steady_clock::time_point start_{};
};

inline SummaryTimer Summary::Time() const noexcept { return SummaryTimer(*this); }

template <class Callable>
decltype(auto) Summary::Measure(Callable&& callable) const {
  SummaryTimer timer(*this);
  return std::forward<Callable>(callable)();
}

POLYMETER_END_NAMESPACE
