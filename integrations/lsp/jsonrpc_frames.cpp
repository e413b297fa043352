#include "integrations/lsp/jsonrpc_frames.h"

#include <algorithm>
#include <charconv>

#include "integrations/lsp/ascii.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr std::string_view kName = "Content-Length";
// What is kept of a line that is too long: enough for a header at its end.
constexpr std::size_t kLineEndBytes = 64;

bool IsBlank(char c) noexcept { return c == ' ' || c == '\t' || c == '\r'; }
bool IsDigit(char c) noexcept { return c >= '0' && c <= '9'; }

std::string_view Trimmed(std::string_view text) noexcept {
  while (!text.empty() && IsBlank(text.front())) text.remove_prefix(1);
  while (!text.empty() && IsBlank(text.back())) text.remove_suffix(1);
  return text;
}

bool IsName(std::string_view text) noexcept {
  return text.size() == kName.size() &&
         std::equal(text.begin(), text.end(), kName.begin(),
                    [](char a, char b) { return Lower(a) == Lower(b); });
}

// RFC 9110's `token`, as far as anybody uses it.
bool IsHeaderName(std::string_view text) noexcept {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    const char lower = Lower(c);
    return (lower >= 'a' && lower <= 'z') || IsDigit(c) || c == '-' || c == '_' || c == '.';
  });
}

// The value of a Content-Length that ends the line, whatever stands before it; empty when there is
// none. No JSON text contains such a line: between strings it has no letters but those of true,
// false, null and exponents, and within them a line end is escaped (RFC 8259, section 7). So it is
// a header, and what stands before it is the rest of a body whose length was wrong.
std::string_view LengthAtTheEnd(std::string_view line) noexcept {
  line = Trimmed(line);
  std::size_t digits = 0;
  while (digits < line.size() && IsDigit(line[line.size() - 1 - digits])) ++digits;
  const std::string_view value = line.substr(line.size() - digits);
  line.remove_suffix(digits);
  line = Trimmed(line);
  if (value.empty() || line.empty() || line.back() != ':') return {};
  line.remove_suffix(1);
  if (line.size() < kName.size()) return {};
  return IsName(line.substr(line.size() - kName.size())) ? value : std::string_view();
}

}  // namespace

std::string_view LabelValue(FrameError error) noexcept {
  switch (error) {
    case FrameError::kJunkLine:
      return "junk_line";
    case FrameError::kBadLength:
      return "bad_length";
    case FrameError::kZeroLength:
      return "zero_length";
    case FrameError::kNoLength:
      return "no_length";
    case FrameError::kDuplicateLength:
      return "duplicate_length";
    case FrameError::kTooLong:
      return "too_long";
    case FrameError::kHeaderForm:
      return "header_form";
    case FrameError::kLineEnd:
      return "line_end";
    case FrameError::kLostSync:
      return "lost_sync";
    case FrameError::kResync:
      return "resync";
    case FrameError::kTruncated:
      return "truncated";
  }
  return "other";
}

FrameReader::FrameReader(std::size_t body_limit)
    : body_limit_(std::max(body_limit, kHeadBytes + 2 * kTailBytes)) {}

void FrameReader::Feed(std::string_view piece, FrameSink& sink) {
  while (!piece.empty()) {
    if (in_body_) {
      ReadBody(piece, sink);
    } else {
      ReadHeader(piece, sink);
    }
  }
}

void FrameReader::Finish(FrameSink& sink) {
  if (in_body_ || has_length_ || (!line_.empty() && in_sync_)) {
    sink.OnFrameError(FrameError::kTruncated);
  }
}

// --- headers ------------------------------------------------------------------------------------

void FrameReader::ReadHeader(std::string_view& rest, FrameSink& sink) {
  const std::size_t end = rest.find('\n');
  const bool complete = end != std::string_view::npos;
  std::string_view part = rest.substr(0, end);
  rest.remove_prefix(part.size() + (complete ? 1 : 0));

  if (complete && line_.empty() && !long_line_ && part.size() <= kLongestLine) {
    OnLine(part, sink);  // without a copy
    return;
  }
  const std::size_t room = kLongestLine - std::min(line_.size(), kLongestLine);
  if (!long_line_ && part.size() > room) {
    long_line_ = true;
    Lose(sink);
  }
  if (long_line_) {
    if (part.size() >= kLineEndBytes) {
      line_.clear();
      part.remove_prefix(part.size() - kLineEndBytes);
    } else if (line_.size() + part.size() > kLongestLine) {
      line_.erase(0, line_.size() - kLineEndBytes);
    }
  }
  line_.append(part);
  if (!complete) return;
  std::string_view line(line_);
  if (long_line_) line.remove_prefix(line.size() - kLineEndBytes);  // wherever it was cut
  OnLine(line, sink);
  line_.clear();
  long_line_ = false;
}

