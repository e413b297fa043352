#include "exporters/common/transport/http_response.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "exporters/common/transport/raw_client_for_test.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

using testing::ParseAnswer;
using testing::RawAnswer;
using Version = HttpResponse::Version;

struct Wire {
  std::vector<std::string> sends;
  int accept = 1 << 20;  // how many sends succeed

  HttpResponse::Send Send() {
    return [this](std::string_view bytes) {
      if (accept-- <= 0) return false;
      sends.emplace_back(bytes);
      return true;
    };
  }
  std::string All() const {
    std::string all;
    for (const std::string& bytes : sends) all += bytes;
    return all;
  }
};

TEST(HttpResponse, SendsAShortBodyWithItsLengthAndAtOnce) {
  Wire wire;
  HttpResponse response(Version::kHttp11, false, wire.Send());
  response.AddHeader("X-Test", "yes");
  EXPECT_TRUE(response.Write("hello "));
  EXPECT_TRUE(response.Write("world"));
  EXPECT_FALSE(response.begun());
  EXPECT_TRUE(response.Finish());
  ASSERT_EQ(wire.sends.size(), 1u);
  const RawAnswer answer = ParseAnswer(wire.All());
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "hello world");
  EXPECT_TRUE(answer.complete);
  EXPECT_FALSE(answer.chunked);
  EXPECT_EQ(answer.Header("x-test"), "yes");
  EXPECT_EQ(answer.Header("connection"), "close");
  EXPECT_EQ(answer.Header("date").size(), 29u);
}

TEST(HttpResponse, SendsALongBodyInChunksThatAddUp) {
  for (const std::size_t size : {64u * 1024, 64u * 1024 + 1, 1'000'000u}) {
    Wire wire;
    HttpResponse response(Version::kHttp11, false, wire.Send());
    std::string body;
    while (body.size() < size) {
      const std::string piece = std::to_string(body.size()) + "\n";
      body += piece;
      EXPECT_TRUE(response.Write(piece));
    }
    EXPECT_TRUE(response.Finish());
    const RawAnswer answer = ParseAnswer(wire.All());
    EXPECT_TRUE(answer.complete) << size;
    EXPECT_EQ(answer.chunked, body.size() > 64 * 1024) << size;
    EXPECT_EQ(answer.body, body) << size;
    EXPECT_EQ(wire.sends.size(), (body.size() + 65535) / 65536) << size;
  }
}

TEST(HttpResponse, TakesABodyInOneWrite) {
  Wire wire;
  HttpResponse response(Version::kHttp11, false, wire.Send());
  const std::string body(200'000, 'x');
  EXPECT_TRUE(response.Write(body));
  EXPECT_TRUE(response.Finish());
  EXPECT_EQ(ParseAnswer(wire.All()).body, body);
}

TEST(HttpResponse, FinishesOnce) {
  Wire wire;
  HttpResponse response(Version::kHttp11, false, wire.Send());
  EXPECT_TRUE(response.Write("x"));
  EXPECT_TRUE(response.Finish());
  EXPECT_TRUE(response.Finish());
  EXPECT_FALSE(response.Write("more"));
  EXPECT_EQ(wire.sends.size(), 1u);
}

TEST(HttpResponse, NeverSendsChunksToAnHttp10Client) {
  Wire wire;
  HttpResponse response(Version::kHttp10, false, wire.Send());
  const std::string body(300'000, 'y');
  EXPECT_TRUE(response.Write(body));
  EXPECT_TRUE(response.Finish());
  const RawAnswer answer = ParseAnswer(wire.All());
  EXPECT_FALSE(answer.chunked);
  EXPECT_TRUE(answer.complete);
  EXPECT_EQ(answer.body, body);
}

TEST(HttpResponse, HasNoBodyForHead) {
  Wire wire;
  HttpResponse response(Version::kHttp11, true, wire.Send());
  response.AddHeader("Content-Type", "text/plain");
  EXPECT_TRUE(response.Write(std::string(100'000, 'z')));
  EXPECT_TRUE(response.Finish());
  const RawAnswer answer = ParseAnswer(wire.All(), /*head=*/true);
  EXPECT_EQ(answer.status, 200);
  EXPECT_TRUE(answer.complete);
  EXPECT_EQ(answer.Header("content-type"), "text/plain");
}

TEST(HttpResponse, ReplacesAnAnswerThatFailsBeforeItBegan) {
  Wire wire;
  HttpResponse response(Version::kHttp11, false, wire.Send());
  response.AddHeader("Content-Encoding", "gzip");
  EXPECT_TRUE(response.Write("half of a page"));
  response.Fail(503, "no\n");
  EXPECT_TRUE(response.Finish());
  const RawAnswer answer = ParseAnswer(wire.All());
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.body, "no\n");
  EXPECT_EQ(answer.Header("content-encoding"), "");
}

TEST(HttpResponse, LeavesAnAnswerThatFailsHalfwayIncomplete) {
  Wire wire;
  HttpResponse response(Version::kHttp11, false, wire.Send());
  EXPECT_TRUE(response.Write(std::string(100'000, 'a')));
  EXPECT_TRUE(response.begun());
  response.Fail(503, "no\n");
  EXPECT_FALSE(response.Write("more"));
  EXPECT_FALSE(response.Finish());
  const RawAnswer answer = ParseAnswer(wire.All());
  EXPECT_EQ(answer.status, 200);
  EXPECT_FALSE(answer.complete);
}

TEST(HttpResponse, StopsAtTheFirstSendThatFails) {
  Wire wire;
  wire.accept = 1;
  HttpResponse response(Version::kHttp11, false, wire.Send());
  EXPECT_FALSE(response.Write(std::string(300'000, 'a')));
  EXPECT_FALSE(response.Write("more"));
  EXPECT_FALSE(response.Finish());
  EXPECT_EQ(wire.sends.size(), 1u);
  EXPECT_EQ(wire.accept, -1) << "it tried again";
}

TEST(HttpResponse, SendsAHeadOfAnyLength) {
  Wire wire;
  HttpResponse response(Version::kHttp11, false, wire.Send());
  const std::string value(5'000, 'v');
  response.AddHeader("X-Long", value);
  EXPECT_TRUE(response.Write(std::string(100'000, 'a')));
  EXPECT_TRUE(response.Finish());
  const RawAnswer answer = ParseAnswer(wire.All());
  EXPECT_TRUE(answer.complete);
  EXPECT_EQ(answer.Header("x-long"), value);
  EXPECT_EQ(answer.body.size(), 100'000u);
}

}  // namespace
}  // namespace detail
POLYMETER_END_NAMESPACE
