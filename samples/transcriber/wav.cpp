// Chunks: four letters, the length of what follows, and that, padded to an even length
// (Multimedia Programming Interface and Data Specifications 1.0, "Waveform Audio File Format").
#include "wav.h"

namespace transcriber {
namespace {

constexpr std::size_t kRiffHeader = 12;  // "RIFF", length, "WAVE"
constexpr std::size_t kChunkHeader = 8;
constexpr std::size_t kFormatSize = 16;
constexpr std::uint32_t kPcm = 1;

// Little-endian, `bytes` of them.
std::uint32_t NumberAt(std::string_view text, std::size_t position, std::size_t bytes) {
  std::uint32_t number = 0;
  for (std::size_t i = bytes; i-- > 0;) {
    number = number << 8 | static_cast<unsigned char>(text[position + i]);
  }
  return number;
}

// What is wrong with the chunk "fmt "; empty: nothing.
std::string_view FormatError(std::string_view format) {
  if (format.size() < kFormatSize) return "its format is cut off";
  if (NumberAt(format, 0, 2) != kPcm) return "it is not PCM";
  if (NumberAt(format, 2, 2) != 1) return "it has not one channel";
  if (NumberAt(format, 4, 4) != kSampleRate) return "its rate is not 16 kHz";
  if (NumberAt(format, 14, 2) != 16) return "its samples have not 16 bits";
  return {};
}

Wav Broken(std::string_view error) { return {{}, error}; }

Wav SamplesOf(std::string_view data) {
  if (data.empty()) return Broken("it has no samples");
  if (data.size() % 2 != 0) return Broken("it ends within a sample");
  Wav wav;
  wav.samples.reserve(data.size() / 2);
  for (std::size_t i = 0; i < data.size(); i += 2) {
    wav.samples.push_back(static_cast<std::int16_t>(NumberAt(data, i, 2)));
  }
  return wav;
}

}  // namespace

Wav ParseWav(std::string_view file) {
  if (file.size() < kRiffHeader || file.substr(0, 4) != "RIFF" || file.substr(8, 4) != "WAVE") {
    return Broken("it is no WAV file");
  }
  bool format_seen = false;
  for (std::string_view rest = file.substr(kRiffHeader); rest.size() >= kChunkHeader;) {
    const std::string_view name = rest.substr(0, 4);
    const std::size_t size = NumberAt(rest, 4, 4);
    rest.remove_prefix(kChunkHeader);
    if (size > rest.size()) return Broken("it is cut off");
    const std::string_view chunk = rest.substr(0, size);
    if (name == "fmt ") {
      if (const std::string_view error = FormatError(chunk); !error.empty()) return Broken(error);
      format_seen = true;
    } else if (name == "data") {
      return format_seen ? SamplesOf(chunk) : Broken("its format is missing");
    }
    rest.remove_prefix(size + (size < rest.size() ? size % 2 : 0));
  }
  return Broken("it has no data");
}

}  // namespace transcriber
