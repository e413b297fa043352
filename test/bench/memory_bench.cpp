// Targets 7 (second half), 10 and 13: memory, one measurement a process.
//
//   bench_memory series  polymeter|prom counters|histograms <count>
//   bench_memory series  polymeter exemplar_counters|exemplar_histograms <count>
//   bench_memory scrapes polymeter|prom <count> plain|gzip
//   bench_memory threads <threads> <count> <touched>
//
// prints one JSON object. run.py starts it several times and compares.
#include <malloc.h>
#include <prometheus/counter.h>
#include <prometheus/exposer.h>
#include <prometheus/family.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <sched.h>
#include <time.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <fstream>
#include <functional>
#include <iostream>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "polymeter/polymeter.h"
#include "test/bench/http_client.h"
#include "test/bench/workload.h"

namespace polymeter_bench {
namespace {

constexpr std::size_t kBuckets = 13;

// --- the process ---------------------------------------------------------------------------------

// A field of a file under /proc/self in bytes.
std::size_t KilobytesOf(const char* file, const std::string& field) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    if (line.rfind(field + ":", 0) == 0) return std::stoul(line.substr(field.size() + 1)) * 1024;
  }
  throw std::runtime_error(std::string(file) + " has no " + field);
}
// Exact, unlike VmRSS, which the kernel counts in batches.
std::size_t Resident() { return KilobytesOf("/proc/self/smaps_rollup", "Rss"); }
std::size_t PeakResident() { return KilobytesOf("/proc/self/status", "VmHWM"); }
void ResetPeak() { std::ofstream("/proc/self/clear_refs") << "5" << std::flush; }

// CPU time of the calling thread: what others do to the machine does not enter.
double ThreadSeconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

// The two CPUs that stand for "two threads", as far as there are two.
std::vector<int> TwoCpus() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  sched_getaffinity(0, sizeof(allowed), &allowed);
  std::vector<int> cpus;
  for (int cpu = 0; cpu < CPU_SETSIZE && cpus.size() < 2; ++cpu) {
    if (CPU_ISSET(static_cast<std::size_t>(cpu), &allowed)) cpus.push_back(cpu);
  }
  return cpus;
}

// Runs work(cpu) on a thread on each of the two CPUs, one after the other.
void OnTwoThreads(const std::function<void()>& work) {
  for (const int cpu : TwoCpus()) {
    std::thread([&] {
      cpu_set_t one;
      CPU_ZERO(&one);
      CPU_SET(static_cast<std::size_t>(cpu), &one);
      sched_setaffinity(0, sizeof(one), &one);
      work();
    }).join();
  }
}

void Print(const std::vector<std::pair<const char*, double>>& fields) {
  std::cout << "{";
  const char* separator = "";
  for (const auto& [name, value] : fields) {
    std::cout << separator << '"' << name << "\": " << std::fixed << value;
    separator = ", ";
  }
  std::cout << "}" << std::endl;
}

// --- contenders ----------------------------------------------------------------------------------

class Contender {
 public:
  virtual ~Contender() = default;
  // Makes series begin .. end - 1.
  virtual void Create(std::size_t begin, std::size_t end) = 0;
  // Adds to each of them through a look-up.
  virtual void Record(std::size_t begin, std::size_t end) = 0;
  // One scrape over HTTP; gives the size of the response.
  virtual std::size_t Scrape(bool gzip) = 0;
};

// Labels in the order method, route, status.
template <class Family>
class Polymeter : public Contender {
 public:
  Polymeter(Family (*make)(const polymeter::Metrics&, bool exemplars), bool exemplars)
      : family_(make(metrics_, exemplars)), exemplars_(exemplars) {}
  void Create(std::size_t begin, std::size_t end) override {
    ForEach(begin, end, [](auto) {});
  }
  void Record(std::size_t begin, std::size_t end) override {
    std::optional<polymeter::TraceScope> trace;
    if (exemplars_) trace.emplace(SampledTrace());
    ForEach(begin, end, [](auto handle) { Add(handle); });
  }
  std::size_t Scrape(bool gzip) override {
    return Get(PortOf(metrics_.Endpoint("prometheus")), gzip);
  }

