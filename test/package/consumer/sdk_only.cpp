// A user of polymeter::sdk alone: no backend, no third-party library; prints what a snapshot holds.
#include <polymeter/lint.h>
#include <polymeter/metrics.h>
#include <polymeter/recorder.h>
#include <polymeter/testing.h>

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
  // What users' tests and code without a Metrics at hand have.
  const auto installed = polymeter::InstallDefault(metrics);
  const polymeter::testing::Delta done(metrics, "jobs_total");
  polymeter::RecordCount("jobs", 2);
  POLYMETER_COUNTER("jobs_total", "Jobs done.").Increment();
  const polymeter::LintReport report = polymeter::Lint(metrics);
  std::printf("%s%s", polymeter::testing::ToText(metrics).c_str(), report.ToText().c_str());
  return done.value() == 3 && report.ok() ? 0 : 1;
}
