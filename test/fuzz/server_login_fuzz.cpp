// libFuzzer: a web configuration file and an Authorization header, whole from the input or made of
// pieces of right ones. What is taken must be what was written.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "exporters/common/security/authorization.h"
#include "exporters/common/security/web_config.h"

namespace {

using namespace polymeter::detail;

void Need(bool holds) {
  if (!holds) std::abort();
}

// A small corpus: what the formats are made of, chosen by the input's bytes.
constexpr std::string_view kYaml[] = {"tls_server_config:\n",
                                      "  cert_file: c.pem\n",
                                      "  key_file: /k.pem\n",
                                      "basic_auth_users:\n",
                                      "  anna: $2y$10$abcdefghij\n",
                                      "  client_ca_file: ca\n",
                                      "http_server_config:",
                                      " {http2: true}\n",
                                      "  min_version: TLS13\n",
                                      "  client_auth_type: ",
                                      "RequireAndVerifyClientCert\n",
                                      "&a ",
                                      "*a",
                                      "[",
                                      "]",
                                      "{",
                                      "}",
                                      "---\n",
                                      "? ",
                                      "<<: ",
                                      "!!binary ",
                                      "  ",
                                      "\n",
                                      "'",
                                      "\"",
                                      "\\x00",
                                      "  cipher_suites: [TLS_AES_128_GCM_SHA256]\n"};
constexpr std::string_view kHeader[] = {
    "Basic ", "Bearer ",      "basic",           "bEARER", " ",  "=",    "==", "YTpi",
    "YW5u",   "YTpzZWNyZXQ=", "mF_9.B5f-4.1JqM", ":",      "\t", "Og==", "/+"};

template <std::size_t kSize>
std::string Pieces(std::string_view bytes, const std::string_view (&pieces)[kSize]) {
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 32) {
      text += c;
    } else {
      text += pieces[byte % kSize];
    }
  }
  return text;
}

void CheckConfig(std::string_view text) {
  const auto config = ParseWebConfig(text, "/f");
  if (!config.ok()) {
    Need(!config.message().empty() && config.message().size() < 1000);
    return;
  }
  Need(config.value().tls.has_value() || !config.value().users.empty());
  if (const auto& tls = config.value().tls) {
    Need(!tls->certificate_file.empty() && !tls->key_file.empty());
    Need(tls->client_ca_file.empty() == (tls->client_certificates == ClientCertificates::kNone));
    Need(tls->min_version <= tls->max_version);
  }
}

void CheckHeader(std::string_view header) {
  const Credentials credentials = ParseAuthorization(header);
  switch (credentials.scheme) {
    case Credentials::Scheme::kNone:
      Need(credentials.name.empty() && credentials.password.empty() && credentials.token.empty());
      break;
    case Credentials::Scheme::kBearer:
      Need(IsBearerToken(credentials.token));
      Need(header.find(credentials.token) != std::string_view::npos);
      break;
    case Credentials::Scheme::kBasic:
      for (const char c : credentials.name + credentials.password) {
        Need(static_cast<unsigned char>(c) >= ' ' && c != 0x7F);
      }
      Need(credentials.name.find(':') == std::string::npos);
      Need((credentials.name.size() + credentials.password.size() + 1) * 4 / 3 <= header.size());
      break;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  CheckConfig(bytes);
  CheckConfig(Pieces(bytes, kYaml));
  CheckHeader(bytes);
  CheckHeader(Pieces(bytes.substr(0, std::min<std::size_t>(size, 8)), kHeader));
  Need(SameSecret(bytes, bytes));
  return 0;
}
