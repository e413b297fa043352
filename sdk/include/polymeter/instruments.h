// Counter, Gauge, Histogram and timers: handles of one pointer's size.
//
// A handle refers to one series of a Metrics. Copying is free, a default-constructed
// handle is a no-op, and so is every handle of a Metrics that records nothing. All
// recording calls are thread-safe and async-signal-unsafe only where said; they take no
// lock, allocate nothing, make no system call and never throw. (Where a backend asks for single
// observations, as StatsD does, a thread's first one takes a lock and allocates, and none of
// them may be made in a signal handler. With exponential buckets, an observation beyond all earlier
// ones may take a lock and map memory.) A handle is valid as long as the Metrics that made it;
// later calls are harmless and count nothing.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "polymeter/hot_path.h"
#include "polymeter/label_value.h"

POLYMETER_BEGIN_NAMESPACE
struct Label;  // snapshot.h
namespace detail {
struct HandleAccess;  // builds handles from cells (sdk/src)

POLYMETER_EXPORT void CounterAddWithExemplar(CellAddress cell, std::uint64_t n,
                                             NamedLabels labels) noexcept;
POLYMETER_EXPORT void CounterAddWithExemplar(CellAddress cell, double n,
                                             NamedLabels labels) noexcept;
POLYMETER_EXPORT void CounterAddWithExemplar(CellAddress cell, std::uint64_t n, const Label* labels,
                                             std::size_t count) noexcept;
POLYMETER_EXPORT void CounterAddWithExemplar(CellAddress cell, double n, const Label* labels,
                                             std::size_t count) noexcept;
POLYMETER_EXPORT void HistogramObserveWithExemplar(CellAddress cell, double value,
                                                   NamedLabels labels) noexcept;
POLYMETER_EXPORT void HistogramObserveWithExemplar(CellAddress cell, double value,
                                                   const Label* labels, std::size_t count) noexcept;

template <class T>
constexpr bool kIsAmount = std::is_arithmetic_v<T> && !std::is_same_v<T, bool>;
}  // namespace detail

// A value that only grows. Integers are exact to 2^64 - 1; doubles are added as doubles.
// A negative or NaN increment is refused and counted in
// polymeter_refused_total{reason="bad_value"}; a message says so at the first one and whenever
// their number has doubled.
class Counter {
 public:
  constexpr Counter() noexcept = default;

  // By one.
  void Increment() const noexcept { detail::CounterAdd(cell_, std::uint64_t{1}); }

  // By n >= 0, of any arithmetic type but bool.
  template <class T, std::enable_if_t<detail::kIsAmount<T>, int> = 0>
  void Increment(T n) const noexcept {
    if constexpr (std::is_floating_point_v<T>) {
      detail::CounterAdd(cell_, static_cast<double>(n));
    } else {
      if (Refused(n)) return;
      detail::CounterAdd(cell_, static_cast<std::uint64_t>(n));
    }
  }

  // The same, and becomes the series' exemplar where its family keeps some
  // (FamilyOptions::Exemplars), with the current trace if that is valid, sampled or not, and with
  // these labels: IncrementWithExemplar(1, {{"job_id", 7}}). Names are label names, none twice, and
  // not trace_id, span_id (the trace's own) or le. Together with those of the trace, names and
  // values may have 128 code points, of which a trace takes 63, and there are at most 8. What is
  // more is left out label by label from the end, and as any other label that is refused counted
  // in polymeter_refused_total{reason="exemplar_label"} and reported once. Bytes that are not UTF-8
  // become U+FFFD. Two threads that give one at the same moment: one of them is kept. Async-signal-
  // safe where the application's TraceProvider is.
  // https://prometheus.io/docs/specs/om/open_metrics_spec/#exemplars
  template <class T, std::enable_if_t<detail::kIsAmount<T>, int> = 0>
  void IncrementWithExemplar(T n, NamedLabels labels) const noexcept {
    if constexpr (std::is_floating_point_v<T>) {
      detail::CounterAddWithExemplar(cell_, static_cast<double>(n), labels);
    } else {
      if (Refused(n)) return;
      detail::CounterAddWithExemplar(cell_, static_cast<std::uint64_t>(n), labels);
    }
  }
  // The same with `count` labels that are made at run time; they are not kept.
  template <class T, std::enable_if_t<detail::kIsAmount<T>, int> = 0>
  void IncrementWithExemplar(T n, const Label* labels, std::size_t count) const noexcept {
    if constexpr (std::is_floating_point_v<T>) {
      detail::CounterAddWithExemplar(cell_, static_cast<double>(n), labels, count);
    } else {
      if (Refused(n)) return;
      detail::CounterAddWithExemplar(cell_, static_cast<std::uint64_t>(n), labels, count);
    }
  }

