// A program that has used prometheus-cpp for years. Two lines were added, marked "new": now its
// families reach every backend that METRICS_BACKEND names. It reads file names from standard input
// and prints a checksum for each.
//
//   ls /etc/*.conf | METRICS_BACKEND=prometheus ./prometheus_cpp_bridge
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <memory>
#include <string>

#include <polymeter/polymeter.h>
#include <polymeter/prometheus.h>
#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/summary.h>

namespace {

class ChecksumJob {
 public:
  explicit ChecksumJob(prometheus::Registry& registry)
      : files_(prometheus::BuildCounter()
                   .Name("checksum_files_total")
                   .Help("Files that were asked for, by result.")
                   .Register(registry)),
        good_(files_.Add({{"result", "good"}})),
        unreadable_(files_.Add({{"result", "unreadable"}})),
        largest_(prometheus::BuildGauge()
                     .Name("checksum_largest_file_bytes")
                     .Help("Size of the largest file so far.")
                     .Register(registry)
                     .Add({})),
        duration_(prometheus::BuildHistogram()
                      .Name("checksum_duration_seconds")
                      .Help("Time for one file.")
                      .Register(registry)
                      .Add({}, prometheus::Histogram::BucketBoundaries{0.001, 0.01, 0.1, 1, 10})),
        size_(prometheus::BuildSummary()
                  .Name("checksum_file_size_bytes")
                  .Help("Sizes of the files.")
                  .Register(registry)
                  .Add({}, prometheus::Summary::Quantiles{{0.5, 0.05}, {0.99, 0.001}})) {}

  void Run(const std::string& path) {
    const auto begin = std::chrono::steady_clock::now();
    std::ifstream file(path, std::ios::binary);
    std::uint64_t hash = 0xcbf29ce484222325u;  // FNV-1a, 64 bits
    double bytes = 0;
    std::array<char, 64 * 1024> block;
    while (file.read(block.data(), block.size()) || file.gcount() > 0) {
      for (std::streamsize i = 0; i < file.gcount(); ++i) {
        hash = (hash ^ static_cast<unsigned char>(block[static_cast<std::size_t>(i)])) *
               0x100000001b3u;
      }
      bytes += static_cast<double>(file.gcount());
    }
    if (file.bad() || !file.eof()) {
      unreadable_.Increment();
      std::cout << "unreadable  " << path << std::endl;
      return;
    }
    good_.Increment();
    size_.Observe(bytes);
    largest_.Set(std::max(largest_.Value(), bytes));
    duration_.Observe(
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
    std::cout << std::hex << std::setfill('0') << std::setw(16) << hash << std::dec << "  " << path
              << std::endl;
  }

 private:
  prometheus::Family<prometheus::Counter>& files_;
  prometheus::Counter& good_;
  prometheus::Counter& unreadable_;
  prometheus::Gauge& largest_;
  prometheus::Histogram& duration_;
  prometheus::Summary& size_;
};

}  // namespace

int main() {
  const auto registry = std::make_shared<prometheus::Registry>();
  const auto metrics = polymeter::FromEnvironment("checksum");  // new
  polymeter::Attach(metrics, registry).Forever();               // new: as long as metrics
  if (const std::string address = metrics.Endpoint(); !address.empty()) {
    std::cerr << "metrics: http://" << address << "/metrics" << std::endl;
  }

  ChecksumJob job(*registry);
  for (std::string path; std::getline(std::cin, path);) job.Run(path);
}
