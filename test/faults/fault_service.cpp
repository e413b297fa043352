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

double NanosOf(Clock::duration batch) {
  return std::chrono::duration<double, std::nano>(batch).count() / kBatch;
}

double Median(std::vector<double>& values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// Of batches, in nanoseconds an increment. `plain` is an addition to a variable of the thread,
// right beside the other: the machine's speed changes from second to second, and both with it.
struct Times {
  std::vector<double> counter;
  std::vector<double> plain;
  std::uint64_t counted = 0;
};

// Records until `stop`.
void Work(const polymeter::Metrics& metrics, const char* name, const std::atomic<bool>& stop,
          Times& times) {
  auto counter = metrics.Counter("work_total", "Work.", {"thread"}).With(name);
  auto histogram = metrics.Histogram("work_seconds", "Work.", {"thread"}).With(name);
  volatile std::uint64_t own = 0;
  while (!stop) {
    const auto begin = Clock::now();
    for (int i = 0; i < kBatch; ++i) counter.Increment();
    const auto middle = Clock::now();
    for (int i = 0; i < kBatch; ++i) own = own + 1;
    const auto end = Clock::now();
    times.counter.push_back(NanosOf(middle - begin));
    times.plain.push_back(NanosOf(end - middle));
    times.counted += kBatch;
    histogram.Observe(middle - begin);
    if (times.counter.size() % 16 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

int Run(const polymeter::Metrics& metrics, double seconds) {
  std::atomic<bool> stop{false};
  Times times[2];
  std::thread workers[2];
  for (int i = 0; i < 2; ++i) {
    workers[i] = std::thread([&, i] { Work(metrics, i == 0 ? "a" : "b", stop, times[i]); });
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

  Times& all = times[0];
  all.counter.insert(all.counter.end(), times[1].counter.begin(), times[1].counter.end());
  all.plain.insert(all.plain.end(), times[1].plain.begin(), times[1].plain.end());
  all.counted += times[1].counted;
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::printf(
      "{\"shutdown_seconds\": %.3f, \"shutdown\": %s, \"increment_ns\": %.3f, "
      "\"plain_ns\": %.3f, \"max_rss_kib\": %ld, \"counted\": %lu, \"reports\": [",
      took.count(), Quoted(status.message()).c_str(), Median(all.counter), Median(all.plain),
      usage.ru_maxrss, all.counted);
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
