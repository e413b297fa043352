#include "integrations/lsp/lsp_state.h"

#include <algorithm>
#include <mutex>
#include <utility>

#include "integrations/lsp/lsp_families.h"
#include "polymeter/buckets.h"
#include "sdk/src/core_access.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

std::int64_t Nanos(LspTime time) noexcept {
  return std::chrono::nanoseconds(time.time_since_epoch()).count();
}

FamilyOptions FamilyOptionsOf(LspFamily family) {
  FamilyOptions options = OptionsOf(kLspFamilies[family]);
  switch (family) {
    case kLspDuration:
    case kLspDiagnosticLatency:
    case kLspInitialize:
      return options.Buckets(
          {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60});
    case kLspRequestCpu:
      return options.Buckets({0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                              0.25, 0.5, 1, 5, 10, 60});
    case kLspMessageBytes:
      return options.Buckets(ExponentialBuckets(64, 4, 12));  // to 256 MiB
    case kLspOverhead:
      return options.Buckets({0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025,
                              0.005, 0.01, 0.1, 1});
    default:
      return options;
  }
}

template <std::size_t N>
CounterFamily<N> MakeCounter(const Metrics& metrics, LspFamily family,
                             const char* const (&labels)[N]) {
  const FamilyRow& row = kLspFamilies[family];
  return metrics.Counter(row.name, row.help, labels, FamilyOptionsOf(family));
}
template <std::size_t N>
HistogramFamily<N> MakeHistogram(const Metrics& metrics, LspFamily family,
                                 const char* const (&labels)[N]) {
  const FamilyRow& row = kLspFamilies[family];
  return metrics.Histogram(row.name, row.help, labels, FamilyOptionsOf(family));
}
Histogram MakeHistogram(const Metrics& metrics, LspFamily family) {
  const FamilyRow& row = kLspFamilies[family];
  return metrics.Histogram(row.name, row.help, FamilyOptionsOf(family));
}
template <std::size_t N>
GaugeFamily<N> MakeGauge(const Metrics& metrics, LspFamily family, const char* const (&labels)[N]) {
  const FamilyRow& row = kLspFamilies[family];
  return metrics.Gauge(row.name, row.help, labels, FamilyOptionsOf(family));
}

LspGauges MakeGauges(const Metrics& metrics, const std::string& server) {
  const FamilyRow& documents = kLspFamilies[kLspOpenDocuments];
  LspGauges gauges;
  gauges.in_flight = MakeGauge(metrics, kLspInFlight, {"server"}).With(server);
  gauges.open_documents =
      metrics.Gauge(documents.name, documents.help, FamilyOptionsOf(kLspOpenDocuments));
  const auto diagnostics = MakeGauge(metrics, kLspDiagnostics, {"severity"});
  for (std::size_t i = 0; i < kLspSeverities; ++i) {
    gauges.diagnostics[i] = diagnostics.With(static_cast<LspSeverity>(i));
  }
  return gauges;
}

}  // namespace

// --- CallSlots ----------------------------------------------------------------------------------

std::size_t CallSlots::Take(std::int64_t begin) noexcept {
  const std::size_t first = hint_.load(std::memory_order_relaxed);
  for (std::size_t i = 0; i < kSlots; ++i) {
    const std::size_t slot = (first + i) % kSlots;
    std::int64_t expected = kFree;
    if (slots_[slot].begin.compare_exchange_strong(expected, begin, std::memory_order_relaxed)) {
      hint_.store(slot + 1, std::memory_order_relaxed);
      return slot;
    }
  }
  return kNone;
}

void CallSlots::GiveBack(std::size_t slot) noexcept {
  if (slot < kSlots) slots_[slot].begin.store(kFree, std::memory_order_relaxed);
}

void CallSlots::Clear() noexcept {
  for (std::size_t slot = 0; slot < kSlots; ++slot) GiveBack(slot);
}

std::int64_t CallSlots::Oldest() const noexcept {
  std::int64_t oldest = LspLive::kNothing;
  for (const Slot& slot : slots_) {
    const std::int64_t begin = slot.begin.load(std::memory_order_relaxed);
    if (begin != kFree) oldest = std::min(oldest, begin);
  }
  return oldest;
}

