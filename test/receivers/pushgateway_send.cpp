// A job that pushes to a Pushgateway, and waits to be told to end, or to be killed:
//
//   receivers_pushgateway DIRECTORY WHAT [NAME=VALUE...]
//
// WHAT: `corpus`, `many` (10,000 series), or gauges such as a=1,b=2. NAME=VALUE are options
// (METRICS_PUSHGATEWAY_...); SECONDS=1 is how long a push and the end may take, 10 otherwise. Says
// "pushed" or why not when the first push is over, and, when its input has ended, "ended" or why
// not. Leaves truth.json in the directory.
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>

#include "polymeter/polymeter.h"
#include "test/receivers/corpus.h"
#include "test/receivers/truth.h"

namespace {

void Many(const polymeter::Metrics& metrics) {
  auto family = metrics.Gauge("many", "Many series.", {"n"});
  for (int i = 0; i < 10000; ++i) family.With(i).Set(i * 0.5);
}

void Gauges(const polymeter::Metrics& metrics, std::string_view list) {
  while (!list.empty()) {
    const std::string_view pair = list.substr(0, list.find(','));
    list.remove_prefix(std::min(pair.size() + 1, list.size()));
    const auto equals = pair.find('=');
    metrics.Gauge(std::string(pair.substr(0, equals)), "A gauge.")
        .Set(std::atof(std::string(pair.substr(equals + 1)).c_str()));
  }
}

void Say(const char* word, const polymeter::Status& status, const polymeter::Metrics& metrics) {
  std::string line = status.ok() ? word : status.message();
  for (const polymeter::BackendReport& report : metrics.Reports()) {
    for (const auto& [reason, points] : report.dropped) {
      line += "; dropped " + std::to_string(points) + " " + reason;
    }
    if (!report.last_error.empty()) line += "; " + report.last_error;
  }
  for (char& c : line) c = c == '\n' ? ' ' : c;
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 64;
  const std::string directory = argv[1];
  const std::string what = argv[2];
  receivers::Truth truth;
  polymeter::Options options = what == "corpus" ? receivers::Corpus::BaseOptions(truth)
                                                : polymeter::Options().Service("receivers");
  std::chrono::seconds most(10);
  options.Backends("pushgateway").Set("METRICS_PUSHGATEWAY_INTERVAL", "0");
  for (int i = 3; i < argc; ++i) {
    const std::string_view pair = argv[i];
    const auto equals = pair.find('=');
    if (equals == std::string_view::npos) return 64;
    if (pair.substr(0, equals) == "SECONDS") {
      most = std::chrono::seconds(std::atoi(argv[i] + equals + 1));
      continue;
    }
    options.Set("METRICS_PUSHGATEWAY_" + std::string(pair.substr(0, equals)),
                std::string(pair.substr(equals + 1)));
  }
  const polymeter::Metrics metrics = polymeter::Build(options);
  std::optional<receivers::Corpus> corpus;
  if (what == "corpus") {
    corpus.emplace(metrics, truth);
  } else if (what == "many") {
    Many(metrics);
  } else {
    Gauges(metrics, what);
  }
  std::ofstream(directory + "/truth.json") << truth.Json();
  const auto deadline = [most] { return std::chrono::steady_clock::now() + most; };
  Say("pushed", metrics.Flush(deadline()), metrics);
  char byte;
  while (read(STDIN_FILENO, &byte, 1) > 0) {
  }
  const polymeter::Status ended = metrics.Shutdown(deadline());
  Say("ended", ended, metrics);
  return ended.ok() ? 0 : 2;
}
