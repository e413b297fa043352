#include "exporters/common/transport/gzip_stream.h"

#include <new>
#include <utility>

POLYMETER_BEGIN_NAMESPACE
namespace detail {

GzipStream::GzipStream(int level, Output output)
    : output_(std::move(output)), piece_(new unsigned char[kPiece]) {
  constexpr int kGzip = 16;  // added to the window's bits: a gzip header instead of zlib's
  usable_ =
      deflateInit2(&stream_, level, Z_DEFLATED, MAX_WBITS + kGzip, 8, Z_DEFAULT_STRATEGY) == Z_OK;
  stream_.next_out = piece_.get();
  stream_.avail_out = kPiece;
}

GzipStream::~GzipStream() { deflateEnd(&stream_); }

bool GzipStream::Write(std::string_view bytes) {
  // zlib counts in 32 bits.
  constexpr std::size_t kMost = 1U << 30;
  while (bytes.size() > kMost) {
    if (!Run(bytes.substr(0, kMost), Z_NO_FLUSH)) return false;
    bytes.remove_prefix(kMost);
  }
  return Run(bytes, Z_NO_FLUSH);
}

bool GzipStream::Finish() { return Run({}, Z_FINISH); }

bool GzipStream::Run(std::string_view bytes, int flush) {
  if (!usable_) return false;
  // zlib does not write to its input; without ZLIB_CONST its type says otherwise.
  stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream_.avail_in = static_cast<uInt>(bytes.size());
  for (;;) {
    const int result = deflate(&stream_, flush);
    const bool done = flush == Z_FINISH ? result == Z_STREAM_END : stream_.avail_in == 0;
    if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) usable_ = false;
    if (usable_ && (stream_.avail_out == 0 || (done && flush == Z_FINISH))) {
      const std::string_view piece(reinterpret_cast<const char*>(piece_.get()),
                                   kPiece - stream_.avail_out);
      usable_ = piece.empty() || output_(piece);
      stream_.next_out = piece_.get();
      stream_.avail_out = kPiece;
    }
    if (!usable_) return false;
    if (done) return true;
  }
}

void AppendGzipped(std::string& out, std::string_view bytes) {
  GzipStream stream(/*level=*/1, [&out](std::string_view piece) {
    out.append(piece);
    return true;
  });
  if (!stream.Write(bytes) || !stream.Finish()) throw std::bad_alloc();
}

}  // namespace detail
POLYMETER_END_NAMESPACE
