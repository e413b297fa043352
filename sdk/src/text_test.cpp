// Names, UTF-8, units and bucket helpers.
#include "sdk/src/text.h"

#include <gtest/gtest.h>

#include "polymeter/buckets.h"
#include "sdk/src/units.h"

namespace polymeter {
namespace {

using detail::IsUtf8;
using detail::PrometheusUnit;
using detail::Quoted;
using detail::ToUtf8;

TEST(Utf8, AcceptsWhatRfc3629Accepts) {
  for (const char* const good : {"", "ascii", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80",
                                 "\xF4\x8F\xBF\xBF", "\xEF\xBF\xBF"}) {
    EXPECT_TRUE(IsUtf8(good)) << good;
  }
}

TEST(Utf8, RefusesOverlongFormsSurrogatesAndTruncation) {
  for (const char* const bad :
       {"\xFF", "\x80", "\xC0\xAF", "\xC1\xBF", "\xE0\x80\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80",
        "\xF5\x80\x80\x80", "\xE2\x82", "a\xC3", "\xF0\x9F\x98"}) {
    EXPECT_FALSE(IsUtf8(bad));
    EXPECT_TRUE(IsUtf8(ToUtf8(bad)));
  }
}

TEST(Utf8, ReplacesEachBadByteAndKeepsTheRest) {
  EXPECT_EQ(ToUtf8("a\xFF\xC3\xA9\x80z"), "a\xEF\xBF\xBD\xC3\xA9\xEF\xBF\xBDz");
  EXPECT_EQ(ToUtf8(std::string_view("a\0b", 3)), std::string_view("a\0b", 3));
}

TEST(Quoted, ShowsControlCharactersAndCutsLongText) {
  EXPECT_EQ(Quoted("a\nb"), "'a\\x0ab'");
  EXPECT_EQ(Quoted(std::string(200, 'x')).size(), 80u + 5);
}

TEST(Units, TranslatesUcumCodes) {
  EXPECT_EQ(PrometheusUnit("s"), "seconds");
  EXPECT_EQ(PrometheusUnit("By"), "bytes");
  EXPECT_EQ(PrometheusUnit("seconds"), "seconds");
  EXPECT_EQ(PrometheusUnit("widgets"), "widgets");
}

TEST(Buckets, HelpersGiveAscendingBounds) {
  EXPECT_EQ(LinearBuckets(1, 2, 3), (std::vector<double>{1, 3, 5}));
  EXPECT_EQ(ExponentialBuckets(1, 10, 3), (std::vector<double>{1, 10, 100}));
  EXPECT_EQ(LatencyBuckets().front(), 0.005);
  EXPECT_EQ(LatencyBuckets().back(), 10);
  EXPECT_EQ(SizeBuckets().front(), 256);
  EXPECT_EQ(SizeBuckets().back(), 1 << 30);
  EXPECT_TRUE(LinearBuckets(0, 0, 3).empty());
  EXPECT_TRUE(ExponentialBuckets(0, 2, 3).empty());
  EXPECT_TRUE(ExponentialBuckets(1, 1, 3).empty());
}

}  // namespace
}  // namespace polymeter
