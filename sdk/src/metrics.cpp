// Metrics: the handle on a core.
#include "polymeter/metrics.h"

#include <utility>
#include <vector>

#include "sdk/src/cardinality.h"
#include "sdk/src/core.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

Metrics CoreAccess::Make(CoreConfig config) {
  Metrics metrics;
  metrics.core_ = Core::Make(std::move(config));
  return metrics;
}

Metrics CoreAccess::Lock(const std::weak_ptr<Core>& core) noexcept {
  Metrics metrics;
  metrics.core_ = core.lock();
  return metrics;
}

SnapshotSource* CoreAccess::Source(const Metrics& metrics) noexcept {
  return metrics.core_ != nullptr && metrics.core_->recording() ? metrics.core_.get() : nullptr;
}

void CoreAccess::Keep(const Metrics& metrics, std::shared_ptr<void> thing) {
  if (metrics.core_ != nullptr) metrics.core_->Keep(std::move(thing));
}

namespace {

// A callback is a producer with one series.
class CallbackProducer final : public Producer {
 public:
  CallbackProducer(MetricType type, std::string name, std::string help, FamilyOptions options,
                   std::function<double()> read)
      : type_(type),
        name_(std::move(name)),
        help_(std::move(help)),
        options_(std::move(options)),
        read_(std::move(read)) {
    for (const auto& [label, text] : options_.const_labels()) labels_.push_back({label, text});
  }

  void Collect(FamilySink& sink) override {
    const double value = read_();
    sink.BeginFamily(type_, name_, help_, options_);
    if (type_ == MetricType::kCounter) {
      sink.Counter(labels_.data(), labels_.size(), value);
    } else {
      sink.Gauge(labels_.data(), labels_.size(), value);
    }
  }

 private:
  const MetricType type_;
  const std::string name_;
  const std::string help_;
  const FamilyOptions options_;
  const std::function<double()> read_;
  std::vector<Label> labels_;  // the constant ones, which options_ holds
};

}  // namespace
}  // namespace detail

Metrics::Metrics() noexcept = default;
Metrics::Metrics(const Options& options) {
  detail::CoreConfig config;
  config.options = options;
  core_ = detail::Core::Make(std::move(config));
}
Metrics::Metrics(const Metrics&) noexcept = default;
Metrics& Metrics::operator=(const Metrics&) noexcept = default;
Metrics::Metrics(Metrics&&) noexcept = default;
Metrics& Metrics::operator=(Metrics&&) noexcept = default;
Metrics::~Metrics() = default;

bool Metrics::recording() const noexcept { return core_ != nullptr && core_->recording(); }

// --- families --------------------------------------------------------------------------------

Result<std::shared_ptr<detail::FamilyCore>> Metrics::TryMakeFamily(
    MetricType type, std::string_view name, std::string_view help, const std::string_view* labels,
    std::size_t count, const FamilyOptions& options) const {
  if (!recording()) return std::shared_ptr<detail::FamilyCore>();
  try {
    return core_->registry()->GetOrMake(type, name, help, labels, count, options);
  } catch (const std::exception& e) {
    return Status::Error(e.what());
  }
}

std::shared_ptr<detail::FamilyCore> Metrics::MakeFamily(MetricType type, std::string_view name,
                                                        std::string_view help,
                                                        const std::string_view* labels,
                                                        std::size_t count,
                                                        const FamilyOptions& options) const {
  auto made = TryMakeFamily(type, name, help, labels, count, options);
  if (!made) core_->registry()->Refuse("family", made.message() + "; nothing is recorded");
  return *std::move(made);
}

Result<std::shared_ptr<detail::FamilyCore>> Metrics::TryMakeFamily(
    MetricType type, std::string_view name, std::string_view help,
    const std::vector<std::string>& labels, const FamilyOptions& options) const {
  const std::vector<std::string_view> names(labels.begin(), labels.end());
  return TryMakeFamily(type, name, help, names.data(), names.size(), options);
}

std::shared_ptr<detail::FamilyCore> Metrics::MakeFamily(MetricType type, std::string_view name,
                                                        std::string_view help,
                                                        const std::vector<std::string>& labels,
                                                        const FamilyOptions& options) const {
  const std::vector<std::string_view> names(labels.begin(), labels.end());
  return MakeFamily(type, name, help, names.data(), names.size(), options);
}

