// gzip (RFC 1952) as a stream: bytes in, compressed pieces out.
#pragma once

#include <zlib.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "polymeter/export.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// Holds about 300 KiB, all of it from the constructor on. Used by one thread.
class GzipStream {
 public:
  // False: no more is wanted.
  using Output = std::function<bool(std::string_view piece)>;

  // `level`: 1 (fast) to 9 (small).
  GzipStream(int level, Output output);
  ~GzipStream();
  GzipStream(const GzipStream&) = delete;
  GzipStream& operator=(const GzipStream&) = delete;

  // False: the output refused a piece, or there was no memory. The stream is then of no more use.
  bool Write(std::string_view bytes);
  // The regular end. Without it a reader sees that something is missing.
  bool Finish();

 private:
  static constexpr std::size_t kPiece = 32 * 1024;
  bool Run(std::string_view bytes, int flush);

  const Output output_;
  std::unique_ptr<unsigned char[]> piece_;
  z_stream stream_{};
  bool usable_ = false;
};

// A whole request body, as fast as it goes: requests repeat themselves, and a higher level gains
// little. Throws only std::bad_alloc.
void AppendGzipped(std::string& out, std::string_view bytes);

}  // namespace detail
POLYMETER_END_NAMESPACE
