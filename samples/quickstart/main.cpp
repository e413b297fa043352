// A job runner: every line of standard input is a command.
#include <polymeter/polymeter.h>

#include <cstdlib>
#include <iostream>
#include <string>

int main() {
  auto metrics = polymeter::FromEnvironment("quickstart");
  auto jobs = metrics.Counter("jobs_total", "Commands run.", {"result"});
  auto duration = metrics.Histogram("job_duration_seconds", "Run time of a command.",
                                    polymeter::FamilyOptions().Buckets({1, 10}));
  for (std::string command; std::getline(std::cin, command);) {
    auto timing = duration.Time();  // observes when it leaves scope
    const bool ok = std::system(command.c_str()) == 0;
    jobs.With(ok ? "ok" : "failed").Increment();
  }
}
