// One call of deflate: the output buffer is as large as the worst case.
#include "gzip.h"

#include <zlib.h>

namespace compress_service {

std::optional<std::string> Gzip(std::string_view text, int level) {
  constexpr int kWindowBits = 15 + 16;  // + 16 asks zlib for gzip's header and trailer
  constexpr int kMemoryLevel = 8;
  z_stream stream{};
  if (deflateInit2(&stream, level, Z_DEFLATED, kWindowBits, kMemoryLevel, Z_DEFAULT_STRATEGY) !=
      Z_OK) {
    return std::nullopt;
  }
  std::string gzip(deflateBound(&stream, static_cast<uLong>(text.size())), '\0');
  // zlib only reads from next_in; its type lacks the const.
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(gzip.data());
  stream.avail_out = static_cast<uInt>(gzip.size());
  const int result = deflate(&stream, Z_FINISH);
  gzip.resize(gzip.size() - stream.avail_out);
  deflateEnd(&stream);
  if (result != Z_STREAM_END) return std::nullopt;
  return gzip;
}

}  // namespace compress_service
