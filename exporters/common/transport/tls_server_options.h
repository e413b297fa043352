// What a server over TLS needs to know. Shows no TLS library.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "polymeter/status.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

enum class TlsVersion : std::uint8_t { kTls12, kTls13 };  // older ones are forbidden by RFC 8996

enum class ClientCertificates : std::uint8_t {
  kNone,      // not asked for
  kIfGiven,   // verified where the client sends one
  kRequired,  // mutual TLS
};

// All files are PEM. They are looked at again, once a second at most, when a client connects: new
// ones take effect without a restart, and bad new ones are reported and change nothing.
struct TlsServerOptions {
  std::string certificate_file;  // the server's, followed by its intermediate ones
  std::string key_file;          // not encrypted: nobody is there to be asked for a password
  // The authorities whose client certificates are taken. Given with any choice but kNone.
  std::string client_ca_file;
  ClientCertificates client_certificates = ClientCertificates::kNone;
  TlsVersion min_version = TlsVersion::kTls12;
  TlsVersion max_version = TlsVersion::kTls13;
  // IANA's names (TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256); empty: the library's choice.
  std::vector<std::string> cipher_suites;
  // P-256, P-384, P-521, X25519, most wanted first; empty: the library's choice.
  std::vector<std::string> curves;
  bool prefer_server_ciphers = true;
};

// Whether a server could start with these: reads the files. An error says which one and why, or
// that this build has no TLS.
Status CheckTls(const TlsServerOptions& options);

}  // namespace detail
POLYMETER_END_NAMESPACE