void FrameReader::OnLine(std::string_view line, FrameSink& sink) {
  const bool bare_lf = line.empty() || line.back() != '\r';
  if (!long_line_ && Trimmed(line).empty()) {
    if (!in_sync_) return;  // ends no headers: there were none
    bare_lf_ = bare_lf_ || bare_lf;
    OnHeadersEnd(sink);
    return;
  }
  const std::size_t colon = long_line_ ? std::string_view::npos : line.find(':');
  const std::string_view name = line.substr(0, colon);
  if (colon != std::string_view::npos && IsName(name)) {
    bare_lf_ = bare_lf_ || bare_lf;
    if (name != kName || line.substr(colon + 1, 1) != " ") {
      sink.OnFrameError(FrameError::kHeaderForm);
    }
    OnLength(Trimmed(line.substr(colon + 1)), sink);
    return;
  }
  if (colon != std::string_view::npos && IsHeaderName(name) && in_sync_) {
    bare_lf_ = bare_lf_ || bare_lf;
    return;  // Content-Type, or one that nobody knows
  }
  if (!long_line_ && in_sync_) sink.OnFrameError(FrameError::kJunkLine);
  const std::string_view value = has_length_ ? std::string_view() : LengthAtTheEnd(line);
  if (value.empty()) return;
  if (in_sync_) sink.OnFrameError(FrameError::kResync);  // else OnLength says so
  bare_lf_ = bare_lf;
  OnLength(value, sink);
}

void FrameReader::OnLength(std::string_view value, FrameSink& sink) {
  if (has_length_) sink.OnFrameError(FrameError::kDuplicateLength);
  has_length_ = false;
  std::uint64_t length = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), length);
  const bool number =
      !value.empty() && std::all_of(value.begin(), value.end(), IsDigit) &&
      (error == std::errc::result_out_of_range || end == value.data() + value.size());
  if (!number) {
    bad_length_ = true;
    sink.OnFrameError(FrameError::kBadLength);
    return;
  }
  if (error == std::errc::result_out_of_range || length > kLongestBody) {
    sink.OnFrameError(FrameError::kTooLong);
    Lose(sink);
    return;
  }
  if (!in_sync_) sink.OnFrameError(FrameError::kResync);
  in_sync_ = true;
  has_length_ = true;
  length_ = length;
}

void FrameReader::OnHeadersEnd(FrameSink& sink) {
  if (bare_lf_) sink.OnFrameError(FrameError::kLineEnd);
  if (has_length_ && length_ > 0) {
    in_body_ = true;
    left_ = length_;
    head_.clear();
    tail_.clear();
  } else if (has_length_) {
    sink.OnFrameError(FrameError::kZeroLength);
  } else if (!bad_length_) {
    sink.OnFrameError(FrameError::kNoLength);
  }
  has_length_ = bad_length_ = bare_lf_ = false;
}

void FrameReader::Lose(FrameSink& sink) {
  if (in_sync_) sink.OnFrameError(FrameError::kLostSync);
  in_sync_ = false;
  has_length_ = bad_length_ = bare_lf_ = false;
}

// --- body ---------------------------------------------------------------------------------------

void FrameReader::ReadBody(std::string_view& rest, FrameSink& sink) {
  const std::string_view part =
      rest.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(left_, rest.size())));
  rest.remove_prefix(part.size());
  if (part.size() == length_ && length_ <= body_limit_) {
    in_body_ = false;
    sink.OnFrame({part, {}, length_});
    return;
  }
  KeepOfBody(part);
  left_ -= part.size();
  if (left_ == 0) EndBody(sink);
}

void FrameReader::KeepOfBody(std::string_view part) {
  if (length_ <= body_limit_) {
    head_.append(part);
    return;
  }
  const std::size_t for_head = std::min(part.size(), kHeadBytes - head_.size());
  head_.append(part.substr(0, for_head));
  part.remove_prefix(for_head);
  // Twice as much is kept, so that single bytes do not move it each time.
  if (part.size() >= kTailBytes) {
    tail_.clear();
    part.remove_prefix(part.size() - kTailBytes);
  } else if (tail_.size() + part.size() > 2 * kTailBytes) {
    tail_.erase(0, tail_.size() - kTailBytes);
  }
  tail_.append(part);
}

void FrameReader::EndBody(FrameSink& sink) {
  in_body_ = false;
  const std::string_view tail(tail_);
  sink.OnFrame({head_, tail.substr(tail.size() - std::min(tail.size(), kTailBytes)), length_});
  // What one long message needed is not kept for the short ones.
  if (head_.capacity() > 4 * kHeadBytes) std::string().swap(head_);
}

}  // namespace detail
POLYMETER_END_NAMESPACE
