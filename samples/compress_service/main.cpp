// An HTTP service that compresses what is posted to it, instrumented with polymeter.
#include <polymeter/polymeter.h>
#include <polymeter/runtime.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>

#include "http_server.h"
#include "instruments.h"
#include "options.h"
#include "service.h"

namespace compress_service {
namespace {

constexpr const char* kVersion = "1.0.0";

// SIGTERM and SIGINT are blocked in every thread and waited for in main: no handler, no flag.
sigset_t BlockStopSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

// Serves until it is told to stop; the exit code.
int Run(const CommandLine& line) {
  const sigset_t stop_signals = BlockStopSignals();

  // First made, last gone.
  const polymeter::Metrics metrics = polymeter::FromEnvironment(
      polymeter::Options().Service("compress_service").Version(kVersion));
  ShowBuildInfo(metrics, kVersion);
  const polymeter::RuntimeMetrics runtime(metrics);

  Service service(metrics, line.workers, line.queue);
  // A request holds its thread while it waits. The spare ones answer "queue full" and /healthz.
  constexpr std::size_t kSpareThreads = 8;
  const HttpServer::Settings settings{line.listen, line.workers + line.queue + kSpareThreads};
  const std::unique_ptr<HttpServer> server = HttpServer::Start(settings, metrics, service);
  if (server == nullptr) {
    std::fprintf(stderr, "compress_service: cannot listen on %s\n", line.listen.c_str());
    return EXIT_FAILURE;
  }
  std::printf("serving http://%s\n", server->address().c_str());
  const std::string endpoint = metrics.Endpoint("prometheus");
  if (!endpoint.empty()) std::printf("metrics http://%s/metrics\n", endpoint.c_str());
  std::puts("ready");
  std::fflush(stdout);

  int signal = 0;
  sigwait(&stop_signals, &signal);
  std::printf("stopping\n");
  std::fflush(stdout);
  service.Drain();
  if (!server->FinishRequests(line.drain)) {
    std::fprintf(stderr, "compress_service: work was left when the time to drain ran out\n");
    service.Abandon();
    server->FinishRequests(std::chrono::seconds(10));  // so that those who waited learn of it
  }
  // While the adapters are there: the last push shows their gauges too.
  static_cast<void>(metrics.Shutdown());
  return EXIT_SUCCESS;
}

}  // namespace
}  // namespace compress_service

int main(int argc, char** argv) {
  const std::optional<compress_service::CommandLine> line = compress_service::Parse(argc, argv);
  if (!line || line->help) {
    std::fputs(compress_service::kUsage, line ? stdout : stderr);
    return line ? EXIT_SUCCESS : EXIT_FAILURE;
  }
  return compress_service::Run(*line);
}
