#include "integrations/prometheus_cpp/dropin/exposer_options.h"

#include <CivetServer.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <type_traits>

namespace exposer_options_test {
namespace {

using polymeter::detail::ExposerAddress;
using polymeter::detail::ParseBindAddress;
using polymeter::detail::ParseExposerOptions;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;

std::string Where(const ExposerAddress& address) {
  return address.server.host + " " + std::to_string(address.server.port) +
         (address.second_half ? " second" : "");
}
std::vector<std::string> Places(const std::vector<ExposerAddress>& addresses) {
  std::vector<std::string> places;
  for (const ExposerAddress& address : addresses) places.push_back(Where(address));
  return places;
}

// The message of the exception of exactly this type; fails the test for another one and for none.
template <class Exception, class Call>
std::string Thrown(Call call) {
  try {
    call();
  } catch (const Exception& e) {
    EXPECT_EQ(typeid(e), typeid(Exception)) << e.what();
    return e.what();
  }
  ADD_FAILURE() << "nothing was thrown";
  return {};
}

// Programs catch it as what prometheus-cpp throws, and as a std::runtime_error.
static_assert(std::is_base_of_v<std::runtime_error, CivetException>);

TEST(ExposerBindAddress, IsUnderstoodInAllItsForms) {
  const auto places = [](const char* text) { return Places(ParseBindAddress(text, 2)); };
  EXPECT_THAT(places("8080"), ElementsAre("0.0.0.0 8080"));
  EXPECT_THAT(places("127.0.0.1:8080"), ElementsAre("127.0.0.1 8080"));
  EXPECT_THAT(places("0.0.0.0:0"), ElementsAre("0.0.0.0 0"));
  EXPECT_THAT(places("[::1]:65535"), ElementsAre("::1 65535"));
  EXPECT_THAT(places("localhost:1"), ElementsAre("localhost 1"));
  EXPECT_THAT(places("127.0.0.1:1, [::1]:2,3"), ElementsAre("127.0.0.1 1", "::1 2", "0.0.0.0 3"));
  EXPECT_THAT(places("+9"), ElementsAre("0.0.0.0 9", ":: 9 second"));
}

TEST(ExposerBindAddress, SaysWhatIsAcceptedForEverythingElse) {
  for (const char* text : {"", ",", "foo", "127.0.0.1", "127.0.0.1:", ":80", "127.0.0.1:65536",
                           "127.0.0.1:-1", "127.0.0.1:+1", "127.0.0.1:8o", "[::1]", "[::1:80",
                           "::1:80", "127.0.0.1:99999999999999999999", "0x50"}) {
    EXPECT_THAT(Thrown<CivetException>([&] { ParseBindAddress(text, 2); }),
                HasSubstr("accepted: port, address:port"))
        << text;
  }
  EXPECT_THAT(Thrown<CivetException>([] { ParseBindAddress("8080", 0); }),
              HasSubstr("num_threads=0 is not from 1 to"));
}

TEST(ExposerBindAddress, WithTlsOrRedirectionIsRefused) {  // it has no certificate
  EXPECT_THAT(Thrown<std::invalid_argument>([] { ParseBindAddress("127.0.0.1:8443s", 2); }),
              HasSubstr("127.0.0.1:8443s' asks for TLS, which needs the option ssl_certificate"));
  EXPECT_THAT(Thrown<std::invalid_argument>([] { ParseBindAddress("80r,443s", 2); }),
              HasSubstr("80r' asks for a redirection"));
}

TEST(ExposerOptions, HaveCivetwebsDefaults) {
  const auto addresses = ParseExposerOptions({});
  EXPECT_THAT(Places(addresses), ElementsAre("0.0.0.0 8080"));
  EXPECT_EQ(addresses[0].server.threads, 50);
  EXPECT_EQ(addresses[0].server.request_timeout.count(), 30000);
}

TEST(ExposerOptions, ThatCountAreTaken) {
  const auto addresses = ParseExposerOptions(
      {"listening_ports",          "127.0.0.1:0", "num_threads",           "3",
       "request_timeout_ms",       "700",         "max_request_size",      "2048",
       "connection_queue",         "7",           "access_control_list",   "-0.0.0.0/0",
       "enable_keep_alive",        "yes",         "keep_alive_timeout_ms", "500",
       "enable_directory_listing", "no",          "num_threads",           "4"});
  ASSERT_THAT(Places(addresses), ElementsAre("127.0.0.1 0"));
  EXPECT_EQ(addresses[0].server.threads, 4);  // the last one
  EXPECT_EQ(addresses[0].server.request_timeout.count(), 700);
  EXPECT_EQ(addresses[0].server.max_header_bytes, 2048u);
  EXPECT_EQ(addresses[0].server.max_connections, 7);
  EXPECT_THAT(addresses[0].server.civetweb, ElementsAre(Pair("access_control_list", "-0.0.0.0/0")));
}

TEST(ExposerOptions, ThatAreUnknownOrNoNumbersAreReported) {
  EXPECT_THAT(Thrown<CivetException>([] {
                ParseExposerOptions({"num_thread", "2"});
              }),
              HasSubstr("'num_thread' is not an option of civetweb; those that count here: "
                        "listening_ports, num_threads"));
  EXPECT_THAT(Thrown<CivetException>([] { ParseExposerOptions({"listening_ports"}); }),
              HasSubstr("an odd number of options"));
  for (const char* text : {"", "x", "0", "-1", "2x", "99999999"}) {
    EXPECT_THAT(Thrown<CivetException>([&] {
                  ParseExposerOptions({"num_threads", text});
                }),
                HasSubstr("is not an integer from 1 to 65536"))
        << text;
  }
}

// CVE-2025-55763 needs a document root.
TEST(ExposerOptions, ThatServeFilesOrRunProgramsAreRefused) {
  for (const char* name :
       {"document_root", "cgi_pattern", "cgi_interpreter", "cgi2_interpreter", "ssi_pattern",
        "url_rewrite_patterns", "put_delete_auth_file", "error_pages", "websocket_root",
        "global_auth_file", "index_files", "lua_script_pattern", "enable_directory_listing"}) {
    const std::vector<std::string> options{"listening_ports", "127.0.0.1:0", name, "yes"};
    EXPECT_THAT(Thrown<std::invalid_argument>([&] { ParseExposerOptions(options); }),
                HasSubstr(std::string(name) + " is about serving files"));
    EXPECT_THROW(polymeter::detail::CheckCivetwebOptions(options), std::invalid_argument) << name;
  }
  EXPECT_THAT(Thrown<std::invalid_argument>([] {
                ParseExposerOptions({"ssl_cipher_list", "ALL"});
              }),
              HasSubstr("ssl_cipher_list has no counterpart here"));
  EXPECT_THAT(Thrown<std::invalid_argument>([] {
                ParseExposerOptions({"run_as_user", "x"});
              }),
              HasSubstr("the user of the whole process"));
}

// "no" is a folder, a user or a program, where it is not the answer to enable_...
TEST(ExposerOptions, ThatServeFilesAreRefusedWithNoAsWell) {
  for (const char* name :
       {"document_root", "cgi_pattern", "cgi_interpreter", "cgi2_interpreter", "ssi_pattern",
        "url_rewrite_patterns", "put_delete_auth_file", "error_pages", "websocket_root",
        "global_auth_file", "index_files", "lua_script_pattern"}) {
    const std::vector<std::string> options{"listening_ports", "127.0.0.1:0", name, "no"};
    EXPECT_THAT(Thrown<std::invalid_argument>([&] { ParseExposerOptions(options); }),
                HasSubstr(std::string(name) + " is about serving files"));
    EXPECT_THROW(polymeter::detail::CheckCivetwebOptions(options), std::invalid_argument) << name;
  }
  EXPECT_THROW(ParseExposerOptions({"run_as_user", "no"}), std::invalid_argument);
  EXPECT_NO_THROW(ParseExposerOptions({"enable_directory_listing", "no"}));
  EXPECT_NO_THROW(polymeter::detail::CheckCivetwebOptions({"enable_directory_listing", "no"}));
}

TEST(ExposerOptions, AboutTlsCountForThePortsThatAskForIt) {
  const auto addresses = ParseExposerOptions(
      {"listening_ports", "127.0.0.1:8080,127.0.0.1:8443s", "ssl_certificate", "both.pem",
       "ssl_ca_file", "ca.pem", "ssl_verify_peer", "yes", "ssl_protocol_version", "5"});
  EXPECT_THAT(Places(addresses), ElementsAre("127.0.0.1 8080", "127.0.0.1 8443"));
  EXPECT_FALSE(addresses[0].server.tls.has_value());
  ASSERT_TRUE(addresses[1].server.tls.has_value());
  const auto& tls = *addresses[1].server.tls;
  EXPECT_EQ(tls.certificate_file, "both.pem");
  EXPECT_EQ(tls.key_file, "both.pem");
  EXPECT_EQ(tls.client_ca_file, "ca.pem");
  EXPECT_EQ(tls.client_certificates, polymeter::detail::ClientCertificates::kRequired);
  EXPECT_EQ(tls.min_version, polymeter::detail::TlsVersion::kTls13);
}

TEST(ExposerOptions, AboutTlsAreUnderstoodOrRefused) {
  EXPECT_THAT(Thrown<CivetException>([] {
                ParseExposerOptions({"ssl_verify_peer", "maybe"});
              }),
              HasSubstr("accepted: yes, no, optional"));
  EXPECT_THAT(Thrown<CivetException>([] {
                ParseExposerOptions({"ssl_protocol_version", "6"});
              }),
              HasSubstr("accepted: 0 to 4 (TLS 1.2), 5 (TLS 1.3)"));
  EXPECT_THAT(Thrown<std::invalid_argument>([] {
                ParseExposerOptions({"listening_ports", "8443s", "ssl_verify_peer", "no"});
              }),
              HasSubstr("needs the option ssl_certificate"));
}

// Nobody may have to guess what becomes of an option of the civetweb that this is built with.
TEST(ExposerOptions, KnowEveryOptionOfCivetweb) {
  int known = 0;
  for (const mg_option* i = mg_get_valid_options(); i->name != nullptr; ++i) {
    try {
      ParseExposerOptions({i->name, "1024"});
    } catch (const std::invalid_argument&) {
    } catch (const CivetException& e) {  // of some, that is no value
      EXPECT_THAT(e.what(), Not(HasSubstr("is not an option of civetweb")));
    }
    ++known;
  }
  EXPECT_GT(known, 40);
}

}  // namespace
}  // namespace exposer_options_test
