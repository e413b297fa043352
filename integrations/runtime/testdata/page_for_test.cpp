// Prints its own runtime families, or with the argument "child" those of a child, one series a
// line. It holds 50 MiB of malloc's memory, to be recognised by.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <type_traits>
#include <variant>
#include <vector>

#include "polymeter/runtime.h"

namespace {

void Print(const polymeter::Snapshot& snapshot) {
  for (const polymeter::FamilyView& family : snapshot.families()) {
    std::visit(
        [&](const auto& points) {
          for (const auto& point : points) {
            std::string line(family.name);
            polymeter::VisitLabels(
                family, point.series,
                [&](std::string_view, std::string_view value) { line.append(" ").append(value); });
            using Point = std::decay_t<decltype(point)>;
            if constexpr (std::is_same_v<Point, polymeter::CounterPoint>) {
              std::printf("%s %.17g\n", line.c_str(), point.value());
            } else if constexpr (std::is_same_v<Point, polymeter::GaugePoint>) {
              std::printf("%s %.17g\n", line.c_str(), point.value);
            }
          }
        },
        family.points);
  }
}

}  // namespace

int main(int argc, char**) {
  constexpr std::size_t kBytes = std::size_t{50} << 20;
  char* const memory = static_cast<char*>(std::malloc(kBytes));
  std::memset(memory, 1, kBytes);
  volatile char* const kept = memory;
  if (kept[kBytes - 1] != 1) return 1;

  pid_t child = 0;
  if (argc > 1) {
    child = fork();
    if (child == 0) {
      pause();
      _exit(0);
    }
  }
  {
    const polymeter::Metrics metrics(
        polymeter::Options().Consumer().ProducerBudget(std::chrono::seconds(20)));
    const polymeter::RuntimeMetrics runtime(metrics, polymeter::RuntimeOptions().Pid(child));
    Print(metrics.TakeSnapshot());
  }
  if (child > 0) {
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
  }
  std::free(memory);
}
