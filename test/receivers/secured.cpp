// A service that METRICS_* configure, for judges of its server: prints "ready ENDPOINT", or the
// reason why nothing is served, and runs until its standard input ends.
#include <cstdio>
#include <iostream>
#include <string>

#include "polymeter/polymeter.h"

int main() {
  polymeter::Options options;
  options.Service("secured");
  auto made = polymeter::TryFromEnvironment(options);
  if (!made.ok()) {
    std::cout << "refused " << made.message() << std::endl;
    return 3;
  }
  polymeter::Metrics metrics = made.value();
  polymeter::CounterFamily<1> jobs = metrics.Counter("jobs_total", "Jobs.", {"kind"});
  jobs.With("guarded").Increment(42);
  std::cout << "ready";
  for (const polymeter::BackendReport& report : metrics.Reports()) {
    std::cout << ' ' << (report.endpoint.empty() ? "nowhere" : report.endpoint);
  }
  std::cout << std::endl;
  std::string line;
  while (std::getline(std::cin, line)) {
  }
}
