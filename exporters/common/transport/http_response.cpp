#include "exporters/common/transport/http_response.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <utility>

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

const char* Reason(int status) noexcept {
  static constexpr std::pair<int, const char*> kReasons[] = {
      {200, "OK"},
      {400, "Bad Request"},
      {401, "Unauthorized"},
      {403, "Forbidden"},
      {404, "Not Found"},
      {405, "Method Not Allowed"},
      {411, "Length Required"},
      {413, "Content Too Large"},
      {500, "Internal Server Error"},
      {503, "Service Unavailable"},
      {505, "HTTP Version Not Supported"},
  };
  for (const auto& [code, reason] : kReasons) {
    if (code == status) return reason;
  }
  return "Status";  // the phrase means nothing to a client
}

// "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, 5.6.7), whatever the locale.
std::string Date() {
  static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::time_t now = std::time(nullptr);
  std::tm tm{};
  gmtime_r(&now, &tm);
  char text[64];
  std::snprintf(text, sizeof(text), "%s, %02d %s %04d %02d:%02d:%02d GMT", kDays[tm.tm_wday],
                tm.tm_mday, kMonths[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min,
                tm.tm_sec);
  return text;
}

}  // namespace

HttpResponse::HttpResponse(Version version, bool head, Send send)
    : version_(version), head_(head), send_(std::move(send)) {}

void HttpResponse::AddHeader(std::string_view name, std::string_view value) {
  headers_.append(name).append(": ").append(value).append("\r\n");
}

bool HttpResponse::Write(std::string_view bytes) {
  if (broken_ || finished_) return false;
  if (head_) return true;
  if (!buffer_) buffer_.reset(new char[kRoom + kPiece + kTail]);
  while (!bytes.empty()) {
    if (used_ == kPiece) {
      if (version_ == Version::kHttp10) {
        collected_.append(buffer_.get() + kRoom, used_);
        used_ = 0;
      } else if (!SendPiece(/*last=*/false)) {
        return false;
      }
    }
    const std::size_t n = std::min(bytes.size(), kPiece - used_);
    std::memcpy(buffer_.get() + kRoom + used_, bytes.data(), n);
    used_ += n;
    bytes.remove_prefix(n);
  }
  return true;
}

void HttpResponse::Answer(int status, std::string_view text) {
  status_ = status;
  AddHeader("Content-Type", "text/plain; charset=utf-8");
  Write(text);
}

void HttpResponse::Fail(int status, std::string_view text) {
  if (sent_) {
    broken_ = true;
    return;
  }
  headers_.clear();
  collected_.clear();
  used_ = 0;
  Answer(status, text);
}

bool HttpResponse::Finish() {
  if (broken_ || finished_) return !broken_;
  finished_ = true;
  return sent_ ? SendPiece(/*last=*/true) : SendWhole();
}

std::string HttpResponse::Head(Framing framing, std::size_t length) const {
  // Always 1.1: the version that the server speaks, not the client's (RFC 9110, 2.5).
  std::string head = "HTTP/1.1 " + std::to_string(status_) + " " + Reason(status_) + "\r\n";
  head += "Date: " + Date() + "\r\n";
  head += headers_;
  if (framing == Framing::kLength) head += "Content-Length: " + std::to_string(length) + "\r\n";
  if (framing == Framing::kChunks) head += "Transfer-Encoding: chunked\r\n";
  head += "Connection: close\r\n\r\n";
  return head;
}

// The head, the size of the chunk, the chunk and what ends it leave in one call.
bool HttpResponse::SendPiece(bool last) {
  char* const body = buffer_.get() + kRoom;
  char* begin = body;
  char* end = body + used_;
  if (used_ != 0) {
    char size[8];
    const auto [size_end, error] = std::to_chars(size, size + sizeof(size), used_, 16);
    begin -= 2;
    std::memcpy(begin, "\r\n", 2);
    begin -= size_end - size;
    std::memcpy(begin, size, static_cast<std::size_t>(size_end - size));
    std::memcpy(end, "\r\n", 2);
    end += 2;
  }
  if (last) {
    std::memcpy(end, "0\r\n\r\n", 5);
    end += 5;
  }
  used_ = 0;
  if (!sent_) {
    sent_ = true;
    const std::string head = Head(Framing::kChunks, 0);
    if (head.size() <= static_cast<std::size_t>(begin - buffer_.get())) {
      begin -= head.size();
      std::memcpy(begin, head.data(), head.size());
    } else if (!send_(head)) {
      broken_ = true;
      return false;
    }
  }
  broken_ = !send_({begin, static_cast<std::size_t>(end - begin)});
  return !broken_;
}

bool HttpResponse::SendWhole() {
  sent_ = true;
  const std::string_view rest(buffer_ ? buffer_.get() + kRoom : "", used_);
  // The length of what a GET would get is not known without doing the work: HEAD says none.
  std::string all = Head(head_ ? Framing::kNone : Framing::kLength, collected_.size() + used_);
  if (collected_.empty()) {
    all += rest;
    broken_ = !send_(all);
  } else {
    collected_ += rest;
    broken_ = !send_(all) || !send_(collected_);
  }
  return !broken_;
}

}  // namespace detail
POLYMETER_END_NAMESPACE
