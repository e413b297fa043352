// What METRICS_PROMETHEUS_* say about TLS and about who may read.
#pragma once

#include <optional>

#include "exporters/common/security/authenticator.h"
#include "exporters/common/transport/tls_server_options.h"
#include "sdk/src/option_spec.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

struct ServerSecurity {
  std::optional<TlsServerOptions> tls;
  AuthenticatorOptions login;
};

// From the web configuration file and the options beside it. Reads the files that they name, so
// that a start which cannot succeed is known before. An error says which variable; then nothing
// must be served.
Result<ServerSecurity> SecurityOf(const BackendOptions& options);

}  // namespace detail
POLYMETER_END_NAMESPACE
