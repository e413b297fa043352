// Serves the families of the adapter `host` until its input ends: receivers_host_page [ROOT]. Says
// where it listens: "ready 127.0.0.1:12345".
#include <unistd.h>

#include <chrono>
#include <cstdio>

#include "polymeter/host.h"
#include "polymeter/polymeter.h"

int main(int argc, char** argv) {
  using std::chrono::seconds;
  // A busy machine must not make a difference; the limits have tests of their own.
  const polymeter::Metrics metrics = polymeter::Build(polymeter::Options()
                                                          .Service("host_page")
                                                          .Backends("prometheus")
                                                          .ProducerBudget(seconds(30))
                                                          .Set("METRICS_PROMETHEUS_PORT", "0"));
  const polymeter::HostMetrics host(
      metrics, polymeter::HostOptions().Root(argc > 1 ? argv[1] : "/").MountTimeout(seconds(20)));
  std::printf("ready %s\n", metrics.Endpoint().c_str());
  std::fflush(stdout);
  char byte;
  while (read(STDIN_FILENO, &byte, 1) > 0) {
  }
  return 0;
}
