// TLS and logins of the backend as METRICS_PROMETHEUS_* ask for them: what was asked for and cannot
// be had is an error, never an open server.
#include "exporters/prometheus/server_security.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "exporters/backend_info.h"
#include "exporters/common/transport/certificates_for_test.h"
#include "exporters/common/transport/tls_client_for_test.h"
#include "exporters/prometheus/prometheus.h"
#include "sdk/testing/snapshot_builder.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

using testing::Get;
using testing::PortOf;
using testing::RawAnswer;

constexpr const char* kAnnaIsRight = "Authorization: Basic YW5uYTpzZWNyZXQ=\r\n";  // anna:secret
constexpr const char* kAnnaIsWrong = "Authorization: Basic YW5uYTp3cm9uZw==\r\n";
const std::string kUserAnna =
    "basic_auth_users:\n  anna: $2y$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW\n";

class SecuredSource final : public SnapshotSource {
 public:
  SecuredSource() {
    testing::SnapshotBuilder builder;
    builder.sink().BeginFamily(MetricType::kCounter, "jobs_total", "Jobs.");
    builder.sink().Counter({}, std::uint64_t{7});
    snapshot_ = builder.Generation(1).Build();
  }
  Snapshot TakeSnapshot(Deadline) override { return snapshot_; }
  void Log(LogLevel, std::string_view) override {}

 private:
  Snapshot snapshot_;
};

class ServerSecurityTest : public ::testing::Test {
 protected:
  ServerSecurityTest() {
    const testing::Certificates make(folder_);
    make.Authority("good");
    make.Signed("server", "good");
  }
  std::string Pem(const std::string& name) const { return folder_.File(name + ".pem"); }
  std::string Key(const std::string& name) const { return folder_.File(name + ".key"); }

  static BackendOptions Options(StringPairs set) {
    for (auto& [name, value] : set) name = "METRICS_PROMETHEUS_" + name;
    set.insert(set.begin(), {"METRICS_PROMETHEUS_PORT", "0"});
    Problems problems;
    BackendOptions options = ResolveOptions("prometheus", PrometheusBackendInfo().options,
                                            Environment(set), {}, problems);
    EXPECT_TRUE(problems.empty()) << problems.Message();
    return options;
  }
  std::uint16_t Serve(const StringPairs& set) {
    auto made = PrometheusBackendInfo().make(Options(set), outside_);
    EXPECT_TRUE(made.ok()) << made.message();
    if (!made.ok()) return 0;
    backend_ = std::move(made.value());
    const Status status = backend_->Start(source_);
    EXPECT_TRUE(status.ok()) << status.message();
    return PortOf(backend_->Report().endpoint);
  }
  std::string Refused(const StringPairs& set) {
    const auto made = PrometheusBackendInfo().make(Options(set), outside_);
    EXPECT_FALSE(made.ok());
    return made.message();
  }

  const testing::TestFolder folder_;
  Outside outside_;
  SecuredSource source_;
  std::unique_ptr<Backend> backend_;
};

TEST_F(ServerSecurityTest, AsksForThePasswordEverywhereButAtHealthz) {
  const std::uint16_t port =
      Serve({{"WEB_CONFIG", folder_.Write("web.yml", kUserAnna)}, {"BEARER_TOKEN", "t0ken"}});
  for (const char* const path : {"/metrics", "/", "/nothing", "/healthz/", "/metrics?x=/healthz"}) {
    testing::RawClient client(port);
    client.Send("GET " + std::string(path) + " HTTP/1.1\r\nHost: x\r\n" + kAnnaIsWrong + "\r\n");
    const std::string bytes = client.ReadAll();
    EXPECT_TRUE(bytes.starts_with("HTTP/1.1 401 Unauthorized\r\n")) << bytes;
    EXPECT_NE(bytes.find("WWW-Authenticate: Basic realm="), std::string::npos);
    EXPECT_NE(bytes.find("WWW-Authenticate: Bearer realm="), std::string::npos);
    EXPECT_EQ(bytes.find("jobs_total"), std::string::npos);
  }
  EXPECT_EQ(Get(port, "/healthz").body, "ok\n");
  EXPECT_NE(Get(port, "/metrics", kAnnaIsRight).body.find("jobs_total 7"), std::string::npos);
  EXPECT_EQ(Get(port, "/metrics", "Authorization: Bearer t0ken\r\n").status, 200);
  EXPECT_EQ(Get(port, "/nothing", kAnnaIsRight).status, 404);
  const BackendReport report = backend_->Report();
  EXPECT_EQ(report.scrapes, 2u);
  EXPECT_EQ(report.failed_scrapes, 2u);  // the paths that are /metrics
}

