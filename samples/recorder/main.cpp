// A helper that has no Metrics at hand, the default that main installs, and what a test of the
// helper reads.
#include <polymeter/lint.h>
#include <polymeter/recorder.h>
#include <polymeter/testing.h>

#include <cstdint>
#include <cstdio>
#include <string_view>

namespace {

// Deep in the program: counts what it does, whoever calls it.
std::uint64_t CountWords(std::string_view page) {
  POLYMETER_TIME_SCOPE("count_words_duration_seconds", "Time to count the words of a page.");
  POLYMETER_COUNTER("pages_read_total", "Pages read.").Increment();
  std::uint64_t words = 0;
  bool inside = false;
  for (const char c : page) {
    const bool letter = c != ' ';
    if (letter && !inside) ++words;
    inside = letter;
  }
  polymeter::RecordThroughput("words", polymeter::Items{words});
  return words;
}

}  // namespace

int main() {
  CountWords("too early: counted as dropped");

  const polymeter::Metrics metrics(polymeter::Options().Consumer());
  // RecordThroughput knows no help text.
  static_cast<void>(metrics.Counter("words_items_total", "Words read."));
  const auto installed = polymeter::InstallDefault(metrics);
  const polymeter::testing::Delta words(metrics, "words_items_total");
  CountWords("one page of words");
  CountWords("and another one");

  std::printf("%s", polymeter::testing::ToText(metrics, "pages_read_total").c_str());
  std::printf("%s", polymeter::testing::ToText(metrics, "words_items_total").c_str());
  std::printf("%s", polymeter::Lint(metrics).ToText().c_str());
  const bool right = words.value() == 7 && polymeter::RecorderReport().before_installation == 3;
  return right ? 0 : 1;
}
