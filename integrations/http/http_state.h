// What the requests of an HttpServerMetrics share. Internal.
#pragma once

#include <atomic>
#include <memory>

#include "integrations/http/http_methods.h"
#include "integrations/http/http_routes.h"
#include "polymeter/http.h"
#include "polymeter/tracing.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

class Core;

struct HttpServerState {
  HttpServerState(const Metrics& metrics, const HttpServerOptions& options);

  // The template's entry; `other` past the limit, which is counted and reported once.
  const HttpRouteEntry* RouteOf(std::string_view route_template) noexcept;
  // The method's entry; an unknown one is counted.
  const HttpMethodEntry& MethodOf(std::string_view method) noexcept;
  Gauge InFlight(const HttpMethodEntry& method) const noexcept;

  const std::weak_ptr<Core> core;  // for a message; a server must not delay the exporters' stop
  HttpMethods methods;
  HttpRoutes routes;
  const TraceparentReader traces;

  CounterFamily<3> requests;
  HistogramFamily<3> duration;
  const bool duration_has_exemplars;
  HistogramFamily<3> request_size;
  HistogramFamily<3> response_size;
  GaugeFamily<1> in_flight;
  CounterFamily<2> aborted;
  GaugeFamily<2> streams;
  HistogramFamily<2> stream_duration;
  CounterFamily<1> folded;
  Counter folded_method;
  Counter folded_path;
  Counter folded_status;
  std::atomic<bool> said_routes_are_full{false};
};

}  // namespace detail
POLYMETER_END_NAMESPACE
