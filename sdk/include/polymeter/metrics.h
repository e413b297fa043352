// Metrics: the registry that an application holds and passes around. C++17.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "polymeter/cardinality.h"
#include "polymeter/family.h"
#include "polymeter/instruments.h"
#include "polymeter/options.h"
#include "polymeter/portability.h"
#include "polymeter/producer.h"
#include "polymeter/snapshot.h"
#include "polymeter/status.h"
#include "polymeter/summary.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
class Core;
struct CoreAccess;
}  // namespace detail

// A handle on a shared core: copies refer to the same families and backends, and the last one's
// destructor stops the backends within Options::StopDeadline. All members are
// thread-safe. Nothing here throws: a family that cannot be made (a bad name, another type
// under the same name) is a no-op, counted and reported once; the Try forms give the reason.
//
// Names follow https://prometheus.io/docs/concepts/data_model/ : [a-zA-Z_:][a-zA-Z0-9_:]* for
// families, [a-zA-Z_][a-zA-Z0-9_]* for labels; names beginning with "__", `le` on histograms
// and `quantile` on summaries are refused. Asking for a family again gives the same family; with
// another type, other labels, buckets or unit it is an error that names both. Help of the first one
// stays.
class POLYMETER_EXPORT Metrics {
 public:
  // Records nothing, for ever: every instrument is a no-op.
  Metrics() noexcept;
  // Records when the options have an own backend or Consumer(); knows no built-in backend (use
  // polymeter::Build or FromEnvironment for those) and reads no environment.
  explicit Metrics(const Options& options);
  // A copy shares the core.
  Metrics(const Metrics&) noexcept;
  Metrics& operator=(const Metrics&) noexcept;
  Metrics(Metrics&&) noexcept;
  Metrics& operator=(Metrics&&) noexcept;
  ~Metrics();

  // Whether anything is recorded at all; settled at construction.
  bool recording() const noexcept;

  // --- instruments without labels ---------------------------------------------------------
  // The one series of a family without labels.
  polymeter::Counter Counter(std::string_view name, std::string_view help,
                             const FamilyOptions& options = {}) const;
  // The same of a gauge.
  polymeter::Gauge Gauge(std::string_view name, std::string_view help,
                         const FamilyOptions& options = {}) const;
  // The same of a histogram.
  polymeter::Histogram Histogram(std::string_view name, std::string_view help,
                                 const FamilyOptions& options = {}) const;
  // The same of a summary; `options` may be a SummaryOptions.
  polymeter::Summary Summary(std::string_view name, std::string_view help,
                             const FamilyOptions& options = {}) const;
  // An info that has these labels: Info("build", "Build.", {{"version", "1.2"}}). OpenMetrics shows
  // it as build_info.
  polymeter::Info Info(std::string_view name, std::string_view help, NamedLabels labels,
                       const FamilyOptions& options = {}) const;
  // An error says why there is no counter.
  Result<polymeter::Counter> TryCounter(std::string_view name, std::string_view help,
                                        const FamilyOptions& options = {}) const;
  // An error says why there is no gauge.
  Result<polymeter::Gauge> TryGauge(std::string_view name, std::string_view help,
                                    const FamilyOptions& options = {}) const;
  // An error says why there is no histogram.
  Result<polymeter::Histogram> TryHistogram(std::string_view name, std::string_view help,
                                            const FamilyOptions& options = {}) const;
  // An error says why there is no summary.
  Result<polymeter::Summary> TrySummary(std::string_view name, std::string_view help,
                                        const FamilyOptions& options = {}) const;
  // An error says why there is no info.
  Result<polymeter::Info> TryInfo(std::string_view name, std::string_view help, NamedLabels labels,
                                  const FamilyOptions& options = {}) const;