// --- LspLive ------------------------------------------------------------------------------------

void LspLive::LeaveToParent() noexcept {
  if (forks.load(std::memory_order_acquire) == ForkCount()) return;
  const std::lock_guard lock(AddingMutex());
  if (forks.load(std::memory_order_relaxed) == ForkCount()) return;
  in_flight.Forget();
  open_documents.Forget();
  for (LspShare& share : diagnostics) share.Forget();
  oldest.store(kNothing, std::memory_order_relaxed);
  if (calls) calls->Clear();
  forks.store(ForkCount(), std::memory_order_release);
}

void LspLive::Clear() noexcept {
  LeaveToParent();
  in_flight.Set(0);
  open_documents.Set(0);
  for (LspShare& share : diagnostics) share.Set(0);
}

// --- LspState -----------------------------------------------------------------------------------

LspState::LspState(const Metrics& metrics, const LspOptions& options)
    : options_(options),
      methods_(options.methods()),
      initialize_method_(methods_.Find("initialize")),
      core_(CoreAccess::Get(metrics)),
      requests_(MakeCounter(metrics, kLspRequests, {"server", "method", "direction", "outcome"})),
      duration_(MakeHistogram(metrics, kLspDuration, {"server", "method", "direction"})),
      notifications_(MakeCounter(metrics, kLspNotifications, {"method", "direction"})),
      cancellations_(MakeCounter(metrics, kLspCancellations, {"effect"})),
      diagnostic_latency_(MakeHistogram(metrics, kLspDiagnosticLatency)),
      changes_(MakeCounter(metrics, kLspChanges, {"sync"})),
      message_bytes_(MakeHistogram(metrics, kLspMessageBytes, {"direction"})),
      sessions_(MakeCounter(metrics, kLspSessions, {"server", "client", "end"})),
      initialize_(MakeHistogram(metrics, kLspInitialize, {"server"})),
      request_cpu_(MakeHistogram(metrics, kLspRequestCpu, {"method", "attribution"})),
      errors_(MakeCounter(metrics, kLspFrameErrors, {"kind"})),
      overhead_(MakeHistogram(metrics, kLspOverhead, {"direction"})),
      gauges_(MakeGauges(metrics, options.server())),
      folded_(MakeCounter(metrics, kLspFolded, {"label"})),
      untracked_(MakeCounter(metrics, kLspUntracked, {"kind"})) {}

LspTime LspState::Now() const {
  return options_.clock() ? options_.clock()() : std::chrono::steady_clock::now();
}

LspMethods::Id LspState::MethodOf(std::string_view method) {
  const LspMethods::Id id = methods_.Find(method);
  if (id == LspMethods::kOther) OnFolded("method");
  return id;
}

void LspState::Attach(std::shared_ptr<LspLive> live) {
  const std::lock_guard lock(AddingMutex());
  live_.push_back(std::move(live));
}

void LspState::Detach(LspLive& live) {
  live.Clear();
  const std::lock_guard lock(AddingMutex());
  const auto found =
      std::find_if(live_.begin(), live_.end(), [&](const auto& one) { return one.get() == &live; });
  if (found != live_.end()) live_.erase(found);
}

void LspState::KeepCpu(double seconds) noexcept {
  double known = cpu_seconds_.load(std::memory_order_relaxed);
  while (seconds > known &&
         !cpu_seconds_.compare_exchange_weak(known, seconds, std::memory_order_relaxed)) {
  }
}

std::optional<double> LspState::ReadCpu() {
  if (!options_.cpu() || server_gone_.load(std::memory_order_relaxed)) return std::nullopt;
  try {
    const std::optional<double> seconds = options_.cpu()();
    if (!seconds) return std::nullopt;
    KeepCpu(*seconds);
  } catch (...) {
    return std::nullopt;  // the application's reader: as if it had said nothing
  }
  return cpu_seconds_.load(std::memory_order_relaxed);
}

void LspState::OnServerGone(std::optional<double> last_cpu_seconds) noexcept {
  server_gone_.store(true, std::memory_order_relaxed);
  if (last_cpu_seconds) KeepCpu(*last_cpu_seconds);
}

// --- counting -----------------------------------------------------------------------------------

