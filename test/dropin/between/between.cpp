#include "test/dropin/between/between.h"

#include <stdexcept>

#include "prometheus/counter.h"
#include "prometheus/family.h"
#include "prometheus/histogram.h"
#include "prometheus/registry.h"

namespace between {
namespace {

prometheus::Family<prometheus::Counter>& Shared(prometheus::Registry& registry) {
  return prometheus::BuildCounter().Name("shared_total").Register(registry);
}

// 1.0.1 has none.
template <class Metric>
auto ResetIfThere(Metric& metric, int) -> decltype(metric.Reset()) {
  metric.Reset();
}
template <class Metric>
void ResetIfThere(Metric&, long) {}

}  // namespace

prometheus::Counter& Count(prometheus::Registry& registry) {
  prometheus::Counter& counter = prometheus::BuildCounter()
                                     .Name("between_total")
                                     .Register(registry)
                                     .Add({{"made", "between"}});
  counter.Increment();
  return counter;
}

void Increment(prometheus::Counter& counter, int times) {
  for (int i = 0; i < times; ++i) counter.Increment();
}

prometheus::Counter& Add(prometheus::Registry& registry, const char* label) {
  return Shared(registry).Add({{"a", label}});
}

prometheus::Histogram& AddHistogram(prometheus::Registry& registry) {
  return prometheus::BuildHistogram()
      .Name("shared_seconds")
      .Register(registry)
      .Add({}, prometheus::Histogram::BucketBoundaries{1, 2});
}

void Remove(prometheus::Registry& registry, prometheus::Counter& counter) {
  Shared(registry).Remove(&counter);
}

void Reset(prometheus::Counter& counter) { ResetIfThere(counter, 0); }
void Reset(prometheus::Histogram& histogram) { ResetIfThere(histogram, 0); }

std::shared_ptr<prometheus::Collectable> Own() {
  auto registry = std::make_shared<prometheus::Registry>();
  prometheus::BuildCounter().Name("own_total").Register(*registry).Add({}).Increment(7);
  return registry;
}

bool CatchesBadName(prometheus::Registry& registry) {
  try {
    prometheus::BuildCounter().Name("not a name").Register(registry);
  } catch (const std::invalid_argument&) {
    return true;
  }
  return false;
}

}  // namespace between
