// Target 6: a scrape of 10,000 counters over HTTP, a new connection each time, plain and gzip.
//
// polymeter: our server. prom: prometheus::Exposer. static: a civetweb server that has the finished
// page in memory. The counter `p50_ms` is the median of the requests of one run.
#include <benchmark/benchmark.h>
#include <civetweb.h>
#include <prometheus/counter.h>
#include <prometheus/exposer.h>
#include <prometheus/family.h>
#include <prometheus/registry.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "polymeter/polymeter.h"
#include "test/bench/http_client.h"
#include "test/bench/workload.h"

namespace polymeter_bench {
namespace {

constexpr std::size_t kSeries = 10'000;
constexpr const char* kName = "bench_requests_total";

class Polymeter {
 public:
  Polymeter() {
    const auto family = metrics_.Counter(kName, "What is measured.", {"method", "route", "status"});
    for (std::size_t i = 0; i < kSeries; ++i) {
      const SeriesLabels labels = LabelsOf(i);
      family.With(labels.method, labels.route, labels.status).Increment(AmountOf(i));
    }
  }
  std::uint16_t port() const { return PortOf(metrics_.Endpoint("prometheus")); }

 private:
  polymeter::Metrics metrics_ = polymeter::Build(
      polymeter::Options().Backends("prometheus").Set("METRICS_PROMETHEUS_PORT", "0"));
};

class Prom {
 public:
  Prom() {
    auto& family =
        prometheus::BuildCounter().Name(kName).Help("What is measured.").Register(*registry_);
    for (std::size_t i = 0; i < kSeries; ++i) {
      const SeriesLabels labels = LabelsOf(i);
      family.Add({{"method", labels.method}, {"route", labels.route}, {"status", labels.status}})
          .Increment(static_cast<double>(AmountOf(i)));
    }
    exposer_.RegisterCollectable(registry_);
  }
  std::uint16_t port() const {
    return static_cast<std::uint16_t>(exposer_.GetListeningPorts().at(0));
  }

 private:
  std::shared_ptr<prometheus::Registry> registry_ = std::make_shared<prometheus::Registry>();
  prometheus::Exposer exposer_{"127.0.0.1:0"};
};

class Static {
 public:
  Static() {
    for (std::size_t i = 0; i < kSeries; ++i) {
      const SeriesLabels labels = LabelsOf(i);
      page_ += std::string(kName) + "{method=\"" + labels.method + "\",route=\"" + labels.route +
               "\",status=\"" + labels.status + "\"} " + std::to_string(AmountOf(i)) + "\n";
    }
    const char* options[] = {"listening_ports", "127.0.0.1:0", "num_threads", "2", nullptr};
    const mg_callbacks callbacks{};
    server_ = mg_start(&callbacks, nullptr, options);
    if (server_ == nullptr) throw std::runtime_error("mg_start");
    mg_set_request_handler(server_, "/metrics", Answer, this);
  }
  ~Static() { mg_stop(server_); }
  Static(const Static&) = delete;
  Static& operator=(const Static&) = delete;
  std::uint16_t port() const {
    mg_server_port ports[1];
    if (mg_get_server_ports(server_, 1, ports) != 1) throw std::runtime_error("no port");
    return static_cast<std::uint16_t>(ports[0].port);
  }

 private:
  static int Answer(mg_connection* connection, void* self) {
    const std::string& page = static_cast<const Static*>(self)->page_;
    mg_printf(connection,
              "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n"
              "Connection: close\r\n\r\n",
              page.size());
    mg_write(connection, page.data(), page.size());
    return 200;
  }

  std::string page_;
  mg_context* server_ = nullptr;
};

template <class Contender, bool kGzip>
void Scrape(benchmark::State& state) {
  using Clock = std::chrono::steady_clock;
  static const Contender contender;
  const std::uint16_t port = contender.port();
  std::size_t bytes = 0;
  try {
    for (int warm = 0; warm < 3; ++warm) bytes = Get(port, kGzip);
  } catch (const std::exception& error) {
    state.SkipWithError(error.what());
    return;
  }
  std::vector<double> times;
  for (auto _ : state) {
    const Clock::time_point begin = Clock::now();
    benchmark::DoNotOptimize(Get(port, kGzip));
    times.push_back(std::chrono::duration<double, std::milli>(Clock::now() - begin).count());
  }
  std::sort(times.begin(), times.end());
  state.counters["p50_ms"] = times[times.size() / 2];
  state.counters["bytes"] = static_cast<double>(bytes);
}

#define POLYMETER_BENCH(Contender, gzip, requests, name) \
  BENCHMARK(Scrape<Contender, gzip>)                     \
      ->Name("http/" name)                               \
      ->Iterations(requests)                             \
      ->UseRealTime()                                    \
      ->Unit(benchmark::kMillisecond)

POLYMETER_BENCH(Static, false, 40, "static/plain");
POLYMETER_BENCH(Polymeter, false, 40, "polymeter/plain");
POLYMETER_BENCH(Prom, false, 15, "prom/plain");
POLYMETER_BENCH(Polymeter, true, 40, "polymeter/gzip");
POLYMETER_BENCH(Prom, true, 15, "prom/gzip");

}  // namespace
}  // namespace polymeter_bench
