#include "sdk/src/value_parsing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <clocale>

POLYMETER_BEGIN_NAMESPACE
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

TEST(SplitList, TrimsAndLeavesEmptyPiecesOut) {
  EXPECT_THAT(detail::SplitList(" a , b,,\tc ,"), ElementsAre("a", "b", "c"));
  EXPECT_THAT(detail::SplitList(" , "), IsEmpty());
  EXPECT_THAT(detail::SplitList("a=1,2;b=3", ';'), ElementsAre("a=1,2", "b=3"));
}

TEST(ParseBool, KnowsTheUsualWordsInAnyCase) {
  for (const char* text : {"true", "TRUE", " 1 ", "yes", "On"}) {
    EXPECT_EQ(detail::ParseBool(text), true) << text;
  }
  for (const char* text : {"false", "0", "No", "off"}) {
    EXPECT_EQ(detail::ParseBool(text), false) << text;
  }
  for (const char* text : {"", "2", "t", "truee", "yes please"}) {
    EXPECT_EQ(detail::ParseBool(text), std::nullopt) << text;
  }
}

TEST(ParseInteger, TakesNothingButAnInteger) {
  EXPECT_EQ(detail::ParseInteger(" -12 "), -12);
  EXPECT_EQ(detail::ParseInteger("9223372036854775807"), 9223372036854775807);
  for (const char* text : {"", "1.0", "0x10", "12a", "+1", "9223372036854775808", "1 2"}) {
    EXPECT_EQ(detail::ParseInteger(text), std::nullopt) << text;
  }
}

TEST(ParseNumber, IsFiniteAndIndependentOfTheLocale) {
  const std::string before = std::setlocale(LC_ALL, nullptr);
  std::setlocale(LC_ALL, "de_DE.UTF-8");  // where it is installed
  EXPECT_EQ(detail::ParseNumber("0.25"), 0.25);
  EXPECT_EQ(detail::ParseNumber("0,25"), std::nullopt);
  std::setlocale(LC_ALL, before.c_str());
  for (const char* text : {"inf", "nan", "1e999", "", "."}) {
    EXPECT_EQ(detail::ParseNumber(text), std::nullopt) << text;
  }
}

TEST(ParseDuration, WantsAUnitForEverythingButZero) {
  EXPECT_EQ(detail::ParseDuration("250ms"), 250ms);
  EXPECT_EQ(detail::ParseDuration("1.5s"), 1500ms);
  EXPECT_EQ(detail::ParseDuration("1.005s"), 1005ms);
  EXPECT_EQ(detail::ParseDuration(" 5 m "), 5min);
  EXPECT_EQ(detail::ParseDuration("2h"), 2h);
  EXPECT_EQ(detail::ParseDuration("1d"), 24h);
  EXPECT_EQ(detail::ParseDuration("0"), 0ms);
  for (const char* text : {"10", "", "s", "-1s", "1.5ms", "10 seconds", "1e9h", "1..5s"}) {
    EXPECT_EQ(detail::ParseDuration(text), std::nullopt) << text;
  }
}

TEST(PercentDecoded, RefusesIncompleteEscapesAndInvalidUtf8) {
  EXPECT_EQ(detail::PercentDecoded("a%2Cb%3d%25"), "a,b=%");
  EXPECT_EQ(detail::PercentDecoded("%C3%A9"), "\xC3\xA9");
  for (const char* text : {"%", "%4", "%4g", "a%zz", "%C3", "\xFF"}) {
    EXPECT_EQ(detail::PercentDecoded(text), std::nullopt) << text;
  }
}

TEST(ParsePairs, DecodesNamesAndValues) {
  const auto pairs = detail::ParsePairs(" region = eu%2Cwest , empty=,b64=YQ==,");
  ASSERT_TRUE(pairs);
  EXPECT_THAT(*pairs,
              ElementsAre(Pair("region", "eu,west"), Pair("empty", ""), Pair("b64", "YQ==")));
}

TEST(ParsePairs, IsNothingWhenAnyPairIsWrong) {
  for (const char* text : {"a=1,b", "=1", "a=%", "a=1,%zz=2"}) {
    EXPECT_EQ(detail::ParsePairs(text), std::nullopt) << text;
  }
}

TEST(PercentEncoded, ComesBackFromWhatParsePairsMakesOfIt) {
  for (const std::string_view text :
       {" a ", "a,b;c=d", "%41", "\n\x7f", "\"\\", "plain", "\xc3\xa9"}) {
    const auto pairs = detail::ParsePairs("k=" + detail::PercentEncoded(text));
    ASSERT_TRUE(pairs.has_value()) << text;
    EXPECT_EQ(pairs->at(0).second, text);
  }
  EXPECT_EQ(detail::PercentEncoded("a b=\xc3\xa9"), "a%20b%3D\xc3\xa9");
}

}  // namespace
POLYMETER_END_NAMESPACE
