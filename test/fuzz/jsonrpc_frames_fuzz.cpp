// libFuzzer: a stream of LSP frames, as it is and put together from pieces of frames. Wherever it
// is cut, the reader gives the same messages and errors; what it keeps of a body is bounded; and
// after any bytes it finds the next message again once a header comes that is one for certain.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "integrations/lsp/jsonrpc_frames.h"

namespace {

using polymeter::detail::FrameBody;
using polymeter::detail::FrameError;
using polymeter::detail::FrameReader;

constexpr std::size_t kLimit = 17'000;

struct Seen final : polymeter::detail::FrameSink {
  void OnFrame(const FrameBody& body) override {
    if (body.size == 0 || body.size > FrameReader::kLongestBody) std::abort();
    if (body.whole() ? !body.tail.empty() || body.size > kLimit
                     : body.head.size() != FrameReader::kHeadBytes ||
                           body.tail.size() != FrameReader::kTailBytes || body.size <= kLimit) {
      std::abort();
    }
    all.push_back(std::string(body.head) + "|" + std::string(body.tail) + "|" +
                  std::to_string(body.size));
  }
  void OnFrameError(FrameError error) override {
    if (LabelValue(error) == "other") std::abort();
    all.emplace_back(LabelValue(error));
  }
  std::vector<std::string> all;
};

// Pieces of `longest` bytes and less; 0: one piece.
Seen Read(std::string_view stream, std::size_t longest) {
  Seen seen;
  FrameReader reader(kLimit);
  for (std::size_t i = 1; !stream.empty(); ++i) {
    const std::size_t wanted = longest == 0 ? stream.size() : 1 + i * 7 % longest;
    const std::string_view piece = stream.substr(0, wanted);
    reader.Feed(piece, seen);
    stream.remove_prefix(piece.size());
  }
  reader.Finish(seen);
  return seen;
}

void Check(const std::string& stream, std::size_t longest) {
  if (Read(stream, 0).all != Read(stream, longest).all) std::abort();
  // No message may be under way: a body, and headers that have begun, take what follows. Where
  // nothing is understood, a line has to end first.
  Seen seen;
  FrameReader reader(kLimit);
  reader.Feed(stream, seen);
  const std::size_t errors = seen.all.size();
  reader.Finish(seen);
  if (seen.all.size() != errors) return;
  if (!reader.in_sync()) reader.Feed("\n", seen);
  reader.Feed("Content-Length: 2\r\n\r\n{}", seen);
  if (seen.all.back() != "{}||2" || !reader.in_sync()) std::abort();
}

std::string FromPieces(const std::uint8_t* data, std::size_t size) {
  static const std::string kPieces[] = {"Content-Length: ",
                                        "content-length:",
                                        "Content-Type: x",
                                        "2",
                                        "16999",
                                        "17001",
                                        "0",
                                        "99999999999",
                                        "\r\n",
                                        "\r\n\r\n",
                                        "\n",
                                        "{}",
                                        "{\"a\":\"Content-Length: 2\\r\\n\\r\\n\"}",
                                        std::string(17'000, 'x'),
                                        std::string(4'096, ' '),
                                        std::string(63, ' '),
                                        "Content-Length: 2\r\n\r\n{}"};
  constexpr std::size_t kCount = sizeof(kPieces) / sizeof(kPieces[0]);
  std::string stream;
  for (std::size_t i = 0; i < size && i < 40; ++i) {
    if (data[i] < 240) {
      stream += kPieces[data[i] % kCount];
    } else {
      stream += static_cast<char>(data[i]);
    }
  }
  return stream;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::size_t longest = size == 0 ? 1 : 1 + data[0] * 16u;
  Check({reinterpret_cast<const char*>(data), size}, longest);
  Check(FromPieces(data, size), longest);
  return 0;
}
