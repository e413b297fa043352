#include "exporters/otlp/classify.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

namespace polymeter {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using detail::ClassifyGrpc;
using detail::ClassifyHttp;
using detail::HttpResult;
using ::testing::HasSubstr;
using Outcome = SendResult::Outcome;

constexpr SystemTime kNow(1700000000s);

HttpResult Answer(int status, std::vector<std::pair<std::string, std::string>> headers = {},
                  std::string body = {}) {
  HttpResult result;
  result.outcome = HttpResult::Outcome::kAnswered;
  result.status = status;
  result.headers = std::move(headers);
  result.body = std::move(body);
  return result;
}
HttpResult GrpcAnswer(std::vector<std::pair<std::string, std::string>> headers,
                      std::string body = {}, int status = 200) {
  HttpResult result = Answer(status, std::move(headers), std::move(body));
  result.http2 = true;
  return result;
}
HttpResult Failure(HttpResult::Outcome outcome, std::string error) {
  HttpResult result;
  result.outcome = outcome;
  result.error = std::move(error);
  return result;
}

TEST(ClassifyHttp, AcceptsASuccess) {
  for (const int status : {200, 202, 204}) {
    EXPECT_EQ(ClassifyHttp(Answer(status), kNow).outcome, Outcome::kAccepted);
  }
  const SendResult unreadable =
      ClassifyHttp(Answer(200, {{"content-type", "application/x-protobuf"}}, "\xFF\xFF"), kNow);
  EXPECT_EQ(unreadable.outcome, Outcome::kAccepted) << "the status has said it";
  EXPECT_EQ(unreadable.rejected_points, 0u);
}

TEST(ClassifyHttp, NeverSendsAPartialSuccessAgain) {
  const SendResult protobuf = ClassifyHttp(
      Answer(200, {{"content-type", "application/x-protobuf"}}, "\x0a\x05\x08\x03\x12\x01x"s),
      kNow);
  const SendResult json =
      ClassifyHttp(Answer(200, {{"content-type", "application/json; charset=utf-8"}},
                          R"({"partialSuccess":{"rejectedDataPoints":"3","errorMessage":"x"}})"),
                   kNow);
  for (const SendResult& result : {protobuf, json}) {
    EXPECT_EQ(result.outcome, Outcome::kAccepted);
    EXPECT_EQ(result.rejected_points, 3u);
    EXPECT_EQ(result.reason, "partial_success");
    EXPECT_EQ(result.message, "the receiver refused 3 points: x");
  }
  const SendResult warning =
      ClassifyHttp(Answer(200, {{"content-type", "application/json"}},
                          R"({"partialSuccess":{"errorMessage":"deprecated"}})"),
                   kNow);
  EXPECT_EQ(warning.rejected_points, 0u);
  EXPECT_EQ(warning.message, "the receiver warns: deprecated");
}

TEST(ClassifyHttp, ReadsMediaTypesInAnyCaseAndNotJustTheirBeginning) {
  const std::string json = R"({"partialSuccess":{"rejectedDataPoints":"3"}})";
  const auto rejected = [&json](const char* type) {
    return ClassifyHttp(Answer(200, {{"content-type", type}}, json), kNow).rejected_points;
  };
  EXPECT_EQ(rejected("Application/JSON"), 3u);
  EXPECT_EQ(rejected("APPLICATION/json ;charset=utf-8"), 3u);
  EXPECT_EQ(rejected("application/jsonl"), 0u);
  EXPECT_EQ(rejected("text/application/json"), 0u);
}

TEST(ClassifyHttp, RetriesWhatTheSpecificationNames) {
  for (const int status : {429, 502, 503, 504}) {
    const SendResult result = ClassifyHttp(Answer(status), kNow);
    EXPECT_EQ(result.outcome, Outcome::kRetry) << status;
    EXPECT_LT(result.retry_after, 0ms) << "the receiver did not say";
    EXPECT_EQ(ClassifyHttp(Answer(status, {{"retry-after", "7"}}), kNow).retry_after, 7s);
  }
  EXPECT_EQ(ClassifyHttp(Answer(503, {{"retry-after", "Tue, 14 Nov 2023 22:13:30 GMT"}}), kNow)
                .retry_after,
            10s);
  EXPECT_LT(ClassifyHttp(Answer(503, {{"retry-after", "later"}}), kNow).retry_after, 0ms);
}

TEST(ClassifyHttp, DropsEverythingElse) {
  for (const int status : {400, 401, 403, 404, 405, 408, 413, 415, 418, 500, 501, 505, 599}) {
    const SendResult result = ClassifyHttp(Answer(status, {{"retry-after", "1"}}), kNow);
    EXPECT_EQ(result.outcome, Outcome::kRejected) << status;
    EXPECT_EQ(result.reason, "http_" + std::to_string(status));
  }
  const SendResult redirect = ClassifyHttp(Answer(308, {{"location", "http://other/"}}), kNow);
  EXPECT_EQ(redirect.reason, "http_308");
  EXPECT_THAT(redirect.message, HasSubstr("http://other/"));
}

TEST(ClassifyHttp, SaysWhatTheReceiverSaid) {
  EXPECT_EQ(ClassifyHttp(Answer(400, {{"content-type", "application/x-protobuf"}},
                                "\x08\x03\x12\x03"
                                "bad"s),
                         kNow)
                .message,
            "HTTP 400: bad");
  EXPECT_EQ(ClassifyHttp(Answer(400, {{"content-type", "application/json"}},
                                R"({"code":3,"message":"bad"})"),
                         kNow)
                .message,
            "HTTP 400: bad");
  EXPECT_EQ(
      ClassifyHttp(
          Answer(404, {{"content-type", "text/plain; charset=utf-8"}}, "404 page\nnot found"), kNow)
          .message,
      "HTTP 404: 404 page not found");
  EXPECT_EQ(ClassifyHttp(Answer(404, {{"content-type", "text/html"}}, "<html>"), kNow).message,
            "HTTP 404");
  const std::string long_text =
      ClassifyHttp(Answer(500, {{"content-type", "text/plain"}}, std::string(100000, 'x') + "\xFF"),
                   kNow)
          .message;
  EXPECT_LT(long_text.size(), 300u);
}

TEST(Classify, RetriesWhereThereIsNoAnswer) {
  for (const auto classify : {ClassifyHttp, ClassifyGrpc}) {
    for (const auto outcome : {HttpResult::Outcome::kFailed, HttpResult::Outcome::kTimedOut,
                               HttpResult::Outcome::kInterrupted}) {
      const SendResult result = classify(Failure(outcome, "reset"), kNow);
      EXPECT_EQ(result.outcome, Outcome::kRetry);
      EXPECT_EQ(result.message, "reset");
    }
    const SendResult large = classify(Failure(HttpResult::Outcome::kTooLarge, "large"), kNow);
    EXPECT_EQ(large.outcome, Outcome::kRejected);
    EXPECT_EQ(large.reason, "answer_too_large");
  }
}

TEST(Classify, TheStatusDecidesWhateverBecomesOfTheBody) {
  for (const auto outcome : {HttpResult::Outcome::kFailed, HttpResult::Outcome::kTimedOut,
                             HttpResult::Outcome::kInterrupted, HttpResult::Outcome::kTooLarge}) {
    const auto cut_off = [outcome](int status) {
      HttpResult result = Failure(outcome, "cut off");
      result.status = status;
      result.headers = {{"retry-after", "7"}, {"content-type", "application/json"}};
      result.body = R"({"partialSuccess":{"rejectedDataPoints":)";
      return ClassifyHttp(result, kNow);
    };
    EXPECT_EQ(cut_off(200).outcome, Outcome::kAccepted);
    EXPECT_EQ(cut_off(200).rejected_points, 0u);
    EXPECT_THAT(cut_off(200).message, HasSubstr("cut off"));
    EXPECT_EQ(cut_off(503).outcome, Outcome::kRetry);
    EXPECT_EQ(cut_off(503).retry_after, 7s);
    EXPECT_EQ(cut_off(400).outcome, Outcome::kRejected);
    EXPECT_EQ(cut_off(400).reason, "http_400");
  }
}

TEST(ClassifyGrpc, AcceptsStatus0) {
  const SendResult plain =
      ClassifyGrpc(GrpcAnswer({{"grpc-status", "0"}}, std::string(5, '\0')), kNow);
  EXPECT_EQ(plain.outcome, Outcome::kAccepted);
  EXPECT_EQ(plain.rejected_points, 0u);
  EXPECT_EQ(ClassifyGrpc(GrpcAnswer({{"grpc-status", "0"}}), kNow).outcome, Outcome::kAccepted);
  const SendResult partial = ClassifyGrpc(
      GrpcAnswer({{"grpc-status", "0"}}, "\0\0\0\0\x07\x0a\x05\x08\x03\x12\x01x"s), kNow);
  EXPECT_EQ(partial.outcome, Outcome::kAccepted);
  EXPECT_EQ(partial.rejected_points, 3u);
  EXPECT_EQ(partial.reason, "partial_success");
  for (const std::string& odd :
       {"\0\0"s, "\0\xFF\xFF\xFF\xFF"s, "\x01\0\0\0\x01z"s, "\0\0\0\0\x02\xFF\xFF"s}) {
    const SendResult result = ClassifyGrpc(GrpcAnswer({{"grpc-status", "0"}}, odd), kNow);
    EXPECT_EQ(result.outcome, Outcome::kAccepted);
    EXPECT_EQ(result.rejected_points, 0u);
  }
}

TEST(ClassifyGrpc, FollowsTheTableOfCodes) {
  for (int code = 1; code <= 20; ++code) {
    const bool retry =
        code == 1 || code == 4 || code == 10 || code == 11 || code == 14 || code == 15;
    const SendResult result = ClassifyGrpc(
        GrpcAnswer({{"grpc-status", std::to_string(code)}, {"grpc-message", "busy %C3%A9 %25"}}),
        kNow);
    EXPECT_EQ(result.outcome, retry ? Outcome::kRetry : Outcome::kRejected) << code;
    EXPECT_EQ(result.message, "gRPC status " + std::to_string(code) + ": busy \xC3\xA9 %");
    if (!retry) {
      EXPECT_EQ(result.reason, code <= 16 ? "grpc_" + std::to_string(code) : "grpc_other");
    }
  }
}

TEST(ClassifyGrpc, WaitsAsRetryInfoSays) {
  // Status{code 8, details{type.googleapis.com/google.rpc.RetryInfo{Duration{seconds 3}}}}, without
  // padding, as grpcio sends it.
  const std::string details =
      "CAgaMAoodHlwZS5nb29nbGVhcGlzLmNvbS9nb29nbGUucnBjLlJldHJ5SW5mbxIECgIIAw";
  for (const char* code : {"8", "14"}) {
    const SendResult result = ClassifyGrpc(
        GrpcAnswer({{"grpc-status", code}, {"grpc-status-details-bin", details}}), kNow);
    EXPECT_EQ(result.outcome, Outcome::kRetry) << code;
    EXPECT_EQ(result.retry_after, 3s) << code;
  }
  const SendResult oversize =
      ClassifyGrpc(GrpcAnswer({{"grpc-status", "8"}, {"grpc-status-details-bin", "CAg"}}), kNow);
  EXPECT_EQ(oversize.outcome, Outcome::kRejected) << "nothing says that it will be better later";
  const SendResult garbage =
      ClassifyGrpc(GrpcAnswer({{"grpc-status", "8"}, {"grpc-status-details-bin", "!!"}}), kNow);
  EXPECT_EQ(garbage.outcome, Outcome::kRejected);
}

TEST(ClassifyGrpc, TakesAnAnswerWithoutStatusForAFailure) {
  const SendResult none = ClassifyGrpc(GrpcAnswer({}), kNow);
  EXPECT_EQ(none.outcome, Outcome::kRejected);
  EXPECT_EQ(none.reason, "grpc_no_status");
  EXPECT_EQ(ClassifyGrpc(GrpcAnswer({{"grpc-status", "x"}}), kNow).reason, "grpc_no_status");
  EXPECT_EQ(ClassifyGrpc(GrpcAnswer({{"grpc-status", "-1"}}), kNow).reason, "grpc_no_status");
  EXPECT_EQ(ClassifyGrpc(GrpcAnswer({}, {}, 503), kNow).outcome, Outcome::kRetry) << "a proxy's";
  EXPECT_EQ(ClassifyGrpc(GrpcAnswer({}, {}, 404), kNow).reason, "http_404");
  EXPECT_EQ(ClassifyGrpc(Answer(200, {{"grpc-status", "0"}}), kNow).reason, "no_http2");
}

}  // namespace
}  // namespace polymeter
