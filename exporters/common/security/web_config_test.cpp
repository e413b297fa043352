#include "exporters/common/security/web_config.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

WebConfig Right(const std::string& yaml) {
  auto parsed = ParseWebConfig(yaml, "/etc/app");
  EXPECT_TRUE(parsed.ok()) << parsed.message() << "\n" << yaml;
  return std::move(parsed.value());
}

// What is said about a wrong one.
std::string Fault(const std::string& yaml) {
  const auto begin = std::chrono::steady_clock::now();
  const auto parsed = ParseWebConfig(yaml, "/etc/app");
  EXPECT_FALSE(parsed.ok()) << yaml.substr(0, 500);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
  EXPECT_LT(parsed.message().size(), 500u);
  return parsed.message();
}

#define EXPECT_FAULT(yaml, part) EXPECT_NE(Fault(yaml).find(part), std::string::npos) << Fault(yaml)

const std::string kTls = "tls_server_config:\n  cert_file: c.pem\n  key_file: /k.pem\n";

TEST(WebConfig, ReadsWhatPrometheusDocuments) {
  const WebConfig config = Right(R"(# comments are allowed
tls_server_config:
  cert_file: tls/server.crt
  key_file: /etc/ssl/server.key
  client_auth_type: "RequireAndVerifyClientCert"
  client_ca_file: ca.crt
  min_version: TLS13
  max_version: "TLS13"
  cipher_suites: [TLS_AES_128_GCM_SHA256]
  curve_preferences:
    - CurveP256
    - X25519
  prefer_server_cipher_suites: false
http_server_config:
  http2: true
basic_auth_users:
  alice: $2y$10$mDwo.lAisC94iLAyP81MCesa29IzH37oigHC/42V2pdJlUprsJPze
  "bob c": '$2y$10$hLqFl9jSjoAAy95Z/zw8Ye8wkdMBM8c5Bn1ptYqP/AXyV0.oy0S8m'
  7: x
)");
  ASSERT_TRUE(config.tls);
  EXPECT_EQ(config.tls->certificate_file, "/etc/app/tls/server.crt");
  EXPECT_EQ(config.tls->key_file, "/etc/ssl/server.key");
  EXPECT_EQ(config.tls->client_ca_file, "/etc/app/ca.crt");
  EXPECT_EQ(config.tls->client_certificates, ClientCertificates::kRequired);
  EXPECT_EQ(config.tls->min_version, TlsVersion::kTls13);
  EXPECT_EQ(config.tls->max_version, TlsVersion::kTls13);
  EXPECT_EQ(config.tls->cipher_suites, std::vector<std::string>{"TLS_AES_128_GCM_SHA256"});
  EXPECT_EQ(config.tls->curves, (std::vector<std::string>{"P-256", "X25519"}));
  EXPECT_FALSE(config.tls->prefer_server_ciphers);
  ASSERT_EQ(config.users.size(), 3u);
  EXPECT_EQ(config.users[0].name, "alice");
  EXPECT_EQ(config.users[0].bcrypt, "$2y$10$mDwo.lAisC94iLAyP81MCesa29IzH37oigHC/42V2pdJlUprsJPze");
  EXPECT_EQ(config.users[1].name, "bob c");
  EXPECT_EQ(config.users[2].name, "7");
}

TEST(WebConfig, TakesEachPartAlone) {
  const WebConfig tls = Right(kTls);
  EXPECT_EQ(tls.tls->certificate_file, "/etc/app/c.pem");
  EXPECT_EQ(tls.tls->key_file, "/k.pem");
  EXPECT_EQ(tls.tls->client_certificates, ClientCertificates::kNone);
  EXPECT_EQ(tls.tls->min_version, TlsVersion::kTls12);
  EXPECT_TRUE(tls.users.empty());
  const WebConfig users = Right("basic_auth_users: {a: h}\ntls_server_config:\n");
  EXPECT_FALSE(users.tls);
  EXPECT_EQ(users.users.size(), 1u);
  EXPECT_EQ(ParseWebConfig(kTls, "").value().tls->certificate_file, "c.pem");
  EXPECT_EQ(Right("basic_auth_users: {a: &x h, b: *x}").users[1].bcrypt, "h");
}

TEST(WebConfig, KnowsNoOtherKeys) {
  EXPECT_FAULT("basic_auth_user: {a: h}", "line 1: 'basic_auth_user' is not known in the file");
  EXPECT_FAULT(kTls + "  cert: x\n", "line 4: 'cert' is not known in tls_server_config");
  EXPECT_FAULT(kTls + "http_server_config:\n  headers: {X-Frame-Options: deny}\n",
               "'headers' is not known in http_server_config");
  EXPECT_FAULT(kTls + "rate_limit: {}\n", "'rate_limit'");
  EXPECT_FAULT("? [a, b]\n: c\n", "a key of the file is not a text");
  EXPECT_FAULT("\"\\e[31m" + std::string(200, 'k') + "\": 1\n", "'?[31mkkk");
}

TEST(WebConfig, RefusesKeysThatAreThereTwice) {
  EXPECT_FAULT(kTls + "  key_file: other\n", "'key_file' is there twice in tls_server_config");
  EXPECT_FAULT("basic_auth_users: {a: h, a: i}", "'a' is there twice in basic_auth_users");
  EXPECT_FAULT("basic_auth_users: {a: h}\nbasic_auth_users: {b: h}\n", "there twice in the file");
}