 private:
  static polymeter::TraceContext SampledTrace() {
    polymeter::TraceContext trace;
    trace.trace_id.fill(0xAB);
    trace.span_id.fill(0xCD);
    trace.flags = polymeter::TraceContext::kSampled;
    return trace;
  }
  static void Add(polymeter::Counter counter) { counter.Increment(100'000); }
  static void Add(polymeter::Histogram histogram) {
    for (std::size_t i = 0; i < kBuckets; ++i) histogram.Observe(i < 12 ? Bounds()[i] : 7.5);
  }
  template <class Use>
  void ForEach(std::size_t begin, std::size_t end, const Use& use) {
    for (std::size_t i = begin; i < end; ++i) {
      const SeriesLabels labels = LabelsOf(i);
      use(family_.With(labels.method, labels.route, labels.status));
    }
  }

  polymeter::Metrics metrics_ = polymeter::Build(polymeter::Options()
                                                     .Backends("prometheus")
                                                     .Set("METRICS_PROMETHEUS_PORT", "0")
                                                     .SeriesLimit(0));
  Family family_;
  const bool exemplars_;
};

polymeter::CounterFamily<3> MakeCounters(const polymeter::Metrics& metrics, bool exemplars) {
  return metrics.Counter("bench_requests_total", "Requests.", {"method", "route", "status"},
                         polymeter::FamilyOptions().Exemplars(exemplars));
}
polymeter::HistogramFamily<3> MakeHistograms(const polymeter::Metrics& metrics, bool exemplars) {
  return metrics.Histogram("bench_duration_seconds", "Durations.", {"method", "route", "status"},
                           polymeter::FamilyOptions().Buckets(Bounds()).Exemplars(exemplars));
}

class PromCounters : public Contender {
 public:
  PromCounters() { exposer_.RegisterCollectable(registry_); }
  void Create(std::size_t begin, std::size_t end) override {
    for (std::size_t i = begin; i < end; ++i) Add(i);
  }
  void Record(std::size_t begin, std::size_t end) override {
    for (std::size_t i = begin; i < end; ++i) Add(i).Increment(100'000);
  }
  std::size_t Scrape(bool gzip) override {
    return Get(static_cast<std::uint16_t>(exposer_.GetListeningPorts().at(0)), gzip);
  }

 private:
  prometheus::Counter& Add(std::size_t i) {
    const SeriesLabels labels = LabelsOf(i);
    return family_.Add(
        {{"method", labels.method}, {"route", labels.route}, {"status", labels.status}});
  }
  std::shared_ptr<prometheus::Registry> registry_ = std::make_shared<prometheus::Registry>();
  prometheus::Exposer exposer_{"127.0.0.1:0"};
  prometheus::Family<prometheus::Counter>& family_ =
      prometheus::BuildCounter().Name("bench_requests_total").Register(*registry_);
};

class PromHistograms : public Contender {
 public:
  PromHistograms() { exposer_.RegisterCollectable(registry_); }
  void Create(std::size_t begin, std::size_t end) override {
    for (std::size_t i = begin; i < end; ++i) Add(i);
  }
  void Record(std::size_t begin, std::size_t end) override {
    for (std::size_t i = begin; i < end; ++i) {
      auto& histogram = Add(i);
      for (std::size_t b = 0; b < kBuckets; ++b) histogram.Observe(b < 12 ? Bounds()[b] : 7.5);
    }
  }
  std::size_t Scrape(bool gzip) override {
    return Get(static_cast<std::uint16_t>(exposer_.GetListeningPorts().at(0)), gzip);
  }

 private:
  prometheus::Histogram& Add(std::size_t i) {
    const SeriesLabels labels = LabelsOf(i);
    return family_.Add(
        {{"method", labels.method}, {"route", labels.route}, {"status", labels.status}}, Bounds());
  }
  std::shared_ptr<prometheus::Registry> registry_ = std::make_shared<prometheus::Registry>();
  prometheus::Exposer exposer_{"127.0.0.1:0"};
  prometheus::Family<prometheus::Histogram>& family_ =
      prometheus::BuildHistogram().Name("bench_duration_seconds").Register(*registry_);
};

std::unique_ptr<Contender> Make(const std::string& who, const std::string& kind) {
  constexpr std::string_view kExemplars = "exemplar_";
  const bool exemplars = who == "polymeter" && kind.rfind(kExemplars, 0) == 0;
  const std::string type = exemplars ? kind.substr(kExemplars.size()) : kind;
  const bool histograms = type == "histograms";
  if (!histograms && type != "counters") throw std::invalid_argument(kind);
  if (who == "polymeter") {
    if (histograms) {
      return std::make_unique<Polymeter<polymeter::HistogramFamily<3>>>(MakeHistograms, exemplars);
    }
    return std::make_unique<Polymeter<polymeter::CounterFamily<3>>>(MakeCounters, exemplars);
  }
  if (who != "prom") throw std::invalid_argument(who);
  if (histograms) return std::make_unique<PromHistograms>();
  return std::make_unique<PromCounters>();
}

// --- measurements --------------------------------------------------------------------------------

// Target 10. Everything that a process pays once (the server, a scrape's buffers) is paid before
// the first reading. What a scrape has freed and malloc keeps is in `bytes_scraped`, and not in
// `bytes_trimmed`. prom's figure is without a scrape, which would multiply it.
void MeasureSeries(const std::string& who, const std::string& kind, std::size_t count) {
  const std::unique_ptr<Contender> contender = Make(who, kind);
  constexpr std::size_t kWarm = 10;
  contender->Record(0, kWarm);
  contender->Scrape(false);
  const std::size_t before = Resident();
  const double begin = ThreadSeconds();
  contender->Create(kWarm, kWarm + count);
  const double created = ThreadSeconds() - begin;
  const std::size_t empty = Resident();
  OnTwoThreads([&] { contender->Record(kWarm, kWarm + count); });
  const std::size_t recorded = Resident();
  std::size_t scraped = recorded;
  std::size_t trimmed = recorded;
  if (who == "polymeter") {
    for (int i = 0; i < 3; ++i) contender->Scrape(false);
    scraped = Resident();
    malloc_trim(0);
    trimmed = Resident();
  }
  const auto per_series = [&](std::size_t now) {
    return (static_cast<double>(now) - static_cast<double>(before)) / static_cast<double>(count);
  };
  Print({{"bytes_created", per_series(empty)},
         {"bytes_recorded", per_series(recorded)},
         {"bytes_scraped", per_series(scraped)},
         {"bytes_trimmed", per_series(trimmed)},
         {"create_ns", created * 1e9 / static_cast<double>(count)}});
}

// Target 7. `first`: the peak of the first scrapes over the memory before; `later`: that of
// scrapes once the caches are warm. `best_ms`: the shortest scrape, over HTTP.
void MeasureScrapes(const std::string& who, std::size_t count, bool gzip) {
  const std::unique_ptr<Contender> contender = Make(who, "counters");
  contender->Record(0, 10);
  contender->Scrape(gzip);
  OnTwoThreads([&] { contender->Record(0, count); });
  double best = 1e9;
  const auto peak_ratio = [&] {
    const std::size_t before = Resident();
    ResetPeak();
    for (int i = 0; i < 3; ++i) {
      const auto begin = std::chrono::steady_clock::now();
      contender->Scrape(gzip);
      const std::chrono::duration<double, std::milli> time =
          std::chrono::steady_clock::now() - begin;
      best = std::min(best, time.count());
    }
    return static_cast<double>(PeakResident()) / static_cast<double>(before);
  };
  const double resident = static_cast<double>(Resident());
  const double first = peak_ratio();
  const double later = peak_ratio();
  Print({{"resident", resident}, {"first", first}, {"later", later}, {"best_ms", best}});
}

// Target 13. The threads stay alive, asleep, until the measurement is over.
void MeasureThreads(std::size_t threads, std::size_t count, std::size_t touched) {
  const polymeter::Metrics metrics(polymeter::Options().Consumer().SeriesLimit(0));
  const auto family =
      metrics.Counter("bench_requests_total", "Requests.", {"method", "route", "status"});
  std::vector<polymeter::Counter> counters;
  for (std::size_t i = 0; i < count; ++i) {
    const SeriesLabels labels = LabelsOf(i);
    counters.push_back(family.With(labels.method, labels.route, labels.status));
  }

  std::mutex mutex;
  std::condition_variable changed;
  std::size_t ready = 0;
  bool over = false;
  std::vector<std::thread> running;
  for (std::size_t t = 0; t < threads; ++t) {
    running.emplace_back([&, t] {
      std::mt19937 random(static_cast<std::uint32_t>(t));
      std::uniform_int_distribution<std::size_t> any(0, count - 1);
      for (std::size_t i = 0; i < touched; ++i) counters[any(random)].Increment();
      std::unique_lock lock(mutex);
      ++ready;
      changed.notify_all();
      changed.wait(lock, [&] { return over; });
    });
  }
  {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return ready == threads; });
  }

  double best = 1e9;
  for (int i = 0; i < 30; ++i) {
    const double begin = ThreadSeconds();
    const polymeter::Snapshot snapshot = metrics.TakeSnapshot();
    const double time = 1e6 * (ThreadSeconds() - begin);
    if (snapshot.size() < count) throw std::runtime_error("the snapshot lacks series");
    best = std::min(best, time);
  }
  const std::size_t resident = Resident();
  double sum = 0;
  for (const polymeter::Counter counter : counters) sum += counter.Value();
  {
    const std::lock_guard lock(mutex);
    over = true;
    changed.notify_all();
  }
  for (std::thread& thread : running) thread.join();
  if (sum != static_cast<double>(threads * touched)) throw std::runtime_error("counts were lost");
  Print({{"resident", static_cast<double>(resident)}, {"snapshot_us", best}});
}

int Run(const std::vector<std::string>& args) {
  if (args.size() == 4 && args[0] == "series") {
    MeasureSeries(args[1], args[2], std::stoul(args[3]));
  } else if (args.size() == 4 && args[0] == "scrapes") {
    MeasureScrapes(args[1], std::stoul(args[2]), args[3] == "gzip");
  } else if (args.size() == 4 && args[0] == "threads") {
    MeasureThreads(std::stoul(args[1]), std::stoul(args[2]), std::stoul(args[3]));
  } else {
    std::cerr << "usage: see the first comment of memory_bench.cpp\n";
    return 2;
  }
  return 0;
}

}  // namespace
}  // namespace polymeter_bench

int main(int argc, char** argv) {
  try {
    return polymeter_bench::Run({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    std::cerr << "bench_memory: " << error.what() << "\n";
    return 1;
  }
}
