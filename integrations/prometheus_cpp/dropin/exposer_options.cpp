#include "integrations/prometheus_cpp/dropin/exposer_options.h"

#include <CivetServer.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <stdexcept>
#include <utility>

#include "sdk/src/text.h"
#include "sdk/src/value_parsing.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr std::int64_t kMostThreads = 65536;

// What becomes of an option of civetweb.
enum class Fate {
  kPorts,
  kThreads,
  kRequestTimeout,
  kMostHeader,
  kQueue,
  kPassed,    // to civetweb, as it is
  kNoEffect,  // about what our server does not do, or does anyway
  kServes,    // makes civetweb serve files or run programs
  kTls,
  kUser,  // changes the process
};

struct KnownOption {
  std::string_view name;
  Fate fate;
};
constexpr KnownOption kKnown[] = {
    {"listening_ports", Fate::kPorts},
    {"num_threads", Fate::kThreads},
    {"request_timeout_ms", Fate::kRequestTimeout},
    {"max_request_size", Fate::kMostHeader},
    {"connection_queue", Fate::kQueue},
    {"access_control_list", Fate::kPassed},
    {"access_log_file", Fate::kPassed},
    {"linger_timeout_ms", Fate::kPassed},
    {"listen_backlog", Fate::kPassed},
    {"tcp_nodelay", Fate::kPassed},
    {"throttle", Fate::kPassed},
    // Every answer ends its connection: a client that keeps one would keep a thread.
    {"enable_keep_alive", Fate::kNoEffect},
    {"keep_alive_timeout_ms", Fate::kNoEffect},
    {"access_control_allow_headers", Fate::kNoEffect},
    {"access_control_allow_methods", Fate::kNoEffect},
    {"access_control_allow_origin", Fate::kNoEffect},
    {"additional_header", Fate::kNoEffect},
    {"allow_sendfile_call", Fate::kNoEffect},
    {"authentication_domain", Fate::kNoEffect},
    {"decode_query_string", Fate::kNoEffect},
    {"decode_url", Fate::kNoEffect},
    {"enable_auth_domain_check", Fate::kNoEffect},
    {"enable_websocket_ping_pong", Fate::kNoEffect},
    {"error_log_file", Fate::kNoEffect},
    {"num_threads_prestart", Fate::kNoEffect},
    {"prespawn_threads", Fate::kNoEffect},
    {"static_file_cache_control", Fate::kNoEffect},
    {"static_file_max_age", Fate::kNoEffect},
    {"websocket_timeout_ms", Fate::kNoEffect},
    {"document_root", Fate::kServes},
    {"fallback_document_root", Fate::kServes},
    {"allow_index_script_resource", Fate::kServes},
    {"enable_directory_listing", Fate::kServes},
    {"enable_webdav", Fate::kServes},
    {"error_pages", Fate::kServes},
    {"extra_mime_types", Fate::kServes},
    {"global_auth_file", Fate::kServes},
    {"hide_files_patterns", Fate::kServes},
    {"index_files", Fate::kServes},
    {"protect_uri", Fate::kServes},
    {"put_delete_auth_file", Fate::kServes},
    {"replace_asterisk_with_origin", Fate::kNoEffect},
    {"ssi_pattern", Fate::kServes},
    {"url_rewrite_patterns", Fate::kServes},
    {"websocket_root", Fate::kServes},
    {"fallback_websocket_root", Fate::kServes},
    {"run_as_user", Fate::kUser},
    {"strict_transport_security_max_age", Fate::kTls},
};

std::optional<Fate> FateOf(std::string_view name) {
  for (const KnownOption& known : kKnown) {
    if (known.name == name) return known.fate;
  }
  if (name.starts_with("ssl_")) return Fate::kTls;
  // Programs and scripts: cgi_pattern, cgi2_interpreter, lua_script_pattern, duktape_...
  for (const std::string_view prefix : {"cgi", "lua_", "duktape_"}) {
    if (name.starts_with(prefix)) return Fate::kServes;
  }
  return std::nullopt;
}

