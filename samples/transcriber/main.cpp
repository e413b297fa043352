// An HTTP service that writes down what was said, measured with polymeter's adapters.
#include <polymeter/polymeter.h>
#include <polymeter/runtime.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "jobs.h"
#include "options.h"
#include "recognizer.h"
#include "service.h"
#include "workers.h"

namespace transcriber {
namespace {

// SIGTERM and SIGINT are blocked in every thread and waited for in main: no handler, no flag.
sigset_t BlockStopSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

// One for each worker; none when one of them cannot be made.
std::vector<std::unique_ptr<Recognizer>> MakeRecognizers(const CommandLine& line) {
  std::vector<std::unique_ptr<Recognizer>> recognizers;
  for (std::size_t i = 0; i < line.workers; ++i) {
    recognizers.push_back(Recognizer::Make({line.model, line.grammar}));
    if (recognizers.back() == nullptr) return {};
  }
  return recognizers;
}

// digits.gram: "en-us-digits"; empty without a grammar.
std::string GrammarModel(const CommandLine& line) {
  if (line.grammar.empty()) return {};
  return "en-us-" + std::filesystem::path(line.grammar).stem().string();
}

// Serves until it is told to stop; the exit code.
int Run(const CommandLine& line) {
  const sigset_t stop_signals = BlockStopSignals();
  std::vector<std::unique_ptr<Recognizer>> recognizers = MakeRecognizers(line);
  if (recognizers.empty()) {
    std::fprintf(stderr, "transcriber: cannot use the model %s%s%s\n", line.model.c_str(),
                 line.grammar.empty() ? "" : " with the grammar ", line.grammar.c_str());
    return EXIT_FAILURE;
  }

  const polymeter::Metrics metrics =
      polymeter::FromEnvironment(polymeter::Options().Service("transcriber").Version("1.0.0"));
  const polymeter::RuntimeMetrics runtime(metrics);

  JobStore jobs(metrics, {line.queue, line.keep}, line.workers, GrammarModel(line));
  Service service(metrics, jobs, !line.grammar.empty());
  auto workers = std::make_unique<WorkerPool>(metrics, jobs, std::move(recognizers));
  if (!service.Start(line.host, line.port)) {
    std::fprintf(stderr, "transcriber: cannot listen on %s:%d\n", line.host.c_str(), line.port);
    return EXIT_FAILURE;
  }
  std::printf("serving http://%s\n", service.address().c_str());
  const std::string endpoint = metrics.Endpoint("prometheus");
  if (!endpoint.empty()) std::printf("metrics http://%s/metrics\n", endpoint.c_str());
  std::puts("ready");
  std::fflush(stdout);

  int signal = 0;
  sigwait(&stop_signals, &signal);
  std::printf("stopping\n");
  std::fflush(stdout);
  service.Drain();
  if (!jobs.Drain(line.drain)) {
    std::fprintf(stderr, "transcriber: work was left when the time to drain ran out\n");
  }
  workers.reset();
  // While the adapters are still there: the last push has their gauges too.
  const polymeter::Status shut_down = metrics.Shutdown();
  if (!shut_down.ok()) {
    std::fprintf(stderr, "transcriber: %s\n", shut_down.message().c_str());
  }
  return EXIT_SUCCESS;
}

}  // namespace
}  // namespace transcriber

int main(int argc, char** argv) {
  const std::optional<transcriber::CommandLine> line = transcriber::Parse(argc, argv);
  if (!line || line->help) {
    std::fputs(transcriber::kUsage, line ? stdout : stderr);
    return line ? EXIT_SUCCESS : EXIT_FAILURE;
  }
  return transcriber::Run(*line);
}