void LspState::OnRequestEnd(const LspRequestEnd& end) {
  const std::string& method = methods_[end.method];
  requests_.With(options_.server(), method, end.direction, end.outcome).Increment();
  if (end.time) duration_.With(options_.server(), method, end.direction).Observe(*end.time);
  if (end.cpu_seconds) {
    request_cpu_.With(method, end.alone ? "exclusive" : "shared").Observe(*end.cpu_seconds);
  }
}

void LspState::OnNotification(LspDirection direction, LspMethods::Id method) {
  notifications_.With(methods_[method], direction).Increment();
}
void LspState::OnCancellations(LspCancelEffect effect, std::uint64_t count) {
  cancellations_.With(effect).Increment(count);
}
void LspState::OnInitialized(std::chrono::duration<double> time) {
  initialize_.With(options_.server()).Observe(time);
}
void LspState::OnChange(LspSync sync) { changes_.With(sync).Increment(); }
void LspState::OnEditCovered(std::chrono::duration<double> time) {
  diagnostic_latency_.Observe(time);
}
void LspState::OnSessionEnd(std::string_view client, LspEnd end) {
  sessions_.With(options_.server(), client, end).Increment();
}
void LspState::OnBadMessage(BadMessage kind) { CountError(LabelValue(kind)); }
void LspState::OnFrameError(FrameError error) { CountError(LabelValue(error)); }
void LspState::OnUntracked(Untracked what) { untracked_.With(LabelValue(what)).Increment(); }
void LspState::OnFolded(std::string_view label) { folded_.With(label).Increment(); }
void LspState::OnMessageBytes(LspDirection direction, std::uint64_t bytes) {
  message_bytes_.With(direction).Observe(bytes);
}
void LspState::OnForwarded(LspDirection direction, std::chrono::duration<double> time) {
  overhead_.With(direction).Observe(time);
}

void LspState::CountError(std::string_view kind) {
  errors_.With(kind).Increment();
  if (!said_.load(std::memory_order_relaxed) && !said_.exchange(true)) SayOnce(kind);
}

void LspState::SayOnce(std::string_view kind) noexcept {
  try {
    const Metrics metrics = CoreAccess::Lock(core_);
    SnapshotSource* const source = CoreAccess::Source(metrics);
    if (source == nullptr) return;
    source->Log(LogLevel::kWarning,
                "lsp: a message between client and server is not as it should be (" +
                    std::string(kind) +
                    "); it was passed on as it is, and lsp_proxy_frame_errors_total counts these");
  } catch (...) {
    // No memory for a message.
  }
}

// --- collecting ---------------------------------------------------------------------------------

void LspState::Collect(FamilySink& sink) {
  std::vector<std::shared_ptr<LspLive>> live;
  {
    const std::lock_guard lock(AddingMutex());
    live = live_;
  }
  std::int64_t oldest = LspLive::kNothing;
  for (const auto& one : live) {
    one->LeaveToParent();
    oldest = std::min(
        oldest, one->calls ? one->calls->Oldest() : one->oldest.load(std::memory_order_relaxed));
  }
  const double age =
      oldest == LspLive::kNothing
          ? 0
          : static_cast<double>(std::max<std::int64_t>(0, Nanos(Now()) - oldest)) / 1e9;

  const auto begin = [&sink](LspFamily family) {
    const FamilyRow& row = kLspFamilies[family];
    sink.BeginFamily(row.type, row.name, row.help, OptionsOf(row));
  };
  const std::string& server = options_.server();
  begin(kLspOldest);
  sink.Gauge({{"server", server}}, age);
  static_cast<void>(ReadCpu());  // where it cannot be read any more, what was read last holds
  const double cpu = cpu_seconds_.load(std::memory_order_relaxed);
  if (cpu >= 0) {
    begin(kLspServerCpu);
    sink.Counter({{"server", server}}, cpu);
  }
  if (options_.memory() && !server_gone_.load(std::memory_order_relaxed)) {
    if (const std::optional<std::uint64_t> bytes = options_.memory()()) {
      begin(kLspServerMemory);
      sink.Gauge({{"server", server}}, static_cast<double>(*bytes));
    }
  }
}

}  // namespace detail
POLYMETER_END_NAMESPACE
