// Target 7, first half: how long the creation of a series takes while another thread scrapes
// 100,000 series again and again, against the same without a scrape.
//
// One creation every 10 us or so, so that they fall into all phases of a scrape. The counters are
// percentiles of the single calls in microseconds, the increment included.
//
// `busy` is the control: the other thread works without pause too, but on memory of its own. What
// it adds comes from the machine (a shared cache, the scheduler), not from a lock.
#include <benchmark/benchmark.h>
#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "polymeter/polymeter.h"
#include "test/bench/workload.h"

namespace polymeter_bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kScraped = 100'000;
constexpr std::chrono::microseconds kPause{10};

struct DiscardingSink : polymeter::ScrapeSink {
  void Begin(std::string_view, std::string_view) override {}
  bool Write(std::string_view bytes) override {
    const char* data = bytes.data();
    benchmark::DoNotOptimize(data);
    return true;
  }
};

struct Polymeter {
  polymeter::Metrics metrics{polymeter::Options().Consumer().SeriesLimit(0)};
  polymeter::CounterFamily<3> family =
      metrics.Counter("bench_requests_total", "Requests.", {"method", "route", "status"});

  void Create(const SeriesLabels& labels) const {
    family.With(labels.method, labels.route, labels.status).Increment();
  }
  void Scrape() {
    DiscardingSink sink;
    const polymeter::Status status = polymeter::Scrape(metrics, polymeter::ScrapeRequest(), sink);
    benchmark::DoNotOptimize(status.ok());
  }
};

struct Prom {
  prometheus::Registry registry;
  prometheus::Family<prometheus::Counter>& family =
      prometheus::BuildCounter().Name("bench_requests_total").Register(registry);

  void Create(const SeriesLabels& labels) const {
    family.Add({{"method", labels.method}, {"route", labels.route}, {"status", labels.status}})
        .Increment();
  }
  void Scrape() {
    const std::string page = prometheus::TextSerializer().Serialize(registry.Collect());
    benchmark::DoNotOptimize(page.data());
  }
};

enum class Beside { kNothing, kWork, kScrapes };

// Runs `work` on another thread from construction to destruction, without pause.
template <class Work>
class Repeating {
 public:
  explicit Repeating(const Work& work)
      : thread_([this, work] {
          while (!stop_.load(std::memory_order_relaxed)) {
            work();
            rounds_.fetch_add(1, std::memory_order_relaxed);
          }
        }) {}
  ~Repeating() {
    stop_ = true;
    thread_.join();
  }
  int rounds() const { return rounds_.load(std::memory_order_relaxed); }

 private:
  std::atomic<bool> stop_{false};
  std::atomic<int> rounds_{0};
  std::thread thread_;
};

double Microseconds(Clock::duration time) {
  return std::chrono::duration<double, std::micro>(time).count();
}

template <class Contender>
std::vector<double> Create(const Contender& contender, std::size_t count) {
  std::vector<double> times;
  times.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    const SeriesLabels labels = LabelsOf(kScraped + i);
    const Clock::time_point begin = Clock::now();
    contender.Create(labels);
    const Clock::time_point end = Clock::now();
    times.push_back(Microseconds(end - begin));
    while (Clock::now() < end + kPause) {
    }
  }
  std::sort(times.begin(), times.end());
  return times;
}

template <class Contender, Beside kBeside, std::size_t kCreated>
void CreateSeries(benchmark::State& state) {
  for (auto _ : state) {
    Contender contender;
    for (std::size_t i = 0; i < kScraped; ++i) contender.Create(LabelsOf(i));
    contender.Scrape();
    std::vector<double> times;
    double rounds = 0;
    if constexpr (kBeside == Beside::kNothing) {
      times = Create(contender, kCreated);
    } else if constexpr (kBeside == Beside::kScrapes) {
      Repeating scrapes([&] { contender.Scrape(); });
      times = Create(contender, kCreated);
      rounds = scrapes.rounds();
    } else {
      std::vector<char> from(8 << 20, 'x');
      std::vector<char> to(8 << 20);
      Repeating work([&] {
        std::copy(from.begin(), from.end(), to.begin());
        benchmark::ClobberMemory();
      });
      times = Create(contender, kCreated);
      rounds = work.rounds();
    }
    state.counters["p50_us"] = times[times.size() / 2];
    state.counters["p999_us"] = times[times.size() * 999 / 1000];
    state.counters["max_us"] = times.back();
    state.counters["rounds"] = rounds;
  }
}

#define POLYMETER_BENCH(Contender, beside, created, name) \
  BENCHMARK(CreateSeries<Contender, beside, created>)     \
      ->Name("creation/" name)                            \
      ->Iterations(1)                                     \
      ->UseRealTime()                                     \
      ->Unit(benchmark::kMillisecond)

POLYMETER_BENCH(Polymeter, Beside::kNothing, 20000, "polymeter/quiet");
POLYMETER_BENCH(Polymeter, Beside::kWork, 20000, "polymeter/busy");
POLYMETER_BENCH(Polymeter, Beside::kScrapes, 20000, "polymeter/scraped");
POLYMETER_BENCH(Prom, Beside::kNothing, 5000, "prom/quiet");
POLYMETER_BENCH(Prom, Beside::kScrapes, 5000, "prom/scraped");

}  // namespace
}  // namespace polymeter_bench