  // The sum of all increments so far, those of other threads included. Costs a read of
  // every CPU's slot: for tests and decisions, not for hot paths.
  double Value() const noexcept { return detail::ReadCounter(cell_); }

  // False for a no-op handle.
  explicit operator bool() const noexcept { return cell_ != detail::kNoopCell; }

 private:
  friend struct detail::HandleAccess;
  // A negative integer.
  template <class T>
  bool Refused([[maybe_unused]] T n) const noexcept {
    if constexpr (std::is_signed_v<T>) {
      if (__builtin_expect(n < 0, 0)) {
        detail::RejectCounterAdd(cell_);
        return true;
      }
    }
    return false;
  }

  detail::CellAddress cell_ = detail::kNoopCell;
};

// A value that goes up and down. Set is one relaxed store.
class Gauge {
 public:
  constexpr Gauge() noexcept = default;

  // To a value of any arithmetic type but bool.
  template <class T, std::enable_if_t<detail::kIsAmount<T>, int> = 0>
  void Set(T value) const noexcept {
    detail::GaugeSet(cell_, static_cast<double>(value));
  }
  // To a duration, in seconds.
  template <class Rep, class Period>
  void Set(std::chrono::duration<Rep, Period> value) const noexcept {
    Set(std::chrono::duration<double>(value).count());
  }
  // Adds n; several threads' additions are all counted.
  template <class T = int, std::enable_if_t<detail::kIsAmount<T>, int> = 0>
  void Increment(T n = 1) const noexcept {
    detail::GaugeAdd(cell_, static_cast<double>(n));
  }
  // Subtracts n.
  template <class T = int, std::enable_if_t<detail::kIsAmount<T>, int> = 0>
  void Decrement(T n = 1) const noexcept {
    detail::GaugeAdd(cell_, -static_cast<double>(n));
  }
  // Unix time in seconds, with fraction.
  void SetToCurrentTime() const noexcept {
    if (*this) Set(std::chrono::system_clock::now().time_since_epoch());
  }

  // What it is now.
  double Value() const noexcept { return detail::ReadGauge(cell_); }
  // False for a no-op handle.
  explicit operator bool() const noexcept { return cell_ != detail::kNoopCell; }

 private:
  friend struct detail::HandleAccess;
  detail::CellAddress cell_ = detail::kNoopCell;
};

class ScopedTimer;

// Counts observations in buckets with fixed upper bounds (`le`: the bound belongs to the
// bucket), in exponential ones (FamilyOptions::Native) or in both, and sums them. NaN is refused,
// counted and reported as a Counter's bad increments are; so is, with exponential buckets, what
// there is no memory for, or what needs some in a signal handler that interrupted such a call.
class Histogram {
 public:
  constexpr Histogram() noexcept = default;

  // A value in the family's unit, of any arithmetic type but bool.
  template <class T, std::enable_if_t<detail::kIsAmount<T>, int> = 0>
  void Observe(T value) const noexcept {
    detail::HistogramObserve(cell_, static_cast<double>(value));
  }
  // A duration, in seconds.
  template <class Rep, class Period>
  void Observe(std::chrono::duration<Rep, Period> value) const noexcept {
    Observe(std::chrono::duration<double>(value).count());
  }

  // The same, and becomes the exemplar of the value's bucket where the family keeps some: see
  // Counter::IncrementWithExemplar.
  template <class T, std::enable_if_t<detail::kIsAmount<T>, int> = 0>
  void ObserveWithExemplar(T value, NamedLabels labels) const noexcept {
    detail::HistogramObserveWithExemplar(cell_, static_cast<double>(value), labels);
  }
  // The same with `count` labels that are made at run time; they are not kept.
  template <class T, std::enable_if_t<detail::kIsAmount<T>, int> = 0>
  void ObserveWithExemplar(T value, const Label* labels, std::size_t count) const noexcept {
    detail::HistogramObserveWithExemplar(cell_, static_cast<double>(value), labels, count);
  }
  // A duration, in seconds.
  template <class Rep, class Period>
  void ObserveWithExemplar(std::chrono::duration<Rep, Period> value,
                           NamedLabels labels) const noexcept {
    ObserveWithExemplar(std::chrono::duration<double>(value).count(), labels);
  }

