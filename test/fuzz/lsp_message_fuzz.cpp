// libFuzzer: a message's body, as it is, and one made from the input. What is JSON and what is not
// is what nlohmann_json says; what a message that is cut says does not contradict the whole; and a
// session takes whatever comes.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "integrations/lsp/lsp_message.h"
#include "integrations/lsp/lsp_session.h"

namespace {

using namespace polymeter;          // NOLINT
using namespace polymeter::detail;  // NOLINT
using Kind = LspMessage::Kind;

class Nobody final : public LspObserver {
 public:
  void OnRequestEnd(const LspRequestEnd&) override {}
  void OnNotification(LspDirection, LspMethods::Id) override {}
  void OnCancellations(LspCancelEffect, std::uint64_t) override {}
  void OnInitialized(std::chrono::duration<double>) override {}
  void OnChange(LspSync) override {}
  void OnEditCovered(std::chrono::duration<double>) override {}
  void OnSessionEnd(std::string_view, LspEnd) override {}
  void OnBadMessage(BadMessage) override {}
  void OnUntracked(Untracked) override {}
  void OnFolded(std::string_view) override {}
};

struct World {
  LspMessageParser parser;
  Nobody nobody;
  LspMethods methods;
  LspSessionMachine session{nobody, methods, {50, 50}, nullptr};
  std::int64_t now = 0;
};

LspMessage ParseWhole(LspMessageParser& parser, std::string_view body) {
  return parser.Parse({body, {}, body.size()});
}

// Any bytes.
void CheckBytes(World& world, std::string_view body, bool from_client) {
  const LspMessage message = ParseWhole(world.parser, body);
  // They differ on byte order marks, which no server takes, and on NUL, which ends the text for
  // nlohmann_json. What simdjson does not take though JSON allows it is not parsed whole.
  const bool comparable = body.substr(0, 3) != "\xEF\xBB\xBF";
  if (!message.partial && comparable) {
    const bool json = body.find('\0') == std::string_view::npos &&
                      nlohmann::json::accept(body.begin(), body.end());
    if (json != (message.kind != Kind::kMalformed)) std::abort();
  }
  world.session.OnMessage(
      from_client ? LspDirection::kClientToServer : LspDirection::kServerToClient, message,
      LspTime(std::chrono::milliseconds(world.now++)));
  if (world.session.in_flight() > 50 || world.session.documents().open() > 50) std::abort();
  for (const std::int64_t count : world.session.documents().diagnostics()) {
    if (count < 0) std::abort();
  }
}

// A message made of bytes, with its members in the order of their names.
class Maker {
 public:
  Maker(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}

  std::uint8_t Next() { return at_ < size_ ? data_[at_++] : std::uint8_t{0}; }

  nlohmann::json Message() {
    static const char* const kMethods[] = {"initialize",
                                           "textDocument/didOpen",
                                           "textDocument/didChange",
                                           "textDocument/publishDiagnostics",
                                           "$/cancelRequest",
                                           "shutdown",
                                           "x\"\\/y"};
    nlohmann::json message = nlohmann::json::object();
    const std::uint8_t what = Next();
    if (what & 1) message["id"] = Value(3);
    if (what & 2) message["method"] = kMethods[Next() % 7];
    if (what & 4) message["params"] = Params();
    if (what & 8) message["error"] = Value(1);
    if (what & 16) message["result"] = Value(0);
    if (what & 32) message["aaa"] = std::string(Next(), 'x');
    return message;
  }

 private:
  nlohmann::json Params() {
    nlohmann::json params = nlohmann::json::object();
    const std::uint8_t what = Next();
    nlohmann::json document{{"uri", std::string(1, static_cast<char>('a' + Next() % 3))},
                            {"version", Next() % 8}};
    if (what & 1) params["textDocument"] = document;
    if (what & 2) params.update(document);
    if (what & 4) params["diagnostics"] = nlohmann::json::array({Value(1), Value(0)});
    if (what & 8) params["contentChanges"] = nlohmann::json::array({Value(1)});
    if (what & 16) params["clientInfo"] = Value(1);
    if (what & 32) params["id"] = Value(3);
    return params;
  }
  nlohmann::json Value(int depth) {
    static const char* const kKeys[] = {"id",   "code", "severity", "range",
                                        "name", "uri",  "version"};
    const std::uint8_t what = Next();
    switch (depth > 2 ? what % 4 : what % 6) {
      case 0:
        return what / 6 % 8;
      case 1:
        return -32800 - what % 3;
      case 2:
        return std::string(what / 6, what % 2 == 0 ? '"' : 'a');
      case 3:
        return what % 2 == 0 ? nlohmann::json(nullptr) : nlohmann::json(1.5);
      case 4: {
        nlohmann::json object = nlohmann::json::object();
        for (int i = 0; i < what / 64; ++i) object[kKeys[Next() % 7]] = Value(depth + 1);
        return object;
      }
      default: {
        nlohmann::json array = nlohmann::json::array();
        for (int i = 0; i < what / 64; ++i) array.push_back(Value(depth + 1));
        return array;
      }
    }
  }

  const std::uint8_t* const data_;
  const std::size_t size_;
  std::size_t at_ = 0;
};

// Right JSON: what is read of it must be what is in it.
void CheckMade(World& world, const nlohmann::json& json, std::size_t head, std::size_t tail) {
  const std::string body = json.dump();
  const LspMessage whole = ParseWhole(world.parser, body);
  const bool has_id = json.contains("id");
  const bool has_method = json.contains("method");
  const Kind wanted = has_method ? (has_id ? Kind::kRequest : Kind::kNotification)
                      : has_id   ? Kind::kReply
                                 : Kind::kInvalid;
  if (whole.kind != wanted) std::abort();
  if (has_method && whole.method != json["method"].get<std::string>()) std::abort();
  if (has_id && whole.id.usable() == (json["id"].is_structured())) std::abort();
  const std::string method(whole.method);

  if (head + tail >= body.size() || head == 0 || tail == 0) return;
  const std::string_view view(body);
  const LspMessage part =
      world.parser.Parse({view.substr(0, head), view.substr(body.size() - tail), body.size()});
  if (part.kind == Kind::kMalformed || part.kind == Kind::kBatch) std::abort();
  if (part.id.type != LspId::Type::kNone && !(part.id == whole.id)) std::abort();
  if (!part.method.empty() && part.method != method) std::abort();
  if (part.is_error && !whole.is_error && whole.kind == Kind::kReply) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static World world;
  CheckBytes(world, {reinterpret_cast<const char*>(data), size}, size % 2 == 0);

  Maker maker(data, size);
  const std::size_t head = maker.Next();
  const std::size_t tail = maker.Next();
  const nlohmann::json made = maker.Message();
  CheckMade(world, made, head, tail);
  // The same with bytes changed.
  std::string body = made.dump();
  CheckBytes(world, body, head % 2 == 0);
  for (std::size_t i = maker.Next() % 4; i > 0; --i) {
    body[(maker.Next() * 256u + maker.Next()) % body.size()] = static_cast<char>(maker.Next());
  }
  CheckBytes(world, body, tail % 2 == 0);
  return 0;
}
