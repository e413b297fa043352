#include "integrations/lsp/lsp_message.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "integrations/lsp/json_scan.h"
#include "integrations/lsp/lsp_for_test.h"

namespace polymeter {
namespace detail {
namespace {

using Kind = LspMessage::Kind;
using Type = LspId::Type;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

LspMessage Parse(LspMessageParser& parser, std::string_view body) {
  return parser.Parse({body, {}, body.size()});
}

// As if all but both ends had been left out.
LspMessage ParseEnds(LspMessageParser& parser, std::string_view body, std::size_t head,
                     std::size_t tail) {
  return parser.Parse({body.substr(0, head), body.substr(body.size() - tail), body.size()});
}

class LspMessages : public ::testing::Test {
 protected:
  LspMessage Read(std::string_view body) { return Parse(parser_, body); }
  LspMessageParser parser_;
};

TEST_F(LspMessages, AreRequestsNotificationsOrReplies) {
  EXPECT_EQ(Read(R"({"jsonrpc":"2.0","id":1,"method":"shutdown"})").kind, Kind::kRequest);
  EXPECT_EQ(Read(R"({"jsonrpc":"2.0","method":"exit"})").kind, Kind::kNotification);
  EXPECT_EQ(Read(R"({"id":1,"result":null})").kind, Kind::kReply);
  EXPECT_EQ(Read(R"({"id":1,"error":{"code":-32601,"message":"no"}})").kind, Kind::kReply);
  EXPECT_EQ(Read(R"([{"id":1,"method":"shutdown"}])").kind, Kind::kBatch);
  EXPECT_EQ(Read(R"({"result":1})").kind, Kind::kInvalid);
  EXPECT_EQ(Read(R"({"id":1,"method":5})").kind, Kind::kInvalid);
  EXPECT_EQ(Read(R"(3)").kind, Kind::kInvalid);
  EXPECT_EQ(Read(R"("text")").kind, Kind::kInvalid);
}

TEST_F(LspMessages, AreMalformedWhenTheyAreNoJson) {
  for (const char* body : {"", " ", "{\"a\":1,", "{\"a\":1}x", "{'a':1}", "{\"a\":tru}", "nul",
                           "{\"id\":1,\"method\":\"a\xFF\"}", "{\"id\":1 \"method\":\"a\"}",
                           "{\"id\":1,\"method\":\"a\nb\"}", "{\"id\":1,\"result\":[1,2}"}) {
    EXPECT_EQ(Read(body).kind, Kind::kMalformed) << body;
  }
}

TEST_F(LspMessages, TellIdsApartByTypeAndValue) {
  const auto id = [&](const std::string& text) {
    return Read(R"({"method":"m","id":)" + text + "}").id;
  };
  EXPECT_EQ(id("1").type, Type::kInteger);
  EXPECT_EQ(id("\"1\"").type, Type::kText);
  EXPECT_FALSE(id("1") == id("\"1\""));
  EXPECT_FALSE(id("1") == id("2"));
  EXPECT_FALSE(id("\"a\"") == id("\"b\""));
  EXPECT_EQ(id("1"), id("1.0"));
  EXPECT_EQ(id("\"a/b\""), id(R"("a\/\u0062")"));
  EXPECT_EQ(id("-7"), id("-7"));
  EXPECT_EQ(id("18446744073709551615").value, 18446744073709551615u);
  EXPECT_EQ(id("1.5").type, Type::kNumber);
  EXPECT_EQ(id("null").type, Type::kNull);
  EXPECT_FALSE(id("true").usable());
  EXPECT_FALSE(id("[1]").usable());
  EXPECT_EQ(Read(R"({"method":"m"})").id.type, Type::kNone);
}

TEST_F(LspMessages, SayHowAReplyWent) {
  EXPECT_FALSE(Read(R"({"id":1,"result":{"error":{"code":1}}})").is_error);
  EXPECT_FALSE(Read(R"({"id":1,"result":5,"error":null})").is_error);
  const LspMessage reply = Read(R"({"error":{"code":-32800,"message":"x"},"id":1})");
  EXPECT_TRUE(reply.is_error);
  EXPECT_EQ(reply.error_code, -32800);
  EXPECT_TRUE(Read(R"({"id":1,"error":{"message":"x"}})").is_error);
  EXPECT_EQ(Read(R"({"id":1,"error":{"message":"x"}})").error_code, std::nullopt);
  EXPECT_TRUE(Read(R"({"id":1,"error":"x"})").is_error);
}

TEST_F(LspMessages, ReadEscapedMethods) {
  EXPECT_EQ(Read(R"({"method":"textDocument\/hover","id":1})").method, "textDocument/hover");
}

TEST_F(LspMessages, NameTheDocumentAndItsVersion) {
  const LspMessage open =
      Read(R"({"method":"textDocument/didOpen","params":{"textDocument":)"
           R"({"uri":"file:///a%20b.cpp","version":3,"text":"\"uri\":\"file:///other\""}}})");
  EXPECT_EQ(open.document, HashOfUri("file:///a b.cpp"));
  EXPECT_EQ(open.version, 3);
  EXPECT_EQ(open.sync, std::nullopt);
  const auto change = [&](const char* changes) {
    return Read(std::string(R"({"method":"textDocument/didChange","params":{"textDocument":)"
                            R"({"uri":"u","version":4},"contentChanges":)") +
                changes + "}}");
  };
  EXPECT_EQ(change(R"([{"text":"x"}])").sync, LspSync::kFull);
  EXPECT_EQ(change(R"([{"range":{},"text":"x"}])").sync, LspSync::kIncremental);
  EXPECT_EQ(change(R"([{"text":"x"},{"range":{},"text":"x"}])").sync, LspSync::kIncremental);
  EXPECT_EQ(change("[]").sync, std::nullopt);
  EXPECT_EQ(change("[]").version, 4);
}

TEST_F(LspMessages, CountDiagnosticsBySeverity) {
  const LspMessage message =
      Read(R"({"method":"textDocument/publishDiagnostics","params":{"uri":"u","diagnostics":[)"
           R"({"severity":1},{"severity":1},{"severity":2},{"severity":4},{"severity":9},{}]}})");
  ASSERT_TRUE(message.diagnostics);
  EXPECT_THAT(*message.diagnostics, ElementsAre(2, 1, 0, 1, 2));
  EXPECT_EQ(message.version, std::nullopt);
}

TEST_F(LspMessages, NameTheRequestThatACancellationMeansAndTheClient) {
  EXPECT_EQ(Read(R"({"method":"$/cancelRequest","params":{"id":"x"}})").cancel_id.type,
            Type::kText);
  EXPECT_EQ(Read(R"({"method":"$/cancelRequest","params":{}})").cancel_id.type, Type::kNone);
  EXPECT_EQ(Read(R"({"id":0,"method":"initialize","params":{"clientInfo":{"name":"Neovim"}}})")
                .client_name,
            "Neovim");
}

TEST_F(LspMessages, AreReadWhereSimdjsonGivesUp) {
  std::string deep = R"({"id":5,"method":"m","params":)";
  deep += std::string(3000, '[') + std::string(3000, ']') + "}";
  EXPECT_EQ(Read(deep).kind, Kind::kRequest);
  EXPECT_EQ(Read(deep).method, "m");
  const LspMessage big = Read(R"({"id":5,"result":123456789012345678901234567890})");
  EXPECT_EQ(big.kind, Kind::kReply);
  EXPECT_EQ(big.id.value, 5u);
  // Half of a character beyond 16 bits: JavaScript writes it so, and JSON allows it.
  const LspMessage half = Read(R"({"id":5,"method":"m","params":{"text":"\ud83d"}})");
  EXPECT_EQ(half.kind, Kind::kRequest);
  EXPECT_EQ(half.method, "m");
  EXPECT_EQ(half.id.value, 5u);
  EXPECT_EQ(Read(R"({"id":5,"method":"\x"})").kind, Kind::kMalformed);
}

TEST_F(LspMessages, SurviveParametersOfAnotherShape) {
  for (const char* params :
       {"null", "[]", "5", "\"x\"", "{}", R"({"textDocument":5})",
        R"({"textDocument":{"uri":5,"version":"x"},"contentChanges":{}})",
        R"({"diagnostics":{},"uri":[]})", R"({"diagnostics":[1,null,[]]})", R"({"clientInfo":[]})",
        R"({"clientInfo":{"name":1}})", R"({"id":{}})", R"({"contentChanges":[1]})"}) {
    for (const char* method : {"initialize", "$/cancelRequest", "textDocument/didOpen",
                               "textDocument/didChange", "textDocument/publishDiagnostics"}) {
      EXPECT_EQ(Read(std::string(R"({"method":")") + method + R"(","params":)" + params + "}").kind,
                Kind::kNotification)
          << params;
    }
  }
}

TEST(HashOfUri, IsTheSameHoweverItIsEscaped) {
  EXPECT_EQ(HashOfUri("file:///c%2B%2B/a.cpp"), HashOfUri("file:///c++/a.cpp"));
  EXPECT_EQ(HashOfUri("file:///%c3%A4"), HashOfUri("file:///\xC3\xA4"));
  EXPECT_NE(HashOfUri("file:///a"), HashOfUri("file:///b"));
  EXPECT_NE(HashOfUri("a%2"), HashOfUri("a"));
  EXPECT_NE(HashOfUri("a%zz"), HashOfUri("a"));
}

// --- messages that are too long to be parsed -----------------------------------------------------

TEST_F(LspMessages, AreReadFromTheirEnds) {
  const std::string middle(50'000, 'x');
  const auto read = [&](const std::string& body) {
    const LspMessage message = ParseEnds(parser_, body, 8192, 4096);
    EXPECT_TRUE(message.partial);
    EXPECT_EQ(message.size, body.size());
    return message;
  };
  // clangd: keys by alphabet.
  LspMessage message = read(R"({"id":7,"jsonrpc":"2.0","result":")" + middle + "\"}");
  EXPECT_EQ(message.kind, Kind::kReply);
  EXPECT_EQ(message.id.value, 7u);
  EXPECT_FALSE(message.is_error);
  // gopls: the id comes last.
  message = read(R"({"jsonrpc":"2.0","result":[")" + middle + R"("],"id":"a\"b"} )");
  EXPECT_EQ(message.kind, Kind::kReply);
  EXPECT_EQ(message.id, Read(R"({"id":"a\"b","method":"m"})").id);
  message = read(R"({"error":{"code":-32801,"message":")" + middle + R"("}, "id" : -1 })");
  EXPECT_EQ(message.kind, Kind::kReply);
  EXPECT_EQ(message.error_code, -32801);
  EXPECT_EQ(message.id, Read(R"({"id":-1,"result":1})").id);
  // Method and id behind the parameters.
  message = read(R"({"params":{"id":3,"x":[")" + middle + R"("]},"method":"m\/n","id":5})");
  EXPECT_EQ(message.kind, Kind::kRequest);
  EXPECT_EQ(message.method, "m/n");
  EXPECT_EQ(message.id.value, 5u);
  // Twice: the first one holds.
  EXPECT_EQ(read(R"({"id":1,"method":"a","x":")" + middle + R"(","method":"b","id":2})").id.value,
            1u);
  // Nothing to be seen of either.
  message = read(R"({"a":")" + middle + R"(","b":[]})");
  EXPECT_EQ(message.kind, Kind::kInvalid);
  EXPECT_EQ(read("[" + middle + "]").kind, Kind::kBatch);
  EXPECT_EQ(read("x" + middle + "}").kind, Kind::kMalformed);
  EXPECT_EQ(read("{" + middle + "x").kind, Kind::kMalformed);
}

TEST_F(LspMessages, NameTheirDocumentEvenWhenTheyAreLong) {
  const std::string text(50'000, 'x');
  const auto hash = HashOfUri("file:///a");
  for (
      const std::string& body :
      {R"({"method":"textDocument/didOpen","params":{"textDocument":{"uri":"file:///a",)"
       R"("languageId":"cpp","version":2,"text":")" +
           text + R"("}}})",
       R"({"jsonrpc":"2.0","method":"textDocument/didOpen","params":{"textDocument":{)"
       R"("languageId":"cpp","text":")" +
           text + R"(","uri":"file:///a","version":2}}})",
       R"({"method":"textDocument/didChange","params":{"contentChanges":[{"text":")" + text +
           R"("}],"textDocument":{"uri":"file:///a","version":2}}})",
       R"({"method":"textDocument/didChange","params":{"textDocument":{"uri":"file:///a",)"
       R"("version":2},"contentChanges":[{"text":")" +
           text + R"("}]}})",
       R"({"jsonrpc":"2.0","method":"textDocument/publishDiagnostics","params":{"diagnostics":[")" +
           text + R"("],"uri":"file:///a","version":2}})"}) {
    const LspMessage message = ParseEnds(parser_, body, 8192, 4096);
    EXPECT_EQ(message.kind, Kind::kNotification);
    EXPECT_EQ(message.document, hash) << body.substr(0, 100);
    EXPECT_EQ(message.version, 2) << body.substr(0, 100);
    EXPECT_EQ(message.diagnostics, std::nullopt);
    if (message.method == "textDocument/didChange") {
      EXPECT_EQ(message.sync, LspSync::kFull);
    }
  }
}

