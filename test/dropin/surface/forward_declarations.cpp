// A header of an application that declares what it needs of prometheus-cpp itself, before and after
// the real headers, and an application that reopens the namespace for its own helpers.
namespace prometheus {
class Collectable;
class Counter;
class Gauge;
class Histogram;
class Registry;
class Summary;
class Exposer;
class Gateway;
class TextSerializer;
template <typename T>
class Family;
struct ClientMetric;
struct MetricFamily;
namespace detail {
template <typename T>
class Builder;
}
}  // namespace prometheus

namespace surface {
class ForwardUser {  // as it would stand in the application's header
 public:
  explicit ForwardUser(prometheus::Registry& registry);
  void Use(int times);
  double Value() const;
  prometheus::Family<prometheus::Counter>& family() { return *family_; }

 private:
  prometheus::Family<prometheus::Counter>* family_;
  prometheus::Counter* counter_;
};
}  // namespace surface

#include <memory>

#include "prometheus/counter.h"
#include "prometheus/exposer.h"
#include "prometheus/family.h"
#include "prometheus/gateway.h"
#include "prometheus/gauge.h"
#include "prometheus/histogram.h"
#include "prometheus/registry.h"
#include "prometheus/summary.h"
#include "prometheus/text_serializer.h"
#include "test/dropin/surface/transcript.h"

namespace prometheus {
class Counter;  // once more, after the definition
class Registry;
template <typename T>
class Family;

// Found by argument-dependent lookup, as an application's printers and helpers are.
inline double TwiceTheValue(const Counter& counter) { return 2 * counter.Value(); }
inline bool operator==(const MetricFamily& a, const MetricFamily& b) {
  return a.name == b.name && a.help == b.help && a.type == b.type;
}
class HelperInTheirNamespace : public Collectable {
 public:
  std::vector<MetricFamily> Collect() const override { return {}; }
};
}  // namespace prometheus

namespace surface {

ForwardUser::ForwardUser(prometheus::Registry& registry)
    : family_(&prometheus::BuildCounter().Name("forward_total").Help("Help.").Register(registry)),
      counter_(&family_->Add({{"made", "early"}})) {}
void ForwardUser::Use(int times) {
  for (int i = 0; i < times; ++i) counter_->Increment();
}
double ForwardUser::Value() const { return TwiceTheValue(*counter_); }

void ForwardDeclarations() {
  prometheus::Registry registry;
  ForwardUser user(registry);
  user.Use(21);
  Say("forward/value through a helper in namespace prometheus", user.Value());
  Say("forward/name", user.family().GetName());
  Say("forward/operator== in namespace prometheus",
      registry.Collect().at(0) == registry.Collect().at(0));
  Say("forward/own class in namespace prometheus",
      prometheus::HelperInTheirNamespace().Collect().empty());
}

}  // namespace surface
