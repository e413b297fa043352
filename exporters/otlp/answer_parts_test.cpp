#include "exporters/otlp/answer_parts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <protozero/pbf_writer.hpp>
#include <random>
#include <string>
#include <vector>

#include "exporters/otlp/json_scan.h"

namespace polymeter {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using namespace detail;
using ::testing::ElementsAre;
using ::testing::Optional;

// --- protobuf ----------------------------------------------------------------------------------

TEST(AnswerParts, ReadsPartialSuccess) {
  // What grpcio sends for {rejected 3, "x"}.
  const auto partial = ReadResponse("\x0a\x05\x08\x03\x12\x01x"s);
  ASSERT_TRUE(partial);
  EXPECT_EQ(partial->rejected, 3u);
  EXPECT_EQ(partial->message, "x");
  EXPECT_EQ(ReadResponse("")->rejected, 0u);
  EXPECT_EQ(ReadResponse("\x0a\x00"s)->rejected, 0u) << "what the Collector sends";
}

TEST(AnswerParts, IgnoresFieldsOfTheFuture) {
  const auto partial = ReadResponse(
      "\x12\x01z\x0a\x07\x18\x01\x08\x02\x12\x01x\x29\x00\x00\x00\x00\x00\x00\x00\x00"s);
  ASSERT_TRUE(partial);
  EXPECT_EQ(partial->rejected, 2u);
  EXPECT_EQ(partial->message, "x");
}

TEST(AnswerParts, TakesANegativeCountForNone) {
  std::string inner;
  protozero::pbf_writer(inner).add_int64(1, -5);
  std::string outer;
  protozero::pbf_writer(outer).add_message(1, inner);
  EXPECT_EQ(ReadResponse(outer)->rejected, 0u);
}

std::string StatusWithRetryInfo(
    std::int64_t seconds, std::int32_t nanos,
    const std::string& type = "type.googleapis.com/google.rpc.RetryInfo") {
  std::string duration;
  protozero::pbf_writer(duration).add_int64(1, seconds);
  protozero::pbf_writer(duration).add_int32(2, nanos);
  std::string info;
  protozero::pbf_writer(info).add_message(1, duration);
  std::string any;
  protozero::pbf_writer(any).add_string(1, type);
  protozero::pbf_writer(any).add_message(2, info);
  std::string status;
  protozero::pbf_writer(status).add_int32(1, 8);
  protozero::pbf_writer(status).add_string(2, "slow down");
  protozero::pbf_writer(status).add_message(3, any);
  return status;
}

TEST(AnswerParts, ReadsAStatusWithItsRetryDelay) {
  const auto status = ReadStatus(StatusWithRetryInfo(2, 500000000));
  ASSERT_TRUE(status);
  EXPECT_EQ(status->message, "slow down");
  EXPECT_THAT(status->retry_delay, Optional(2500ms));
  EXPECT_EQ(ReadStatus(StatusWithRetryInfo(2, 0, "x/google.rpc.Help"))->retry_delay, std::nullopt);
  EXPECT_THAT(ReadStatus(StatusWithRetryInfo(-2, 0))->retry_delay, Optional(0ms));
  EXPECT_THAT(ReadStatus(StatusWithRetryInfo(INT64_MAX, 999999999))->retry_delay, Optional(24h));
}

TEST(AnswerParts, SurvivesEveryCutAndManyFlipsOfItsBytes) {
  const std::string good = StatusWithRetryInfo(2, 5);
  for (std::size_t cut = 0; cut < good.size(); ++cut) {
    static_cast<void>(ReadStatus(good.substr(0, cut)));
    static_cast<void>(ReadResponse(good.substr(0, cut)));
  }
  EXPECT_EQ(ReadStatus(good.substr(0, good.size() - 1)), std::nullopt);
  std::mt19937 random(1);
  for (int i = 0; i < 20000; ++i) {
    std::string bad = good;
    bad[random() % bad.size()] = static_cast<char>(random());
    bad[random() % bad.size()] = static_cast<char>(random());
    static_cast<void>(ReadStatus(bad));
    static_cast<void>(ReadResponse(bad));
    static_cast<void>(ReadJsonResponse(bad));
  }
}

// --- JSON --------------------------------------------------------------------------------------

TEST(AnswerParts, ReadsJsonAnswers) {
  auto partial = ReadJsonResponse(
      R"( {"partialSuccess" : {"rejectedDataPoints":"12", "errorMessage":"bad \"é☃\n\ud834\udd1e", "future":[1,{"a":null}]}} )");
  ASSERT_TRUE(partial);
  EXPECT_EQ(partial->rejected, 12u);
  EXPECT_EQ(partial->message, "bad \"\xC3\xA9\xE2\x98\x83\n\xF0\x9D\x84\x9E");
  EXPECT_EQ(ReadJsonResponse(R"({"partialSuccess":{"rejectedDataPoints":3}})")->rejected, 3u);
  const auto snake = ReadJsonResponse(
      R"({"partial_success":{"rejected_data_points":"4","error_message":"no_name"}})");
  EXPECT_EQ(snake->rejected, 4u);
  EXPECT_EQ(snake->message, "no_name");
  EXPECT_EQ(ReadJsonResponse(R"({"partialSuccess":{"rejectedDataPoints":-3}})")->rejected, 0u);
  EXPECT_EQ(ReadJsonResponse(R"({"partialSuccess":{"rejectedDataPoints":"x"}})")->rejected, 0u);
  EXPECT_EQ(ReadJsonResponse(R"({"partialSuccess":{}})")->rejected, 0u);
  EXPECT_EQ(ReadJsonResponse("{}")->rejected, 0u);
  EXPECT_EQ(ReadJsonResponse(R"({"partialSuccess":{"errorMessage":null}})")->message, "");
  EXPECT_EQ(ReadJsonResponse(R"({"partialSuccess":{"errorMessage":"null"}})")->message, "null");
  EXPECT_EQ(ReadJsonResponse(R"({"other":{"rejectedDataPoints":"9"}})")->rejected, 0u);
  const auto status = ReadJsonStatus(
      R"({"code":8,"message":"full","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"1.5s"}]})");
  ASSERT_TRUE(status);
  EXPECT_EQ(status->message, "full");
  EXPECT_THAT(status->retry_delay, Optional(1500ms));
}

