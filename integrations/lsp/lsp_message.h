// What a message of the Language Server Protocol says, as far as it is counted: a request, a
// notification or a reply, its id, its method, a few of its parameters. No I/O, no clock.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "integrations/lsp/jsonrpc_frames.h"
#include "polymeter/lsp.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// A request's id; 1 and "1" differ. Texts are kept as a 64-bit hash, so that an id of any length
// takes the same memory.
struct LspId {
  enum class Type : std::uint8_t {
    kNone,
    kNull,
    kInteger,
    kNumber,  // with a fraction
    kText,
    kOther,  // no id at all: true, [], {}
  };
  Type type = Type::kNone;
  std::uint64_t value = 0;

  bool usable() const noexcept { return type != Type::kNone && type != Type::kOther; }
  friend bool operator==(const LspId& a, const LspId& b) noexcept {
    return a.type == b.type && a.value == b.value;
  }
};

struct LspMessage {
  enum class Kind : std::uint8_t {
    kRequest,
    kNotification,
    kReply,
    kBatch,      // an array: LSP has none, JSON-RPC does
    kMalformed,  // not JSON
    kInvalid,    // JSON, but no message; or, if partial, one whose method and id are neither in its
                 // first nor in its last bytes
  };

  Kind kind = Kind::kMalformed;
  std::uint64_t size = 0;  // of the body
  bool partial = false;    // not all of it was looked at
  LspId id;
  std::string_view method;  // valid until the next message is parsed
  bool is_error = false;    // of a reply
  std::optional<std::int64_t> error_code;

  // Parameters, where they have their usual place.
  LspId cancel_id;
  std::string_view client_name;           // initialize's clientInfo; valid as method is
  std::optional<std::uint64_t> document;  // a hash of the URI, which is not kept
  std::optional<std::int64_t> version;    // of the document
  std::optional<LspSync> sync;            // of textDocument/didChange, where it changes something
  // Of textDocument/publishDiagnostics; nothing when they were not all looked at.
  std::optional<std::array<std::uint32_t, kLspSeverities>> diagnostics;
};

// A hash of a URI that is the same however its characters are escaped.
std::uint64_t HashOfUri(std::string_view uri) noexcept;

// Keeps memory for the next message, a small multiple of the longest that was parsed whole.
class LspMessageParser {
 public:
  LspMessageParser();
  ~LspMessageParser();

  // A body that is whole is checked to be JSON from its first to its last byte; of others, and
  // where simdjson does not take what JSON allows, the first and last members are read, and only
  // what cannot be JSON at either end is malformed.
  LspMessage Parse(const FrameBody& body);

 private:
  struct Impl;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace detail
POLYMETER_END_NAMESPACE
