// Takes a stream of JSON-RPC messages apart: headers, Content-Length, body (LSP 3.17, base
// protocol). Reads what clangd reads and what the LSP libraries of other servers read; whatever
// else comes is counted and passed over. No I/O, no clock, bounded memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "polymeter/export.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

enum class FrameError : std::uint8_t {
  kJunkLine,         // a line among the headers that is none
  kBadLength,        // Content-Length is not a decimal number
  kZeroLength,       // Content-Length: 0
  kNoLength,         // the headers end without a Content-Length
  kDuplicateLength,  // two of them: the last one holds
  kTooLong,          // beyond what any server takes (1 GiB)
  kHeaderForm,  // "content-length: 5", "Content-Length:5": right in HTTP, but clangd ignores it
  kLineEnd,     // a header line ends with LF alone
  kLostSync,    // a line too long for a header, or a length too long: passing over until kResync
  kResync,      // a header found behind what cannot be understood
  kTruncated,   // the stream ended within a message
};
inline constexpr std::size_t kFrameErrors = static_cast<std::size_t>(FrameError::kTruncated) + 1;
std::string_view LabelValue(FrameError error) noexcept;

// A message's body, for the length of a call: whole, or its first and last bytes.
struct FrameBody {
  std::string_view head;
  std::string_view tail;   // empty when the head is all
  std::uint64_t size = 0;  // of the body

  bool whole() const noexcept { return head.size() == size; }
};

class FrameSink {
 public:
  virtual ~FrameSink() = default;
  virtual void OnFrame(const FrameBody& body) = 0;
  virtual void OnFrameError(FrameError error) = 0;
};

// Keeps no more than `body_limit` bytes of a body (and at least a few KiB); of a longer one the
// first kHeadBytes and about the last kTailBytes. A body that lies within one piece is not copied.
// Each piece is looked at once, so the result does not depend on where the stream is cut.
class FrameReader {
 public:
  static constexpr std::size_t kHeadBytes = 8192;
  static constexpr std::size_t kTailBytes = 4096;
  static constexpr std::size_t kLongestLine = 4096;
  static constexpr std::uint64_t kLongestBody = std::uint64_t{1} << 30;

  explicit FrameReader(std::size_t body_limit);

  void Feed(std::string_view piece, FrameSink& sink);
  // The stream has ended. Nothing may follow.
  void Finish(FrameSink& sink);

  // False between kLostSync and kResync.
  bool in_sync() const noexcept { return in_sync_; }

 private:
  // Each takes something off the front of `rest`.
  void ReadHeader(std::string_view& rest, FrameSink& sink);
  void ReadBody(std::string_view& rest, FrameSink& sink);

  void OnLine(std::string_view line, FrameSink& sink);
  void OnLength(std::string_view value, FrameSink& sink);
  void OnHeadersEnd(FrameSink& sink);
  void Lose(FrameSink& sink);
  void KeepOfBody(std::string_view part);
  void EndBody(FrameSink& sink);

  const std::size_t body_limit_;

  // Headers.
  std::string line_;        // of the line that is not complete; of a long one the last bytes
  bool long_line_ = false;  // line_ lacks its beginning
  bool has_length_ = false;
  bool bad_length_ = false;  // already counted
  bool bare_lf_ = false;
  std::uint64_t length_ = 0;

  // Body.
  bool in_body_ = false;
  std::uint64_t left_ = 0;
  std::string head_;
  std::string tail_;

  bool in_sync_ = true;
};

}  // namespace detail
POLYMETER_END_NAMESPACE
