// A link shortener: an HTTP service that gets polymeter from Conan.
//
//   conan create ../.. && conan build . --build=missing
//   METRICS_BACKEND=prometheus build/Release/link_service --listen 127.0.0.1:8080
#include <polymeter/polymeter.h>
#include <polymeter/runtime.h>

#include <csignal>
#include <cstdio>
#include <cstring>
#include <string>

#include "links.h"
#include "server.h"

int main(int argc, char** argv) {
  std::string listen = "127.0.0.1:8080";
  if (argc == 3 && std::strcmp(argv[1], "--listen") == 0) {
    listen = argv[2];
  } else if (argc != 1) {
    std::fprintf(stderr, "usage: link_service [--listen ADDRESS:PORT]\n");
    return 2;
  }
  // Blocked in every thread and waited for below: no handler, no flag.
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTERM);
  sigaddset(&stop, SIGINT);
  pthread_sigmask(SIG_BLOCK, &stop, nullptr);

  const polymeter::Metrics metrics = polymeter::FromEnvironment("link_service");
  const polymeter::RuntimeMetrics runtime(metrics);
  polymeter::HttpServerMetrics http(metrics);
  Links links(metrics, 100000);
  const std::unique_ptr<Server> server = Server::Start(listen, links, http);
  if (server == nullptr) {
    std::fprintf(stderr, "link_service: cannot listen on %s\n", listen.c_str());
    return 1;
  }
  std::printf("serving http://%s:%d\n", listen.substr(0, listen.rfind(':')).c_str(),
              server->port());
  const std::string endpoint = metrics.Endpoint("prometheus");
  if (!endpoint.empty()) std::printf("metrics http://%s/metrics\n", endpoint.c_str());
  std::puts("ready");
  std::fflush(stdout);

  int signal = 0;
  sigwait(&stop, &signal);
}
