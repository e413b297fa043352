#include "integrations/http/http_state.h"

#include <string>

#include "integrations/http/http_families.h"
#include "polymeter/buckets.h"
#include "sdk/src/core_access.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

FamilyOptions FamilyOptionsOf(HttpFamily family) {
  FamilyOptions options = OptionsOf(kHttpFamilies[family]);
  switch (family) {
    case kHttpDuration:
      return options.Buckets(LatencyBuckets());
    case kHttpRequestSize:
    case kHttpResponseSize:
      return options.Buckets(SizeBuckets());
    case kHttpStreamDuration:
      return options.Buckets({0.1, 1, 10, 60, 300, 1800, 3600, 14400, 86400});
    default:
      return options;
  }
}

template <std::size_t N>
CounterFamily<N> MakeCounter(const Metrics& metrics, HttpFamily family,
                             const char* const (&labels)[N]) {
  const FamilyRow& row = kHttpFamilies[family];
  return metrics.Counter(row.name, row.help, labels, FamilyOptionsOf(family));
}
template <std::size_t N>
GaugeFamily<N> MakeGauge(const Metrics& metrics, HttpFamily family,
                         const char* const (&labels)[N]) {
  const FamilyRow& row = kHttpFamilies[family];
  return metrics.Gauge(row.name, row.help, labels, FamilyOptionsOf(family));
}
template <std::size_t N>
HistogramFamily<N> MakeHistogram(const Metrics& metrics, HttpFamily family,
                                 const char* const (&labels)[N], bool exemplars = false) {
  const FamilyRow& row = kHttpFamilies[family];
  return metrics.Histogram(row.name, row.help, labels,
                           FamilyOptionsOf(family).Exemplars(exemplars));
}

constexpr const char* kRequestLabels[] = {"method", "path", "status"};

void Warn(const std::weak_ptr<Core>& core, std::string_view message) noexcept {
  try {
    const Metrics metrics = CoreAccess::Lock(core);
    SnapshotSource* const source = CoreAccess::Source(metrics);
    if (source != nullptr) source->Log(LogLevel::kWarning, message);
  } catch (...) {
    // No memory for a message.
  }
}

}  // namespace

HttpServerState::HttpServerState(const Metrics& metrics, const HttpServerOptions& options)
    : core(CoreAccess::Get(metrics)),
      methods(options.extra_methods()),
      routes(options.route_limit(), methods.size()),
      traces(metrics),
      requests(MakeCounter(metrics, kHttpRequests, kRequestLabels)),
      duration(MakeHistogram(metrics, kHttpDuration, kRequestLabels, options.exemplars())),
      duration_has_exemplars(options.exemplars()),
      request_size(MakeHistogram(metrics, kHttpRequestSize, kRequestLabels)),
      response_size(MakeHistogram(metrics, kHttpResponseSize, kRequestLabels)),
      in_flight(MakeGauge(metrics, kHttpInFlight, {"method"})),
      aborted(MakeCounter(metrics, kHttpAborted, {"method", "path"})),
      streams(MakeGauge(metrics, kHttpStreams, {"path", "kind"})),
      stream_duration(MakeHistogram(metrics, kHttpStreamDuration, {"path", "kind"})),
      folded(MakeCounter(metrics, kHttpFolded, {"label"})),
      folded_method(folded.With("method")),
      folded_path(folded.With("path")),
      folded_status(folded.With("status")) {}

const HttpRouteEntry* HttpServerState::RouteOf(std::string_view route_template) noexcept {
  const HttpRouteEntry* const entry = routes.Find(route_template);
  if (entry != nullptr) return entry;
  folded_path.Increment();
  if (!said_routes_are_full.exchange(true, std::memory_order_relaxed)) {
    Warn(core,
         "http: more route templates than the limit; new ones are counted as path=\"other\". Is a "
         "raw path given as a route?");
  }
  return &routes.other();
}

const HttpMethodEntry& HttpServerState::MethodOf(std::string_view method) noexcept {
  const HttpMethodEntry& entry = methods.Find(method);
  if (entry.index == 0) folded_method.Increment();
  return entry;
}

Gauge HttpServerState::InFlight(const HttpMethodEntry& method) const noexcept {
  return method.in_flight.Get([&] { return in_flight.With(method.name); });
}

}  // namespace detail
POLYMETER_END_NAMESPACE