TEST(WebConfig, RefusesWrongTypesAndValues) {
  EXPECT_FAULT("", "it is empty");
  EXPECT_FAULT("# nothing\n", "it is empty");
  EXPECT_FAULT("{}", "neither tls_server_config nor basic_auth_users");
  EXPECT_FAULT("http_server_config: {http2: false}", "neither");
  EXPECT_FAULT("basic_auth_users: {}", "neither");
  EXPECT_FAULT("text", "the file is not a map");
  EXPECT_FAULT("[a]", "the file is not a map");
  EXPECT_FAULT("tls_server_config: yes", "tls_server_config is not a map");
  EXPECT_FAULT("basic_auth_users: [a, b]", "basic_auth_users is not a map");
  EXPECT_FAULT("basic_auth_users: {a: [h]}", "user 'a' has no bcrypt hash");
  EXPECT_FAULT("basic_auth_users: {a: }", "user 'a' has no bcrypt hash");
  EXPECT_FAULT("tls_server_config: {cert_file: c}", "no key_file");
  EXPECT_FAULT("tls_server_config: {key_file: c}", "no cert_file");
  EXPECT_FAULT("tls_server_config: {cert_file: [c], key_file: k}", "cert_file is not a text");
  EXPECT_FAULT(kTls + "  min_version: TLS11\n", "min_version 'TLS11' is not TLS12 or TLS13");
  EXPECT_FAULT(kTls + "  min_version: TLS13\n  max_version: TLS12\n", "above");
  EXPECT_FAULT(kTls + "  client_auth_type: RequireAnyClientCert\n", "RequireAndVerifyClientCert");
  EXPECT_FAULT(kTls + "  client_auth_type: VerifyClientCertIfGiven\n", "needs a client_ca_file");
  EXPECT_FAULT(kTls + "  client_ca_file: ca\n", "has no use without client_auth_type");
  EXPECT_FAULT(kTls + "  cipher_suites: TLS_X\n", "cipher_suites is not a list of texts");
  EXPECT_FAULT(kTls + "  curve_preferences: [CurveP224]\n", "curve 'CurveP224'");
  EXPECT_FAULT(kTls + "  prefer_server_cipher_suites: maybe\n", "not true or false");
  EXPECT_FAULT(kTls + "http_server_config: {http2: 2}\n", "http2 is not true or false");
}

TEST(WebConfig, SurvivesHostileYaml) {
  std::string laughs = "a: &a [lol]\n";
  for (char c = 'b'; c < 'z'; ++c) {
    const std::string before(1, static_cast<char>(c - 1));
    laughs += std::string(1, c) + ": &" + c + " [";
    for (int i = 0; i < 10; ++i) laughs += (i == 0 ? "*" : ",*") + before;
    laughs += "]\n";
  }
  EXPECT_FAULT(laughs + "basic_auth_users: {u: *y}\n", "not known");
  EXPECT_FAULT("basic_auth_users: &a {u: *a}\n", "no bcrypt hash");
  EXPECT_FAULT("&a {basic_auth_users: *a}\n", "no bcrypt hash");
  EXPECT_FAULT("a: *nobody\n", "not YAML");
  EXPECT_FAULT("basic_auth_users: {a: h}\n---\nbasic_auth_users: {b: h}\n", "more than one");
  EXPECT_FAULT("tls_server_config:\n\tcert_file: c\n", "not YAML: line");
  EXPECT_FAULT("basic_auth_users: {a: h", "not YAML");
  for (const char* const stray : {"}", "]", ",", "} }", "a: b\n}\n", "basic_auth_users: {a: h}}"}) {
    EXPECT_NE(Fault(stray), "") << stray;  // yaml-cpp's LoadAll does not return
  }
  EXPECT_FAULT(std::string("basic_auth_users: {a: h}\0", 25), "not a text");
  EXPECT_FAULT(std::string(10'000'000, '['), "longer than 64 KiB");
  for (const char* const part :
       {"[",    "{", "- ", "? ", "&a ", "!", "a: ",  "'",  "\"", ": ",  "|\n",
        "<<: ", "*", "%",  "\\", "}",   ",", "\xFF", "\r", "[{", "-\n", "{a: "}) {
    std::string many;
    while (many.size() + 10 < 60'000) many += part;
    SCOPED_TRACE(part);
    EXPECT_NE(Fault(many), "");
  }
}

TEST(WebConfig, NamesTheFileThatIsWrong) {
  const std::string folder = ::testing::TempDir() + "polymeter-web-" + std::to_string(getpid());
  std::filesystem::create_directory(folder);
  std::ofstream(folder + "/web.yml") << kTls;
  EXPECT_EQ(ReadWebConfig(folder + "/web.yml").value().tls->certificate_file, folder + "/c.pem");
  std::ofstream(folder + "/web.yml") << "nonsense";
  EXPECT_NE(
      ReadWebConfig(folder + "/web.yml").message().find(folder + "/web.yml': line 1: the file is"),
      std::string::npos);
  std::ofstream(folder + "/web.yml") << std::string(70'000, '#');
  EXPECT_NE(ReadWebConfig(folder + "/web.yml").message().find("64 KiB"), std::string::npos);
  EXPECT_NE(ReadWebConfig(folder + "/none.yml").message().find("No such file"), std::string::npos);
  EXPECT_FALSE(ReadWebConfig(folder).ok());
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace detail
POLYMETER_END_NAMESPACE
