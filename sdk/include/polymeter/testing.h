// For tests of code that records: what a Metrics holds now, how it changed, a clock, and text.
// C++17.
//
//   polymeter::Metrics metrics(polymeter::Options().Consumer());  // records without a backend
//   polymeter::testing::Delta jobs(metrics, "jobs_total", {{"model", "base"}});
//   subject.Run();
//   assert(jobs.value() == 1);
//
// Everything reads a snapshot: callbacks and producers run, and nothing is changed. A series is
// named by its family and exactly its labels, in any order, constant ones included; label values
// may be text, integers, bool and enums, as in Family::With. Thread-safe but for Delta. Without
// dependency; matchers for GoogleTest are in testing_gmock.h.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "polymeter/label_value.h"
#include "polymeter/metrics.h"
#include "polymeter/snapshot.h"

POLYMETER_BEGIN_NAMESPACE
namespace testing {

// Labels that own their texts: {{"model", "base"}, {"status", 200}}.
class LabelSet {
 public:
  LabelSet() = default;
  LabelSet(NamedLabels labels) {  // NOLINT: implicit
    for (const NamedLabel& label : labels) Add(label.name, label.value.text());
  }
  template <class L, std::enable_if_t<std::is_same<L, Label>::value, int> = 0>
  LabelSet(const std::initializer_list<L>& labels) {  // NOLINT: implicit
    for (const Label& label : labels) Add(label.name, label.value);
  }
  // In the order in which they were given.
  const std::vector<std::pair<std::string, std::string>>& labels() const noexcept {
    return labels_;
  }
  // Whether these are the labels of the series, no more and no fewer.
  POLYMETER_EXPORT bool Match(const FamilyView& family, SeriesView series) const noexcept;

 private:
  void Add(std::string_view name, std::string_view value) {
    labels_.emplace_back(std::string(name), std::string(value));
  }
  std::vector<std::pair<std::string, std::string>> labels_;
};

// --- points of a snapshot --------------------------------------------------------------------

// Null when there is none. Valid as long as the snapshot.
inline const FamilyView* FindFamily(const Snapshot& snapshot, std::string_view name) {
  for (const FamilyView& family : snapshot.families()) {
    if (family.name == name) return &family;
  }
  return nullptr;
}

// The point of a series: FindPoint<CounterPoint>(snapshot, "jobs_total"). Null when there is none
// or it is of another kind. Valid as long as the snapshot.
template <class Point>
const Point* FindPoint(const Snapshot& snapshot, std::string_view name,
                       const LabelSet& labels = {}) {
  const FamilyView* const family = FindFamily(snapshot, name);
  if (family == nullptr) return nullptr;
  const auto* const points = std::get_if<std::vector<Point>>(&family->points);
  if (points == nullptr) return nullptr;
  for (const Point& point : *points) {
    if (labels.Match(*family, point.series)) return &point;
  }
  return nullptr;
}

// --- values ----------------------------------------------------------------------------------
// Nothing when there is no such series, or it is of a kind that has no such value.

// Of a counter, gauge or unknown; 1 of an info.
POLYMETER_EXPORT std::optional<double> ValueOf(const Snapshot& snapshot, std::string_view name,
                                               const LabelSet& labels = {});
// How many observations a histogram or summary counted.
POLYMETER_EXPORT std::optional<std::uint64_t> CountOf(const Snapshot& snapshot,
                                                      std::string_view name,
                                                      const LabelSet& labels = {});
// Their sum.
POLYMETER_EXPORT std::optional<double> SumOf(const Snapshot& snapshot, std::string_view name,
                                             const LabelSet& labels = {});
// How many of them a histogram counted that were <= `le`, which is one of its bounds or +Inf.
POLYMETER_EXPORT std::optional<std::uint64_t> BucketOf(const Snapshot& snapshot,
                                                       std::string_view name, double le,
                                                       const LabelSet& labels = {});
// Quantile 0 to 1. Of a summary: what it says of exactly this one. Of a histogram: estimated as
// PromQL's histogram_quantile does: of exponential buckets, where there are some, exponential
// within a bucket; else linear, the last bound above it. Nothing while it is empty.
POLYMETER_EXPORT std::optional<double> QuantileOf(const Snapshot& snapshot, std::string_view name,
                                                  double quantile, const LabelSet& labels = {});
// Whether there is a series with these labels, no more and no fewer.
POLYMETER_EXPORT bool Exists(const Snapshot& snapshot, std::string_view name,
                             const LabelSet& labels = {});
// Series of a family; 0 when there is no such family.
POLYMETER_EXPORT std::size_t SeriesCount(const Snapshot& snapshot, std::string_view name);

// The same of what a Metrics holds now.
inline std::optional<double> ValueOf(const Metrics& metrics, std::string_view name,
                                     const LabelSet& labels = {}) {
  return ValueOf(metrics.TakeSnapshot(), name, labels);
}
// See above.
inline std::optional<std::uint64_t> CountOf(const Metrics& metrics, std::string_view name,
                                            const LabelSet& labels = {}) {
  return CountOf(metrics.TakeSnapshot(), name, labels);
}
// See above.
inline std::optional<double> SumOf(const Metrics& metrics, std::string_view name,
                                   const LabelSet& labels = {}) {
  return SumOf(metrics.TakeSnapshot(), name, labels);
}
// See above.
inline std::optional<std::uint64_t> BucketOf(const Metrics& metrics, std::string_view name,
                                             double le, const LabelSet& labels = {}) {
  return BucketOf(metrics.TakeSnapshot(), name, le, labels);
}
// See above.
inline std::optional<double> QuantileOf(const Metrics& metrics, std::string_view name,
                                        double quantile, const LabelSet& labels = {}) {
  return QuantileOf(metrics.TakeSnapshot(), name, quantile, labels);
}
// See above.
inline bool Exists(const Metrics& metrics, std::string_view name, const LabelSet& labels = {}) {
  return Exists(metrics.TakeSnapshot(), name, labels);
}
// See above.
inline std::size_t SeriesCount(const Metrics& metrics, std::string_view name) {
  return SeriesCount(metrics.TakeSnapshot(), name);
}

// How one series changed since this object was made. A series that is not there counts as zero, so
// that one which the tested code makes can be watched from the start; a counter or histogram that
// was removed and made anew meanwhile counts from its new zero. Holds the Metrics. One thread.
class Delta {
 public:
  POLYMETER_EXPORT Delta(const Metrics& metrics, std::string_view name, LabelSet labels = {});

