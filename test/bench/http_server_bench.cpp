// What the instrumentation of an HTTP request costs, beside the two clock reads that measuring a
// time cannot do without.
#include <benchmark/benchmark.h>

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "polymeter/http.h"

namespace polymeter_bench {
namespace {

constexpr std::string_view kTraceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
constexpr std::size_t kRoutes = 64;  // a power of two

const std::vector<std::string>& Routes() {
  static const std::vector<std::string> kAll = [] {
    std::vector<std::string> all;
    for (std::size_t i = 0; i < kRoutes; ++i) {
      all.push_back("/api/v1/resource" + std::to_string(i) + "/{id}");
    }
    return all;
  }();
  return kAll;
}

polymeter::HttpServerMetrics& Recording() {
  static const polymeter::Metrics kMetrics(polymeter::Options().Consumer());
  static polymeter::HttpServerMetrics http(kMetrics);
  return http;
}
polymeter::HttpServerMetrics& Off() {
  static polymeter::HttpServerMetrics http((polymeter::Metrics()));
  return http;
}

void TwoClockReads(benchmark::State& state) {
  for (auto _ : state) {
    const auto start = std::chrono::steady_clock::now();
    benchmark::ClobberMemory();
    benchmark::DoNotOptimize(std::chrono::steady_clock::now() - start);
  }
}

// As a middleware does it: method, route, status, both sizes, the current request.
template <polymeter::HttpServerMetrics& (*kServer)()>
void Request(benchmark::State& state) {
  polymeter::HttpServerMetrics& http = kServer();
  const std::vector<std::string>& routes = Routes();
  std::size_t i = 0;
  for (auto _ : state) {
    auto request = http.Begin("GET");
    const auto active = request.Activate();
    request.Route(routes[i++ & (kRoutes - 1)]).Status(200).RequestBytes(0).ResponseBytes(1234);
    benchmark::ClobberMemory();
  }
}

// With the trace that came along; the route was looked up when the server started.
void TracedRequest(benchmark::State& state) {
  polymeter::HttpServerMetrics& http = Recording();
  std::vector<polymeter::HttpRoute> routes;
  for (const std::string& route : Routes()) routes.push_back(http.Route(route));
  std::size_t i = 0;
  for (auto _ : state) {
    auto request = http.Begin("POST", kTraceparent);
    const auto active = request.Activate();
    request.Route(routes[i++ & (kRoutes - 1)]).Status(201).RequestBytes(77).ResponseBytes(1234);
    benchmark::ClobberMemory();
  }
}

BENCHMARK(TwoClockReads)->Name("http_server/clock/1");
BENCHMARK(Request<Recording>)->Name("http_server/polymeter/64");
BENCHMARK(TracedRequest)->Name("http_server/polymeter_traced/64");
BENCHMARK(Request<Off>)->Name("http_server/null/64");

}  // namespace
}  // namespace polymeter_bench
