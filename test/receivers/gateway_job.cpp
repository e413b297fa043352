// A job written for prometheus-cpp that pushes in one of the ways that a Gateway has: built once
// with prometheus-cpp and once with the drop-in (judge_gateway.py).
//
//   gateway_job PORT SCENARIO        prints what each call gives
#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gateway.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/summary.h>

#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <string>

namespace {

using prometheus::Gateway;
using prometheus::Labels;
using prometheus::Registry;

void Say(const char* what, int code) { std::printf("call %s %d\n", what, code); }

std::shared_ptr<Registry> Gauges(const std::map<std::string, double>& values) {
  auto registry = std::make_shared<Registry>();
  for (const auto& value : values) {
    prometheus::BuildGauge()
        .Name(value.first)
        .Help("Of " + value.first + ".")
        .Register(*registry)
        .Add({})
        .Set(value.second);
  }
  return registry;
}

// One of each kind, and labels that are hard to write.
std::shared_ptr<Registry> Everything() {
  auto registry = std::make_shared<Registry>();
  auto& counters = prometheus::BuildCounter()
                       .Name("files_total")
                       .Help("Files.")
                       .Labels({{"constant", "c"}})
                       .Register(*registry);
  counters.Add({{"kind", "plain"}}).Increment(3);
  counters.Add({{"kind", "a \"b\"\\\n\u03A0"}, {"more", ""}}).Increment(0.5);
  prometheus::BuildHistogram()
      .Name("took_seconds")
      .Help("Took.")
      .Register(*registry)
      .Add({{"step", "1"}}, prometheus::Histogram::BucketBoundaries{0.5, 1, 2.5})
      .Observe(0.75);
  prometheus::BuildSummary()
      .Name("size_bytes")
      .Help("Size.")
      .Register(*registry)
      .Add({}, prometheus::Summary::Quantiles{{0.5, 0.05}, {0.99, 0.01}})
      .Observe(7);
  prometheus::BuildGauge().Name("level").Register(*registry).Add({}).Set(-1e300);
  return registry;
}

const std::map<std::string, std::function<void(const std::string&)>>& Scenarios() {
  static const std::map<std::string, std::function<void(const std::string&)>> kScenarios = {
      {"everything",
       [](const std::string& port) {
         Gateway gateway("127.0.0.1", port, "job", Gateway::GetInstanceLabel("host-7"));
         const auto registry = Everything();
         gateway.RegisterCollectable(registry);
         Say("Push", gateway.Push());
       }},
      {"push merges by name",
       [](const std::string& port) {
         Gateway gateway("127.0.0.1", port, "job");
         const auto first = Gauges({{"a", 1}, {"b", 2}});
         gateway.RegisterCollectable(first);
         Say("Push", gateway.Push());
         const auto second = Gauges({{"b", 3}, {"c", 4}});
         gateway.RegisterCollectable(second);
         Say("Push", gateway.Push());
       }},
      {"push add replaces",
       [](const std::string& port) {
         Gateway gateway("127.0.0.1", port, "job");
         const auto first = Gauges({{"a", 1}, {"b", 2}});
         gateway.RegisterCollectable(first);
         Say("PushAdd", gateway.PushAdd());
         const auto second = Gauges({{"b", 3}, {"c", 4}});
         gateway.RegisterCollectable(second);
         Say("PushAdd", gateway.PushAdd());
       }},
      {"groups of their own",
       [](const std::string& port) {
         Gateway gateway("127.0.0.1", port, "job", {{"instance", "i"}, {"zone", "b"}});
         const auto first = Gauges({{"a", 1}});
         const auto second = Gauges({{"a", 2}});
         const auto third = Gauges({{"a", 3}});
         const Labels shard = {{"shard", "5"}};
         const Labels other = {{"zone", "c"}};
         gateway.RegisterCollectable(first);
         gateway.RegisterCollectable(second, &shard);
         gateway.RegisterCollectable(third, &other);
         Say("AsyncPush", gateway.AsyncPush().get());
         Say("Delete of no group", gateway.Delete());
       }},
      {"deleted",
       [](const std::string& port) {
         const auto registry = Gauges({{"a", 1}});
         Gateway job("127.0.0.1", port, "job");
         Gateway instance("127.0.0.1", port, "job", Gateway::GetInstanceLabel("i"));
         Gateway other("127.0.0.1", port, "job", Gateway::GetInstanceLabel("j"));
         for (Gateway* gateway : {&job, &instance, &other}) {
           gateway->RegisterCollectable(registry);
           Say("AsyncPushAdd", gateway->AsyncPushAdd().get());
         }
         Say("Delete", instance.Delete());
         Say("AsyncDeleteForInstance", instance.AsyncDeleteForInstance().get());
       }},
      {"emptied",
       [](const std::string& port) {
         Gateway gateway("127.0.0.1", port, "job");
         const auto registry = Gauges({{"a", 1}});
         gateway.RegisterCollectable(registry);
         Say("Push", gateway.Push());
         const auto empty = std::make_shared<Registry>();
         gateway.RegisterCollectable(empty);
         Say("PushAdd", gateway.PushAdd());
       }},
      {"of another type",
       [](const std::string& port) {
         Gateway gateway("127.0.0.1", port, "job");
         const auto gauges = Gauges({{"files_total", 1}});
         gateway.RegisterCollectable(gauges);
         Say("Push", gateway.Push());
         Gateway other("127.0.0.1", port, "other");
         const auto everything = Everything();
         const auto later = Gauges({{"z", 1}});
         other.RegisterCollectable(everything);
         other.RegisterCollectable(later);
         Say("Push", other.Push());
       }},
  };
  return kScenarios;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 1) {
    for (const auto& scenario : Scenarios()) std::printf("%s\n", scenario.first.c_str());
    return 0;
  }
  const auto scenario = Scenarios().find(argc == 3 ? argv[2] : "");
  if (scenario == Scenarios().end()) return 64;
  scenario->second(argv[1]);
  return 0;
}
