// Memory of summaries, one measurement a process.
//
//   bench_summary_memory polymeter|prom <series> <observations of each>
//
// prints one JSON object: the resident bytes of a series, whose observations came from two CPUs and
// are spread over four decades.
#include <prometheus/registry.h>
#include <prometheus/summary.h>
#include <sched.h>

#include <cstddef>
#include <fstream>
#include <functional>
#include <iostream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "polymeter/polymeter.h"
#include "test/bench/workload.h"

namespace polymeter_bench {
namespace {

std::size_t ResidentNow() {
  std::ifstream in("/proc/self/smaps_rollup");
  for (std::string line; std::getline(in, line);) {
    if (line.rfind("Rss:", 0) == 0) return std::stoul(line.substr(4)) * 1024;
  }
  throw std::runtime_error("/proc/self/smaps_rollup has no Rss");
}

// One thread after the other, each on a CPU of its own as far as there are two.
void OnTwoCpus(const std::function<void(std::size_t)>& work) {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  sched_getaffinity(0, sizeof(allowed), &allowed);
  std::size_t turn = 0;
  for (std::size_t cpu = 0; cpu < CPU_SETSIZE && turn < 2; ++cpu) {
    if (!CPU_ISSET(cpu, &allowed)) continue;
    std::thread([&] {
      cpu_set_t one;
      CPU_ZERO(&one);
      CPU_SET(cpu, &one);
      sched_setaffinity(0, sizeof(one), &one);
      work(turn);
    }).join();
    ++turn;
  }
}

template <class Make, class Read>
void Measure(std::size_t series, std::size_t observations, const Make& make, const Read& read) {
  make(series);  // what is made once
  read();
  const std::size_t before = ResidentNow();
  std::vector<decltype(make(0))> made;
  for (std::size_t i = 0; i < series; ++i) made.push_back(make(i));
  const std::size_t empty = ResidentNow();
  OnTwoCpus([&](std::size_t turn) {
    for (std::size_t i = 0; i < series; ++i) {
      for (std::size_t n = turn; n < observations; n += 2) {
        made[i]->Observe(Observations()[(i + n) % kObservations]);
      }
    }
  });
  read();
  const auto of_one = [&](std::size_t now) {
    return static_cast<double>(now - before) / static_cast<double>(series);
  };
  std::cout << "{\"bytes_created\": " << of_one(empty)
            << ", \"bytes_observed\": " << of_one(ResidentNow()) << "}" << std::endl;
}

// So that both are called alike.
struct Pointer {
  polymeter::Summary summary;
  const polymeter::Summary* operator->() const { return &summary; }
};

void Run(const std::string& who, std::size_t series, std::size_t observations) {
  if (who == "polymeter") {
    const polymeter::Metrics metrics(polymeter::Options().Consumer().SeriesLimit(0));
    const auto family = metrics.Summary("s", "S.", {"series"});
    Measure(
        series, observations, [&](std::size_t i) { return Pointer{family.With(i)}; },
        [&] { static_cast<void>(metrics.TakeSnapshot()); });
  } else if (who == "prom") {
    prometheus::Registry registry;
    auto& family = prometheus::BuildSummary().Name("s").Register(registry);
    const prometheus::Summary::Quantiles quantiles = {{0.5, 0.05}, {0.9, 0.01}, {0.99, 0.001}};
    Measure(
        series, observations,
        [&](std::size_t i) {
          return &family.Add({{"series", std::to_string(i)}}, quantiles, std::chrono::minutes(10),
                             5);
        },
        [&] { static_cast<void>(registry.Collect()); });
  } else {
    throw std::invalid_argument(who);
  }
}

}  // namespace
}  // namespace polymeter_bench

int main(int argc, char** argv) {
  try {
    if (argc != 4) throw std::invalid_argument("polymeter|prom <series> <observations>");
    polymeter_bench::Run(argv[1], std::stoul(argv[2]), std::stoul(argv[3]));
    return 0;
  } catch (const std::exception& e) {
    std::cerr << "bench_summary_memory: " << e.what() << "\n";
    return 1;
  }
}
