// pocketsphinx, as one function.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

struct ps_decoder_s;

namespace transcriber {

struct RecognizerSettings {
  std::string model;    // the folder of pocketsphinx's en-us: acoustic model, dictionary, language
  std::string grammar;  // a JSGF file, or empty
};

// A decoder. Used by one thread at a time.
class Recognizer {
 public:
  // Null, with pocketsphinx's messages on stderr, when the model or the grammar cannot be used.
  // Not while another Recognizer works: the library's log is one for all.
  static std::unique_ptr<Recognizer> Make(const RecognizerSettings& settings);
  ~Recognizer();
  Recognizer(const Recognizer&) = delete;
  Recognizer& operator=(const Recognizer&) = delete;

  // The words that were said, with spaces between; empty when there were none; nothing when the
  // decoder failed. With `grammar` only what the settings' grammar allows, else free speech. The
  // same samples give the same text, whatever was said before. Cannot be interrupted.
  std::optional<std::string> Transcribe(const std::vector<std::int16_t>& samples, bool grammar);

 private:
  explicit Recognizer(ps_decoder_s* decoder) : decoder_(decoder) {}

  ps_decoder_s* const decoder_;
};

}  // namespace transcriber
