// What reading all runtime families costs, beside reading the same files raw.
//
// Contenders are named runtime/<contender>.
#include <benchmark/benchmark.h>
#include <dirent.h>
#include <fcntl.h>
#include <malloc.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "polymeter/metrics.h"
#include "polymeter/runtime.h"
#if defined(POLYMETER_STATIC)
#include "integrations/runtime/cgroup.h"
#include "integrations/runtime/runtime_producer.h"
#include "sdk/src/snapshot_data.h"
#endif

namespace polymeter_bench {
namespace {

#if defined(POLYMETER_STATIC)

// Opens, reads to the end and closes; false when it cannot be opened.
bool ReadRaw(const char* path) {
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  char buffer[4096];
  while (read(file, buffer, sizeof(buffer)) > 0) {
  }
  close(file);
  return true;
}

// The names in a folder.
std::vector<std::string> ListRaw(const char* path) {
  std::vector<std::string> names;
  DIR* const folder = opendir(path);
  if (folder == nullptr) return names;
  while (const dirent* const entry = readdir(folder)) names.emplace_back(entry->d_name);
  closedir(folder);
  return names;
}

// The cgroup files that the adapter asks for here, those that do not exist included.
std::vector<std::string> CgroupFiles() {
  const auto text = [](const char* path) {
    std::string content;
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return content;
    char buffer[4096];
    for (ssize_t got = 0; (got = read(file, buffer, sizeof(buffer))) > 0;) {
      content.append(buffer, static_cast<std::size_t>(got));
    }
    close(file);
    return content;
  };
  const auto folders =
      polymeter::detail::FindCgroup(text("/proc/self/cgroup"), text("/proc/self/mountinfo"));
  std::vector<std::string> files;
  const auto climb = [&](const polymeter::detail::CgroupFolder& folder,
                         const std::vector<std::string>& names) {
    for (std::string path = folder.path;; path.erase(path.rfind('/'))) {
      for (const std::string& name : names) files.push_back(path + name);
      if (path.size() <= folder.mount_end) break;
    }
  };
  if (folders.memory) {
    const bool v2 = folders.memory->v2;
    climb(*folders.memory, {v2 ? "/memory.max" : "/memory.limit_in_bytes"});
    files.push_back(folders.memory->path + (v2 ? "/memory.current" : "/memory.usage_in_bytes"));
    files.push_back(folders.memory->path + (v2 ? "/memory.events" : "/memory.oom_control"));
  }
  if (folders.cpu) {
    if (folders.cpu->v2) {
      climb(*folders.cpu, {"/cpu.max"});
    } else {
      climb(*folders.cpu, {"/cpu.cfs_quota_us", "/cpu.cfs_period_us"});
    }
    files.push_back(folders.cpu->path + "/cpu.stat");
  }
  return files;
}

// The same files and calls, what they say thrown away.
void Raw(benchmark::State& state) {
  std::vector<std::string> files = CgroupFiles();
  for (const char* const name : {"stat", "statm", "io", "limits", "cgroup"}) {
    files.push_back(std::string("/proc/self/") + name);
  }
  std::size_t read = 0;
  for (auto _ : state) {
    for (const std::string& file : files) read += ReadRaw(file.c_str());
    benchmark::DoNotOptimize(ListRaw("/proc/self/fd").size());
    for (const std::string& thread : ListRaw("/proc/self/task")) {
      if (thread[0] == '.') continue;
      read += ReadRaw(("/proc/self/task/" + thread + "/schedstat").c_str());
    }
    timespec cpu{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
  }
  if (read == 0) state.SkipWithError("no file could be read");
  state.counters["files"] = static_cast<double>(read) / static_cast<double>(state.iterations());
}

void Polymeter(benchmark::State& state) {
  polymeter::detail::RuntimeProducer producer((polymeter::RuntimeOptions()));
  std::size_t families = 0;
  for (auto _ : state) {
    polymeter::detail::ProducedFamilies produced;
    polymeter::FamilySink sink(produced);
    producer.Collect(sink);
    families = produced.families.size();
  }
  if (families < 10) state.SkipWithError("families are missing");
  state.counters["families"] = static_cast<double>(families);
}

BENCHMARK(Raw)->Name("runtime/raw");
BENCHMARK(Polymeter)->Name("runtime/polymeter");
#endif

// The whole way, with the hand-over to the producers' thread and the snapshot.
void Snapshot(benchmark::State& state) {
  const polymeter::Metrics metrics(polymeter::Options().Consumer());
  const polymeter::RuntimeMetrics runtime(metrics);
  for (auto _ : state) benchmark::DoNotOptimize(metrics.TakeSnapshot().families().size());
}
BENCHMARK(Snapshot)->Name("runtime/snapshot")->UseRealTime();

}  // namespace
}  // namespace polymeter_bench
