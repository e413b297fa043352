// Random sessions of few ids and few documents, so that everything collides; and bytes of no sense.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "integrations/lsp/lsp_for_test.h"
#include "polymeter/lsp.h"
#include "sdk/testing/values.h"

namespace polymeter {
namespace {

using lsp_test::At;
using lsp_test::Expectation;
using lsp_test::Frame;
using lsp_test::Framed;
using nlohmann::ordered_json;

using lsp_test::kClient;
using lsp_test::kServer;

class Writer {
 public:
  explicit Writer(unsigned seed) : random_(seed) {}

  std::vector<Frame> Session(std::size_t messages) {
    std::vector<Frame> frames;
    for (std::size_t i = 0; i < messages; ++i) {
      time_ += static_cast<double>(Below(1000)) / 1024;
      Frame frame;
      frame.time = time_;
      frame.direction = OneIn(2) ? kClient : kServer;
      frame.bytes = Framed(Message(frame.direction));
      frames.push_back(std::move(frame));
    }
    return frames;
  }
  std::size_t Below(std::size_t n) { return random_() % n; }
  bool OneIn(std::size_t n) { return Below(n) == 0; }
  double time() const { return time_; }

 private:
  template <class T>
  const T& Any(const std::vector<T>& values) {
    return values[Below(values.size())];
  }
  ordered_json Id() {
    const int number = static_cast<int>(Below(4));
    if (OneIn(3)) return std::to_string(number);
    return number;
  }
  // Members in any order, written in any way.
  std::string Text(std::vector<std::pair<std::string, ordered_json>> members) {
    std::shuffle(members.begin(), members.end(), random_);
    ordered_json json = ordered_json::object();
    for (auto& [key, value] : members) json[key] = std::move(value);
    return json.dump(OneIn(3) ? 2 : -1);
  }

  std::string Message(LspDirection direction) {
    static const std::vector<std::string> kMethods{"textDocument/hover", "textDocument/completion",
                                                   "workspace/configuration", "initialize",
                                                   "mine/unknown"};
    switch (Below(12)) {
      case 0:
      case 1:
      case 2:
        return Text({{"jsonrpc", "2.0"},
                     {"id", Id()},
                     {"method", Any(kMethods)},
                     {"params", {{"clientInfo", {{"name", "Neovim"}}}}}});
      case 3:
      case 4:
        return Text({{"jsonrpc", "2.0"}, {"id", Id()}, {"result", {1, "id", {{"id", 5}}}}});
      case 5: {
        static const std::vector<int> kCodes{-32800, -32801, -32802, -32601};
        return Text({{"id", Id()}, {"error", {{"message", "no"}, {"code", Any(kCodes)}}}});
      }
      case 6:
      case 7:
        return Text({{"method", "$/cancelRequest"}, {"params", {{"id", Id()}}}});
      case 8:
        return OneIn(2) ? "[1]" : OneIn(2) ? "{\"id\":" : "{\"jsonrpc\":\"2.0\"}";
      default:
        return Document(direction);
    }
  }

  std::string Document(LspDirection direction) {
    static const std::vector<std::string> kUris{"file:///a", "file:///b", "file:///\xC3\xA4.cpp"};
    const std::string& uri = Any(kUris);
    if (direction == kServer) {
      ordered_json diagnostics = ordered_json::array();
      for (std::size_t i = Below(4); i > 0; --i) {
        diagnostics.push_back({{"message", "x"}, {"severity", 1 + Below(4)}});
      }
      ordered_json params{{"uri", uri}, {"diagnostics", diagnostics}};
      if (!OneIn(3)) params["version"] = version_ - static_cast<int>(Below(3));
      return Text({{"method", "textDocument/publishDiagnostics"}, {"params", params}});
    }
    ordered_json document{{"uri", uri}, {"version", ++version_}};
    switch (Below(5)) {
      case 0:
        return Text({{"method", "textDocument/didOpen"}, {"params", {{"textDocument", document}}}});
      case 1:
        return Text(
            {{"method", "textDocument/didClose"}, {"params", {{"textDocument", document}}}});
      default: {
        ordered_json change = ordered_json::object();
        change["text"] = "Content-Length: 3\r\n\r\n";
        if (OneIn(2)) change["range"] = ordered_json::object();
        const ordered_json changes =
            OneIn(10) ? ordered_json::array() : ordered_json::array({change});
        return Text({{"method", "textDocument/didChange"},
                     {"params", {{"contentChanges", changes}, {"textDocument", document}}}});
      }
    }
  }

