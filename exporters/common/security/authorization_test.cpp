#include "exporters/common/security/authorization.h"

#include <gtest/gtest.h>

#include <string>

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

using Scheme = Credentials::Scheme;

TEST(Authorization, ReadsTheExamplesOfTheRfcs) {
  const Credentials basic = ParseAuthorization("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
  EXPECT_EQ(basic.scheme, Scheme::kBasic);
  EXPECT_EQ(basic.name, "Aladdin");
  EXPECT_EQ(basic.password, "open sesame");
  const Credentials utf8 = ParseAuthorization("basic   dGVzdDoxMjPCow== ");
  EXPECT_EQ(utf8.name, "test");
  EXPECT_EQ(utf8.password, "123\xC2\xA3");
  const Credentials bearer = ParseAuthorization("BEARER mF_9.B5f-4.1JqM");
  EXPECT_EQ(bearer.scheme, Scheme::kBearer);
  EXPECT_EQ(bearer.token, "mF_9.B5f-4.1JqM");
}

TEST(Authorization, KeepsColonsInPasswordsAndTakesEmptyParts) {
  EXPECT_EQ(ParseAuthorization("Basic YTpiOmM=").password, "b:c");  // a:b:c
  const Credentials empty = ParseAuthorization("Basic Og==");       // :
  EXPECT_EQ(empty.scheme, Scheme::kBasic);
  EXPECT_EQ(empty.name + empty.password, "");
}

TEST(Authorization, TakesNothingThatIsMalformed) {
  for (const std::string header : {"",
                                   "Basic",
                                   "Basic ",
                                   "Bearer",
                                   "Bearer ",
                                   "Digest QWxhZGRpbjpv",
                                   "BasicQWxhZGRpbjpv",
                                   "Basic QWxhZGRpbg==",  // no colon
                                   "Basic QWxhZGRpbjpv=",
                                   "Basic QWxhZGRpbjp",
                                   "Basic QW xhZG",
                                   "Basic QWxh-ZGRpbjpv",
                                   "Basic ====",
                                   "Basic YT==YTpi",
                                   "Basic YTpiAA==",  // a:b and NUL
                                   "Basic YToKYg==",  // a line end
                                   "Bearer a b",
                                   "Bearer =",
                                   "Bearer a=b",
                                   "Bearer \"a\"",
                                   "Bearer a,b",
                                   "bearer\ta"}) {
    EXPECT_EQ(ParseAuthorization(header).scheme, Scheme::kNone) << header;
  }
}

TEST(Authorization, ComparesSecretsWhole) {
  EXPECT_TRUE(SameSecret("", ""));
  EXPECT_TRUE(SameSecret("abc", "abc"));
  for (const char* const other : {"", "a", "abd", "Abc", "abcd"}) {
    EXPECT_FALSE(SameSecret("abc", other)) << other;
    EXPECT_FALSE(SameSecret(other, "abc")) << other;
  }
}

}  // namespace
}  // namespace detail
POLYMETER_END_NAMESPACE
