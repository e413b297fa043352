// Registry and the builders.
#include <memory>
#include <string>

#include "prometheus/counter.h"
#include "prometheus/family.h"
#include "prometheus/gauge.h"
#include "prometheus/histogram.h"
#include "prometheus/registry.h"
#include "prometheus/summary.h"
#if defined(SURFACE_1_3)
#include "prometheus/info.h"
#endif
#include "test/dropin/surface/transcript.h"

namespace surface {
namespace {

using prometheus::BuildCounter;
using prometheus::BuildGauge;
using prometheus::BuildHistogram;
using prometheus::BuildSummary;
using prometheus::Counter;
using prometheus::Family;
using prometheus::Labels;
using prometheus::Registry;

void SayMerge() {
  Registry registry;
  Say("registry/new", Text(registry.Collect()));
  Family<Counter>& family =
      BuildCounter().Name("merged_total").Help("First.").Labels({{"a", "1"}}).Register(registry);
  Say("registry/a family without series", Text(registry.Collect()));
  family.Add({}).Increment();
  Say("registry/Merge: the same again", &family == &BuildCounter()
                                                        .Name("merged_total")
                                                        .Help("Other.")
                                                        .Labels({{"a", "1"}})
                                                        .Register(registry));
  Say("registry/Merge: the first help stays", Text(registry.Collect()));
  Say("registry/Merge: other constant labels", Thrown([&] {
        BuildCounter().Name("merged_total").Labels({{"a", "2"}}).Register(registry);
      }));
  Say("registry/Merge: no constant labels",
      Thrown([&] { BuildCounter().Name("merged_total").Register(registry); }));
  Say("registry/Merge: as a gauge", Thrown([&] {
        BuildGauge().Name("merged_total").Labels({{"a", "1"}}).Register(registry);
      }));
  Say("registry/Merge: as a histogram",
      Thrown([&] { BuildHistogram().Name("merged_total").Register(registry); }));
  Say("registry/Merge: as a summary",
      Thrown([&] { BuildSummary().Name("merged_total").Register(registry); }));
  Say("registry/unchanged by it", Text(registry.Collect()));
}

void SayThrow() {
  Registry registry(Registry::InsertBehavior::Throw);
  BuildCounter().Name("once_total").Register(registry);
  Say("registry/Throw: the same again",
      Thrown([&] { BuildCounter().Name("once_total").Register(registry); }));
  Say("registry/Throw: other labels", Thrown([&] {
        BuildCounter().Name("once_total").Labels({{"a", "1"}}).Register(registry);
      }));
  Say("registry/Throw: other type",
      Thrown([&] { BuildGauge().Name("once_total").Register(registry); }));
  Say("registry/Throw: other name",
      Thrown([&] { BuildCounter().Name("twice_total").Register(registry); }));
}

void SayBuilders() {
  Registry registry;
  Say("registry/bad name", Thrown([&] { BuildCounter().Name("a b").Register(registry); }));
  Say("registry/no name", Thrown([&] { BuildCounter().Register(registry); }));
  Say("registry/bad constant label", Thrown([&] {
        BuildCounter().Name("a").Labels({{"1", ""}}).Register(registry);
      }));
  Say("registry/nothing came of it", Text(registry.Collect()));

  // A builder is a value: kept, changed, used twice.
  auto builder = BuildGauge().Name("kept");
  builder.Help("From a kept builder.");
  builder.Labels({{"b", "2"}}).Register(registry).Add({{"a", "1"}}).Set(3);
  builder.Name("kept_as_well").Register(registry).Add({}).Set(4);
  Say("registry/a builder used twice", Text(registry.Collect()));
}

void SayTypes() {
  Registry registry;
  BuildSummary()
      .Name("d_bytes")
      .Register(registry)
      .Add({}, prometheus::Summary::Quantiles{{0.5, 0.1}})
      .Observe(2);
  BuildHistogram()
      .Name("c_seconds")
      .Register(registry)
      .Add({}, prometheus::Histogram::BucketBoundaries{1})
      .Observe(2);
  BuildGauge().Name("b").Register(registry).Add({}).Set(2);
  BuildCounter().Name("z_total").Register(registry).Add({}).Increment(1);
  BuildCounter().Name("a_total").Register(registry).Add({}).Increment(2);
  Say("registry/order of families", Text(registry.Collect()));
}

void SayRemovedFamilies() {
  Registry registry;
  Registry other;
  Family<Counter>& a = BuildCounter().Name("a_total").Register(registry);
  Family<Counter>& b = BuildCounter().Name("b_total").Register(registry);
  Family<Counter>& elsewhere = BuildCounter().Name("a_total").Register(other);
  const Family<Counter> alone("a_total", "", {});
  a.Add({}).Increment();
  b.Add({}).Increment();
  Say("registry/Remove what another one has", registry.Remove(elsewhere));
  Say("registry/Remove a family of nobody", registry.Remove(alone));
  Say("registry/Remove", registry.Remove(a));
  Say("registry/after Remove", Text(registry.Collect()));
  Say("registry/the name is free again",
      Thrown([&] { prometheus::BuildGauge().Name("a_total").Register(registry).Add({}).Set(8); }));
  Say("registry/as another type", Text(registry.Collect()));
  const prometheus::Collectable& collectable = registry;
  Say("registry/as a Collectable", collectable.Collect().size());
}

}  // namespace

void Registries() {
  SayMerge();
  SayThrow();
  SayBuilders();
  SayTypes();
  SayRemovedFamilies();
#if defined(SURFACE_1_3)
  Registry registry;
  prometheus::BuildInfo()
      .Name("service")
      .Help("The service.")
      .Register(registry)
      .Add({{"version", "3"}});
  Say("1.3/registry/info", Text(registry.Collect()));
  Say("1.3/registry/an info's name as a gauge",
      Thrown([&] { BuildGauge().Name("service").Register(registry); }));
#endif
}

}  // namespace surface
