#include "integrations/lsp/lsp_message.h"

#include <simdjson.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "integrations/lsp/ascii.h"
#include "integrations/lsp/json_scan.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

using simdjson::dom::element;
using simdjson::dom::element_type;

constexpr std::uint64_t kHashBegin = 14695981039346656037u;  // FNV-1a
constexpr std::uint64_t Hashed(std::uint64_t hash, char c) noexcept {
  return (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
}

std::uint64_t HashOf(std::string_view text) noexcept {
  std::uint64_t hash = kHashBegin;
  for (const char c : text) hash = Hashed(hash, c);
  return hash;
}

int HexDigit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::optional<std::string_view> TextOf(const element& value) noexcept {
  std::string_view text;
  if (value.get(text) != simdjson::SUCCESS) return std::nullopt;
  return text;
}

std::optional<std::int64_t> IntegerOf(const element& value) noexcept {
  std::int64_t number = 0;
  if (value.get(number) == simdjson::SUCCESS) return number;
  double real = 0;
  if (value.get(real) == simdjson::SUCCESS && real == std::floor(real) && std::fabs(real) < 9e15) {
    return static_cast<std::int64_t>(real);
  }
  return std::nullopt;
}

LspId IdOf(const element& value) noexcept {
  switch (value.type()) {
    case element_type::NULL_VALUE:
      return {LspId::Type::kNull, 0};
    case element_type::STRING:
      return {LspId::Type::kText, HashOf(*TextOf(value))};
    case element_type::UINT64: {
      std::uint64_t number = 0;
      if (value.get(number) != simdjson::SUCCESS) break;
      return {LspId::Type::kInteger, number};
    }
    case element_type::INT64:
    case element_type::DOUBLE: {
      if (const auto number = IntegerOf(value)) {
        return {LspId::Type::kInteger, static_cast<std::uint64_t>(*number)};
      }
      double real = 0;
      if (value.get(real) != simdjson::SUCCESS) break;
      return {LspId::Type::kNumber, std::bit_cast<std::uint64_t>(real)};
    }
    default:
      break;
  }
  return {LspId::Type::kOther, 0};
}

// The member of an object; nothing where `value` is none, or lacks it.
std::optional<element> Member(const element& value, std::string_view key) noexcept {
  element member;
  if (value.at_key(key).get(member) != simdjson::SUCCESS) return std::nullopt;
  return member;
}

LspSeverity SeverityOf(const element& diagnostic) noexcept {
  const auto value = Member(diagnostic, "severity");
  const auto number = value ? IntegerOf(*value) : std::nullopt;
  if (!number || *number < 1 || *number > 4) return LspSeverity::kUnspecified;
  return static_cast<LspSeverity>(*number - 1);
}

// Incremental when a change says where it belongs; nothing when there is no change.
std::optional<LspSync> SyncOf(const element& changes) noexcept {
  simdjson::dom::array array;
  if (changes.get(array) != simdjson::SUCCESS) return std::nullopt;
  std::optional<LspSync> sync;
  for (const element change : array) {
    if (Member(change, "range")) return LspSync::kIncremental;
    sync = LspSync::kFull;
  }
  return sync;
}

void ReadParams(const element& params, LspMessage& message) noexcept {
  const auto document_of = [&](const element& place) {
    if (const auto uri = Member(place, "uri")) {
      if (const auto text = TextOf(*uri)) message.document = HashOfUri(*text);
    }
    if (const auto version = Member(place, "version")) message.version = IntegerOf(*version);
  };
  const std::string_view method = message.method;
  if (method == "textDocument/publishDiagnostics") {
    document_of(params);
    simdjson::dom::array array;
    const auto diagnostics = Member(params, "diagnostics");
    if (!diagnostics || diagnostics->get(array) != simdjson::SUCCESS) return;
    message.diagnostics.emplace();
    for (const element diagnostic : array) {
      ++(*message.diagnostics)[static_cast<std::size_t>(SeverityOf(diagnostic))];
    }
  } else if (method == "$/cancelRequest") {
    if (const auto id = Member(params, "id")) message.cancel_id = IdOf(*id);
  } else if (method == "initialize") {
    const auto client = Member(params, "clientInfo");
    const auto name = client ? Member(*client, "name") : std::nullopt;
    if (name) message.client_name = TextOf(*name).value_or(std::string_view());
  } else if (const auto document = Member(params, "textDocument")) {
    document_of(*document);
    if (method != "textDocument/didChange") return;
    if (const auto changes = Member(params, "contentChanges")) message.sync = SyncOf(*changes);
  }
}

// What the members that were seen make of it.
LspMessage::Kind KindOf(const LspMessage& message, bool has_method) noexcept {
  if (has_method) {
    return message.id.type == LspId::Type::kNone ? LspMessage::Kind::kNotification
                                                 : LspMessage::Kind::kRequest;
  }
  return message.id.type == LspId::Type::kNone ? LspMessage::Kind::kInvalid
                                               : LspMessage::Kind::kReply;
}

}  // namespace

