// The certificates of a server over TLS, as OpenSSL holds them, kept up to date with their files.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "exporters/common/transport/tls_server_options.h"
#include "polymeter/status.h"

struct ssl_ctx_st;  // OpenSSL's SSL_CTX

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// An error names the file and OpenSSL's reason. Never asks a terminal for a password.
Result<std::shared_ptr<ssl_ctx_st>> MakeTlsContext(const TlsServerOptions& options);

// Used by one thread.
class TlsCertificates {
 public:
  using Log = std::function<void(std::string_view message)>;

  explicit TlsCertificates(TlsServerOptions options) : options_(std::move(options)) {}
  Status Load();
  // What a connection that begins now gets. Looks at the files once a second at most; what cannot
  // be used is logged once and the old ones stay.
  std::shared_ptr<ssl_ctx_st> Current(std::chrono::steady_clock::time_point now, const Log& log);

 private:
  // Changes whenever a file is replaced or written.
  std::vector<std::int64_t> Stamp() const;

  TlsServerOptions options_;
  std::shared_ptr<ssl_ctx_st> context_;
  std::vector<std::int64_t> stamp_;  // of what was last tried
  bool failed_ = false;              // that
  std::chrono::steady_clock::time_point looked_{};
};

}  // namespace detail
POLYMETER_END_NAMESPACE
