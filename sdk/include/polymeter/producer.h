// Producers: families whose series are found when they are collected. C++17.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "polymeter/fwd.h"
#include "polymeter/snapshot.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
struct ProducedFamilies;
struct ProducerEntry;
}  // namespace detail

// Takes the families of one collection. Used by one thread, within Producer::Collect.
//
//   sink.BeginFamily(MetricType::kGauge, "disk_free_bytes", "Free bytes.", "bytes");
//   for (const Mount& mount : mounts) sink.Gauge({{"mount", mount.path}}, mount.free);
//
// Everything is copied. A bad name, a value of another kind than the family's, a series twice
// are left out, counted and reported at most once a minute; the rest stays.
class POLYMETER_EXPORT FamilySink {
 public:
  // A series' labels, in any order; texts are copied.
  using Labels = std::initializer_list<Label>;

  explicit FamilySink(detail::ProducedFamilies& out) noexcept : out_(out) {}
  FamilySink(const FamilySink&) = delete;
  FamilySink& operator=(const FamilySink&) = delete;

  // The points that follow belong to this family. The same name again goes on with it.
  void BeginFamily(MetricType type, std::string_view name, std::string_view help,
                   std::string_view unit = {});
  // With a unit, an OpenTelemetry name and attributes, Additive(); buckets and constant labels
  // come with the points.
  void BeginFamily(MetricType type, std::string_view name, std::string_view help,
                   const FamilyOptions& options);

  // A series of a counter: its total so far.
  void Counter(Labels labels, std::uint64_t value) {
    Counter(labels.begin(), labels.size(), value);
  }
  void Counter(Labels labels, double value) { Counter(labels.begin(), labels.size(), value); }
  // A series of a gauge.
  void Gauge(Labels labels, double value) { Gauge(labels.begin(), labels.size(), value); }
  // A series of an info family: the labels are the information.
  void Info(Labels labels) { Info(labels.begin(), labels.size()); }
  // A series of a family whose type is not known.
  void Unknown(Labels labels, double value) { Unknown(labels.begin(), labels.size(), value); }

  // The same, with `count` labels of which the number is known at run time only.
  void Counter(const Label* labels, std::size_t count, std::uint64_t value);
  void Counter(const Label* labels, std::size_t count, double value);
  // The same of a gauge.
  void Gauge(const Label* labels, std::size_t count, double value);
  // The same of an info family.
  void Info(const Label* labels, std::size_t count);
  // The same of a family whose type is not known.
  void Unknown(const Label* labels, std::size_t count, double value);
  // A series of a histogram. bounds: bound_count ascending upper bounds without +Inf; buckets:
  // bound_count + 1, not cumulative.
  void Histogram(const Label* labels, std::size_t count, const double* bounds,
                 std::size_t bound_count, const std::uint64_t* buckets, double sum);
  // The same with exponential buckets and exemplars: everything of `point` but its series and its
  // single observations is copied. Its count must be the sum of its buckets; that of its native
  // part likewise.
  void Histogram(const Label* labels, std::size_t count, const HistogramPoint& point);
  // A counter's total with an exemplar.
  void Counter(const Label* labels, std::size_t count, std::uint64_t value,
               const Exemplar& exemplar);
  // A series of a summary: quantiles, and count and sum of the observations.
  void Summary(const Label* labels, std::size_t count, const Quantile* quantiles,
               std::size_t quantile_count, std::uint64_t observations, double sum);

 private:
  detail::ProducedFamilies& out_;
};

// An application's source of families.
//
// Collect is called once a snapshot, on a thread of the library, under no lock, never twice at
// the same time. Exceptions are caught and counted; the last values then stay. It may
// register metrics (they appear in the next snapshot).
class POLYMETER_EXPORT Producer {
 public:
  virtual ~Producer();
  // Gives every family with its series as they are now.
  virtual void Collect(FamilySink& sink) = 0;
};

// Keeps a producer or callback attached; detaches in its destructor. For a producer that is
// referred to, the destructor waits for a call that is running (so that the state may
// go away afterwards); for one whose ownership is shared it waits no longer than the
// producers' time budget and then abandons the call. Metrics::Shutdown never waits.
class [[nodiscard]] POLYMETER_EXPORT Attachment {
 public:
  Attachment() noexcept = default;
  explicit Attachment(std::shared_ptr<detail::ProducerEntry> entry) noexcept;
  Attachment(Attachment&& other) noexcept;
  Attachment& operator=(Attachment&& other) noexcept;
  ~Attachment();

  // Detaches now.
  void Detach() noexcept;
  // Leaves it attached as long as the Metrics lives.
  void Forever() noexcept;
  // Whether it keeps something attached.
  explicit operator bool() const noexcept { return entry_ != nullptr; }

 private:
  std::shared_ptr<detail::ProducerEntry> entry_;
};

POLYMETER_END_NAMESPACE
