// A cache, as it was written for prometheus-cpp: nothing in this file knows polymeter.
// It reads commands from standard input, one a line, and serves its metrics on the address given.
//
//   ./prometheus_cpp_dropin 127.0.0.1:8080
//   set user:1 ada
//   get user:1
//
// CMakeLists.txt has the one line that decides which library it runs on.
#include <chrono>
#include <cstddef>
#include <iostream>
#include <map>
#include <memory>
#include <mutex>
#include <sstream>
#include <string>
#include <vector>

#include <prometheus/collectable.h>
#include <prometheus/counter.h>
#include <prometheus/exposer.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/summary.h>

namespace {

class CacheMetrics {
 public:
  explicit CacheMetrics(prometheus::Registry& registry)
      : requests_(prometheus::BuildCounter()
                      .Name("cache_requests_total")
                      .Help("Requests, by command and result.")
                      .Labels({{"cache", "main"}})
                      .Register(registry)),
        entries_(prometheus::BuildGauge()
                     .Name("cache_entries")
                     .Help("Entries that are held.")
                     .Register(registry)
                     .Add({})),
        value_bytes_(prometheus::BuildHistogram()
                         .Name("cache_value_bytes")
                         .Help("Sizes of the values that were set.")
                         .Register(registry)
                         .Add({}, prometheus::Histogram::BucketBoundaries{4, 16, 64, 256})),
        duration_(prometheus::BuildSummary()
                      .Name("cache_request_seconds")
                      .Help("Time for one request.")
                      .Register(registry)
                      .Add({}, prometheus::Summary::Quantiles{{0.5, 0.05}, {0.99, 0.001}})) {}

  void Count(const std::string& command, const std::string& result) {
    requests_.Add({{"command", command}, {"result", result}}).Increment();
  }
  void SetEntries(std::size_t entries) { entries_.Set(static_cast<double>(entries)); }
  void ObserveValue(std::size_t bytes) { value_bytes_.Observe(static_cast<double>(bytes)); }
  void ObserveTime(std::chrono::duration<double> time) { duration_.Observe(time.count()); }

 private:
  prometheus::Family<prometheus::Counter>& requests_;
  prometheus::Gauge& entries_;
  prometheus::Histogram& value_bytes_;
  prometheus::Summary& duration_;
};

// The entries, and what only a look at all of them tells: a Collectable of the service's own.
class Cache : public prometheus::Collectable {
 public:
  std::size_t Set(const std::string& key, const std::string& value) {
    const std::lock_guard<std::mutex> lock(mutex_);
    entries_[key] = value;
    return entries_.size();
  }
  bool Get(const std::string& key, std::string& value) const {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = entries_.find(key);
    if (found == entries_.end()) return false;
    value = found->second;
    return true;
  }
  bool Delete(const std::string& key, std::size_t& left) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const bool there = entries_.erase(key) != 0;
    left = entries_.size();
    return there;
  }

  // Bytes by the key's prefix ("user" of user:1).
  std::vector<prometheus::MetricFamily> Collect() const override {
    std::map<std::string, double> bytes;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      for (const auto& entry : entries_) {
        bytes[entry.first.substr(0, entry.first.find(':'))] +=
            static_cast<double>(entry.second.size());
      }
    }
    prometheus::MetricFamily family;
    family.name = "cache_held_bytes";
    family.help = "Bytes of values, by the prefix of their keys.";
    family.type = prometheus::MetricType::Gauge;
    for (const auto& prefix : bytes) {
      prometheus::ClientMetric metric;
      metric.label = {{"prefix", prefix.first}};
      metric.gauge.value = prefix.second;
      family.metric.push_back(metric);
    }
    return {family};
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::string> entries_;
};

std::string Answer(Cache& cache, CacheMetrics& metrics, const std::string& line) {
  std::istringstream words(line);
  std::string command, key, value;
  words >> command >> key;
  std::getline(words >> std::ws, value);
  if (command == "set" && !key.empty()) {
    metrics.SetEntries(cache.Set(key, value));
    metrics.ObserveValue(value.size());
    metrics.Count("set", "stored");
    return "stored";
  }
  if (command == "get" && !key.empty()) {
    const bool hit = cache.Get(key, value);
    metrics.Count("get", hit ? "hit" : "miss");
    return hit ? value : "-";
  }
  if (command == "delete" && !key.empty()) {
    std::size_t left = 0;
    const bool there = cache.Delete(key, left);
    metrics.SetEntries(left);
    metrics.Count("delete", there ? "deleted" : "miss");
    return there ? "deleted" : "-";
  }
  metrics.Count("unknown", "refused");
  return "set KEY VALUE, get KEY or delete KEY";
}

}  // namespace

int main(int argc, char** argv) {
  const auto registry = std::make_shared<prometheus::Registry>();
  const auto cache = std::make_shared<Cache>();
  CacheMetrics metrics(*registry);
  prometheus::Exposer exposer(argc > 1 ? argv[1] : "127.0.0.1:8080");
  exposer.RegisterCollectable(registry);
  exposer.RegisterCollectable(cache);
  std::cerr << "metrics: http://127.0.0.1:" << exposer.GetListeningPorts().at(0) << "/metrics"
            << std::endl;

  for (std::string line; std::getline(std::cin, line);) {
    const auto begin = std::chrono::steady_clock::now();
    std::cout << Answer(*cache, metrics, line) << std::endl;
    metrics.ObserveTime(std::chrono::steady_clock::now() - begin);
  }
}