namespace {

template <class Handle>
Handle OnlySeries(const std::shared_ptr<detail::FamilyCore>& family) noexcept {
  return detail::HandleAccess::Make<Handle>(detail::FindOrCreate(family.get(), nullptr, 0));
}

template <class Handle>
Result<Handle> OnlySeries(const Result<std::shared_ptr<detail::FamilyCore>>& family) {
  if (!family) return family.status();
  return OnlySeries<Handle>(family.value());
}

}  // namespace

polymeter::Counter Metrics::Counter(std::string_view name, std::string_view help,
                                    const FamilyOptions& options) const {
  return OnlySeries<polymeter::Counter>(
      MakeFamily(MetricType::kCounter, name, help, nullptr, 0, options));
}
polymeter::Gauge Metrics::Gauge(std::string_view name, std::string_view help,
                                const FamilyOptions& options) const {
  return OnlySeries<polymeter::Gauge>(
      MakeFamily(MetricType::kGauge, name, help, nullptr, 0, options));
}
polymeter::Histogram Metrics::Histogram(std::string_view name, std::string_view help,
                                        const FamilyOptions& options) const {
  return OnlySeries<polymeter::Histogram>(
      MakeFamily(MetricType::kHistogram, name, help, nullptr, 0, options));
}
Result<polymeter::Counter> Metrics::TryCounter(std::string_view name, std::string_view help,
                                               const FamilyOptions& options) const {
  return OnlySeries<polymeter::Counter>(
      TryMakeFamily(MetricType::kCounter, name, help, nullptr, 0, options));
}
Result<polymeter::Gauge> Metrics::TryGauge(std::string_view name, std::string_view help,
                                           const FamilyOptions& options) const {
  return OnlySeries<polymeter::Gauge>(
      TryMakeFamily(MetricType::kGauge, name, help, nullptr, 0, options));
}
Result<polymeter::Histogram> Metrics::TryHistogram(std::string_view name, std::string_view help,
                                                   const FamilyOptions& options) const {
  return OnlySeries<polymeter::Histogram>(
      TryMakeFamily(MetricType::kHistogram, name, help, nullptr, 0, options));
}

polymeter::Summary Metrics::Summary(std::string_view name, std::string_view help,
                                    const FamilyOptions& options) const {
  return OnlySeries<polymeter::Summary>(
      MakeFamily(MetricType::kSummary, name, help, nullptr, 0, options));
}
Result<polymeter::Summary> Metrics::TrySummary(std::string_view name, std::string_view help,
                                               const FamilyOptions& options) const {
  return OnlySeries<polymeter::Summary>(
      TryMakeFamily(MetricType::kSummary, name, help, nullptr, 0, options));
}

namespace {

std::vector<std::string_view> NamesOf(NamedLabels labels) {
  std::vector<std::string_view> names;
  for (const NamedLabel& label : labels) names.push_back(label.name);
  return names;
}

polymeter::Info InfoWith(const std::shared_ptr<detail::FamilyCore>& family, NamedLabels labels) {
  return detail::HandleAccess::Make<polymeter::Info>(detail::FindOrCreate(family.get(), labels));
}

}  // namespace

polymeter::Info Metrics::Info(std::string_view name, std::string_view help, NamedLabels labels,
                              const FamilyOptions& options) const {
  const std::vector<std::string_view> names = NamesOf(labels);
  return InfoWith(MakeFamily(MetricType::kInfo, name, help, names.data(), names.size(), options),
                  labels);
}
Result<polymeter::Info> Metrics::TryInfo(std::string_view name, std::string_view help,
                                         NamedLabels labels, const FamilyOptions& options) const {
  const std::vector<std::string_view> names = NamesOf(labels);
  const auto family =
      TryMakeFamily(MetricType::kInfo, name, help, names.data(), names.size(), options);
  if (!family) return family.status();
  return InfoWith(family.value(), labels);
}

// --- producers -------------------------------------------------------------------------------

