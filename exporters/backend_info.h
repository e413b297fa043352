// What a backend is to the composition root: a row of the table in backends.cpp. Internal.
//
// A backend's folder exports one function, declared in its header and named in the table:
//   const BackendInfo& PrometheusBackendInfo();
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "polymeter/backend.h"
#include "polymeter/encoder.h"
#include "polymeter/portability.h"
#include "polymeter/push_backend.h"
#include "polymeter/status.h"
#include "sdk/src/clock.h"
#include "sdk/src/option_spec.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

class HttpServer;          // exporters/common/transport/http_server.h
struct HttpServerOptions;  // the same

// The world outside of a backend: what a test replaces. An empty factory means the real
// transport, which the backend then makes itself; so a transport that no backend of the build
// uses is not linked. Outlives the backends made with it.
struct Outside {
  const Clock* clock = &SystemClock();
  std::function<std::unique_ptr<HttpServer>(const HttpServerOptions&)> make_http_server;
  // For every push backend; called with its name.
  std::function<std::unique_ptr<PushTransport>(std::string_view backend)> make_push_transport;
  std::string service;  // who we are, for a backend whose address says it; the table fills it in
};

struct BackendInfo {
  std::string_view name;  // in METRICS_BACKEND and, in upper case, in METRICS_<NAME>_<OPTION>
  std::span<const OptionSpec> options;  // the conformance suite tries every value of a kChoice
  // The format alone. Null: the backend has none (`null`).
  Result<std::unique_ptr<Encoder>> (*make_encoder)(const BackendOptions& options) = nullptr;
  // The backend; opens nothing before its Start. An error (options that contradict each other)
  // is reported with the other problems and leaves this backend out. Null: selecting this row
  // makes nothing.
  Result<std::unique_ptr<Backend>> (*make)(const BackendOptions& options,
                                           Outside& outside) = nullptr;
  // What the format does to such a family, with the backend's name in each note. Pure. Null: it
  // carries all of it. Of formats that are negotiated, what Prometheus asks for by default.
  std::vector<PortabilityNote> (*portability)(const FamilyDescription& family,
                                              const BackendOptions& options) = nullptr;
};

}  // namespace detail
POLYMETER_END_NAMESPACE
