// A user without run-time types and without exceptions, all symbols hidden. Built against
// prometheus-cpp and against the drop-in; both must print the same.
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "prometheus/counter.h"
#include "prometheus/exposer.h"
#include "prometheus/family.h"
#include "prometheus/histogram.h"
#include "prometheus/registry.h"
#include "prometheus/text_serializer.h"

namespace {

class Own : public prometheus::Collectable {
 public:
  std::vector<prometheus::MetricFamily> Collect() const override {
    prometheus::MetricFamily family;
    family.name = "own";
    family.type = prometheus::MetricType::Gauge;
    family.metric.resize(1);
    family.metric[0].gauge.value = 4;
    return {family};
  }
};

}  // namespace

int main() {
  const auto registry = std::make_shared<prometheus::Registry>();
  auto& family = prometheus::BuildCounter().Name("plain_total").Register(*registry);
  prometheus::Counter& counter = family.Add({{"a", "b"}});
  counter.Increment();
  prometheus::BuildHistogram()
      .Name("plain_seconds")
      .Register(*registry)
      .Add({}, prometheus::Histogram::BucketBoundaries{1, 2})
      .Observe(1.5);
  const auto own = std::make_shared<Own>();
  prometheus::Exposer exposer("127.0.0.1:0", 1);
  exposer.RegisterCollectable(registry);
  exposer.RegisterCollectable(own);
  std::printf("%d port\n", static_cast<int>(exposer.GetListeningPorts().size()));
  const prometheus::TextSerializer serializer;
  for (const prometheus::Collectable* collectable :
       {static_cast<const prometheus::Collectable*>(registry.get()),
        static_cast<const prometheus::Collectable*>(own.get())}) {
    const std::vector<prometheus::MetricFamily> families = collectable->Collect();
    for (const prometheus::MetricFamily& one : families) {
      std::printf("%s: %d series\n", one.name.c_str(), static_cast<int>(one.metric.size()));
    }
  }
  family.Remove(&counter);
  std::printf("%d families left\n", static_cast<int>(registry->Collect().size()));
}
