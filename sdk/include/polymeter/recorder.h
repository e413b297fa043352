// Recording where no Metrics is at hand: by name, or through a handle that the call site keeps.
// C++17.
//
//   int main() {
//     auto metrics = polymeter::FromEnvironment("indexer");
//     auto installed = polymeter::InstallDefault(metrics);  // only main, and tests, do this
//     ...
//   }
//   polymeter::RecordLatency("inference", 1.2ms, {{"model", "base"}});
//   POLYMETER_COUNTER("pages_indexed_total", "Pages indexed.").Increment();
//
// All recording calls are thread-safe and never throw. They are safe at any time, in constructors
// and destructors of static objects, too: while no default is installed a call does nothing and is
// counted (RecorderReport). After a series' first call they take no lock and allocate nothing. Not
// for signal handlers.
//
// A family that is already there under that name and with that type is used as it is, whoever made
// it: declare it on the Metrics beforehand to give it help, unit, buckets and label names.
// Otherwise the first call makes it, with the labels of that call; later calls bring the same label
// names, in any order. Bad names, other label names and another type under the name are refused by
// the Metrics as any other family's: counted, and reported once (metrics.h).
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string_view>
#include <type_traits>
#include <utility>

#include "polymeter/family.h"
#include "polymeter/instruments.h"
#include "polymeter/metrics.h"

POLYMETER_BEGIN_NAMESPACE

// --- the default -----------------------------------------------------------------------------

class DefaultInstallation;

// Makes `metrics` the process' default. For main, and for tests, where it hides the installation
// before it until it ends. Thread-safe. Without memory it installs nothing, and `metrics` logs it.
POLYMETER_EXPORT DefaultInstallation InstallDefault(const Metrics& metrics) noexcept;

// While it lives, the Metrics that it was made for is the default, unless a later installation
// hides it. It holds a copy of that Metrics. Its destructor gives the place back to the latest
// installation that still lives, in whatever order they end. Movable; belongs to one thread.
class [[nodiscard]] DefaultInstallation {
 public:
  DefaultInstallation() noexcept = default;  // installs nothing
  DefaultInstallation(DefaultInstallation&& other) noexcept : id_(std::exchange(other.id_, 0)) {}
  DefaultInstallation& operator=(DefaultInstallation&& other) noexcept {
    if (this != &other) {
      End();
      id_ = std::exchange(other.id_, 0);
    }
    return *this;
  }
  ~DefaultInstallation() { End(); }

  // Ends the installation before its destructor does. If its Metrics is the last copy, this stops
  // the backends within Options::StopDeadline.
  POLYMETER_EXPORT void End() noexcept;

  // Whether it has installed something that has not ended.
  explicit operator bool() const noexcept { return id_ != 0; }

 private:
  friend DefaultInstallation InstallDefault(const Metrics& metrics) noexcept;
  std::uint64_t id_ = 0;
};

// The default; one that records nothing while none is installed. Takes a lock: for set-up code.
POLYMETER_EXPORT Metrics Default() noexcept;

// Recording calls of this process that found no default. The default's own snapshots have them,
// too: polymeter_recorder_dropped_total{reason="before_installation"|"after_shutdown"}. A forked
// child begins at zero.
struct RecorderDrops {
  std::uint64_t before_installation = 0;  // before the first InstallDefault
  std::uint64_t after_shutdown = 0;       // since the last one ended, or its Metrics was shut down
};
// Since the start of the process. Thread-safe.
POLYMETER_EXPORT RecorderDrops RecorderReport() noexcept;