  // Observes the time from here to the end of the scope, in seconds.
  inline ScopedTimer Time() const noexcept;

  // Calls `callable`, observes how long it took (also when it throws) and passes its
  // result or exception through.
  template <class Callable>
  decltype(auto) Measure(Callable&& callable) const;

  // How many observations there were. Count and Sum are read one after the other.
  std::uint64_t Count() const noexcept { return detail::ReadHistogramCount(cell_); }
  // The sum of all observations.
  double Sum() const noexcept { return detail::ReadHistogramSum(cell_); }
  // Sum(), so that every instrument has a Value.
  double Value() const noexcept { return Sum(); }

  // False for a no-op handle.
  explicit operator bool() const noexcept { return cell_ != detail::kNoopCell; }

 private:
  friend struct detail::HandleAccess;
  detail::CellAddress cell_ = detail::kNoopCell;
};

// Observes the lifetime of a scope. With a no-op histogram it does not read the clock.
// Belongs to one thread.
class [[nodiscard]] ScopedTimer {
 public:
  // Starts.
  explicit ScopedTimer(Histogram histogram) noexcept : histogram_(histogram) {
    if (histogram_) start_ = std::chrono::steady_clock::now();
  }
  ScopedTimer(ScopedTimer&& other) noexcept
      : histogram_(std::exchange(other.histogram_, Histogram())), start_(other.start_) {}
  ScopedTimer(const ScopedTimer&) = delete;
  ScopedTimer& operator=(const ScopedTimer&) = delete;
  ScopedTimer& operator=(ScopedTimer&&) = delete;
  ~ScopedTimer() { Finish(); }

  // Observes now instead of at the end of the scope.
  void Finish() noexcept {
    if (histogram_) histogram_.Observe(std::chrono::steady_clock::now() - start_);
    histogram_ = Histogram();
  }
  // Observes nothing.
  void Discard() noexcept { histogram_ = Histogram(); }

 private:
  Histogram histogram_;
  std::chrono::steady_clock::time_point start_{};
};

// A stopwatch whose duration the caller wants too: it reads the clock even when the
// histogram is a no-op. Observes only on Stop. Belongs to one thread.
class Timer {
 public:
  // What Stop returns.
  using Duration = std::chrono::nanoseconds;

  // Starts.
  explicit Timer(Histogram histogram) noexcept : histogram_(histogram) { Start(); }

  // Starts anew; what ran until now is forgotten.
  void Start() noexcept {
    start_ = std::chrono::steady_clock::now();
    running_ = true;
  }
  // Observes and returns the time since Start; a second Stop observes nothing and returns zero.
  Duration Stop() noexcept {
    if (!running_) return Duration::zero();
    running_ = false;
    const Duration elapsed = std::chrono::steady_clock::now() - start_;
    histogram_.Observe(elapsed);
    return elapsed;
  }
  // Observes nothing.
  void Discard() noexcept { running_ = false; }

 private:
  Histogram histogram_;
  std::chrono::steady_clock::time_point start_{};
  bool running_ = false;
};

// A series whose labels are what it says: build_info{version="1.2"} 1. Its value is always 1, so
// there is nothing to record; making the series is all.
class Info {
 public:
  constexpr Info() noexcept = default;

  // 1; 0 for a no-op handle.
  double Value() const noexcept { return *this ? 1 : 0; }
  // False for a no-op handle.
  explicit operator bool() const noexcept { return cell_ != detail::kNoopCell; }

 private:
  friend struct detail::HandleAccess;
  detail::CellAddress cell_ = detail::kNoopCell;
};

inline ScopedTimer Histogram::Time() const noexcept { return ScopedTimer(*this); }

template <class Callable>
decltype(auto) Histogram::Measure(Callable&& callable) const {
  ScopedTimer timer(*this);
  return std::forward<Callable>(callable)();
}

POLYMETER_END_NAMESPACE
