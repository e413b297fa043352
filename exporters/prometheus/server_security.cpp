#include "exporters/prometheus/server_security.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "exporters/common/security/web_config.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

std::string Variable(std::string_view option) { return VariableName("prometheus", option); }

// Set to blanks: somebody asked for security, and what they meant did not arrive.
Status RefuseBlanks(const BackendOptions& options) {
  for (const std::string_view name : {"web_config", "tls_certificate", "tls_key", "tls_client_ca",
                                      "bearer_token", "bearer_token_file"}) {
    if (options.Text(name).empty() && options.Source(name) != kFromDefault) {
      return Status::Error(Variable(name) + " is set to blanks");
    }
  }
  return {};
}

Result<std::optional<TlsServerOptions>> TlsOfOptions(const BackendOptions& options) {
  const std::string& certificate = options.Text("tls_certificate");
  const std::string& key = options.Text("tls_key");
  const std::string& client_ca = options.Text("tls_client_ca");
  std::optional<TlsServerOptions> tls;
  if (certificate.empty() && key.empty() && client_ca.empty()) return tls;
  for (const std::string_view needed : {"tls_certificate", "tls_key"}) {
    if (!options.Text(needed).empty()) continue;
    return Status::Error(Variable(needed) + " is missing: TLS needs a certificate and its key");
  }
  tls.emplace();
  tls->certificate_file = certificate;
  tls->key_file = key;
  tls->client_ca_file = client_ca;
  if (!client_ca.empty()) tls->client_certificates = ClientCertificates::kRequired;
  return tls;
}

}  // namespace

Result<ServerSecurity> SecurityOf(const BackendOptions& options) {
  Status blanks = RefuseBlanks(options);
  if (!blanks.ok()) return blanks;
  ServerSecurity security;
  auto tls = TlsOfOptions(options);
  if (!tls.ok()) return tls.status();
  security.tls = std::move(tls.value());
  const std::string& file = options.Text("web_config");
  if (!file.empty()) {
    auto config = ReadWebConfig(file);
    if (!config.ok()) return config.status();
    if (config->tls && security.tls) {
      return Status::Error("TLS is configured by both " + Variable("web_config") + " and " +
                           Variable("tls_certificate") + "; one of them is accepted");
    }
    if (config->tls) security.tls = std::move(config->tls);
    security.login.users = std::move(config->users);
  }
  if (security.tls) {
    const Status usable = CheckTls(*security.tls);
    if (!usable.ok()) return usable;
  }
  security.login.bearer_token = options.Text("bearer_token");
  security.login.bearer_token_file = options.Text("bearer_token_file");
  if (!security.login.bearer_token.empty() && !security.login.bearer_token_file.empty()) {
    return Status::Error(Variable("bearer_token") + " and " + Variable("bearer_token_file") +
                         " are both set; one of them is accepted");
  }
  // Half of the workers stay for those whose password is known.
  const auto threads = static_cast<int>(options.Integer("threads"));
  security.login.password_limits = {std::max(1, threads / 2), options.Duration("request_timeout")};
  return security;
}

}  // namespace detail
POLYMETER_END_NAMESPACE
