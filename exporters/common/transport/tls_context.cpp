#include "exporters/common/transport/tls_context.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/stat.h>

#include <cstring>
#include <utility>

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

// The first reason of those that OpenSSL has queued, which is the deepest one.
std::string OpensslReason() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  if (code == 0) return "no reason given";
#if OPENSSL_VERSION_NUMBER >= 0x30000000L
  if (ERR_SYSTEM_ERROR(code)) return std::strerror(ERR_GET_REASON(code));
#endif
  const char* const reason = ERR_reason_error_string(code);
  return reason != nullptr ? reason : "error " + std::to_string(code);
}

// OpenSSL would ask the terminal.
int RefuseToAskForPassword(char*, int, int, void* asked) {
  *static_cast<bool*>(asked) = true;
  return -1;
}

// ALPN (RFC 7301): the server speaks HTTP/1.1 and nothing else.
int ChooseHttp11(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
                 unsigned in_size, void*) {
  static constexpr std::string_view kOurs = "\x08http/1.1";
  unsigned char* chosen = nullptr;
  const int result =
      SSL_select_next_proto(&chosen, out_size, reinterpret_cast<const unsigned char*>(kOurs.data()),
                            static_cast<unsigned>(kOurs.size()), in, in_size);
  *out = chosen;
  return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

int ProtocolNumber(TlsVersion version) {
  return version == TlsVersion::kTls13 ? TLS1_3_VERSION : TLS1_2_VERSION;
}

Status LoadPair(SSL_CTX* context, const TlsServerOptions& options) {
  bool asked = false;
  SSL_CTX_set_default_passwd_cb(context, &RefuseToAskForPassword);
  SSL_CTX_set_default_passwd_cb_userdata(context, &asked);
  const auto loaded = [&]() -> Status {
    if (SSL_CTX_use_certificate_chain_file(context, options.certificate_file.c_str()) != 1) {
      return Status::Error("TLS certificate file '" + options.certificate_file +
                           "' cannot be used: " + OpensslReason());
    }
    if (SSL_CTX_use_PrivateKey_file(context, options.key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
      const std::string reason = OpensslReason();
      return Status::Error(
          "TLS key file '" + options.key_file + "' cannot be used with certificate file '" +
          options.certificate_file + "': " +
          (asked ? "it is encrypted, and only a key without a password is accepted" : reason));
    }
    return {};
  };
  Status status = loaded();
  SSL_CTX_set_default_passwd_cb_userdata(context, nullptr);
  return status;
}

Status LoadClientAuthorities(SSL_CTX* context, const TlsServerOptions& options) {
  if (options.client_certificates == ClientCertificates::kNone) {
    if (options.client_ca_file.empty()) return {};
    return Status::Error("TLS client CA file '" + options.client_ca_file +
                         "' is given, but client certificates are not asked for");
  }
  if (options.client_ca_file.empty()) {
    return Status::Error("client certificates are asked for, but no TLS client CA file is given");
  }
  const char* const file = options.client_ca_file.c_str();
  STACK_OF(X509_NAME)* const names = SSL_load_client_CA_file(file);
  if (names == nullptr || SSL_CTX_load_verify_locations(context, file, nullptr) != 1) {
    sk_X509_NAME_pop_free(names, X509_NAME_free);
    return Status::Error("TLS client CA file '" + options.client_ca_file +
                         "' cannot be used: " + OpensslReason());
  }
  SSL_CTX_set_client_CA_list(context, names);  // takes them
  int mode = SSL_VERIFY_PEER;
  if (options.client_certificates == ClientCertificates::kRequired) {
    mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
  }
  SSL_CTX_set_verify(context, mode, nullptr);
  return {};
}

Status SetCipherSuites(SSL_CTX* context, const TlsServerOptions& options) {
  std::string tls12;
  std::string tls13;
  for (const std::string& name : options.cipher_suites) {
    // Those of TLS 1.3 do not name how keys are exchanged.
    const bool is13 = name.find("_WITH_") == std::string::npos;
    const std::string known = is13 ? name : OPENSSL_cipher_name(name.c_str());
    if (known == "(NONE)") return Status::Error("TLS cipher suite '" + name + "' is not known");
    std::string& list = is13 ? tls13 : tls12;
    list += (list.empty() ? "" : ":") + known;
  }
  if ((!tls13.empty() && SSL_CTX_set_ciphersuites(context, tls13.c_str()) != 1) ||
      (!tls12.empty() && SSL_CTX_set_cipher_list(context, tls12.c_str()) != 1)) {
    return Status::Error("TLS cipher suites " + tls12 + (tls12.empty() ? "" : ":") + tls13 +
                         " cannot be used: " + OpensslReason());
  }
  if (!tls13.empty() && tls12.empty() && options.min_version == TlsVersion::kTls12) {
    return Status::Error(
        "TLS cipher suites of TLS 1.3 alone are given; add one of TLS 1.2 or ask for at least 1.3");
  }
  return {};
}

Status SetCurves(SSL_CTX* context, const TlsServerOptions& options) {
  std::string list;
  for (const std::string& name : options.curves) list += (list.empty() ? "" : ":") + name;
  if (list.empty() || SSL_CTX_set1_groups_list(context, list.c_str()) == 1) return {};
  return Status::Error("TLS curves " + list + " cannot be used: " + OpensslReason());
}

Status Configure(SSL_CTX* context, const TlsServerOptions& options) {
  if (options.min_version > options.max_version) {
    return Status::Error("the lowest TLS version is above the highest");
  }
  SSL_CTX_set_min_proto_version(context, ProtocolNumber(options.min_version));
  SSL_CTX_set_max_proto_version(context, ProtocolNumber(options.max_version));
  // Each connection carries one request: nothing of it is resumed or negotiated anew.
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context, 0);
#ifdef SSL_OP_IGNORE_UNEXPECTED_EOF
  SSL_CTX_set_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF);  // a client's end is an end
#endif
  if (options.prefer_server_ciphers) {
    SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE);
  }
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_alpn_select_cb(context, &ChooseHttp11, nullptr);
  for (const auto step : {&LoadPair, &LoadClientAuthorities, &SetCipherSuites, &SetCurves}) {
    Status status = step(context, options);
    if (!status.ok()) return status;
  }
  return {};
}

}  // namespace