  // --- labelled families: Counter("x_total", "X.", {"model", "language"}) -------------------
  // A family of counters with N labels: With() takes one value for each name, in this order.
  template <std::size_t N>
  Family<polymeter::Counter, N> Counter(std::string_view name, std::string_view help,
                                        const char* const (&labels)[N],
                                        const FamilyOptions& options = {}) const {
    const LabelNameArray<N> names(labels);
    return Family<polymeter::Counter, N>(
        MakeFamily(MetricType::kCounter, name, help, names.views, N, options));
  }
  Family<polymeter::Counter, kDynamic> Counter(std::string_view name, std::string_view help,
                                               const std::vector<std::string>& labels,
                                               const FamilyOptions& options = {}) const {
    return Family<polymeter::Counter, kDynamic>(
        MakeFamily(MetricType::kCounter, name, help, labels, options));
  }
  // An error says why there is no family.
  template <std::size_t N>
  Result<Family<polymeter::Counter, N>> TryCounter(std::string_view name, std::string_view help,
                                                   const char* const (&labels)[N],
                                                   const FamilyOptions& options = {}) const {
    const LabelNameArray<N> names(labels);
    return Wrap<polymeter::Counter, N>(
        TryMakeFamily(MetricType::kCounter, name, help, names.views, N, options));
  }
  Result<Family<polymeter::Counter, kDynamic>> TryCounter(std::string_view name,
                                                          std::string_view help,
                                                          const std::vector<std::string>& labels,
                                                          const FamilyOptions& options = {}) const {
    return Wrap<polymeter::Counter, kDynamic>(
        TryMakeFamily(MetricType::kCounter, name, help, labels, options));
  }

  // The same of gauges.
  template <std::size_t N>
  Family<polymeter::Gauge, N> Gauge(std::string_view name, std::string_view help,
                                    const char* const (&labels)[N],
                                    const FamilyOptions& options = {}) const {
    const LabelNameArray<N> names(labels);
    return Family<polymeter::Gauge, N>(
        MakeFamily(MetricType::kGauge, name, help, names.views, N, options));
  }
  Family<polymeter::Gauge, kDynamic> Gauge(std::string_view name, std::string_view help,
                                           const std::vector<std::string>& labels,
                                           const FamilyOptions& options = {}) const {
    return Family<polymeter::Gauge, kDynamic>(
        MakeFamily(MetricType::kGauge, name, help, labels, options));
  }
  // An error says why there is no family.
  template <std::size_t N>
  Result<Family<polymeter::Gauge, N>> TryGauge(std::string_view name, std::string_view help,
                                               const char* const (&labels)[N],
                                               const FamilyOptions& options = {}) const {
    const LabelNameArray<N> names(labels);
    return Wrap<polymeter::Gauge, N>(
        TryMakeFamily(MetricType::kGauge, name, help, names.views, N, options));
  }
  Result<Family<polymeter::Gauge, kDynamic>> TryGauge(std::string_view name, std::string_view help,
                                                      const std::vector<std::string>& labels,
                                                      const FamilyOptions& options = {}) const {
    return Wrap<polymeter::Gauge, kDynamic>(
        TryMakeFamily(MetricType::kGauge, name, help, labels, options));
  }

  // The same of histograms.
  template <std::size_t N>
  Family<polymeter::Histogram, N> Histogram(std::string_view name, std::string_view help,
                                            const char* const (&labels)[N],
                                            const FamilyOptions& options = {}) const {
    const LabelNameArray<N> names(labels);
    return Family<polymeter::Histogram, N>(
        MakeFamily(MetricType::kHistogram, name, help, names.views, N, options));
  }
  Family<polymeter::Histogram, kDynamic> Histogram(std::string_view name, std::string_view help,
                                                   const std::vector<std::string>& labels,
                                                   const FamilyOptions& options = {}) const {
    return Family<polymeter::Histogram, kDynamic>(
        MakeFamily(MetricType::kHistogram, name, help, labels, options));
  }
  // An error says why there is no family.
  template <std::size_t N>
  Result<Family<polymeter::Histogram, N>> TryHistogram(std::string_view name, std::string_view help,
                                                       const char* const (&labels)[N],
                                                       const FamilyOptions& options = {}) const {
    const LabelNameArray<N> names(labels);
    return Wrap<polymeter::Histogram, N>(
        TryMakeFamily(MetricType::kHistogram, name, help, names.views, N, options));
  }
  Result<Family<polymeter::Histogram, kDynamic>> TryHistogram(
      std::string_view name, std::string_view help, const std::vector<std::string>& labels,
      const FamilyOptions& options = {}) const {
    return Wrap<polymeter::Histogram, kDynamic>(
        TryMakeFamily(MetricType::kHistogram, name, help, labels, options));
  }

