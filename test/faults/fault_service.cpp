// A service under load whose receivers fail: records on two threads for a while, shuts down before
// a deadline, and prints what it saw as JSON. Backends come from the environment.
//
//   fault_service SECONDS [fork] [clock_back]
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "polymeter/polymeter.h"

namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kShutdownDeadline = std::chrono::seconds(2);
constexpr int kBatch = 1000;

std::string Quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
  }
  return out + "\"";
}

void PrintReports(const std::vector<polymeter::BackendReport>& reports) {
  const char* separator = "";
  for (const polymeter::BackendReport& r : reports) {
    std::printf(
        "%s{\"name\": %s, \"error\": %s, \"offered\": %lu, \"accepted\": %lu, \"sent\": %lu, "
        "\"superseded\": %lu, \"pending\": %lu, \"dropped\": {",
        separator, Quoted(r.name).c_str(), Quoted(r.last_error).c_str(), r.offered, r.accepted,
        r.sent, r.superseded, r.pending);
    separator = "";
    for (const auto& [reason, points] : r.dropped) {
      std::printf("%s%s: %lu", separator, Quoted(reason).c_str(), points);
      separator = ", ";
    }
    std::printf("}}");
    separator = ", ";
  }
}

// Records until `stop`; the times of batches of increments, in nanoseconds an increment.
void Work(const polymeter::Metrics& metrics, const char* name, const std::atomic<bool>& stop,
          std::vector<double>& nanos, std::uint64_t& counted) {
  auto counter = metrics.Counter("work_total", "Work.", {"thread"}).With(name);
  auto histogram = metrics.Histogram("work_seconds", "Work.", {"thread"}).With(name);
  while (!stop) {
    const auto begin = Clock::now();
    for (int i = 0; i < kBatch; ++i) counter.Increment();
    const std::chrono::duration<double, std::nano> took = Clock::now() - begin;
    nanos.push_back(took.count() / kBatch);
    counted += kBatch;
    histogram.Observe(took);
    if (nanos.size() % 16 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

int Run(const polymeter::Metrics& metrics, double seconds) {
  std::atomic<bool> stop{false};
  std::vector<double> nanos[2];
  std::uint64_t counted[2] = {0, 0};
  std::thread workers[2];
  for (int i = 0; i < 2; ++i) {
    workers[i] =
        std::thread([&, i] { Work(metrics, i == 0 ? "a" : "b", stop, nanos[i], counted[i]); });
  }
  // Many series, so that a message has a size.
  const auto items = metrics.Counter("items_total", "Items.", {"item"});
  for (int i = 0; i < 500; ++i) items.With(i).Increment();
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));

  const auto begin = Clock::now();
  const polymeter::Status status = metrics.Shutdown(begin + kShutdownDeadline);  // under load
  const std::chrono::duration<double> took = Clock::now() - begin;
  stop = true;
  for (std::thread& worker : workers) worker.join();

  nanos[0].insert(nanos[0].end(), nanos[1].begin(), nanos[1].end());
  std::sort(nanos[0].begin(), nanos[0].end());
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::printf(
      "{\"shutdown_seconds\": %.3f, \"shutdown\": %s, \"increment_ns\": %.3f, "
      "\"max_rss_kib\": %ld, \"counted\": %lu, \"reports\": [",
      took.count(), Quoted(status.message()).c_str(), nanos[0][nanos[0].size() / 2],
      usage.ru_maxrss, counted[0] + counted[1]);
  PrintReports(metrics.Reports());
  std::printf("]}\n");
  std::fflush(stdout);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const double seconds = argc > 1 ? std::atof(argv[1]) : 2;
  const auto has = [&](const char* word) {
    return std::any_of(argv + std::min(argc, 2), argv + argc,
                       [&](const char* arg) { return std::strcmp(arg, word) == 0; });
  };
  polymeter::Options options;
  options.Service("faults").StopDeadline(kShutdownDeadline);
  const auto start = Clock::now();
  if (has("clock_back")) {
    options.Clock([start] {
      const auto passed = Clock::now() - start;
      auto now = std::chrono::system_clock::now();
      if (passed > std::chrono::milliseconds(700)) now -= std::chrono::hours(1);
      return now;
    });
  }
  const polymeter::Metrics metrics = polymeter::FromEnvironment(options);
  if (has("fork")) {
    metrics.Counter("before_fork_total", "B.").Increment(1000);
    const pid_t child = fork();
    if (child == 0) {
      if (!metrics.RestartAfterFork()) _exit(9);
      const int code = Run(metrics, seconds);
      std::fflush(stdout);
      _exit(code);
    }
    const int code = Run(metrics, seconds);
    int status = 0;
    waitpid(child, &status, 0);
    return code != 0 ? code : WEXITSTATUS(status);
  }
  return Run(metrics, seconds);
}