namespace detail {

// Odd: a default is installed. Changes with every installation and end of one, and never to a value
// that it has had.
POLYMETER_EXPORT extern std::atomic<std::uint64_t> g_recorder_generation;

// What is recorded, and with it the end of the family's name.
enum class Recorded : std::uint8_t {
  kCount,    // counter, _total
  kGauge,    // gauge
  kSum,      // the same, additive when this call makes it
  kValue,    // histogram
  kLatency,  // histogram in seconds, _duration_seconds
  kItems,    // counter, _items_total
  kBytes,    // counter in bytes, _bytes_total
};
POLYMETER_EXPORT CellAddress FindRecorded(Recorded what, std::string_view name,
                                          NamedLabels labels) noexcept;

// The static behind a macro. Nothing else knows of it, so that its library may be unloaded, and it
// needs neither constructor nor destructor at run time.
class CallSite {
 public:
  constexpr CallSite() noexcept = default;
  // 0: must be resolved.
  CellAddress Cached() const noexcept {
    const std::uint64_t now = g_recorder_generation.load(std::memory_order_acquire);
    // The cell is stored before the generation: it is of this one or, stored meanwhile, of a later
    // one, and then its memory must be seen as made as well.
    if (generation_.load(std::memory_order_acquire) != now) return 0;
    return cell_.load(std::memory_order_acquire);
  }

 private:
  friend class Recorder;
  static constexpr std::uint64_t kNever = ~std::uint64_t{0} - 1;  // even: no installation's
  std::atomic<std::uint64_t> generation_{kNever};
  std::atomic<CellAddress> cell_{kNoopCell};
};
static_assert(std::is_trivially_destructible<CallSite>::value, "used by static destructors");

POLYMETER_EXPORT CellAddress Resolve(CallSite& site, MetricType type, std::string_view name,
                                     std::string_view help, NamedLabels labels = {}) noexcept;
// Options that are given must be those of a family that is already there.
POLYMETER_EXPORT CellAddress Resolve(CallSite& site, MetricType type, std::string_view name,
                                     std::string_view help, NamedLabels labels,
                                     const FamilyOptions& options) noexcept;
inline CellAddress Resolve(CallSite& site, MetricType type, std::string_view name,
                           std::string_view help, const FamilyOptions& options) noexcept {
  return Resolve(site, type, name, help, NamedLabels(), options);
}

template <class Handle>
Handle RecordedHandle(Recorded what, std::string_view name, NamedLabels labels) noexcept {
  return HandleAccess::Make<Handle>(FindRecorded(what, name, labels));
}

}  // namespace detail

// --- by name ---------------------------------------------------------------------------------
// The names are completed to what Prometheus expects; one that already ends so is kept. A call
// costs about three look-ups (Family::With): in hot loops use a macro or a kept handle. At most
// 10,000 names a default; further ones are refused.

// Counter `<name>_total`.
template <class T, std::enable_if_t<detail::kIsAmount<T>, int> = 0>
void RecordCount(std::string_view name, T n, NamedLabels labels = {}) noexcept {
  detail::RecordedHandle<Counter>(detail::Recorded::kCount, name, labels).Increment(n);
}
inline void RecordCount(std::string_view name, NamedLabels labels = {}) noexcept {
  RecordCount(name, 1, labels);
}

// Gauge `<name>`. A duration is in seconds.
template <class T>
void RecordGauge(std::string_view name, T value, NamedLabels labels = {}) noexcept {
  detail::RecordedHandle<Gauge>(detail::Recorded::kGauge, name, labels).Set(value);
}
// Adds to gauge `<name>`, which is a sum over instances when this call makes it
// (FamilyOptions::Additive); n may be negative.
template <class T, std::enable_if_t<detail::kIsAmount<T>, int> = 0>
void AddToGauge(std::string_view name, T n, NamedLabels labels = {}) noexcept {
  detail::RecordedHandle<Gauge>(detail::Recorded::kSum, name, labels).Increment(n);
}

// Histogram `<name>_duration_seconds`, in seconds: "inference" records
// inference_duration_seconds. A name that ends in _seconds is kept, and one that ends in _duration,
// _latency or _time gets _seconds alone.
template <class Rep, class Period>
void RecordLatency(std::string_view name, std::chrono::duration<Rep, Period> duration,
                   NamedLabels labels = {}) noexcept {
  detail::RecordedHandle<Histogram>(detail::Recorded::kLatency, name, labels).Observe(duration);
}

// Histogram `<name>`, of any number. Its buckets are those for latencies unless the family was
// declared with others or METRICS_BUCKETS says so.
template <class T, std::enable_if_t<detail::kIsAmount<T>, int> = 0>
void RecordValue(std::string_view name, T value, NamedLabels labels = {}) noexcept {
  detail::RecordedHandle<Histogram>(detail::Recorded::kValue, name, labels).Observe(value);
}