// What the ends show is what the whole says, for every recorded message and many lengths.
TEST_F(LspMessages, SayTheSameInPartAsInWhole) {
  LspMessageParser other;
  std::size_t found = 0;
  for (const char* name : {"main", "batch", "dupid", "kill"}) {
    for (const lsp_test::Frame& frame : lsp_test::Load(name).frames) {
      const std::string body = frame.Body();
      const LspMessage whole = Read(body);
      if (whole.kind == Kind::kMalformed) continue;
      for (const std::size_t head : {8u, 40u, 70u, 120u, 200u}) {
        for (const std::size_t tail : {4u, 20u, 60u, 150u}) {
          if (head + tail >= body.size()) continue;
          const LspMessage part = ParseEnds(other, body, head, tail);
          ASSERT_EQ(part.size, body.size());
          const bool has_document =
              whole.kind == Kind::kNotification || whole.kind == Kind::kRequest;
          EXPECT_TRUE(part.id.type == Type::kNone || part.id == whole.id) << body;
          EXPECT_TRUE(part.method.empty() || part.method == whole.method) << body;
          EXPECT_TRUE(!part.error_code || part.error_code == whole.error_code) << body;
          EXPECT_TRUE(!part.is_error || whole.is_error) << body;
          EXPECT_TRUE(!has_document || !part.document || part.document == whole.document) << body;
          EXPECT_TRUE(!has_document || !part.version || part.version == whole.version) << body;
          found += part.kind == whole.kind;
        }
      }
    }
  }
  EXPECT_GT(found, 1000u);
}