  // Of a counter, gauge or unknown.
  POLYMETER_EXPORT double value() const;
  // Of a histogram or summary.
  POLYMETER_EXPORT std::int64_t count() const;
  // Of a histogram or summary.
  POLYMETER_EXPORT double sum() const;

 private:
  struct Numbers {
    double value = 0;
    std::uint64_t count = 0;
    double sum = 0;
    // Tells a series that was made anew from the one before.
    std::uint32_t index = 0;
    std::uint32_t generation = 0;
    bool counts = false;  // from zero on
  };
  Numbers Now() const;
  // Numbers at the beginning, as far as they are of the same series.
  Numbers Base(const Numbers& now) const;

  Metrics metrics_;
  std::string name_;
  LabelSet labels_;
  Numbers begin_;
};

// --- time ------------------------------------------------------------------------------------

// Time that a test moves: Options().Clock(clock). Snapshots, start times and the expiry of series
// follow it; backends' intervals and deadlines do not. Copies share the time. Thread-safe.
class ManualClock {
 public:
  // Begins at 2026-01-01T00:00:00Z unless told otherwise.
  explicit ManualClock(SystemTime begin = SystemTime(std::chrono::seconds(1767225600)))
      : ticks_(std::make_shared<Ticks>(begin.time_since_epoch().count())) {}

  // The time that was set last.
  SystemTime Now() const noexcept {
    return SystemTime(SystemTime::duration(ticks_->load(std::memory_order_relaxed)));
  }
  // Moves it on, or back when `by` is negative.
  void Advance(SystemTime::duration by) noexcept {
    ticks_->fetch_add(by.count(), std::memory_order_relaxed);
  }
  // Moves it to `time`.
  void Set(SystemTime time) noexcept {
    ticks_->store(time.time_since_epoch().count(), std::memory_order_relaxed);
  }
  // The same as Now, for Options().Clock.
  SystemTime operator()() const noexcept { return Now(); }

 private:
  using Ticks = std::atomic<SystemTime::rep>;
  std::shared_ptr<Ticks> ticks_;
};

// --- text ------------------------------------------------------------------------------------

// A line for every series, ordered by family and then by labels, numbers in shortest form; for
// messages and golden files of tests. No exchange format: Render (render.h) writes those.
//
//   jobs_total{model="base"} 3
//   job_duration_seconds{} count=2 sum=0.3 le(0.1)=1 le(1)=2
//   rpc_seconds{} count=2 sum=0.3 quantile(0.5)=0.1
//
// Of a histogram, only the bounds at which something was counted. Of one family when it is named;
// otherwise of all but polymeter's own, polymeter_*.
POLYMETER_EXPORT std::string ToText(const Snapshot& snapshot, std::string_view family = {});
inline std::string ToText(const Metrics& metrics, std::string_view family = {}) {
  return ToText(metrics.TakeSnapshot(), family);
}

namespace matchers {
// For a failed matcher: what is there instead. The series of the family, or names that are near.
POLYMETER_EXPORT std::string NearMisses(const Snapshot& snapshot, MetricType type,
                                        std::string_view name);
// jobs_total{model="base"}
POLYMETER_EXPORT std::string SeriesText(std::string_view name, const LabelSet& labels);
}  // namespace matchers

}  // namespace testing
POLYMETER_END_NAMESPACE
