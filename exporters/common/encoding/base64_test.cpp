#include "exporters/common/encoding/base64.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace polymeter {
namespace {

using namespace std::string_literals;
using detail::DecodeBase64;
using ::testing::Optional;

TEST(Base64, IsReadWithAndWithoutPadding) {
  EXPECT_THAT(DecodeBase64("aGk="), Optional("hi"s));
  EXPECT_THAT(DecodeBase64("aGk"), Optional("hi"s));
  EXPECT_THAT(DecodeBase64("AP+/"), Optional("\0\xFF\xBF"s));
  EXPECT_THAT(DecodeBase64(""), Optional(""s));
  EXPECT_EQ(DecodeBase64("a"), std::nullopt);
  EXPECT_EQ(DecodeBase64("a-b_"), std::nullopt);
  EXPECT_EQ(DecodeBase64("a=bc"), std::nullopt);
}

}  // namespace
}  // namespace polymeter
