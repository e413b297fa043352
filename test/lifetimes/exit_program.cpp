// A program that ends in the way its arguments say: exit_program <how> <backend>. What its last
// flush saw goes to stdout as "flushed <n>".
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "polymeter/polymeter.h"
#include "sdk/testing/values.h"
#include "test/lifetimes/recording_backend.h"

namespace {

using polymeter::Metrics;
using polymeter::Options;

void Say(const std::string& text) { static_cast<void>(!write(1, text.data(), text.size())); }

Metrics Make(const std::string& backend) {
  Options options;
  options.Service("exits").StopDeadline(std::chrono::seconds(3));
  if (backend == "prometheus") {
    options.Backends("prometheus").Set("METRICS_PROMETHEUS_PORT", "0");
  } else {
    auto own = std::make_shared<RecordingBackend>();
    own->on_stop = [](const polymeter::Snapshot& snapshot) {
      const auto value = polymeter::testing::ValueOf(snapshot, "jobs_total");
      Say("flushed " + std::to_string(static_cast<int>(value.value_or(-1))) + "\n");
    };
    options.AddBackend(own);
  }
  Metrics metrics = polymeter::Build(options);
  // Threads of the library run: a producer, and the server's.
  metrics.GaugeCallback("callback", "C.", [] { return 1.0; }).Forever();
  static_cast<void>(metrics.TakeSnapshot());
  return metrics;
}

// Everything that a late user may do.
struct LateUser {
  polymeter::Counter counter;
  polymeter::Histogram histogram;
  polymeter::Gauge gauge;
  polymeter::CounterFamily<1> family;

  void Bind(const Metrics& metrics) {
    counter = metrics.Counter("late_total", "L.");
    histogram = metrics.Histogram("late_seconds", "L.");
    gauge = metrics.Gauge("late", "L.");
    family = metrics.Counter("late_labelled_total", "L.", {"a"});
    Use();
  }
  void Use() const {
    counter.Increment();
    counter.Increment(0.5);
    histogram.Observe(0.3);
    gauge.Set(4);
    family.With("x").Increment();
    family.With("y").Increment();
    family.Remove("y");
  }
};

struct UsesInDestructor : LateUser {
  ~UsesInDestructor() {
    for (int i = 0; i < 1000; ++i) Use();
  }
};

// Destroyed after g_metrics, because made before it.
UsesInDestructor g_late_user;
std::optional<Metrics> g_metrics;
// Destroyed before g_metrics.
UsesInDestructor g_early_user;
thread_local UsesInDestructor t_user;

std::atomic<bool> g_asked_to_stop{false};

void OnTerm(int) { g_asked_to_stop = true; }

// Threads that never end, and count.
void StartBusyThreads(const Metrics& metrics) {
  for (int i = 0; i < 4; ++i) {
    LateUser user;
    user.Bind(metrics);
    std::thread([user] {
      while (true) user.Use();
    }).detach();
  }
}

void AwaitAsk() {
  while (!g_asked_to_stop) usleep(1000);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 64;
  const std::string how = argv[1];
  Metrics metrics = Make(argv[2]);
  const auto jobs = metrics.Counter("jobs_total", "J.");
  jobs.Increment(42);
  const auto ready = [&] { Say("ready " + metrics.Endpoint() + "\n"); };

  if (how == "return") return 3;
  if (how == "exit") std::exit(4);  // `metrics` is never destroyed
  if (how == "exit_in_thread") {
    std::thread([] { std::exit(4); }).join();
  }
  if (how == "quick_exit") {
    static Metrics at_quick_exit;
    at_quick_exit = metrics;
    std::at_quick_exit([] { static_cast<void>(at_quick_exit.Shutdown()); });
    std::quick_exit(5);
  }
  if (how == "quick_exit_unprepared") std::quick_exit(5);
  if (how == "underscore_exit") _exit(6);
  if (how == "static") {
    g_metrics = std::move(metrics);
    return 7;
  }
  if (how == "static_users") {
    g_metrics = metrics;
    g_late_user.Bind(metrics);
    g_early_user.Bind(metrics);
    t_user.Bind(metrics);
    metrics = Metrics();
    return 8;
  }
  if (how == "static_users_exit") {
    g_metrics = metrics;
    g_late_user.Bind(metrics);
    g_early_user.Bind(metrics);
    t_user.Bind(metrics);
    metrics = Metrics();
    std::exit(8);
  }
  if (how == "thread_local_users") {
    // Their destructors run after the Metrics has ended.
    std::atomic<int> bound{0};
    std::atomic<bool> ended{false};
    std::thread threads[4];
    for (std::thread& thread : threads) {
      thread = std::thread([&] {
        t_user.Bind(metrics);
        ++bound;
        while (!ended) usleep(100);
      });
    }
    while (bound < 4) usleep(100);
    metrics = Metrics();
    ended = true;
    for (std::thread& thread : threads) thread.join();
    return 9;
  }
  if (how == "busy_threads_return") {
    StartBusyThreads(metrics);
    usleep(20000);
    return 10;
  }
  if (how == "busy_threads_static") {
    StartBusyThreads(metrics);
    g_metrics = std::move(metrics);
    usleep(20000);
    std::exit(11);
  }
  if (how == "term_handler") {
    struct sigaction action = {};
    action.sa_handler = OnTerm;
    sigaction(SIGTERM, &action, nullptr);
    StartBusyThreads(metrics);
    ready();
    AwaitAsk();
    return 12;
  }
  if (how == "term_default") {
    ready();
    AwaitAsk();
    return 64;
  }
  if (how == "term_sigwait_exit") {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    g_metrics = std::move(metrics);
    ready();
    int signal = 0;
    sigwait(&set, &signal);
    std::exit(13);
  }
  if (how == "exit_in_callback") {
    // On a thread of the library, while main is inside a snapshot.
    metrics
        .GaugeCallback("ends", "E.",
                       [] {
                         std::exit(14);
                         return 0.0;
                       })
        .Forever();
    static_cast<void>(metrics.TakeSnapshot());
    pause();
  }
  return 64;
}
