// Of a build without yaml-cpp and libcrypt (POLYMETER_WITH_WEB_CONFIG=OFF): users are an error, not
// an open door.
#include <gtest/gtest.h>

#include <string>

#include "exporters/common/security/authenticator.h"
#include "exporters/common/security/web_config.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

TEST(NoWebConfig, RefusesFilesAndUsers) {
  EXPECT_NE(ReadWebConfig("web.yml").message().find("POLYMETER_WITH_WEB_CONFIG=OFF"),
            std::string::npos);
  AuthenticatorOptions options;
  options.users = {{"anna", "$2y$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW"}};
  EXPECT_FALSE(Authenticator::Make(options).ok());
  options.users.clear();
  options.bearer_token = "t";  // needs neither
  EXPECT_TRUE(Authenticator::Make(options).ok());
}

}  // namespace
}  // namespace detail
POLYMETER_END_NAMESPACE
