#include "exporters/common/transport/retry_after.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace polymeter {
namespace {

using namespace std::chrono_literals;
using detail::ParseRetryAfter;
using ::testing::Optional;

TEST(RetryAfter, IsReadAsSecondsAndAsADate) {
  const SystemTime now(1700000000s);  // Tue, 14 Nov 2023 22:13:20 GMT
  EXPECT_THAT(ParseRetryAfter("0", now), Optional(0ms));
  EXPECT_THAT(ParseRetryAfter("120", now), Optional(120s));
  EXPECT_THAT(ParseRetryAfter("99999999999999999999999", now), Optional(24h));
  EXPECT_THAT(ParseRetryAfter("Tue, 14 Nov 2023 22:13:30 GMT", now), Optional(10s));
  EXPECT_THAT(ParseRetryAfter("Tuesday, 14-Nov-23 22:14:20 GMT", now), Optional(60s));
  EXPECT_THAT(ParseRetryAfter("Tue Nov 14 22:13:21 2023", now), Optional(1s));
  EXPECT_THAT(ParseRetryAfter("Sun Nov  6 08:49:37 1994", now), Optional(0ms)) << "is over";
  EXPECT_THAT(ParseRetryAfter("Sunday, 06-Nov-94 08:49:37 GMT", now), Optional(0ms));
  EXPECT_THAT(ParseRetryAfter("Tue, 14 Nov 2023 22:13:21 GMT", now + 250ms), Optional(750ms));
  EXPECT_THAT(ParseRetryAfter("Wed, 01 Jan 2070 00:00:00 GMT", now), Optional(24h));
  EXPECT_THAT(ParseRetryAfter("Thu, 29 Feb 2024 00:00:00 GMT", now), Optional(24h));
  EXPECT_THAT(ParseRetryAfter("Wed, 15 Nov 2023 22:13:20 GMT", now), Optional(24h));
  EXPECT_THAT(ParseRetryAfter("Wed, 15 Nov 2023 22:13:20 GMT", now + 1ms), Optional(24h - 1ms));
}

TEST(RetryAfter, IsReadBeyondTheYearsThatNanosecondsReach) {
  const SystemTime now(1700000000s);
  EXPECT_THAT(ParseRetryAfter("Fri, 31 Dec 9999 23:59:59 GMT", now), Optional(24h));
  EXPECT_THAT(ParseRetryAfter("Sat, 01 Jan 0000 00:00:00 GMT", now), Optional(0ms));
}

TEST(RetryAfter, IsNothingWhereItIsNeither) {
  const SystemTime now(1700000000s);
  for (const char* bad : {"", "-1", "1.5", "soon", "1 s", "Tue, 14 Nov 2023 22:13:30",
                          "Tue, 14 Nov 2023 22:13:30 CET", "Tue, 31 Feb 2023 22:13:30 GMT",
                          "Tue, 14 Foo 2023 22:13:30 GMT", "Tue, 14 Nov 2023 25:13:30 GMT",
                          "Tue, 14 Nov 2023 22:60:30 GMT", "Tue, 14 Nov 202 22:13:30 GMT",
                          "Tue, -4 Nov 2023 22:13:30 GMT", "Tue, 14 nJa 2023 22:13:30 GMT", "Tue",
                          ",", "Tue, 14 Nov"}) {
    EXPECT_EQ(ParseRetryAfter(bad, now), std::nullopt) << bad;
  }
}

}  // namespace
}  // namespace polymeter