// --- the scanner ---------------------------------------------------------------------------------

std::vector<std::string> Head(std::string_view text) {
  std::vector<std::string> seen;
  ScanJsonHead(text, [&](const JsonPath& path, std::string_view token) {
    std::string line;
    for (std::size_t i = 0; i < path.depth; ++i) line += std::string(path.keys[i]) + "/";
    seen.push_back(line + "=" + std::string(token));
  });
  return seen;
}

std::vector<std::string> Tail(std::string_view text) {
  std::vector<std::string> seen;
  ScanJsonTail(text, [&](int level, std::string_view key, std::string_view token) {
    seen.push_back(std::to_string(level) + std::string(key) + "=" + std::string(token));
  });
  return seen;
}

TEST(JsonScan, FindsValuesFromTheFront) {
  EXPECT_THAT(Head(R"( { "a" : 1 , "b":{"c":"x\"y","d":[true,{"e":null}]},"f":-1.5e3} )"),
              ElementsAre("a/=1", "b/={", "b/c/=\"x\\\"y\"", "b/d/=[", "b/d/[]/=true", "b/d/[]/={",
                          "b/d/[]/e/=null", "f/=-1.5e3"));
  EXPECT_THAT(Head(R"({"a":{"b":{"c":{"d":1,"e":{"f":2}}}},"g":3})"),
              ElementsAre("a/={", "a/b/={", "a/b/c/={", "a/b/c/d/=1", "a/b/c/e/={", "g/=3"));
}

