// A program written for prometheus-cpp, unchanged: it knows nothing of polymeter.
#include <prometheus/counter.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <iostream>
#include <memory>

int main() {
  const auto registry = std::make_shared<prometheus::Registry>();
  auto& family = prometheus::BuildCounter().Name("old_total").Help("Old.").Register(*registry);
  family.Add({}).Increment(7);
  std::cout << prometheus::TextSerializer().Serialize(registry->Collect());
}