[[noreturn]] void Misunderstood(const std::string& message) {
  throw CivetException("Exposer: " + message);
}
[[noreturn]] void Refused(const std::string& message) {
  throw std::invalid_argument("Exposer: " + message);
}
// Of civetweb's options about TLS. One that would make a connection less safe or refuse more
// clients than a reader expects is no option to leave out in silence.
void SetTls(std::string_view name, const std::string& value, TlsServerOptions& tls) {
  const auto misunderstood = [&](std::string_view accepted) {
    Misunderstood(std::string(name) + "=" + Quoted(value) +
                  " is not understood; accepted: " + std::string(accepted));
  };
  if (name == "ssl_certificate") {  // one file with the certificate and its key
    tls.certificate_file = tls.key_file = value;
  } else if (name == "ssl_ca_file") {
    tls.client_ca_file = value;
  } else if (name == "ssl_verify_peer") {
    if (value == "yes") {
      tls.client_certificates = ClientCertificates::kRequired;
    } else if (value == "optional") {
      tls.client_certificates = ClientCertificates::kIfGiven;
    } else if (value != "no") {
      misunderstood("yes, no, optional");
    }
  } else if (name == "ssl_protocol_version") {
    // 0 to 4 are this version and all newer ones, from SSL 2 to TLS 1.2; 1.2 is the oldest here.
    const auto version = ParseInteger(value);
    if (!version || *version < 0 || *version > 5) misunderstood("0 to 4 (TLS 1.2), 5 (TLS 1.3)");
    if (*version == 5) tls.min_version = TlsVersion::kTls13;
  } else {
    Refused("the option " + std::string(name) +
            " has no counterpart here; about TLS count ssl_certificate, ssl_ca_file, "
            "ssl_verify_peer and ssl_protocol_version");
  }
}

// Whether a value turns an option off. "no" may as well be a folder, a file or a user.
bool IsOff(std::string_view name, std::string_view value) {
  return value == "no" && (name.starts_with("enable_") || name.starts_with("allow_"));
}

void CheckFate(Fate fate, const std::string& name) {
  if (fate == Fate::kServes) {
    Refused("the option " + name +
            " is about serving files or running programs, which this Exposer never does "
            "(CVE-2025-55763)");
  }
  if (fate == Fate::kUser) {
    Refused("the option " + name + " would change the user of the whole process");
  }
}

std::int64_t Number(const std::string& name, const std::string& text, std::int64_t least,
                    std::int64_t most) {
  const auto number = ParseInteger(text);
  if (!number || *number < least || *number > most) {
    Misunderstood(name + "=" + Quoted(text) + " is not an integer from " + std::to_string(least) +
                  " to " + std::to_string(most));
  }
  return *number;
}

// One of "8080", "host:8080", "[::1]:8080", "+8080".
// `common.tls`: for ports that end in s, the others have none.
void AddAddress(std::string_view text, const HttpServerOptions& common,
                std::vector<ExposerAddress>& addresses) {
  const auto misunderstood = [&] {
    Misunderstood(Quoted(text) +
                  " is no address to listen at; accepted: port, address:port, [IPv6 address]:port "
                  "or +port (IPv4 and IPv6), the port from 0 (any free one) to 65535, several "
                  "separated by commas");
  };
  std::string_view rest = text;
  std::string_view host = "0.0.0.0";
  bool both = false;
  if (rest.starts_with('+')) {
    both = true;
    rest.remove_prefix(1);
  } else if (rest.starts_with('[')) {
    const std::size_t end = rest.find("]:");
    if (end == std::string_view::npos) misunderstood();
    host = rest.substr(1, end - 1);
    rest.remove_prefix(end + 2);
  } else if (const std::size_t colon = rest.find(':'); colon != std::string_view::npos) {
    host = rest.substr(0, colon);
    rest.remove_prefix(colon + 1);
  }
  const bool tls = rest.ends_with('s');
  if (rest.ends_with('r') && ParseInteger(rest.substr(0, rest.size() - 1))) {
    Refused(Quoted(text) +
            " asks for a redirection to a port with TLS, which this Exposer does not do");
  }
  if (tls) {
    rest.remove_suffix(1);
    if (ParseInteger(rest) && (!common.tls || common.tls->certificate_file.empty())) {
      Refused(Quoted(text) +
              " asks for TLS, which needs the option ssl_certificate, a file with the "
              "certificate and its key");
    }
  }
  const bool digits = !rest.empty() && std::all_of(rest.begin(), rest.end(),
                                                   [](char c) { return c >= '0' && c <= '9'; });
  const auto port = digits ? ParseInteger(rest) : std::nullopt;
  if (!port || *port > std::numeric_limits<std::uint16_t>::max() || host.empty()) misunderstood();
  ExposerAddress& address = addresses.emplace_back();
  address.server = common;
  address.server.host = std::string(host);
  address.server.port = static_cast<std::uint16_t>(*port);
  if (!tls) address.server.tls.reset();
  if (!both) return;
  ExposerAddress second = address;
  second.server.host = "::";
  second.second_half = true;
  addresses.push_back(std::move(second));
}