std::uint64_t HashOfUri(std::string_view uri) noexcept {
  std::uint64_t hash = kHashBegin;
  for (std::size_t i = 0; i < uri.size(); ++i) {
    char c = uri[i];
    if (c == '%' && uri.size() - i > 2) {
      const int high = HexDigit(uri[i + 1]);
      const int low = HexDigit(uri[i + 2]);
      if (high >= 0 && low >= 0) {
        c = static_cast<char>(high << 4 | low);
        i += 2;
      }
    }
    hash = Hashed(hash, c);
  }
  return hash;
}

struct LspMessageParser::Impl {
  simdjson::dom::parser parser;
  std::vector<char> padded;  // simdjson reads beyond the end
  std::string method;        // of a message that was not parsed whole
  std::string client_name;

  simdjson::error_code ParseText(std::string_view text, element& root) {
    if (padded.size() < text.size() + simdjson::SIMDJSON_PADDING) {
      padded.resize(text.size() + simdjson::SIMDJSON_PADDING);
    }
    std::memcpy(padded.data(), text.data(), text.size());
    return parser.parse(reinterpret_cast<const std::uint8_t*>(padded.data()), text.size(), false)
        .get(root);
  }

  LspMessage Scan(const FrameBody& body);
  void OnHead(const JsonPath& path, std::string_view token, LspMessage& message, bool& has_method);
};

LspMessageParser::LspMessageParser() : impl_(std::make_unique<Impl>()) {}
LspMessageParser::~LspMessageParser() = default;

LspMessage LspMessageParser::Parse(const FrameBody& body) {
  if (!body.whole()) return impl_->Scan(body);
  LspMessage message;
  message.size = body.size;
  element root;
  const simdjson::error_code error = impl_->ParseText(body.head, root);
  // JSON that simdjson does not take: nested deeper than 1024, a number beyond 64 bits, or half of
  // a UTF-16 pair ("\ud83d"), as JavaScript writes it.
  const bool may_be_half_pair =
      error == simdjson::STRING_ERROR && body.head.find("\\u") != std::string_view::npos;
  if (error == simdjson::DEPTH_ERROR || error == simdjson::NUMBER_ERROR || may_be_half_pair) {
    return impl_->Scan(body);
  }
  if (error != simdjson::SUCCESS) return message;
  if (root.type() == element_type::ARRAY) {
    message.kind = LspMessage::Kind::kBatch;
    return message;
  }
  message.kind = LspMessage::Kind::kInvalid;
  if (root.type() != element_type::OBJECT) return message;

  if (const auto id = Member(root, "id")) message.id = IdOf(*id);
  const auto method = Member(root, "method");
  const auto method_text = method ? TextOf(*method) : std::nullopt;
  if (method && !method_text) return message;
  message.kind = KindOf(message, method_text.has_value());
  if (method_text) {
    message.method = *method_text;
    if (const auto params = Member(root, "params")) ReadParams(*params, message);
  } else if (const auto failure = Member(root, "error"); failure && !failure->is_null()) {
    message.is_error = true;
    if (const auto code = Member(*failure, "code")) message.error_code = IntegerOf(*code);
  }
  return message;
}

