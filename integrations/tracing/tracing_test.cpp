#include "polymeter/tracing.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "sdk/testing/values.h"

namespace polymeter {
namespace {

using testing::ValueOf;

// The specification's example.
constexpr std::string_view kExample = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

TEST(ParseTraceparent, ReadsTheSpecificationsExample) {
  const auto trace = ParseTraceparent(kExample);
  ASSERT_TRUE(trace);
  EXPECT_EQ(trace->trace_id[0], 0x0a);
  EXPECT_EQ(trace->trace_id[15], 0x9c);
  EXPECT_EQ(trace->span_id[0], 0xb7);
  EXPECT_EQ(trace->span_id[7], 0x31);
  EXPECT_EQ(trace->flags, 1);
  EXPECT_TRUE(trace->sampled());
}

TEST(ParseTraceparent, AcceptsWhatIsValid) {
  const std::string ids = "-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-";
  const std::string valid[] = {
      "00" + ids + "00",
      "00" + ids + "ff",  // flags that nobody knows yet
      "00-00000000000000000000000000000001-0000000000000001-00",
      "01" + ids + "01",  // higher versions
      "fe" + ids + "01",
      "cc" + ids + "01-",
      "cc" + ids + "01-what-the-future-will-be-like",
      "01" + ids + "01-\xff\x01",
  };
  for (const std::string& header : valid) EXPECT_TRUE(ParseTraceparent(header)) << header;
}

TEST(ParseTraceparent, RefusesWhatIsNot) {
  const std::string ids = "-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-";
  const std::string good(kExample);
  const std::string invalid[] = {
      "",
      "-",
      "00",
      "00" + ids,
      "ff" + ids + "01",                                          // the version that is none
      "ff" + ids + "01-",                                         //
      "00-00000000000000000000000000000000-b7ad6b7169203331-01",  // no trace
      "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",  // no span
      "01-00000000000000000000000000000000-b7ad6b7169203331-01",
      "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",  // upper case
      "00-0af7651916cd43dd8448eb211c80319c-B7AD6B7169203331-01",
      "CC" + ids + "01",
      "00" + ids + "0A",
      "00" + ids + "0g",
      "0g" + ids + "01",
      "00-0af7651916cd43dd8448eb211c80319g-b7ad6b7169203331-01",
      "00-0af7651916cd43dd8448eb211c80319\xff-b7ad6b7169203331-01",
      "00-0af7651916cd43dd8448eb211c80319c-b7ad6b716920333\x80-01",
      "00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",  // separators
      "00-0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331-01",
      "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331_01",
      "00-0af7651916cd43dd8448eb211c80319-cb7ad6b7169203331-01",  // a digit too far left
      "0-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
      "000-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
      "00-af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
      "00" + ids + "1",
      "00" + ids + "001",
      good + "-",  // version 00 ends
      good + "-00",
      good + " ",
      " " + good,
      "\t" + good,
      good + "\n",
      good + "," + good,  // two headers
      good + std::string(1, '\0'),
      "cc" + ids + "01.what-the-future-will-be-like",
      "cc" + ids + "011",
      "cc" + ids + "01 -",
      std::string(55, '\0'),
      std::string(55, '-'),
      std::string(55, '0'),
      std::string(100'000, 'a'),
  };
  for (const std::string& header : invalid) EXPECT_FALSE(ParseTraceparent(header)) << header;
}

TEST(ParseTraceparent, RefusesEveryHeaderWithOneByteLessOrAnotherKindOfByte) {
  const std::string good(kExample);
  for (std::size_t length = 0; length < good.size(); ++length) {
    EXPECT_FALSE(ParseTraceparent(good.substr(0, length))) << length;
  }
  for (std::size_t i = 0; i < good.size(); ++i) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string header = good;
      header[i] = static_cast<char>(byte);
      const bool separator = i == 2 || i == 35 || i == 52;
      const bool digit = (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'f');
      const bool right = separator ? byte == '-' : digit;
      EXPECT_EQ(ParseTraceparent(header).has_value(), right) << i << " " << byte;
    }
  }
}

TEST(ParseTraceparent, ReadsOnlyTheBytesItIsGiven) {
  // A copy without anything behind it: a sanitizer sees a read past the end.
  const std::vector<char> exact(kExample.begin(), kExample.end());
  EXPECT_TRUE(ParseTraceparent({exact.data(), exact.size()}));
  EXPECT_FALSE(ParseTraceparent({exact.data(), exact.size() - 1}));
  EXPECT_FALSE(ParseTraceparent(std::string_view()));
}

TEST(FormatTraceparent, WritesWhatParseReads) {
  EXPECT_EQ(FormatTraceparent(*ParseTraceparent(kExample)), kExample);
  std::mt19937_64 random(42);
  for (int i = 0; i < 1000; ++i) {
    TraceContext trace;
    for (auto& byte : trace.trace_id) byte = static_cast<std::uint8_t>(random());
    for (auto& byte : trace.span_id) byte = static_cast<std::uint8_t>(random());
    trace.flags = random() & 3;
    const auto read = ParseTraceparent(FormatTraceparent(trace));
    ASSERT_TRUE(read);
    EXPECT_EQ(*read, trace);
  }
}

TEST(FormatTraceparent, WritesTheKnownVersionAndFlagsOnly) {
  EXPECT_EQ(FormatTraceparent(
                *ParseTraceparent("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-ff-more")),
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03");
}

TEST(FormatTraceparent, IsEmptyWithoutATrace) { EXPECT_EQ(FormatTraceparent(TraceContext()), ""); }

TEST(ChildTraceparent, IsTheCurrentTraceAsAnEnvironmentEntry) {
  EXPECT_EQ(ChildTraceparent(), "");
  const TraceScope scope(*ParseTraceparent(kExample));
  EXPECT_EQ(ChildTraceparent(), "TRACEPARENT=" + std::string(kExample));
}

TEST(TraceparentReader, CountsValidAndInvalidHeadersAndNotTheirAbsence) {
  const Metrics metrics(Options().Consumer());
  const TraceparentReader reader(metrics);
  EXPECT_EQ(ValueOf(metrics.TakeSnapshot(), "traceparent_headers_total", {{"result", "invalid"}}),
            0);
  EXPECT_TRUE(reader.Read(kExample).valid());
  EXPECT_FALSE(reader.Read("").valid());
  EXPECT_FALSE(reader.Read("nonsense").valid());
  EXPECT_FALSE(reader.Read(std::string(kExample) + "-").valid());
  const Snapshot snapshot = metrics.TakeSnapshot();
  EXPECT_EQ(ValueOf(snapshot, "traceparent_headers_total", {{"result", "valid"}}), 1);
  EXPECT_EQ(ValueOf(snapshot, "traceparent_headers_total", {{"result", "invalid"}}), 2);
}

TEST(TraceparentReader, ParsesWithoutMetricsToo) {
  EXPECT_TRUE(TraceparentReader(Metrics()).Read(kExample).valid());
}

}  // namespace
}  // namespace polymeter
