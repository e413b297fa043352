#include "integrations/lsp/jsonrpc_frames.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <malloc.h>

#include <random>
#include <string>
#include <vector>

#include "integrations/lsp/lsp_for_test.h"
#include "sdk/testing/sanitizer.h"

namespace polymeter {
namespace detail {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// What a reader gave: bodies (of long ones both ends and the size) and errors in their order.
struct Seen final : FrameSink {
  void OnFrame(const FrameBody& body) override {
    std::string text(body.head);
    if (!body.whole()) {
      text += "<...>" + std::string(body.tail) + "#" + std::to_string(body.size);
    }
    all.push_back(text);
    bodies.push_back(text);
  }
  void OnFrameError(FrameError error) override {
    all.push_back("!" + std::string(LabelValue(error)));
    errors.emplace_back(LabelValue(error));
  }
  std::vector<std::string> all, bodies, errors;
};

Seen Read(std::string_view stream, std::size_t limit = 1 << 20, std::size_t piece = 1 << 20) {
  Seen seen;
  FrameReader reader(limit);
  lsp_test::InPieces(
      stream, [&] { return piece; }, [&](std::string_view part) { reader.Feed(part, seen); });
  reader.Finish(seen);
  return seen;
}

TEST(FrameReader, ReadsOneMessageAfterAnother) {
  const Seen seen = Read(
      "Content-Length: 2\r\n\r\n{}Content-Length: 7\r\n\r\n{\"a\":1}"
      "Content-Length: 3\r\n\r\n1 2");
  EXPECT_THAT(seen.bodies, ElementsAre("{}", "{\"a\":1}", "1 2"));
  EXPECT_THAT(seen.errors, IsEmpty());
}

TEST(FrameReader, TakesOtherHeadersInAnyOrder) {
  const Seen seen = Read(
      "Content-Type: application/vscode-jsonrpc; charset=utf-8\r\nContent-Length: 2\r\n\r\n{}"
      "Content-Length: 2\r\nX-Thing: a:b\r\n\r\n[]");
  EXPECT_THAT(seen.bodies, ElementsAre("{}", "[]"));
  EXPECT_THAT(seen.errors, IsEmpty());
}

TEST(FrameReader, CountsBytesNotCharacters) {
  const std::string body = "\"h\xC3\xA4\xC3\xA9\xE6\xBC\xA2\xF0\x9F\x99\x82\"";
  EXPECT_THAT(Read(lsp_test::Framed(body) + lsp_test::Framed("{}")).bodies,
              ElementsAre(body, "{}"));
}

TEST(FrameReader, ToleratesWhatSomeServersTolerate) {
  EXPECT_THAT(Read("content-length: 2\r\n\r\n{}").all, ElementsAre("!header_form", "{}"));
  EXPECT_THAT(Read("Content-Length:2\r\n\r\n{}").all, ElementsAre("!header_form", "{}"));
  EXPECT_THAT(Read("Content-Length: 2\n\n{}").all, ElementsAre("!line_end", "{}"));
  EXPECT_THAT(Read("Content-Length: 2 \r\n \r\n{}").all, ElementsAre("{}"));
  EXPECT_THAT(Read("Content-Length: 9\r\nContent-Length: 2\r\n\r\n{}").all,
              ElementsAre("!duplicate_length", "{}"));
}

TEST(FrameReader, PassesOverWhatIsNoMessage) {
  const std::string good = "Content-Length: 2\r\n\r\n{}";
  EXPECT_THAT(Read("hello world\r\n\r\n" + good).all,
              ElementsAre("!junk_line", "!no_length", "{}"));
  EXPECT_THAT(Read("Content-Length: 0\r\n\r\n" + good).all, ElementsAre("!zero_length", "{}"));
  EXPECT_THAT(Read("Content-Length: abc\r\n\r\n" + good).all, ElementsAre("!bad_length", "{}"));
  EXPECT_THAT(Read("Content-Length: -5\r\n\r\n" + good).all, ElementsAre("!bad_length", "{}"));
  EXPECT_THAT(Read("Content-Length: 2x\r\n\r\n" + good).all, ElementsAre("!bad_length", "{}"));
  EXPECT_THAT(Read("Content-Length: \r\n\r\n" + good).all, ElementsAre("!bad_length", "{}"));
  EXPECT_THAT(Read("Content-Length: 5\r\nContent-Length: x\r\n\r\n" + good).all,
              ElementsAre("!duplicate_length", "!bad_length", "{}"));
  EXPECT_THAT(Read("\r\n" + good).all, ElementsAre("!no_length", "{}"));
  EXPECT_THAT(Read("# a comment\r\n" + good).all, ElementsAre("!junk_line", "{}"));
  EXPECT_THAT(Read("[info] starting\n" + good).all, ElementsAre("!junk_line", "{}"));
}

TEST(FrameReader, KnowsWhenAMessageIsCutOff) {
  EXPECT_THAT(Read("").all, IsEmpty());
  EXPECT_THAT(Read("Content-Length: 2\r\n\r\n{").all, ElementsAre("!truncated"));
  EXPECT_THAT(Read("Content-Length: 2\r\n").all, ElementsAre("!truncated"));
  EXPECT_THAT(Read("Content-Le").all, ElementsAre("!truncated"));
}

// A length that is too short leaves the body's rest in front of the next header.
TEST(FrameReader, FindsTheNextHeaderAfterALengthThatIsTooShort) {
  const Seen seen = Read(
      "Content-Length: 4\r\n\r\n{\"a\":1}"
      "Content-Length: 2\r\n\r\n{}");
  EXPECT_THAT(seen.all, ElementsAre("{\"a\"", "!junk_line", "!resync", "{}"));
}

TEST(FrameReader, FindsTheNextHeaderAfterALengthThatIsTooLong) {
  const Seen seen = Read(
      "Content-Length: 10\r\n\r\n{\"a\":1}"
      "Content-Length: 2\r\n\r\n{}Content-Length: 3\r\n\r\n123");
  // The header whose beginning the body took is lost with its message.
  EXPECT_THAT(seen.all, ElementsAre("{\"a\":1}Con", "!no_length", "!junk_line", "!resync", "123"));
}

TEST(FrameReader, PassesOverALineThatIsTooLongUntilAHeaderThatNoJsonContains) {
  // What looks like headers within a string of JSON is none: there, line ends are escaped.
  const std::string text = R"({"text":"Content-Length: 2\r\n\r\n{}Content-Length: 3)" +
                           std::string(5000, 'x') + R"(Content-Length: 4\n\n"})";
  for (const std::size_t piece : {1u, 3u, 64u, 1u << 20}) {
    Seen seen;
    FrameReader reader(1 << 20);
    EXPECT_TRUE(reader.in_sync());
    lsp_test::InPieces(
        text, [&] { return piece; }, [&](std::string_view part) { reader.Feed(part, seen); });
    EXPECT_FALSE(reader.in_sync());
    EXPECT_THAT(seen.all, ElementsAre("!lost_sync"));
    reader.Feed("Content-Length: 2\r\n\r\n{}", seen);
    EXPECT_TRUE(reader.in_sync());
    EXPECT_THAT(seen.all, ElementsAre("!lost_sync", "!resync", "{}"));
  }
}

