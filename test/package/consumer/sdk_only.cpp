// A user of polymeter::sdk alone: no backend, no third-party library; prints what a snapshot holds.
#include <polymeter/metrics.h>

#include <cstdio>
#include <string>

int main() {
  const polymeter::Metrics metrics(polymeter::Options().Service("sdk_only").Consumer());
  const auto jobs = metrics.Counter("jobs_total", "Jobs done.");
  jobs.Increment(3);
  const polymeter::Snapshot snapshot = metrics.TakeSnapshot();
  for (const polymeter::FamilyView& family : snapshot.families()) {
    std::printf("%s\n", std::string(family.name).c_str());
  }
  std::printf("jobs_total is %.0f\n", static_cast<double>(jobs.Value()));
  return 0;
}
