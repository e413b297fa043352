// One decoder with two searches: both share the acoustic model and the dictionary.
#include "recognizer.h"

#include <pocketsphinx.h>
#include <sphinxbase/cmd_ln.h>
#include <sphinxbase/err.h>

#include <cstdarg>
#include <cstdio>

namespace transcriber {
namespace {

constexpr const char* kFreeSpeech = "free";
constexpr const char* kGrammar = "grammar";

// The library says a lot, and an error is to it also speech that does not fit the grammar: of
// interest only while the models are being read.
void ShowErrors(void* /*user*/, err_lvl_t level, const char* format, ...) {
  if (level < ERR_ERROR) return;
  std::va_list arguments;
  va_start(arguments, format);
  std::vfprintf(stderr, format, arguments);
  va_end(arguments);
}
void ShowNothing(void* /*user*/, err_lvl_t /*level*/, const char* /*format*/, ...) {}

class LogOfStart {
 public:
  LogOfStart() {
    err_set_logfp(nullptr);  // no table of its settings
    err_set_callback(&ShowErrors, nullptr);
  }
  ~LogOfStart() { err_set_callback(&ShowNothing, nullptr); }
  LogOfStart(const LogOfStart&) = delete;
  LogOfStart& operator=(const LogOfStart&) = delete;
};

}  // namespace

std::unique_ptr<Recognizer> Recognizer::Make(const RecognizerSettings& settings) {
  const LogOfStart log;
  const std::string acoustic = settings.model + "/en-us";
  const std::string dictionary = settings.model + "/cmudict-en-us.dict";
  const std::string language = settings.model + "/en-us.lm.bin";
  cmd_ln_t* const config = cmd_ln_init(nullptr, ps_args(), TRUE, "-hmm", acoustic.c_str(), "-dict",
                                       dictionary.c_str(), nullptr);
  if (config == nullptr) return nullptr;
  ps_decoder_t* const decoder = ps_init(config);
  cmd_ln_free_r(config);  // the decoder has its own reference
  if (decoder == nullptr) return nullptr;
  std::unique_ptr<Recognizer> recognizer(new Recognizer(decoder));
  if (ps_set_lm_file(decoder, kFreeSpeech, language.c_str()) != 0) return nullptr;
  if (!settings.grammar.empty() &&
      ps_set_jsgf_file(decoder, kGrammar, settings.grammar.c_str()) != 0) {
    return nullptr;
  }
  return recognizer;
}

Recognizer::~Recognizer() { ps_free(decoder_); }

std::optional<std::string> Recognizer::Transcribe(const std::vector<std::int16_t>& samples,
                                                  bool grammar) {
  // Given as a whole, an utterance is normalised by its own mean (cepstral mean normalisation), not
  // by that of earlier ones; a new stream forgets the noise that was estimated.
  constexpr int kSearch = FALSE;  // "no_search"
  constexpr int kWhole = TRUE;
  if (ps_set_search(decoder_, grammar ? kGrammar : kFreeSpeech) != 0 ||
      ps_start_stream(decoder_) != 0 || ps_start_utt(decoder_) != 0) {
    return std::nullopt;
  }
  const int frames = ps_process_raw(decoder_, samples.data(), samples.size(), kSearch, kWhole);
  if (ps_end_utt(decoder_) != 0 || frames < 0) return std::nullopt;
  std::int32_t score = 0;
  const char* const text = ps_get_hyp(decoder_, &score);
  return text == nullptr ? std::string() : std::string(text);
}

}  // namespace transcriber