  std::mt19937 random_;
  double time_ = 0;
  int version_ = 0;
};

TEST(LspProperty, CountsAnySessionRight) {
  for (unsigned seed = 1; seed <= 60; ++seed) {
    Writer writer(seed);
    const std::vector<Frame> frames = writer.Session(150);
    const Metrics metrics(Options().Consumer().Log([](LogLevel, std::string_view) {}));
    double now = 0;
    const LspMetrics lsp(metrics, LspOptions().Server("clangd").Clock([&] { return At(now); }));
    LspSession session = lsp.Begin();
    const std::size_t longest = writer.OneIn(2) ? 30 : 3000;
    std::vector<Frame> so_far;
    for (const Frame& frame : frames) {
      lsp_test::InPieces(
          frame.bytes, [&] { return 1 + writer.Below(longest); },
          [&](std::string_view piece) { session.Bytes(frame.direction, piece, At(frame.time)); });
      so_far.push_back(frame);
      if (!writer.OneIn(40)) continue;
      now = frame.time + 1;
      lsp_test::ExpectSame(
          Expectation(so_far, std::nullopt, now).page(), lsp_test::PageOf(metrics.TakeSnapshot()),
          "seed " + std::to_string(seed) + " after " + std::to_string(so_far.size()));
    }
    session.Eof(kClient);
    session.End(LspExit::Code(1));
    lsp_test::ExpectSame(Expectation(frames, "eof").page(),
                         lsp_test::PageOf(metrics.TakeSnapshot()), "seed " + std::to_string(seed));
    ASSERT_FALSE(HasFailure()) << "seed " << seed;
  }
}

// Bytes changed, left out, put in: whatever it makes of them, it makes the same of any pieces, and
// goes on.
TEST(LspProperty, SurvivesAnyBytes) {
  for (unsigned seed = 1; seed <= 60; ++seed) {
    Writer writer(seed);
    std::string stream;
    for (const Frame& frame : writer.Session(40)) stream += frame.bytes;
    for (std::size_t i = writer.Below(30); i > 0; --i) {
      const std::size_t at = writer.Below(stream.size());
      switch (writer.Below(4)) {
        case 0:
          stream[at] = static_cast<char>(writer.Below(256));
          break;
        case 1:
          stream.erase(at, writer.Below(50));
          break;
        case 2:
          stream.insert(at, writer.Below(10), '\n');
          break;
        default:
          stream.insert(at, stream.substr(writer.Below(stream.size()), writer.Below(100)));
          break;
      }
    }
    lsp_test::Page pages[2];
    for (int round = 0; round < 2; ++round) {
      const Metrics metrics(Options().Consumer().Log([](LogLevel, std::string_view) {}));
      const LspMetrics lsp(metrics);
      LspSession session = lsp.Begin();
      const std::size_t longest = round == 0 ? stream.size() : 40;
      for (const LspDirection direction : {kClient, kServer}) {
        lsp_test::InPieces(
            stream, [&] { return round == 0 ? longest : 1 + writer.Below(longest); },
            [&](std::string_view piece) { session.Bytes(direction, piece, At(1)); });
      }
      session.End(LspExit::Code(0));
      pages[round] = lsp_test::PageOf(metrics.TakeSnapshot());
    }
    EXPECT_EQ(pages[0], pages[1]) << "seed " << seed;
  }
}

}  // namespace
}  // namespace polymeter