std::vector<ExposerAddress> AddressesOf(const std::string& text, const HttpServerOptions& common) {
  std::vector<ExposerAddress> addresses;
  for (const std::string& piece : SplitList(text)) AddAddress(piece, common, addresses);
  if (addresses.empty()) AddAddress(text, common, addresses);  // says what is accepted
  return addresses;
}

HttpServerOptions CommonOptions() {
  HttpServerOptions common;
  common.request_timeout = std::chrono::seconds(30);  // civetweb's
  return common;
}

}  // namespace

std::vector<ExposerAddress> ParseBindAddress(const std::string& text, std::size_t threads) {
  HttpServerOptions common = CommonOptions();
  if (threads == 0 || threads > static_cast<std::size_t>(kMostThreads)) {
    Misunderstood("num_threads=" + std::to_string(threads) + " is not from 1 to " +
                  std::to_string(kMostThreads));
  }
  common.threads = static_cast<int>(threads);
  return AddressesOf(text, common);
}

std::vector<ExposerAddress> ParseExposerOptions(const std::vector<std::string>& options) {
  if (options.size() % 2 != 0) {
    Misunderstood(
        "an odd number of options; they are name, value, name, value, and the last one "
        "is " +
        Quoted(options.back()));
  }
  HttpServerOptions common = CommonOptions();
  common.threads = 50;         // civetweb's
  std::string ports = "8080";  // civetweb's
  for (std::size_t i = 0; i < options.size(); i += 2) {
    const std::string& name = options[i];
    const std::string& value = options[i + 1];
    const auto fate = FateOf(name);
    if (!fate) {
      std::string accepted;
      for (const KnownOption& known : kKnown) {
        if (known.fate <= Fate::kPassed) {
          accepted.append(accepted.empty() ? "" : ", ").append(known.name);
        }
      }
      Misunderstood(Quoted(name) +
                    " is not an option of civetweb; those that count here: " + accepted);
    }
    if (*fate == Fate::kServes && IsOff(name, value)) continue;
    CheckFate(*fate, name);
    switch (*fate) {
      case Fate::kPorts:
        ports = value;
        break;
      case Fate::kThreads:
        common.threads = static_cast<int>(Number(name, value, 1, kMostThreads));
        break;
      case Fate::kRequestTimeout:
        common.request_timeout =
            std::chrono::milliseconds(Number(name, value, 1, std::numeric_limits<int>::max()));
        break;
      case Fate::kMostHeader:
        common.max_header_bytes =
            static_cast<std::size_t>(Number(name, value, 1024, std::numeric_limits<int>::max()));
        break;
      case Fate::kQueue:
        common.max_connections =
            static_cast<int>(Number(name, value, 1, std::numeric_limits<int>::max()));
        break;
      case Fate::kPassed:
        common.civetweb.emplace_back(name, value);
        break;
      case Fate::kTls:
        if (!common.tls) common.tls.emplace();
        SetTls(name, value, *common.tls);
        break;
      default:
        break;
    }
  }
  return AddressesOf(ports, common);
}

void CheckCivetwebOptions(const std::vector<std::string>& options) {
  for (std::size_t i = 0; i < options.size(); i += 2) {
    const auto fate = FateOf(options[i]);
    const bool off = i + 1 < options.size() && IsOff(options[i], options[i + 1]);
    if (fate && !off) CheckFate(*fate, options[i]);
  }
}

}  // namespace detail
POLYMETER_END_NAMESPACE