TEST_F(ServerSecurityTest, ServesOverTlsAloneOrWithALogin) {
  const StringPairs tls{{"TLS_CERTIFICATE", Pem("server")}, {"TLS_KEY", Key("server")}};
  testing::TlsClientOptions trusting;
  trusting.ca_file = Pem("good");
  std::uint16_t port = Serve(tls);
  EXPECT_NE(testing::TlsGet(port, "/metrics", trusting).body.find("jobs_total 7"),
            std::string::npos);
  EXPECT_EQ(Get(port, "/metrics").status, 400);  // plain HTTP
  port = Serve({{"WEB_CONFIG", folder_.Write("web.yml",
                                             "tls_server_config:\n  cert_file: server.pem\n"
                                             "  key_file: server.key\n" +
                                                 kUserAnna)}});
  EXPECT_EQ(testing::TlsGet(port, "/metrics", trusting).status, 401);
  EXPECT_EQ(testing::TlsGet(port, "/metrics", trusting, kAnnaIsRight).status, 200);
  EXPECT_EQ(testing::TlsGet(port, "/healthz", trusting).status, 200);
}

TEST_F(ServerSecurityTest, AsksForClientCertificatesOfTheGivenAuthority) {
  const std::uint16_t port = Serve({{"TLS_CERTIFICATE", Pem("server")},
                                    {"TLS_KEY", Key("server")},
                                    {"TLS_CLIENT_CA", Pem("good")}});
  testing::TlsClientOptions client;
  client.ca_file = Pem("good");
  EXPECT_EQ(testing::TlsGet(port, "/metrics", client).status, 0);
  EXPECT_EQ(testing::TlsGet(port, "/healthz", client).status, 0);
  client.certificate_file = Pem("server");
  client.key_file = Key("server");
  EXPECT_EQ(testing::TlsGet(port, "/metrics", client).status, 200);
}

TEST_F(ServerSecurityTest, IsNotMadeWhereWhatWasAskedForCannotBeHad) {
  const std::string tls_file = folder_.Write(
      "tls.yml", "tls_server_config: {cert_file: server.pem, key_file: server.key}\n");
  const std::vector<std::pair<StringPairs, std::string>> faults{
      {{{"WEB_CONFIG", folder_.File("none.yml")}}, "none.yml' cannot be read"},
      {{{"WEB_CONFIG", folder_.Write("bad.yml", "users: {}")}}, "'users' is not known"},
      {{{"WEB_CONFIG", folder_.Write("hash.yml", "basic_auth_users: {a: b}")}}, "bcrypt"},
      {{{"TLS_CERTIFICATE", Pem("server")}}, "METRICS_PROMETHEUS_TLS_KEY is missing"},
      {{{"TLS_KEY", Key("server")}}, "METRICS_PROMETHEUS_TLS_CERTIFICATE is missing"},
      {{{"TLS_CLIENT_CA", Pem("good")}}, "METRICS_PROMETHEUS_TLS_CERTIFICATE is missing"},
      {{{"TLS_CERTIFICATE", Pem("good")}, {"TLS_KEY", Key("server")}}, "key values mismatch"},
      {{{"TLS_CERTIFICATE", Pem("none")}, {"TLS_KEY", Key("server")}}, "No such file"},
      {{{"WEB_CONFIG", tls_file}, {"TLS_CERTIFICATE", Pem("server")}, {"TLS_KEY", Key("server")}},
       "both METRICS_PROMETHEUS_WEB_CONFIG and METRICS_PROMETHEUS_TLS_CERTIFICATE"},
      {{{"BEARER_TOKEN", "a b"}}, "-._~+/"},
      {{{"BEARER_TOKEN", "  "}}, "METRICS_PROMETHEUS_BEARER_TOKEN is set to blanks"},
      {{{"BEARER_TOKEN", "t"}, {"BEARER_TOKEN_FILE", "/t"}}, "both set"},
      {{{"BEARER_TOKEN_FILE", folder_.Write("empty", "\n")}}, "does not hold a token"},
  };
  for (const auto& [set, part] : faults) {
    EXPECT_NE(Refused(set).find(part), std::string::npos) << Refused(set);
  }
}

// A file that became bad after the checks: the start fails, and there is nothing to connect to.
TEST_F(ServerSecurityTest, DoesNotStartWhereACertificateWentBadMeanwhile) {
  auto made = PrometheusBackendInfo().make(
      Options({{"TLS_CERTIFICATE", Pem("server")}, {"TLS_KEY", Key("server")}}), outside_);
  ASSERT_TRUE(made.ok());
  folder_.Write("server.key", "no key");
  const Status status = made.value()->Start(source_);
  EXPECT_FALSE(status.ok());
  EXPECT_EQ(made.value()->Report().endpoint, "");
}

TEST_F(ServerSecurityTest, ShowsNoToken) {
  const BackendOptions options = Options({{"BEARER_TOKEN", "hunter2"}});
  for (const Setting& setting : options.Describe()) {
    EXPECT_EQ(setting.value.find("hunter2"), std::string::npos) << setting.name;
  }
}

}  // namespace
}  // namespace detail
POLYMETER_END_NAMESPACE
