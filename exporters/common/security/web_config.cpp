#include "exporters/common/security/web_config.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <fstream>
#include <initializer_list>
#include <set>
#include <sstream>
#include <system_error>
#include <utility>

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

// yaml-cpp's time grows with the square of some inputs.
constexpr std::size_t kLongestWebConfig = 64 * 1024;

// Quoted, short and of visible characters, for a message.
std::string Cited(std::string_view text) {
  constexpr std::size_t kMost = 60;
  std::string cited = "'";
  for (const char c : text.substr(0, kMost)) cited += c >= ' ' && c < 0x7F ? c : '?';
  return cited + (text.size() > kMost ? "...'" : "'");
}

std::string At(const YAML::Node& node) {
  return node.Mark().is_null() ? "" : "line " + std::to_string(node.Mark().line + 1) + ": ";
}

class IgnoredEvents final : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t,
                const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}
};

// Not by YAML::LoadAll: yaml-cpp 0.7 takes a stray "}" for one empty document after the other,
// without end.
bool HasSecondDocument(const std::string& yaml) {
  std::istringstream stream(yaml);
  YAML::Parser parser(stream);
  IgnoredEvents ignored;
  return parser.HandleNextDocument(ignored) && parser.HandleNextDocument(ignored);
}

// One map of the file, read key by key. The first fault is kept; what is read after it is empty.
class Section {
 public:
  Section(const YAML::Node& map, std::string name, Status& status)
      : name_(std::move(name)), status_(status) {
    if (!map.IsMap()) {
      Fail(At(map) + name_ + " is not a map");
      return;
    }
    for (const auto& entry : map) {
      if (!entry.first.IsScalar()) {
        Fail(At(entry.first) + "a key of " + name_ + " is not a text");
        return;
      }
      if (!keys_.insert(entry.first.Scalar()).second) {
        Fail(At(entry.first) + Cited(entry.first.Scalar()) + " is there twice in " + name_);
        return;
      }
      entries_.emplace_back(entry.first, entry.second);
    }
  }

  // An error for every key that is not one of these.
  void Allow(std::initializer_list<std::string_view> known) {
    for (const auto& [key, value] : entries_) {
      if (std::find(known.begin(), known.end(), key.Scalar()) != known.end()) continue;
      std::string text;
      for (const std::string_view one : known)
        text += (text.empty() ? "" : ", ") + std::string(one);
      Fail(At(key) + Cited(key.Scalar()) + " is not known in " + name_ + "; known are " + text);
    }
  }
  std::optional<YAML::Node> Get(std::string_view wanted) const {
    for (const auto& [key, value] : entries_) {
      if (key.Scalar() == wanted && !value.IsNull()) return value;
    }
    return std::nullopt;
  }
  std::string Text(std::string_view key) {
    const auto value = Get(key);
    if (!value) return {};
    if (value->IsScalar()) return value->Scalar();
    Fail(At(*value) + std::string(key) + " is not a text");
    return {};
  }
  std::optional<bool> Bool(std::string_view key) {
    const auto value = Get(key);
    if (!value) return std::nullopt;
    const std::string text = value->IsScalar() ? value->Scalar() : "";
    if (text == "true" || text == "false") return text == "true";
    Fail(At(*value) + std::string(key) + " is not true or false");
    return std::nullopt;
  }
  std::vector<std::string> List(std::string_view key) {
    std::vector<std::string> texts;
    const auto value = Get(key);
    if (!value) return texts;
    if (value->IsSequence()) {
      for (const auto& item : *value) {
        if (item.IsScalar()) texts.push_back(item.Scalar());
      }
      if (texts.size() == value->size()) return texts;
    }
    Fail(At(*value) + std::string(key) + " is not a list of texts");
    return {};
  }
  void Fail(std::string message) {
    if (status_.ok()) status_ = Status::Error(std::move(message));
  }
  const std::vector<std::pair<YAML::Node, YAML::Node>>& entries() const { return entries_; }

 private:
  const std::string name_;
  Status& status_;
  std::set<std::string> keys_;
  std::vector<std::pair<YAML::Node, YAML::Node>> entries_;
};

std::string InFolder(const std::string& path, const std::string& folder) {
  if (path.empty() || path.front() == '/' || folder.empty()) return path;
  return folder + "/" + path;
}

TlsVersion VersionOf(Section& section, std::string_view key, TlsVersion otherwise) {
  const std::string text = section.Text(key);
  if (text == "TLS12") return TlsVersion::kTls12;
  if (text == "TLS13") return TlsVersion::kTls13;
  if (!text.empty()) {
    section.Fail(std::string(key) + " " + Cited(text) + " is not TLS12 or TLS13");
  }
  return otherwise;
}