TEST(FrameReader, DoesNotBelieveInALengthThatNoServerTakes) {
  const std::string good = "Content-Length: 2\r\n\r\n{}";
  for (const std::string& length :
       {std::string("1073741825"), std::string("99999999999999999999999999")}) {
    EXPECT_THAT(Read("Content-Length: " + length + "\r\n\r\nsomething\r\n\r\nelse\r\n" + good).all,
                ElementsAre("!too_long", "!lost_sync", "!resync", "{}"))
        << length;
  }
}

TEST(FrameReader, KeepsTheEndsOfALongBody) {
  std::string body = "{\"id\":1,";
  while (body.size() < 100'000) body += std::to_string(body.size()) + ",";
  for (const std::size_t piece : {1u, 7u, 1000u, 4096u, 5000u, 200'000u}) {
    const Seen seen = Read(lsp_test::Framed(body) + lsp_test::Framed("{}"), 50'000, piece);
    EXPECT_THAT(seen.bodies, ElementsAre(body.substr(0, FrameReader::kHeadBytes) + "<...>" +
                                             body.substr(body.size() - FrameReader::kTailBytes) +
                                             "#" + std::to_string(body.size()),
                                         "{}"))
        << piece;
  }
  EXPECT_THAT(Read(lsp_test::Framed(body), body.size()).bodies, ElementsAre(body));
}

// 100 MB go through without ever being in memory at once: the reader is given the same piece again.
TEST(FrameReader, StreamsABodyOfAnySize) {
  Seen seen;
  FrameReader reader(256 << 10);
  const std::string piece(64 << 10, 'x');
  constexpr std::size_t kPieces = 1600;
  reader.Feed("Content-Length: " + std::to_string(kPieces * piece.size()) + "\r\n\r\n", seen);
  for (std::size_t i = 0; i < kPieces; ++i) reader.Feed(piece, seen);
  reader.Feed("Content-Length: 2\r\n\r\n{}", seen);
  ASSERT_EQ(seen.bodies.size(), 2u);
  EXPECT_LT(seen.bodies[0].size(), FrameReader::kHeadBytes + FrameReader::kTailBytes + 64);
  EXPECT_EQ(seen.bodies[1], "{}");
  EXPECT_THAT(seen.errors, IsEmpty());
}

POLYMETER_MALLOC_TEST(FrameReader, KeepsLittleOfALongBodyOrLine) {
  for (const char* begin : {"Content-Length: 20000000\r\n\r\n", ""}) {
    for (const std::size_t size : {1u, 1000u, 5000u}) {
      Seen seen;
      const std::string piece(size, 'x');
      FrameReader reader(256 << 10);
      reader.Feed(begin, seen);
      const std::size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
      for (std::size_t fed = 0; fed < 3'000'000; fed += size) reader.Feed(piece, seen);
      EXPECT_LT(mallinfo2().uordblks + mallinfo2().hblkhd, before + 100'000) << begin << size;
    }
  }
}

// --- wherever the stream is cut, the result is the same -----------------------------------------

TEST(FrameReader, ReadsARecordedStreamCutAtEveryPosition) {
  for (const char* name : {"clangd14_main.c2s.raw", "clangd14_main.s2c.raw"}) {
    const std::string stream = lsp_test::ReadAll(name);
    const Seen whole = Read(stream);
    EXPECT_THAT(whole.errors, IsEmpty());
    EXPECT_EQ(whole.bodies.size(), name == std::string("clangd14_main.c2s.raw") ? 29u : 25u);
    for (std::size_t at = 0; at <= stream.size(); ++at) {
      Seen seen;
      FrameReader reader(1 << 20);
      reader.Feed(std::string_view(stream).substr(0, at), seen);
      reader.Feed(std::string_view(stream).substr(at), seen);
      reader.Finish(seen);
      ASSERT_EQ(seen.all, whole.all) << name << " cut at " << at;
    }
    ASSERT_EQ(Read(stream, 1 << 20, 1).all, whole.all);
  }
}

TEST(FrameReader, ReadsAnyBytesTheSameHoweverTheyAreCut) {
  std::mt19937 random(1);
  const std::vector<std::string> parts{"Content-Length: 2\r\n\r\n{}",
                                       "Content-Length: 20000\r\n\r\n",
                                       std::string(20000, 'y'),
                                       "content-length:3\n\n",
                                       "Content-Length: x\r\n",
                                       "\r\n",
                                       "\n",
                                       "{\"a\":1}",
                                       "Content-Length: 99999999999\r\n",
                                       std::string(5000, ' '),
                                       "Content-Length:" + std::string(70, ' ') + "4\r\n\r\n",
                                       std::string(4096, 'z'),
                                       std::string("\0\xFF\r", 3),
                                       "Content-Length: 17000\r\n\r\n"};
  for (int round = 0; round < 300; ++round) {
    std::string stream;
    const std::size_t count = 1 + random() % 12;
    for (std::size_t i = 0; i < count; ++i) stream += parts[random() % parts.size()];
    const Seen whole = Read(stream, 17000);
    const std::size_t longest = 1 + random() % (round % 2 == 0 ? 10 : 6000);
    Seen seen;
    FrameReader reader(17000);
    lsp_test::InPieces(
        stream, [&] { return 1 + random() % longest; },
        [&](std::string_view part) { reader.Feed(part, seen); });
    reader.Finish(seen);
    ASSERT_EQ(seen.all, whole.all) << "round " << round;
  }
}

}  // namespace
}  // namespace detail
}  // namespace polymeter