Result<std::shared_ptr<ssl_ctx_st>> MakeTlsContext(const TlsServerOptions& options) {
#ifdef OPENSSL_INIT_NO_ATEXIT
  // A server that nobody stopped before std::exit would use what OpenSSL has taken down.
  OPENSSL_init_ssl(OPENSSL_INIT_NO_ATEXIT, nullptr);
#endif
  ERR_clear_error();  // what the application left in this thread's queue is no reason of ours
  std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  Status status = context == nullptr ? Status::Error("OpenSSL has no memory for TLS")
                                     : Configure(context.get(), options);
  ERR_clear_error();
  if (!status.ok()) return status;
  return context;
}

Status CheckTls(const TlsServerOptions& options) { return MakeTlsContext(options).status(); }

Status TlsCertificates::Load() {
  stamp_ = Stamp();
  auto made = MakeTlsContext(options_);
  if (!made.ok()) return made.status();
  context_ = std::move(made.value());
  return {};
}

std::shared_ptr<ssl_ctx_st> TlsCertificates::Current(std::chrono::steady_clock::time_point now,
                                                     const Log& log) {
  if (now - looked_ < std::chrono::seconds(1)) return context_;
  looked_ = now;
  // What failed may have been no fault of the files: no descriptor or no memory was free.
  const bool changed = Stamp() != stamp_;
  if (!changed && !failed_) return context_;
  const Status status = Load();
  failed_ = !status.ok();
  if (failed_ && changed && log) {
    log(status.message() + "; the certificates that were read before stay in use");
  }
  return context_;
}

std::vector<std::int64_t> TlsCertificates::Stamp() const {
  std::vector<std::int64_t> stamp;
  for (const std::string* file :
       {&options_.certificate_file, &options_.key_file, &options_.client_ca_file}) {
    struct stat status {};
    if (file->empty() || stat(file->c_str(), &status) != 0) status = {};
    for (const auto value :
         {static_cast<std::int64_t>(status.st_ino), static_cast<std::int64_t>(status.st_size),
          static_cast<std::int64_t>(status.st_mtim.tv_sec),
          static_cast<std::int64_t>(status.st_mtim.tv_nsec),
          static_cast<std::int64_t>(status.st_ctim.tv_sec),
          static_cast<std::int64_t>(status.st_ctim.tv_nsec)}) {
      stamp.push_back(value);
    }
  }
  return stamp;
}

}  // namespace detail
POLYMETER_END_NAMESPACE
