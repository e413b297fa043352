// The smallest service: one counter, one histogram, and the backend that the environment names.
#include <polymeter/polymeter.h>

#include <cstdio>

int main() {
  auto metrics = polymeter::FromEnvironment("minimal");
  auto lines = metrics.Counter("lines_total", "Lines read.", {"kind"});
  auto duration = metrics.Histogram("line_duration_seconds", "Time for a line.");
  for (int c = std::getchar(); c != EOF; c = std::getchar()) {
    const auto timing = duration.Time();
    lines.With(c == '\n' ? "end" : "text").Increment();
  }
}
