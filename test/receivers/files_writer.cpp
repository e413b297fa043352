// Records the hostile corpus and more random texts, and writes what json, jsonl, csv and Render
// make of it into a directory, with the truth beside it: files_writer <directory>.
#include <unistd.h>

#include <chrono>
#include <clocale>
#include <cstdio>
#include <fstream>
#include <random>
#include <string>

#include "polymeter/polymeter.h"
#include "test/receivers/corpus.h"
#include "test/receivers/corpus_values.h"
#include "test/receivers/truth.h"

namespace {

// Texts of any bytes, with a liking for those that mean something somewhere.
class RandomTexts {
 public:
  RandomTexts(const polymeter::Metrics& metrics, receivers::Truth& truth) {
    receivers::Family& family = truth.Add("label_value", "gauge", "random_texts", "Random texts.");
    const auto gauge = metrics.Gauge("random_texts", "Random texts.", {"n", "text"});
    std::mt19937 random(4180);
    static constexpr std::string_view kPieces[] = {"\"",
                                                   "\"\"",
                                                   "\\",
                                                   "\\u003b",
                                                   ",",
                                                   ";",
                                                   "|",
                                                   "\r\n",
                                                   "\n",
                                                   "\t",
                                                   "=",
                                                   "{",
                                                   "}",
                                                   "\xFF",
                                                   "\xC3",
                                                   "\xED\xA0\x80",
                                                   "\xC2\x85",
                                                   "\xE2\x80\xA8",
                                                   "\xF0\x9F\x8E\x89",
                                                   "\xEF\xBB\xBF"};
    for (int n = 0; n < 2000; ++n) {
      std::string text;
      for (std::size_t length = random() % 30; text.size() < length;) {
        if (random() % 2 == 0) {
          text += static_cast<char>(random() & 0xFF);
        } else {
          text += kPieces[random() % std::size(kPieces)];
        }
      }
      gauge.With(n, text).Set(n);
      family.points.push_back(
          receivers::One({{"n", std::to_string(n)}, {"text", text}}, static_cast<double>(n)));
    }
  }
};

bool WriteFile(const std::string& path, const std::string& bytes) {
  std::ofstream file(path, std::ios::binary);
  file << bytes;
  return file.good();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2 && argc != 3) return 64;
  const std::string directory = argv[1];
  // The judge chooses one with a decimal comma, which must change nothing.
  std::setlocale(LC_ALL, "");
  const std::string decimal_point = std::localeconv()->decimal_point;
  receivers::Truth truth;
  const polymeter::Metrics metrics =
      polymeter::Build(receivers::Corpus::BaseOptions(truth)
                           .Backends("json,jsonl,csv")
                           .Set("METRICS_JSON_PATH", directory + "/pretty.json")
                           .Set("METRICS_JSON_PRETTY", "true")
                           .Set("METRICS_JSONL_PATH", directory + "/lines.jsonl")
                           .Set("METRICS_JSONL_MAX_FILE_BYTES", argc == 3 ? "4000000" : "0")
                           .Set("METRICS_JSONL_KEEP", "1")
                           .Set("METRICS_CSV_PATH", directory + "/table.csv"));
  const receivers::Corpus corpus(metrics, truth);
  const RandomTexts random(metrics, truth);

  while (argc == 3) {
    const auto flushed = metrics.Flush(std::chrono::steady_clock::now() + std::chrono::seconds(60));
    if (!flushed) return 2;
  }
  for (const char* format : {"json", "jsonl", "csv"}) {
    const auto text = polymeter::Render(metrics, format);
    if (!text || !WriteFile(directory + "/rendered." + format, text.value())) {
      std::fprintf(stderr, "Render %s: %s\n", format, text.message().c_str());
      return 2;
    }
  }
  // Twice, so that what grows holds several snapshots.
  for (int i = 0; i < 2; ++i) {
    const auto flushed = metrics.Flush(std::chrono::steady_clock::now() + std::chrono::seconds(60));
    if (!flushed) {
      std::fprintf(stderr, "Flush: %s\n", flushed.message().c_str());
      return 2;
    }
  }
  for (const auto& report : metrics.Reports()) {
    for (const auto& [reason, points] : report.dropped) {
      truth.Dropped(report.name, reason, points);
    }
  }
  const auto stopped = metrics.Shutdown();
  std::setlocale(LC_ALL, "C");  // for the truth
  if (!stopped || !WriteFile(directory + "/truth.json", truth.Json())) return 2;

  std::printf("ready %s\n", decimal_point.c_str());
  std::fflush(stdout);
  char byte;
  while (read(STDIN_FILENO, &byte, 1) > 0) {
  }
  return 0;
}