  // The same of summaries.
  template <std::size_t N>
  Family<polymeter::Summary, N> Summary(std::string_view name, std::string_view help,
                                        const char* const (&labels)[N],
                                        const FamilyOptions& options = {}) const {
    const LabelNameArray<N> names(labels);
    return Family<polymeter::Summary, N>(
        MakeFamily(MetricType::kSummary, name, help, names.views, N, options));
  }
  Family<polymeter::Summary, kDynamic> Summary(std::string_view name, std::string_view help,
                                               const std::vector<std::string>& labels,
                                               const FamilyOptions& options = {}) const {
    return Family<polymeter::Summary, kDynamic>(
        MakeFamily(MetricType::kSummary, name, help, labels, options));
  }
  // An error says why there is no family.
  template <std::size_t N>
  Result<Family<polymeter::Summary, N>> TrySummary(std::string_view name, std::string_view help,
                                                   const char* const (&labels)[N],
                                                   const FamilyOptions& options = {}) const {
    const LabelNameArray<N> names(labels);
    return Wrap<polymeter::Summary, N>(
        TryMakeFamily(MetricType::kSummary, name, help, names.views, N, options));
  }
  Result<Family<polymeter::Summary, kDynamic>> TrySummary(std::string_view name,
                                                          std::string_view help,
                                                          const std::vector<std::string>& labels,
                                                          const FamilyOptions& options = {}) const {
    return Wrap<polymeter::Summary, kDynamic>(
        TryMakeFamily(MetricType::kSummary, name, help, labels, options));
  }

  // The same of infos: With() makes the series, and that is all.
  template <std::size_t N>
  Family<polymeter::Info, N> Info(std::string_view name, std::string_view help,
                                  const char* const (&labels)[N],
                                  const FamilyOptions& options = {}) const {
    const LabelNameArray<N> names(labels);
    return Family<polymeter::Info, N>(
        MakeFamily(MetricType::kInfo, name, help, names.views, N, options));
  }
  Family<polymeter::Info, kDynamic> Info(std::string_view name, std::string_view help,
                                         const std::vector<std::string>& labels,
                                         const FamilyOptions& options = {}) const {
    return Family<polymeter::Info, kDynamic>(
        MakeFamily(MetricType::kInfo, name, help, labels, options));
  }
  // An error says why there is no family.
  template <std::size_t N>
  Result<Family<polymeter::Info, N>> TryInfo(std::string_view name, std::string_view help,
                                             const char* const (&labels)[N],
                                             const FamilyOptions& options = {}) const {
    const LabelNameArray<N> names(labels);
    return Wrap<polymeter::Info, N>(
        TryMakeFamily(MetricType::kInfo, name, help, names.views, N, options));
  }
  Result<Family<polymeter::Info, kDynamic>> TryInfo(std::string_view name, std::string_view help,
                                                    const std::vector<std::string>& labels,
                                                    const FamilyOptions& options = {}) const {
    return Wrap<polymeter::Info, kDynamic>(
        TryMakeFamily(MetricType::kInfo, name, help, labels, options));
  }

  // --- collected values -------------------------------------------------------------------
  // Calls `read` once a snapshot for the total so far; see Producer for the rules. The options
  // that count are the unit, the OpenTelemetry name and attributes, constant labels and Additive().
  Attachment CounterCallback(std::string_view name, std::string_view help,
                             std::function<double()> read, const FamilyOptions& options = {}) const;
  // The same for a value that goes up and down.
  Attachment GaugeCallback(std::string_view name, std::string_view help,
                           std::function<double()> read, const FamilyOptions& options = {}) const;
  // Refers to the producer: the token's destructor waits for a running Collect.
  Attachment AddProducer(Producer& producer) const;
  // Shares it: for a producer that may hang. A call past its budget is abandoned.
  Attachment AddProducer(std::shared_ptr<Producer> producer) const;

