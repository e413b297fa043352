// What programs build themselves: Collectables, MetricFamily and ClientMetric.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "prometheus/client_metric.h"
#include "prometheus/collectable.h"
#include "prometheus/metric_family.h"
#include "prometheus/registry.h"
#include "prometheus/text_serializer.h"
#include "test/dropin/surface/transcript.h"

namespace surface {
namespace {

class Queues : public prometheus::Collectable {
 public:
  std::vector<prometheus::MetricFamily> Collect() const override {
    ++collected_;
    prometheus::MetricFamily family;
    family.name = "queue_length";
    family.help = "Jobs that wait.";
    family.type = prometheus::MetricType::Gauge;
    for (const char* queue : {"fast", "slow"}) {
      prometheus::ClientMetric metric;
      metric.label = {{"queue", queue}};
      metric.gauge.value = queue[0] == 'f' ? 3 : 11;
      metric.timestamp_ms = queue[0] == 'f' ? 0 : 1700000000000;
      family.metric.push_back(metric);
    }
    return {family};
  }
  int collected() const { return collected_; }

 private:
  mutable int collected_ = 0;
};

// A Collectable around another one, as programs write to add a label.
class Labelled : public prometheus::Collectable {
 public:
  Labelled(std::shared_ptr<prometheus::Collectable> inner, std::string value)
      : inner_(std::move(inner)), value_(std::move(value)) {}
  std::vector<prometheus::MetricFamily> Collect() const override {
    std::vector<prometheus::MetricFamily> families = inner_->Collect();
    for (prometheus::MetricFamily& family : families) {
      for (prometheus::ClientMetric& metric : family.metric) {
        metric.label.push_back({"shard", value_});
      }
    }
    return families;
  }

 private:
  std::shared_ptr<prometheus::Collectable> inner_;
  std::string value_;
};

}  // namespace

void OwnTypes() {
  const auto queues = std::make_shared<Queues>();
  const std::weak_ptr<prometheus::Collectable> weak = queues;
  Say("own/through a weak_ptr", Text(weak.lock()->Collect()));
  Say("own/asked", queues->collected());
  Say("own/around another", Text(Labelled(queues, "7").Collect()));
  Say("own/serialized", prometheus::TextSerializer().Serialize(queues->Collect()));

  // Around a registry: labels that prometheus-cpp made are there to be changed.
  const auto registry = std::make_shared<prometheus::Registry>();
  prometheus::BuildCounter().Name("inner_total").Register(*registry).Add({{"a", "b"}}).Increment();
  Say("own/around a registry", Text(Labelled(registry, "8").Collect()));

  const prometheus::MetricFamily copied = queues->Collect().at(0);
  prometheus::MetricFamily moved_from = copied;
  const prometheus::MetricFamily moved = std::move(moved_from);
  Say("own/copied and moved", Text(moved) == Text(copied));
  prometheus::MetricFamily by_fields{"name", "help", prometheus::MetricType::Untyped, {}};
  Say("own/aggregate", Text(by_fields));
}

}  // namespace surface
