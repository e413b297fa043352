// Prometheus' web configuration file, of which this server understands TLS and users:
// https://prometheus.io/docs/prometheus/latest/configuration/https/
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "exporters/common/security/bcrypt_users.h"
#include "exporters/common/transport/tls_server_options.h"
#include "polymeter/status.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

struct WebConfig {
  std::optional<TlsServerOptions> tls;
  std::vector<BasicUser> users;
};

// 64 KiB at most, room for some 700 users. As with Prometheus an unknown key is an error, and so is
// a key that is there twice. So is what this server cannot do (a TLS version before 1.2, client
// certificates that nobody verifies, http_server_config's headers), and a file that asks for
// nothing. `folder`: where relative paths begin. Opens no file.
Result<WebConfig> ParseWebConfig(std::string_view yaml, const std::string& folder);

// The same from a file. An error names it.
Result<WebConfig> ReadWebConfig(const std::string& path);

}  // namespace detail
POLYMETER_END_NAMESPACE