// How much was worked through.
struct Items {
  std::uint64_t count;  // of things: requests, pages, frames
};
// How many bytes were worked through.
struct Bytes {
  std::uint64_t count;  // of bytes
};
// Counter `<name>_items_total` or `<name>_bytes_total`. Per second of wall time is its rate().
inline void RecordThroughput(std::string_view name, Items items, NamedLabels labels = {}) noexcept {
  detail::RecordedHandle<Counter>(detail::Recorded::kItems, name, labels).Increment(items.count);
}
inline void RecordThroughput(std::string_view name, Bytes bytes, NamedLabels labels = {}) noexcept {
  detail::RecordedHandle<Counter>(detail::Recorded::kBytes, name, labels).Increment(bytes.count);
}
// The same, and RecordLatency(name, duration): per second of work is
// rate(<name>_items_total) / rate(<name>_duration_seconds_sum).
template <class Amount, class Rep, class Period>
void RecordThroughput(std::string_view name, Amount amount,
                      std::chrono::duration<Rep, Period> duration,
                      NamedLabels labels = {}) noexcept {
  RecordThroughput(name, amount, labels);
  RecordLatency(name, duration, labels);
}

// RecordLatency of its own lifetime. The default of its beginning gets it. Belongs to one thread.
class [[nodiscard]] ScopedLatency : public ScopedTimer {
 public:
  explicit ScopedLatency(std::string_view name, NamedLabels labels = {}) noexcept
      : ScopedTimer(detail::RecordedHandle<Histogram>(detail::Recorded::kLatency, name, labels)) {}
};

// --- by call site ----------------------------------------------------------------------------
// POLYMETER_COUNTER(name, help), (name, help, labels), (name, help, options) or
// (name, help, labels, options) is an expression of type polymeter::Counter. The arguments are
// evaluated once for each default, so they are constants: literals, globals, no local variable
// (that does not compile). The name is the family's whole name.
//
//   POLYMETER_COUNTER("pages_total", "Pages.", {{"kind", "index"}}).Increment(3);
//   POLYMETER_TIME_SCOPE("parse_duration_seconds", "Time to parse a page.");
//
// The series is looked up at the first evaluation and whenever the default has changed; any other
// costs three loads and a compare. A name evaluated while there is no default counts as one dropped
// call. The result may be kept as any other handle.

#define POLYMETER_RECORDER_HANDLE(Handle, ...)                                           \
  ([]() -> ::polymeter::Handle {                                                         \
    static ::polymeter::detail::CallSite polymeter_call_site;                            \
    ::polymeter::detail::CellAddress polymeter_cell = polymeter_call_site.Cached();      \
    if (__builtin_expect(polymeter_cell == 0, 0)) {                                      \
      polymeter_cell = ::polymeter::detail::Resolve(                                     \
          polymeter_call_site, ::polymeter::MetricType::k##Handle, __VA_ARGS__);         \
    }                                                                                    \
    return ::polymeter::detail::HandleAccess::Make<::polymeter::Handle>(polymeter_cell); \
  }())
#define POLYMETER_COUNTER(...) POLYMETER_RECORDER_HANDLE(Counter, __VA_ARGS__)
#define POLYMETER_GAUGE(...) POLYMETER_RECORDER_HANDLE(Gauge, __VA_ARGS__)
#define POLYMETER_HISTOGRAM(...) POLYMETER_RECORDER_HANDLE(Histogram, __VA_ARGS__)

#define POLYMETER_RECORDER_JOIN(a, b) POLYMETER_RECORDER_JOIN_TEXT(a, b)
#define POLYMETER_RECORDER_JOIN_TEXT(a, b) a##b
// A statement: observes the time from here to the end of the scope, in seconds.
#define POLYMETER_TIME_SCOPE(...)                                                           \
  const ::polymeter::ScopedTimer POLYMETER_RECORDER_JOIN(polymeter_time_scope_, __LINE__) = \
      POLYMETER_HISTOGRAM(__VA_ARGS__).Time()

POLYMETER_END_NAMESPACE
