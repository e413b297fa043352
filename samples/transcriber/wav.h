// WAV files of the one kind that the recogniser's model hears.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace transcriber {

constexpr std::size_t kSampleRate = 16000;

struct Wav {
  std::vector<std::int16_t> samples;
  std::string_view error;  // what is wrong with it; empty: nothing

  double seconds() const {
    return static_cast<double>(samples.size()) / static_cast<double>(kSampleRate);
  }
};

// Reads RIFF WAVE: PCM, 16 kHz, one channel, 16 bits, at least one sample. Takes any bytes. A file
// whose chunks announce more than there is is broken: half an upload is not a shorter recording.
Wav ParseWav(std::string_view file);

}  // namespace transcriber