// --- a message of which only both ends are at hand -----------------------------------------------

LspMessage LspMessageParser::Impl::Scan(const FrameBody& body) {
  LspMessage message;
  message.size = body.size;
  message.partial = true;
  const auto first = std::find_if_not(body.head.begin(), body.head.end(), IsJsonSpace);
  const std::string_view end = body.tail.empty() ? body.head : body.tail;
  const auto last = std::find_if_not(end.rbegin(), end.rend(), IsJsonSpace);
  if (first == body.head.end() || last == end.rend()) return message;
  if (*first == '[' && *last == ']') {
    message.kind = LspMessage::Kind::kBatch;
    return message;
  }
  if (*first != '{' || *last != '}') return message;

  bool has_method = false;
  method.clear();
  client_name.clear();
  ScanJsonHead(body.head, [&](const JsonPath& path, std::string_view token) {
    OnHead(path, token, message, has_method);
  });
  ScanJsonTail(end, [&](int level, std::string_view key, std::string_view token) {
    JsonPath path;
    const bool request_end = level == 1 && (key == "id" || key == "method");
    // Of the last object within, which in the messages that have a document is the one that names
    // it.
    const bool document_end = level > 1 && (key == "uri" || key == "version");
    if (request_end) {
      path.keys[0] = key;
      path.depth = 1;
    } else if (document_end) {
      path.keys = {"params", "textDocument", key};
      path.depth = 3;
    } else {
      return;
    }
    // What the head showed holds.
    if (key == "id" && message.id.type != LspId::Type::kNone) return;
    if (key == "method" && has_method) return;
    if (key == "uri" && message.document) return;
    if (key == "version" && message.version) return;
    OnHead(path, token, message, has_method);
  });
  message.method = method;
  message.client_name = client_name;
  message.kind = KindOf(message, has_method);
  return message;
}

void LspMessageParser::Impl::OnHead(const JsonPath& path, std::string_view token,
                                    LspMessage& message, bool& has_method) {
  // A scalar is parsed as a text of its own, so that it means what it means in a whole message.
  const auto scalar = [&]() -> std::optional<element> {
    element value;
    if (token == "{" || token == "[") return std::nullopt;
    if (ParseText(token, value) != simdjson::SUCCESS) return std::nullopt;
    return value;
  };
  if (path.Is("id")) {
    const auto value = scalar();
    message.id = value ? IdOf(*value) : LspId{LspId::Type::kOther, 0};
  } else if (path.Is("method")) {
    const auto value = scalar();
    const auto text = value ? TextOf(*value) : std::nullopt;
    has_method = text.has_value();
    method = std::string(text.value_or(std::string_view()));
  } else if (path.Is("error")) {
    message.is_error = token != "null";
  } else if (path.Is("error", "code")) {
    if (const auto value = scalar()) message.error_code = IntegerOf(*value);
  } else if (path.Is("params", "id")) {
    if (const auto value = scalar()) message.cancel_id = IdOf(*value);
  } else if (path.Is("params", "clientInfo", "name")) {
    const auto value = scalar();
    if (value) client_name = std::string(TextOf(*value).value_or(std::string_view()));
  } else if (path.Is("params", "textDocument", "uri") || path.Is("params", "uri")) {
    const auto value = scalar();
    if (const auto text = value ? TextOf(*value) : std::nullopt)
      message.document = HashOfUri(*text);
  } else if (path.Is("params", "textDocument", "version") || path.Is("params", "version")) {
    if (const auto value = scalar()) message.version = IntegerOf(*value);
  } else if (path.Is("params", "contentChanges", "[]")) {
    if (!message.sync) message.sync = LspSync::kFull;
  } else if (path.Is("params", "contentChanges", "[]", "range")) {
    message.sync = LspSync::kIncremental;
  }
}

}  // namespace detail
POLYMETER_END_NAMESPACE