  // --- reading and life ---------------------------------------------------------------------
  // Everything at this instant; empty, with one message, when nothing is recorded.
  Snapshot TakeSnapshot() const;
  // What became of the metrics: one report for each backend that runs.
  std::vector<BackendReport> Reports() const;
  // The bound or remote address of a backend ("127.0.0.1:9464"); empty when it has none (yet).
  std::string Endpoint(std::string_view backend = "prometheus") const;
  // The effective configuration, with where each value came from.
  std::vector<Setting> Describe() const;
  // Families by their number of series, descending, with the label to blame. Only those made
  // through Metrics, not those of producers. Counts when it is called (about 50 ns a series and
  // label), under no lock: recording and look-ups go on. Values are told apart by 64-bit hashes.
  std::vector<FamilyCardinality> CardinalityReport() const;
  // What the backends do to the families that their formats cannot carry as they are: of those
  // made through Metrics, by name, and of all backends that were selected, running or not. Of a
  // backend whose readers choose the format, what becomes of them in OpenMetrics. Names on pages
  // are those with underscores, whatever escaping a reader asks for. How label names are escaped
  // and what views for one backend do is not looked at.
  std::vector<PortabilityNote> PortabilityReport() const;
  // What has been recorded is on its way to the receivers when this returns: every push backend
  // pushes now, all at the same time. An error says what was lost, or not done by the deadline.
  Status Flush(Deadline deadline) const;
  Status Flush() const;  // within Options::StopDeadline
  // Pushes what is left and stops the backends before the deadline; recording goes on into cells
  // that nobody reads. A second call does nothing. Called at the end of main, while adapters and
  // tokens live, it pushes what they find, too; the destructor does the same without them, and logs
  // the error.
  Status Shutdown(Deadline deadline) const;
  Status Shutdown() const;  // within Options::StopDeadline
  // In a forked child: starts backends there. Series begin at zero and the instance id is new in
  // a child in any case.
  Status RestartAfterFork() const;

 private:
  friend struct detail::CoreAccess;
  template <std::size_t N>
  struct LabelNameArray {
    std::string_view views[N];
    explicit LabelNameArray(const char* const (&labels)[N]) {
      for (std::size_t i = 0; i < N; ++i) views[i] = labels[i];
    }
  };
  std::shared_ptr<detail::FamilyCore> MakeFamily(MetricType type, std::string_view name,
                                                 std::string_view help,
                                                 const std::string_view* labels, std::size_t count,
                                                 const FamilyOptions& options) const;
  Result<std::shared_ptr<detail::FamilyCore>> TryMakeFamily(MetricType type, std::string_view name,
                                                            std::string_view help,
                                                            const std::string_view* labels,
                                                            std::size_t count,
                                                            const FamilyOptions& options) const;
  std::shared_ptr<detail::FamilyCore> MakeFamily(MetricType type, std::string_view name,
                                                 std::string_view help,
                                                 const std::vector<std::string>& labels,
                                                 const FamilyOptions& options) const;
  Result<std::shared_ptr<detail::FamilyCore>> TryMakeFamily(MetricType type, std::string_view name,
                                                            std::string_view help,
                                                            const std::vector<std::string>& labels,
                                                            const FamilyOptions& options) const;
  Attachment AddCallback(MetricType type, std::string_view name, std::string_view help,
                         std::function<double()> read, const FamilyOptions& options) const;
  template <class Kind, std::size_t N>
  static Result<Family<Kind, N>> Wrap(Result<std::shared_ptr<detail::FamilyCore>> made) {
    if (!made) return made.status();
    return Family<Kind, N>(*std::move(made));
  }

  std::shared_ptr<detail::Core> core_;
};

POLYMETER_END_NAMESPACE
