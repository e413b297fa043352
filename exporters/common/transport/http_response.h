// An HTTP response as it goes over the wire: status line, headers, a body of any length.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "polymeter/export.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// RFC 9112. A body that fits into one piece goes out with Content-Length, a longer one in chunks
// of 64 KiB; to an HTTP/1.0 client, which knows no chunks, it is collected first. So a body that
// was broken off never looks complete. Used by one thread.
class POLYMETER_EXPORT HttpResponse {
 public:
  // Sends all bytes or returns false; then the connection is of no more use.
  using Send = std::function<bool(std::string_view bytes)>;
  enum class Version { kHttp10, kHttp11 };

  // `head`: the request's method was HEAD, so no body is sent.
  HttpResponse(Version version, bool head, Send send);
  HttpResponse(const HttpResponse&) = delete;
  HttpResponse& operator=(const HttpResponse&) = delete;

  // Before the first Write. 200 unless set.
  void SetStatus(int status) { status_ = status; }
  // Date, Content-Length, Transfer-Encoding and Connection are set by this class.
  void AddHeader(std::string_view name, std::string_view value);
  // Adds to the body. False: the client is gone.
  bool Write(std::string_view bytes);
  // The body cannot be completed. While nothing has been sent the answer becomes one with this
  // status and text; else the connection ends without the regular end of the body.
  void Fail(int status, std::string_view text);
  // A whole answer in plain text.
  void Answer(int status, std::string_view text);

  // Sends what is left; the server does it after the handler, which may want to know the result
  // and do it before. False: the answer is not complete.
  bool Finish();
  bool begun() const { return sent_; }  // a part of it has been sent
  int status() const { return status_; }

 private:
  static constexpr std::size_t kRoom = 1024;        // in front of the body, for the head
  static constexpr std::size_t kPiece = 64 * 1024;  // of the body
  static constexpr std::size_t kTail = 8;           // after it, for the ends of chunks

  enum class Framing { kLength, kChunks, kNone };
  std::string Head(Framing framing, std::size_t length) const;
  bool SendPiece(bool last);
  bool SendWhole();

  const Version version_;
  const bool head_;
  const Send send_;
  int status_ = 200;
  std::string headers_;
  std::unique_ptr<char[]> buffer_;  // kRoom, kPiece, kTail
  std::size_t used_ = 0;            // of kPiece
  std::string collected_;           // HTTP/1.0: what did not fit
  bool sent_ = false;
  bool finished_ = false;
  bool broken_ = false;
};

}  // namespace detail
POLYMETER_END_NAMESPACE