TlsServerOptions TlsOf(const YAML::Node& node, const std::string& folder, Status& status) {
  Section section(node, "tls_server_config", status);
  section.Allow({"cert_file", "key_file", "client_ca_file", "client_auth_type", "min_version",
                 "max_version", "cipher_suites", "curve_preferences",
                 "prefer_server_cipher_suites"});
  TlsServerOptions tls;
  tls.certificate_file = InFolder(section.Text("cert_file"), folder);
  tls.key_file = InFolder(section.Text("key_file"), folder);
  if (tls.certificate_file.empty()) section.Fail("tls_server_config has no cert_file");
  if (tls.key_file.empty()) section.Fail("tls_server_config has no key_file");
  tls.client_ca_file = InFolder(section.Text("client_ca_file"), folder);
  const std::string type = section.Text("client_auth_type");
  if (type == "RequireAndVerifyClientCert") {
    tls.client_certificates = ClientCertificates::kRequired;
  } else if (type == "VerifyClientCertIfGiven") {
    tls.client_certificates = ClientCertificates::kIfGiven;
  } else if (!type.empty() && type != "NoClientCert") {
    section.Fail("client_auth_type " + Cited(type) +
                 " is not NoClientCert, VerifyClientCertIfGiven or RequireAndVerifyClientCert");
  }
  const bool asks = tls.client_certificates != ClientCertificates::kNone;
  if (asks && tls.client_ca_file.empty()) {
    section.Fail("client_auth_type " + type + " needs a client_ca_file");
  }
  if (!asks && !tls.client_ca_file.empty()) {
    section.Fail(
        "client_ca_file has no use without client_auth_type VerifyClientCertIfGiven or "
        "RequireAndVerifyClientCert");
  }
  tls.min_version = VersionOf(section, "min_version", TlsVersion::kTls12);
  tls.max_version = VersionOf(section, "max_version", TlsVersion::kTls13);
  if (tls.min_version > tls.max_version) section.Fail("min_version is above max_version");
  tls.cipher_suites = section.List("cipher_suites");
  for (const std::string& name : section.List("curve_preferences")) {
    // Go's names.
    if (name == "X25519") {
      tls.curves.push_back(name);
    } else if (name == "CurveP256" || name == "CurveP384" || name == "CurveP521") {
      tls.curves.push_back("P-" + name.substr(6));
    } else {
      section.Fail("curve " + Cited(name) + " is not CurveP256, CurveP384, CurveP521 or X25519");
    }
  }
  tls.prefer_server_ciphers = section.Bool("prefer_server_cipher_suites").value_or(true);
  return tls;
}

std::vector<BasicUser> UsersOf(const YAML::Node& node, Status& status) {
  Section section(node, "basic_auth_users", status);
  std::vector<BasicUser> users;
  for (const auto& [name, hash] : section.entries()) {
    if (!hash.IsScalar()) {
      section.Fail(At(name) + "user " + Cited(name.Scalar()) + " has no bcrypt hash");
      break;
    }
    users.push_back({name.Scalar(), hash.Scalar()});
  }
  return users;
}

WebConfig FromNode(const YAML::Node& root, const std::string& folder, Status& status) {
  WebConfig config;
  Section section(root, "the file", status);
  section.Allow({"tls_server_config", "http_server_config", "basic_auth_users"});
  if (const auto tls = section.Get("tls_server_config")) config.tls = TlsOf(*tls, folder, status);
  if (const auto users = section.Get("basic_auth_users")) config.users = UsersOf(*users, status);
  if (const auto http = section.Get("http_server_config")) {
    Section settings(*http, "http_server_config", status);
    // Prometheus' server offers HTTP/2 by default; this one speaks HTTP/1.1 to everybody.
    settings.Allow({"http2"});
    settings.Bool("http2");
  }
  if (!config.tls && config.users.empty()) {
    section.Fail("it has neither tls_server_config nor basic_auth_users");
  }
  return config;
}

}  // namespace

Result<WebConfig> ParseWebConfig(std::string_view yaml, const std::string& folder) {
  if (yaml.size() > kLongestWebConfig) return Status::Error("it is longer than 64 KiB");
  if (yaml.find('\0') != std::string_view::npos) return Status::Error("it is not a text");
  Status status;
  WebConfig config;
  try {
    const std::string text(yaml);
    if (HasSecondDocument(text)) return Status::Error("it has more than one YAML document");
    const YAML::Node root = YAML::Load(text);
    if (!root.IsDefined() || root.IsNull()) return Status::Error("it is empty");
    config = FromNode(root, folder, status);
  } catch (const YAML::Exception& e) {
    const std::string line =
        e.mark.is_null() ? "" : "line " + std::to_string(e.mark.line + 1) + ": ";
    return Status::Error("it is not YAML: " + line + e.msg);
  } catch (const std::exception& e) {
    return Status::Error(std::string("it is not YAML: ") + e.what());
  }
  if (!status.ok()) return status;
  return config;
}

Result<WebConfig> ReadWebConfig(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return Status::Error("web configuration file '" + path +
                         "' cannot be read: " + std::generic_category().message(errno));
  }
  std::string text(kLongestWebConfig + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  const std::size_t slash = path.rfind('/');
  auto config = ParseWebConfig(text, slash == std::string::npos ? "" : path.substr(0, slash));
  if (config.ok()) return config;
  return Status::Error("web configuration file '" + path + "': " + config.message());
}

}  // namespace detail
POLYMETER_END_NAMESPACE