TEST(AnswerParts, TakesNothingForJsonThatIsNone) {
  for (const std::string& bad :
       {""s, "{"s, "}"s, "{\"a\"}"s, "{\"a\":}"s, "{\"a\":1,}"s, "[1,]"s, "{} x"s, "\"open"s,
        "\"\\x\""s, "\"\\u12\""s, "\"\n\""s, "{a:1}"s, "<html>"s, std::string(100, '['),
        std::string(1000000, '['), "{\"a\":"s + std::string(100, '{')}) {
    EXPECT_EQ(ReadJsonResponse(bad), std::nullopt) << bad.substr(0, 50);
  }
}

TEST(JsonScan, VisitsWhatStandsInItButNull) {
  std::vector<std::string> seen;
  EXPECT_TRUE(ScanJson(R"([1,{"a":{"b":"x","c":true},"d":[2.5e3,null]},"\ud834 \udd1e"])",
                       [&](std::string_view path, std::string_view value) {
                         seen.push_back(std::string(path) + "=" + std::string(value));
                       }));
  EXPECT_THAT(seen,
              ElementsAre("=1", "a.b=x", "a.c=true", "d=2.5e3", "=\xEF\xBF\xBD \xEF\xBF\xBD"));
}

// --- headers -----------------------------------------------------------------------------------

TEST(AnswerParts, DecodesPercent) {
  EXPECT_EQ(DecodePercent("busy %C3%A9 %25"), "busy \xC3\xA9 %");
  EXPECT_EQ(DecodePercent("100%"), "100%");
  EXPECT_EQ(DecodePercent("%4"), "%4");
  EXPECT_EQ(DecodePercent("%zz%-1%41"), "%zz%-1A");
}

}  // namespace
}  // namespace polymeter
