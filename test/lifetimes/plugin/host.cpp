// The program's side: host <plugin.so> <shared|static>. Exchanges handles with the plugin, unloads
// it and goes on. `shared`: both use one libpolymeter; `static`: each has a copy of its own.
#include <dlfcn.h>
#include <link.h>
#include <unistd.h>

#include <sys/wait.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "plugin_api.h"

namespace {

int g_failures = 0;

void Expect(bool holds, const char* what, double got = 0) {
  if (holds) return;
  std::printf("FAILED: %s (got %.17g)\n", what, got);
  ++g_failures;
}

struct Plugin {
  explicit Plugin(const char* path) : library(dlopen(path, RTLD_NOW | RTLD_LOCAL)) {
    if (library == nullptr) {
      std::printf("FAILED: %s\n", dlerror());
      _exit(2);
    }
    api = reinterpret_cast<GetPluginApi>(dlsym(library, "polymeter_test_plugin"))();
  }
  void Unload() { dlclose(library); }
  void* library;
  const PluginApi* api;
};

bool Mapped(const char* path) {
  const char* const name = std::strrchr(path, '/') + 1;
  std::FILE* const maps = std::fopen("/proc/self/maps", "r");
  char line[1024];
  bool found = false;
  while (std::fgets(line, sizeof(line), maps) != nullptr)
    found |= std::strstr(line, name) != nullptr;
  std::fclose(maps);
  return found;
}

struct Handles {
  polymeter::Counter counter;
  polymeter::Gauge gauge;
  polymeter::Histogram histogram;
  void Check(double turns, const char* what) const {
    Expect(counter.Value() == 1.5 * turns, what, counter.Value());
    Expect(gauge.Value() == turns, what, gauge.Value());
    Expect(histogram.Count() == static_cast<std::uint64_t>(turns), what,
           static_cast<double>(histogram.Count()));
    Expect(histogram.Sum() == turns, what, histogram.Sum());
  }
  void Use(int turns) const {
    for (int i = 0; i < turns; ++i) {
      counter.Increment();
      counter.Increment(0.5);
      gauge.Increment();
      histogram.Observe(1);
    }
  }
};

// Uses the processor for a while, so that the kernel takes it away and looks at the thread's rseq.
void BePreempted(std::chrono::milliseconds time) {
  const auto end = std::chrono::steady_clock::now() + time;
  volatile unsigned work = 0;
  while (std::chrono::steady_clock::now() < end) work = work + 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 64;
  const char* const path = argv[1];
  const bool shared = std::strcmp(argv[2], "shared") == 0;

  const polymeter::Metrics metrics(polymeter::Options().Consumer());
  const Handles mine{metrics.Counter("host_total", "H."), metrics.Gauge("host", "H."),
                     metrics.Histogram("host_seconds", "H.")};
  const auto family = metrics.Counter("host_labelled_total", "H.", {"a"});

  // Handles of the program, used in the plugin and in the program by eight threads at once.
  {
    Plugin plugin(path);
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&, i] {
        if (i % 2 == 0) {
          plugin.api->use(mine.counter, mine.gauge, mine.histogram, 100000);
        } else {
          mine.Use(100000);
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    mine.Check(800000, "the program's handles count right in the plugin");

    if (shared) {
      plugin.api->use_metrics(metrics, family);
      Expect(family.With("from plugin").Value() == 3,
             "a family of the program works in the plugin");
      Expect(metrics.Counter("made_in_plugin_total", "M.").Value() == 4,
             "a family that the plugin made is the program's as well");
    }

    // And the other way round.
    Handles theirs;
    plugin.api->make(&theirs.counter, &theirs.gauge, &theirs.histogram);
    threads.clear();
    for (int i = 0; i < 8; ++i) threads.emplace_back([&] { theirs.Use(50000); });
    for (std::thread& thread : threads) thread.join();
    theirs.Check(400000, "the plugin's handles count right in the program");
    Expect(plugin.api->counted() == 600000, "the plugin sees what the program counted",
           plugin.api->counted());
    Expect(plugin.api->observed() == 400000, "the plugin sees what the program observed",
           plugin.api->observed());
    plugin.api->end();
    theirs.Use(1000);  // harmless
    plugin.Unload();
    Expect(!Mapped(path), "dlclose unmaps the plugin");
    theirs.Use(1000);  // harmless without the plugin, too
    mine.Use(1);
    mine.Check(800001, "the program goes on");
  }

  // Unloaded by a thread that has just counted in it: nothing of the plugin may remain in what the
  // kernel looks at when it takes the processor away. Others keep the machine busy.
  {
    std::atomic<bool> stop{false};
    std::vector<std::thread> load;
    const unsigned busy = std::thread::hardware_concurrency() * 2;
    for (unsigned i = 0; i < busy; ++i) {
      load.emplace_back([&] {
        while (!stop.load(std::memory_order_relaxed)) mine.counter.Increment(0);
      });
    }
    const double before = mine.histogram.Sum();
    constexpr int kRounds = 60;
    for (int i = 0; i < kRounds; ++i) {
      Plugin plugin(path);
      plugin.api->use(mine.counter, mine.gauge, mine.histogram, 1000);
      plugin.Unload();
      BePreempted(std::chrono::milliseconds(10));
    }
    Expect(!Mapped(path), "every dlclose unmaps the plugin");
    Expect(mine.histogram.Sum() == before + 1000 * kRounds, "nothing was lost over the rounds",
           mine.histogram.Sum() - before);
    stop = true;
    for (std::thread& thread : load) thread.join();
  }

  // Call sites in the plugin hold nothing that its unloading could leave behind, and are found anew
  // by the next one at the same place; the default goes on without them.
  {
    const auto installed = polymeter::InstallDefault(metrics);
    constexpr int kRounds = 20;
    for (int i = 0; i < kRounds; ++i) {
      Plugin plugin(path);
      if (!shared) {  // a default of its own
        Handles theirs;
        plugin.api->make(&theirs.counter, &theirs.gauge, &theirs.histogram);
        plugin.api->record(10);  // dropped there
        plugin.api->install();
      }
      std::vector<std::thread> threads;
      for (int t = 0; t < 4; ++t) threads.emplace_back([&] { plugin.api->record(100); });
      for (std::thread& thread : threads) thread.join();
      if (!shared) plugin.api->end();
      plugin.api->record(shared ? 0 : 10);
      plugin.Unload();
      polymeter::RecordCount("host_named");
      const polymeter::Metrics other(polymeter::Options().Consumer());
      const auto hides = polymeter::InstallDefault(other);  // a new generation
      polymeter::RecordCount("host_named");
    }
    Expect(!Mapped(path), "every dlclose unmaps the plugin that recorded");
    const double named =
        metrics.Counter("plugin_named_total", "", {"where"}).With("plugin").Value();
    const double sites = metrics.Counter("plugin_site_total", "").Value();
    const double expected = shared ? 400.0 * kRounds : 0;
    Expect(named == expected, "what the plugin recorded by name is all in its own default", named);
    Expect(sites == expected, "what its call sites recorded is, too", sites);
    Expect(metrics.Counter("host_named_total", "").Value() == kRounds,
           "the program's default goes on");
  }

  // No handler of an unloaded copy is called by a fork.
  const pid_t pid = fork();
  if (pid == 0) {
    mine.Use(5);
    _exit(mine.counter.Value() == 7.5 ? 0 : 1);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  Expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "a child begins at zero and counts",
         status);
  std::printf("%s\n", g_failures == 0 ? "ok" : "failed");
  return g_failures == 0 ? 0 : 1;
}