TEST(JsonScan, StopsWhereTheFrontIsCutOff) {
  EXPECT_THAT(Head(R"({"a":1,"b":12)"), ElementsAre("a/=1"));
  EXPECT_THAT(Head(R"({"a":1,"b":"x)"), ElementsAre("a/=1"));
  EXPECT_THAT(Head(R"({"a":1,"b)"), ElementsAre("a/=1"));
  EXPECT_THAT(Head(R"({"a":"x\)"), IsEmpty());
  EXPECT_THAT(Head(""), IsEmpty());
  EXPECT_THAT(Head("[1]"), IsEmpty());
}

TEST(JsonScan, FindsMembersFromTheBack) {
  EXPECT_THAT(Tail(R"(...],"jsonrpc":"2.0", "id" : 5 } )"),
              ElementsAre("1id=5", "1jsonrpc=\"2.0\""));
  EXPECT_THAT(Tail(R"(...","uri":"file:///\"a\\","version":3}})"),
              ElementsAre("2version=3", "2uri=\"file:///\\\"a\\\\\""));
  EXPECT_THAT(Tail(R"({"a":{"b":{"c":1}}})"), ElementsAre("3c=1"));
  EXPECT_THAT(Tail(R"({"a":{"b":1},"c":2})"), ElementsAre("1c=2"));
}

TEST(JsonScan, SaysNothingWhereTheBackIsNotClear) {
  for (const char* text : {"", "}", "{}", "x", "[1]", "[{\"a\":1}]", "}}}}}}}}", "\"a\":1", ":1}",
                           "a\":1}", "\"}", "xyz\"}", "\\\"a\":1}", "\"a\":1}"}) {
    EXPECT_THAT(Tail(text), IsEmpty()) << text;
  }
}

}  // namespace
}  // namespace detail
}  // namespace polymeter
