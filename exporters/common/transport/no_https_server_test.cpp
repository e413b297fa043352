// Of a build without TLS (POLYMETER_WITH_TLS=OFF): it says so, and serves nothing instead.
#include <gtest/gtest.h>

#include <atomic>
#include <string>

#include "exporters/common/transport/http_server.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

TEST(NoHttpsServer, NeverStartsAndNeverServesPlainHttp) {
  HttpServerOptions options;
  options.tls.emplace();
  const auto server = MakeHttpServer(options);
  std::atomic<int> calls{0};
  const HttpStartResult result = server->Start([&](const HttpRequest&, HttpResponse&) { ++calls; });
  EXPECT_EQ(result.outcome, HttpStart::kImpossible);
  EXPECT_NE(result.message.find("POLYMETER_WITH_TLS=OFF"), std::string::npos);
  EXPECT_EQ(server->endpoint(), "");
  EXPECT_EQ(CheckTls(*options.tls).message(), result.message);
}

}  // namespace
}  // namespace detail
POLYMETER_END_NAMESPACE