Attachment Metrics::AddProducer(Producer& producer) const {
  if (!recording()) return {};
  try {
    return Attachment(core_->producers().Attach(&producer, nullptr, /*may_hang=*/false));
  } catch (const std::exception& e) {
    core_->Log(LogLevel::kError, std::string("a producer was not attached: ") + e.what());
    return {};
  }
}

Attachment Metrics::AddProducer(std::shared_ptr<Producer> producer) const {
  if (!recording() || producer == nullptr) return {};
  try {
    Producer* const address = producer.get();
    return Attachment(core_->producers().Attach(address, std::move(producer), /*may_hang=*/true));
  } catch (const std::exception& e) {
    core_->Log(LogLevel::kError, std::string("a producer was not attached: ") + e.what());
    return {};
  }
}

Attachment Metrics::AddCallback(MetricType type, std::string_view name, std::string_view help,
                                std::function<double()> read, const FamilyOptions& options) const {
  if (!recording() || read == nullptr) return {};
  try {
    auto producer = std::make_shared<detail::CallbackProducer>(
        type, std::string(name), std::string(help), options, std::move(read));
    Producer* const address = producer.get();
    return Attachment(core_->producers().Attach(address, std::move(producer), /*may_hang=*/false));
  } catch (const std::exception& e) {
    core_->Log(LogLevel::kError, std::string("a callback was not attached: ") + e.what());
    return {};
  }
}

Attachment Metrics::CounterCallback(std::string_view name, std::string_view help,
                                    std::function<double()> read,
                                    const FamilyOptions& options) const {
  return AddCallback(MetricType::kCounter, name, help, std::move(read), options);
}
Attachment Metrics::GaugeCallback(std::string_view name, std::string_view help,
                                  std::function<double()> read,
                                  const FamilyOptions& options) const {
  return AddCallback(MetricType::kGauge, name, help, std::move(read), options);
}

// --- reading and life ------------------------------------------------------------------------

Snapshot Metrics::TakeSnapshot() const {
  if (core_ == nullptr) return {};
  if (!core_->recording()) {
    core_->Log(LogLevel::kWarning,
               "a snapshot of a Metrics that records nothing: select a backend or declare "
               "Options().Consumer()");
    return {};
  }
  try {
    return core_->TakeSnapshot(Deadline::max());
  } catch (const std::exception& e) {
    core_->Log(LogLevel::kError, std::string("no snapshot: ") + e.what());
    return {};
  }
}

std::vector<BackendReport> Metrics::Reports() const {
  return recording() ? core_->Reports() : std::vector<BackendReport>();
}

std::string Metrics::Endpoint(std::string_view backend) const {
  for (const BackendReport& report : Reports()) {
    if (report.name == backend) return report.endpoint;
  }
  return {};
}

std::vector<Setting> Metrics::Describe() const {
  return core_ != nullptr ? core_->settings() : std::vector<Setting>();
}

std::vector<FamilyCardinality> Metrics::CardinalityReport() const {
  if (!recording()) return {};
  try {
    return detail::CardinalityOf(*core_->registry());
  } catch (const std::exception& e) {
    core_->Log(LogLevel::kError, std::string("no report of cardinality: ") + e.what());
    return {};
  }
}

std::vector<PortabilityNote> Metrics::PortabilityReport() const {
  if (!recording()) return {};
  try {
    return core_->PortabilityReport();
  } catch (const std::exception& e) {
    core_->Log(LogLevel::kError, std::string("no report of portability: ") + e.what());
    return {};
  }
}

Status Metrics::Flush(Deadline deadline) const {
  return core_ != nullptr ? core_->Flush(deadline) : Status();
}
Status Metrics::Flush() const {
  return core_ != nullptr ? core_->Flush(core_->DefaultStopDeadline()) : Status();
}
Status Metrics::Shutdown(Deadline deadline) const {
  return core_ != nullptr ? core_->Shutdown(deadline) : Status();
}
Status Metrics::Shutdown() const {
  return core_ != nullptr ? core_->Shutdown(core_->DefaultStopDeadline()) : Status();
}
Status Metrics::RestartAfterFork() const {
  return core_ != nullptr ? core_->RestartAfterFork() : Status();
}

POLYMETER_END_NAMESPACE
