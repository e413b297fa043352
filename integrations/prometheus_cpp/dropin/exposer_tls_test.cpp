// Exposer with TLS, by civetweb's options.
#include <CivetServer.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "exporters/common/transport/certificates_for_test.h"
#include "exporters/common/transport/tls_client_for_test.h"
#include "prometheus/counter.h"
#include "prometheus/exposer.h"
#include "prometheus/registry.h"

namespace exposer_tls_test {
namespace {

using polymeter::testing::Certificates;
using polymeter::testing::TestFolder;
using polymeter::testing::TlsClientOptions;
using polymeter::testing::TlsGet;
using prometheus::Exposer;
using ::testing::HasSubstr;

std::string ContentsOf(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

class ExposerTls : public ::testing::Test {
 protected:
  void SetUp() override {
    certificates_.Authority("ca");
    certificates_.Signed("server", "ca");
    certificates_.Signed("client", "ca");
    both_ = folder_.Write("both.pem", ContentsOf(certificates_.Pem("server")) +
                                          ContentsOf(certificates_.Key("server")));
    prometheus::BuildCounter().Name("over_tls_total").Help("H.").Register(*registry_).Add({});
  }

  TestFolder folder_;
  Certificates certificates_{folder_};
  std::string both_;
  std::shared_ptr<prometheus::Registry> registry_ = std::make_shared<prometheus::Registry>();
};

TEST_F(ExposerTls, ServesThePageToWhoTrustsItsCertificate) {
  Exposer exposer({"listening_ports", "127.0.0.1:0s", "ssl_certificate", both_});
  exposer.RegisterCollectable(registry_);
  const auto port = static_cast<std::uint16_t>(exposer.GetListeningPorts().at(0));
  TlsClientOptions client;
  client.ca_file = certificates_.Pem("ca");
  EXPECT_THAT(TlsGet(port, "/metrics", client).body, HasSubstr("over_tls_total 0"));
}

TEST_F(ExposerTls, AsksForAClientsCertificate) {
  Exposer exposer({"listening_ports", "127.0.0.1:0s", "ssl_certificate", both_, "ssl_ca_file",
                   certificates_.Pem("ca"), "ssl_verify_peer", "yes"});
  exposer.RegisterCollectable(registry_);
  const auto port = static_cast<std::uint16_t>(exposer.GetListeningPorts().at(0));
  TlsClientOptions client;
  client.ca_file = certificates_.Pem("ca");
  EXPECT_EQ(TlsGet(port, "/metrics", client).status, 0);
  client.certificate_file = certificates_.Pem("client");
  client.key_file = certificates_.Key("client");
  EXPECT_EQ(TlsGet(port, "/metrics", client).status, 200);
}

TEST_F(ExposerTls, ThrowsWhereItCannotBeHad) {
  try {
    Exposer exposer({"listening_ports", "127.0.0.1:0s", "ssl_certificate", "/nowhere.pem"});
    FAIL() << "listens at " << exposer.GetListeningPorts().at(0);
  } catch (const CivetException& e) {
    EXPECT_THAT(e.what(), HasSubstr("/nowhere.pem"));
  }
}

}  // namespace
}  // namespace exposer_tls_test
